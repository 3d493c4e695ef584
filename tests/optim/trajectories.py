"""Compares the trajectory of trajectory.c with that of the caller's optimiser. Needs torch."""
import subprocess

import torch

STEPS, PER_EPOCH, ELEMENTS = 100, 10, 64


def ours(program, text):
    output = subprocess.run([program, str(STEPS), str(PER_EPOCH), text], check=True,
                            capture_output=True, text=True).stdout
    return torch.tensor([[float(word) for word in line.split()] for line in output.splitlines()])


def compare(program, cases):
    """`cases`: (run file's text, the path expected); to 1e-5. True where one fails."""
    failed = 0
    for text, expected in cases:
        found = ours(program, text)
        error = ((found - expected).abs() / (expected.abs() + expected.abs().mean())).max().item()
        good = found.shape == expected.shape and error <= 1e-5
        failed += not good
        print("ok  " if good else "FAIL", f"{error:.1e}", text.replace("\n", "; "))
    return failed > 0
