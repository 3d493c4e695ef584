#!/usr/bin/env python3
"""Averages of weights against torch.optim.swa_utils, 1,000 steps each, to 1e-5 relative.

usage: test_averages_torch.py OPTIM_AVERAGE_TRAJECTORY      (skips where torch is absent)
"""
import math
import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("torch")
import torch

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS, PER_EPOCH, ELEMENTS = 1000, 10, 64


def ours(program, text):
    output = subprocess.run([program, str(STEPS), str(PER_EPOCH), text], check=True, capture_output=True, text=True).stdout
    return torch.tensor([[float(word) for word in line.split()] for line in output.splitlines()])


class State(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.values = torch.nn.Parameter(torch.zeros(ELEMENTS))


def theirs(takes, **options):
    """takes(step): is this step's state taken into the average?"""
    state = State()
    average = AveragedModel(state, **options)
    i, path, begun = torch.arange(ELEMENTS, dtype=torch.float64), [], False
    for step in range(1, STEPS + 1):
        with torch.no_grad():
            state.values.copy_(torch.cos(i + step * (i % 7 + 1) / 10))
        if takes(step):
            average.update_parameters(state)
            begun = True
        path.append(average.module.values.detach().clone() if begun else torch.zeros(ELEMENTS))
    return torch.stack(path)


def ema_with_warmup(decay):
    """timm's and TensorFlow's rule, by hand in double: min(decay, (1 + n)/(10 + n)) after n updates."""
    path, average = [], [0.0] * ELEMENTS
    for step in range(1, STEPS + 1):
        state = [math.cos(i + step * (i % 7 + 1) / 10) for i in range(ELEMENTS)]
        d = 0 if step == 1 else min(decay, step / (9 + step))
        average = [d * a + (1 - d) * s for a, s in zip(average, state)]
        path.append(average)
    return torch.tensor(path)


CASES = [
    ("{ema: {decay: 0.9, decay_warmup: false}}", theirs(lambda step: True, multi_avg_fn=get_ema_multi_avg_fn(0.9))),
    ("{ema: {decay_warmup: false}}", theirs(lambda step: True, multi_avg_fn=get_ema_multi_avg_fn(0.999))),
    ("{ema: {decay: 0.99}}", ema_with_warmup(0.99)),
    ("{polyak: {start: 0}}", theirs(lambda step: True)),
    ("{polyak: {start: 30 epochs}}", theirs(lambda step: step >= 300)),
    ("{swa: {start: 50 epochs}}", theirs(lambda step: step >= 500 and step % PER_EPOCH == 0)),
    ("{swa: {start: 0, every: 7 steps}}", theirs(lambda step: step % 7 == 0)),
    ("{swa: {start: 25 steps, every: 3 epochs}}", theirs(lambda step: step >= 25 and (step - 25) % 30 == 0)),
]


def main():
    failed = 0
    for text, expected in CASES:
        found = ours(sys.argv[1], "average: " + text)
        error = ((found - expected).abs() / (expected.abs() + expected.abs().mean())).max().item()
        good = found.shape == expected.shape and error <= 1e-5
        failed += not good
        print("ok  " if good else "FAIL", f"{error:.1e}", text)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
