#!/usr/bin/env python3
"""Losses against PyTorch: every sample's loss and the gradient of the mean. losses_torch.py
PRINT_LOSS. Skips (77) where torch is absent; TRAINER_TORCH_PYTHON names a Python that has it."""
import json
import os
import subprocess
import sys

TOLERANCE = 1e-5  # relative, of the largest

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("torch")
import torch
import torch.nn.functional as F


def margin_loss(p, margin):
    # PyTorch divides by the number of classes, the course does not.
    return lambda s, t: F.multi_margin_loss(s, t.argmax(1), p=p, margin=margin, reduction="none") * s.shape[1]


def cross_entropy(smoothing, indices):
    return lambda s, t: F.cross_entropy(s, t.argmax(1) if indices else t, label_smoothing=smoothing, reduction="none")


CASES = [
    ("cross_entropy", "indices", cross_entropy(0, True)),
    ("cross_entropy", "distributions", cross_entropy(0, False)),
    ("{cross_entropy: {label_smoothing: 0.1}}", "indices", cross_entropy(0.1, True)),
    ("{cross_entropy: {label_smoothing: 0.25}}", "distributions", cross_entropy(0.25, False)),
    ("svm", "indices", margin_loss(1, 1)),
    ("{svm: {margin: 0.5}}", "indices", margin_loss(1, 0.5)),
    ("{svm: {squared: true, margin: 2}}", "indices", margin_loss(2, 2)),
    ("mse", "values", lambda s, t: F.mse_loss(s, t, reduction="none").mean(1)),
    ("mse", "indices", lambda s, t: F.mse_loss(s, t, reduction="none").mean(1)),
    ("mae", "values", lambda s, t: F.l1_loss(s, t, reduction="none").mean(1)),
    ("huber", "values", lambda s, t: F.huber_loss(s, t, reduction="none").mean(1)),
    ("{huber: {delta: 0.3}}", "values", lambda s, t: F.huber_loss(s, t, delta=0.3, reduction="none").mean(1)),
]


def check(case, what, ours, theirs):
    error = ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-4)).item()
    if not error <= TOLERANCE:
        sys.exit(f"{case}: {what} differs from PyTorch's by {error:.2g} of the largest")


for text, kind, loss in CASES:
    for samples, outputs in ((1, 1), (1, 10), (7, 3), (64, 37)):
        words = [sys.argv[1], text, kind, str(samples), str(outputs)]
        ours = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        scores, target, gradient = (torch.tensor(ours[key], dtype=torch.float64).reshape(samples, outputs)
                                    for key in ("scores", "target", "gradient"))
        scores.requires_grad_()
        theirs = loss(scores, target)
        theirs.mean().backward()
        check(words[1:], "the loss", torch.tensor(ours["losses"], dtype=torch.float64), theirs.detach())
        check(words[1:], "the gradient", gradient, scores.grad)
print(f"{len(CASES)} losses agree with PyTorch {torch.__version__} within {TOLERANCE}")
