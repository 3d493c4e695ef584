#!/usr/bin/env python3
"""How hard is the built-in data set?

A linear softmax classifier on the pixels must stay below 50 % test accuracy, and a small convolutional
network must pass 90 %. Needs torch and h5py.

    trainer dataset synthesize -o shapes.h5            # 20,000 training and 4,000 test images
    python3 bench/synthetic_difficulty.py shapes.h5    # exit code 1 if a bound is missed

Both are trained in fp32 on pixels standardised by the file's channel statistics, batch 64. The linear
classifier: 15 epochs of Adam at 1e-3; its best test accuracy over the epochs counts, in its favour. The
network: three times convolution 3x3, batch normalisation, ReLU, max pooling (16, 32, 64
channels), then linear; 5 epochs of Nesterov 0.9, weight decay 5e-4, one epoch of warm-up to 0.05, then
cosine to zero; the last epoch counts.
"""
import argparse
import sys
import time

import h5py
import torch
from torch import nn

BATCH = 64


def load(path, split):
    with h5py.File(path) as file:
        mean = torch.tensor(file["statistics/channel_mean"][:], dtype=torch.float32)
        std = torch.tensor(file["statistics/channel_std"][:], dtype=torch.float32)
        images = torch.from_numpy(file[f"{split}/images"][:]).float()
        labels = torch.from_numpy(file[f"{split}/labels"][:]).long()
    return ((images - mean) / std).permute(0, 3, 1, 2).contiguous(), labels


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item()
                   for x, y in zip(images.split(500), labels.split(500)))
    return hits / len(labels)


def train(name, model, optimiser, epochs, schedule, train_set, test_set):
    images, labels = train_set
    best, start = 0.0, time.time()
    for epoch in range(epochs):
        model.train()
        for rows in torch.randperm(len(labels)).split(BATCH):
            loss = nn.functional.cross_entropy(model(images[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
        last = accuracy(model, *test_set)
        best = max(best, last)
        print(f"{name}: epoch {epoch + 1}, loss {loss.item():.3f}, test accuracy {last:.4f}, "
              f"{time.time() - start:.0f} s", file=sys.stderr)
    return last, best


def block(channels_in, channels_out):
    return [nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out), nn.ReLU(), nn.MaxPool2d(2)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--epochs", type=int, default=5, help="of the network (5)")
    parser.add_argument("--linear-epochs", type=int, default=15)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    train_set, test_set = load(arguments.file, "train"), load(arguments.file, "test")
    _, channels, height, width = train_set[0].shape
    classes = int(train_set[1].max()) + 1

    linear = nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes))
    _, linear_best = train("linear", linear, torch.optim.Adam(linear.parameters(), 1e-3),
                           arguments.linear_epochs, None, train_set, test_set)

    network = nn.Sequential(*block(channels, 16), *block(16, 32), *block(32, 64), nn.Flatten(),
                            nn.Linear(64 * (height // 8) * (width // 8), classes))
    network = network.to(memory_format=torch.channels_last)
    steps = arguments.epochs * -(-len(train_set[1]) // BATCH)
    optimiser = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, nesterov=True,
                                weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.05, total_steps=steps,
                                                   pct_start=1 / arguments.epochs,
                                                   cycle_momentum=False)
    network_last, _ = train("network", network, optimiser, arguments.epochs, schedule, train_set,
                            test_set)
    print(f"linear {100 * linear_best:.2f} %  (must stay below 50)")
    print(f"network {100 * network_last:.2f} %  (must pass 90)")
    return 0 if linear_best < 0.5 and network_last > 0.9 else 1


if __name__ == "__main__":
    sys.exit(main())
