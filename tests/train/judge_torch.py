#!/usr/bin/python3
"""PyTorch as an independent judge: from the same checkpoint and the same samples, the losses of the
next steps must agree. MLP, small CNN and ResNet-20 of the recipes (without dropout), on 1 and 2 ranks.

    tests/train/judge_torch.py [--steps 50] [--models mlp,smallcnn,resnet20] [--control]

Needs torch, h5py and numpy in this python3, or in the one that TRAINER_TORCH_PYTHON names; skips
(exit code 77) where there are none. The batch normalisation of a shard sees the shard alone, so
PyTorch computes shard by shard too."""
import argparse
import json
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("h5py", "numpy", "torch")
import h5py
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from harness import check, result, run_file, scratch, synthesize

MOMENTUM, DECAY = 0.9, 5e-4
# Learning rate and batch of each. A ReLU that one program lets through and the other does not, because
# its input differs in the last bit, changes the gradient by a finite amount, and training amplifies
# that: at the recipes' rates any two programs' losses part within tens of steps, our two backends'
# too (--control shows it). At these rates the losses still fall, and stay comparable for 50 steps.
SETTINGS = dict(mlp=(1e-4, 128), smallcnn=(2e-5, 64), resnet20=(1e-4, 64))


class Residual(nn.Module):
    def __init__(self, body, subsample=False, pad=0):
        super().__init__()
        self.body, self.subsample, self.pad = body, subsample, pad

    def forward(self, x):
        y = self.body(x)
        if self.subsample:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad // 2, self.pad - self.pad // 2))
        return y + x


def mlp():
    layers, yaml, inputs = [nn.Flatten()], "\n  - flatten", 3072
    for _ in range(3):
        layers += [nn.Linear(inputs, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU()]
        yaml += "\n  - linear: {out: 256, bias: false}\n  - batchnorm\n  - relu"
        inputs = 256
    return nn.Sequential(*layers, nn.Linear(inputs, 10)), yaml + "\n  - linear: {out: 10}\n"


def smallcnn():
    layers, yaml, inputs = [], "", 3
    for width in (64, 128, 256):
        for _ in range(2):
            layers += [nn.Conv2d(inputs, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            yaml += f"\n  - conv: {{out: {width}, kernel: 3, padding: 1, bias: false}}\n  - batchnorm\n  - relu"
            inputs = width
        layers.append(nn.MaxPool2d(2))
        yaml += "\n  - maxpool: {kernel: 2}"
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 10)), yaml + "\n  - flatten\n  - linear: {out: 10}\n"


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    yaml = "\n  - conv: {out: 16, kernel: 3, padding: 1, bias: false}\n  - batchnorm\n  - relu"
    inputs = 16
    for width in (16, 32, 64):
        for _ in range(3):
            stride = 1 if inputs == width else 2
            body = nn.Sequential(nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
                                 nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
            layers += [Residual(body, stride == 2, width - inputs), nn.ReLU()]
            yaml += f"""
  - residual:
      shortcut: {"pad" if stride == 2 else "identity"}
      body:
        - conv: {{out: {width}, kernel: 3, stride: {stride}, padding: 1, bias: false}}
        - batchnorm
        - relu
        - conv: {{out: {width}, kernel: 3, padding: 1, bias: false}}
        - batchnorm
  - relu"""
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)), yaml + "\n  - global_avgpool\n  - flatten\n  - linear: {out: 10}\n"


def our_losses(folder, data, name, yaml, arguments, ranks, backend):
    rate, batch = SETTINGS[name]
    recipe = os.path.join(folder, f"{name}.yaml")
    with open(recipe, "w") as file:
        file.write(f"""data: {{file: {data}, validation: none}}
model:{yaml}optimizer:
  nesterov: {{rate: {rate}, momentum: {MOMENTUM}, weight_decay: {DECAY}, form: pytorch}}
train: {{batch: {batch}, shards: 2, length: {arguments.steps} steps, shuffle: false, backend: {backend}}}
checkpoint: {{keep: 0, every: 0}}
""")
    out = os.path.join(folder, f"{name}-{ranks}-{backend}")
    result(ranks, "train", recipe, "--out", out, "--quiet", timeout=600)
    lines = [json.loads(line) for line in open(f"{out}/metrics.jsonl")]
    return [line["loss"] for line in lines if line["kind"] == "step"], f"{out}/checkpoints"


def torch_losses(net, data, checkpoint, name, steps):
    rate, batch = SETTINGS[name]
    state = {k: torch.from_numpy(v[()]) for k, v in h5py.File(checkpoint)["model"].items()}
    check(not net.load_state_dict(state, strict=False).unexpected_keys, "the checkpoint's names are the network's")
    with h5py.File(data) as file:
        images, labels = torch.from_numpy(file["train/images"][()]), torch.from_numpy(file["train/labels"][()]).long()
        mean, std = (torch.from_numpy(file[f"statistics/channel_{k}"][()]).float() for k in ("mean", "std"))
    images = ((images.float() - mean) / std).permute(0, 3, 1, 2).contiguous()
    weights = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD([dict(params=weights, weight_decay=DECAY), dict(params=rest, weight_decay=0)], lr=rate, momentum=MOMENTUM, nesterov=True)
    losses, half = [], batch // 2
    for step in range(steps):
        optimizer.zero_grad()
        total = 0
        first = step * batch % len(images)
        for shard in range(2):
            part = slice(first + shard * half, first + (shard + 1) * half)
            loss = F.cross_entropy(net(images[part]), labels[part]) / 2
            loss.backward()
            total += float(loss.detach())
        optimizer.step()
        losses.append(total)
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--models", default="mlp,smallcnn,resnet20")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--control", action="store_true", help="also compare our backends with one another")
    parser.add_argument("--verbose", action="store_true", help="print every loss")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with scratch() as folder:
        data = synthesize(folder, train=1280, test=10, validation=10)
        for name in arguments.models.split(","):
            net, yaml = globals()[name]()
            ours, checkpoints = our_losses(folder, data, name, yaml, arguments, 1, arguments.backend)
            two, _ = our_losses(folder, data, name, yaml, arguments, 2, arguments.backend)
            check(ours == two, f"{name}: 1 and 2 ranks give the same losses")
            theirs = torch_losses(net, data, f"{checkpoints}/step-000000000.h5", name, arguments.steps)
            differences = [abs(a - b) / abs(b) for a, b in zip(ours, theirs)]
            if arguments.verbose:
                print("".join(f"{i + 1}: {a:.7f} {b:.7f} {d:.1e}\n" for i, (a, b, d) in enumerate(zip(ours, theirs, differences))))
            print(f"{name}: {len(ours)} losses, {ours[0]:.6f} -> {ours[-1]:.6f}; PyTorch {theirs[-1]:.6f}; largest relative difference {max(differences):.2e}")
            if arguments.control:
                other, _ = our_losses(folder, data, name, yaml, arguments, 2, "openblas")
                print(f"{name}: our backends {arguments.backend} and openblas: {max(abs(a - b) / abs(b) for a, b in zip(ours, other)):.2e}")
            check(len(ours) == arguments.steps and max(differences) <= arguments.tolerance, f"{name}: within {arguments.tolerance:g} of PyTorch")


main()
