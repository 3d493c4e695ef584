#!/usr/bin/python3
"""`statistics: batch` against PyTorch's BatchNorm in one process that sees every whole batch: the same
weights and running statistics after some steps of SGD, with an uneven last batch, on 1 and 4 ranks.
(PyTorch's own SyncBatchNorm, which promises the same, runs on GPUs alone.) Needs torch, h5py and numpy
in this python3, or in the one that TRAINER_TORCH_PYTHON names; skips (77) where there are none."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("h5py", "torch")
import h5py
import torch
import torch.nn as nn
import torch.nn.functional as F

from harness import check, result, scratch, synthesize

BATCH, RATE, STEPS, TOLERANCE = 40, 0.05, 7, 1e-5
# Smooth: where a ReLU lies within rounding of its kink, two programs' gradients differ.
YAML = """
  - conv: {out: 8, kernel: 3, stride: 2, padding: 1, bias: false}
  - batchnorm: {statistics: batch, momentum: 0.2}
  - tanh
  - residual:
      shortcut: projection
      body:
        - conv: {out: 12, kernel: 3, stride: 2, padding: 1, bias: false}
        - batchnorm: {statistics: batch}
        - tanh
        - conv: {out: 12, kernel: 3, padding: 1, bias: false}
        - batchnorm: {statistics: batch}
  - tanh
  - flatten
  - linear: {out: 20, bias: false}
  - batchnorm: {statistics: batch, epsilon: 1.0e-3}
  - sigmoid
  - linear: {out: 10}
"""


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def network():
    body = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.Tanh(), nn.Conv2d(12, 12, 3, 1, 1, bias=False), nn.BatchNorm2d(12))
    shortcut = nn.Sequential(nn.Conv2d(8, 12, 1, 2, bias=False), nn.BatchNorm2d(12))
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8, momentum=0.2), nn.Tanh(), Residual(body, shortcut), nn.Tanh(), nn.Flatten(),
                         nn.Linear(768, 20, bias=False), nn.BatchNorm1d(20, eps=1e-3), nn.Sigmoid(), nn.Linear(20, 10))


def model_of(path):
    found = {}
    with h5py.File(path) as file:
        file["model"].visititems(lambda name, item: found.__setitem__(name.replace("/", "."), torch.from_numpy(item[()]))
                                 if isinstance(item, h5py.Dataset) else None)
    return found


def train(net, data):
    with h5py.File(data) as file:
        images, labels = torch.from_numpy(file["train/images"][()]), torch.from_numpy(file["train/labels"][()]).long()
        mean, std = (torch.from_numpy(file[f"statistics/channel_{k}"][()]).double() for k in ("mean", "std"))
    images = ((images.double() - mean) / std).permute(0, 3, 1, 2).contiguous()
    optimizer, batches = torch.optim.SGD(net.parameters(), lr=RATE), -(-len(images) // BATCH)
    for step in range(STEPS):
        part = slice(step % batches * BATCH, step % batches * BATCH + BATCH)
        optimizer.zero_grad()
        F.cross_entropy(net(images[part]), labels[part]).backward()
        optimizer.step()


with scratch() as folder:
    data = synthesize(folder, train=2 * BATCH + 6, test=10, validation=10)  # every third batch: 6 samples in 8 shards
    recipe = os.path.join(folder, "run.yaml")
    with open(recipe, "w") as file:
        file.write(f"""data: {{file: {data}, validation: none}}
model:{YAML}optimizer:
  sgd: {{rate: {RATE}}}
train: {{batch: {BATCH}, shards: 8, length: {STEPS} steps, shuffle: false}}
checkpoint: {{keep: 0, every: 0}}
""")
    net = network().double()
    for ranks in (1, 4):
        out = f"{folder}/n{ranks}"
        last = result(ranks, "train", recipe, "--out", out, "--quiet")["checkpoint"]
        if ranks == 1:
            missing, unexpected = net.load_state_dict(model_of(f"{out}/checkpoints/step-000000000.h5"), strict=False)
            check(not unexpected and all(name.endswith("num_batches_tracked") for name in missing), "the checkpoint's names are the network's")
            train(net, data)
        theirs = net.state_dict()
        worst = max((float((values.double() - theirs[name]).norm() / theirs[name].norm()), name) for name, values in model_of(last).items())
        check(worst[0] <= TOLERANCE, f"{ranks} ranks, {STEPS} steps: PyTorch's weights and statistics but for {worst[0]:.1e} ({worst[1]})")
