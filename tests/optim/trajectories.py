"""The walks of trajectory.c, down a bowl with the optimiser of a run file, beside those of PyTorch's optimisers."""
import functools
import subprocess

import torch

from support.program import built

STEPS, PER_EPOCH, ELEMENTS, TOLERANCE = 100, 10, 64, 1e-5


def later(function):
    """Postpones the calls of a function: later(f)(x) is a function that calls f(x). Tables of cases are quick to read
    then, and each test computes its own."""
    return lambda *values, **options: functools.partial(function, *values, **options)


def walk_of(program, steps, text):
    """What a program prints for the text of a run file: a row for each step."""
    words = [built(f"optim/{program}"), str(steps), str(PER_EPOCH), text]
    output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return torch.tensor([[float(word) for word in line.split()] for line in output.splitlines()])


def difference(found, expected):
    """The largest, relative to the value and the mean of all."""
    assert found.shape == expected.shape
    return ((found - expected).abs() / (expected.abs() + expected.abs().mean())).max().item()


def difference_of_walks(text, expected):
    """Between our walk with a run file's text and the expected one."""
    return difference(walk_of("optim_trajectory", STEPS, text), expected)
