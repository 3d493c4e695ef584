#!/usr/bin/env python3
"""Initialisers against torch.nn.init. Both draw normal or uniform numbers and scale them: PyTorch's numbers are replaced by
ours of standard deviation or limit 1, then everything must agree, to 1e-5. initialise_torch.py PRINT_INITIAL. Skips (77) where
torch is absent; TRAINER_TORCH_PYTHON names a Python that has it."""
import json
import os
import subprocess
import sys

TOLERANCE = 1e-5

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("torch")
import torch
from torch.nn import init

HEIGHT, WIDTH, CHANNELS = 5, 4, 6
# Our layer, and the shape of its weights.
LAYERS = {
    "conv": ("[{conv: {out: 10, kernel: 3, weight_init: %s}}]", (10, 6, 3, 3)),
    "grouped": ("[{conv: {out: 12, kernel: 3, groups: 2, weight_init: %s}}]", (12, 3, 3, 3)),
    "tall": ("[{conv: {out: 70, kernel: 3, weight_init: %s}}]", (70, 6, 3, 3)),
    "linear": ("[flatten, {linear: {out: 30, weight_init: %s}}]", (30, 120)),
}


def ours(layer, initialiser):
    text, shape = LAYERS[layer]
    words = [sys.argv[1], text % initialiser, str(HEIGHT), str(WIDTH), str(CHANNELS)]
    output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return torch.tensor(json.loads(output)).reshape(shape)


def theirs(layer, function, options):
    """torch.nn.init's, of our normal and uniform numbers."""
    normal, uniform = ours(layer, "{normal: {std: 1}}"), ours(layer, "{uniform: {limit: 1}}")

    def draw_normal(tensor, mean=0, std=1, generator=None):
        rows, columns = tensor.shape[0], tensor[0].numel()
        if function is init.orthogonal_ and rows > columns:  # our vectors are its columns
            return tensor.copy_(std * normal.reshape(columns, rows).t())
        return tensor.copy_(mean + std * normal.reshape(tensor.shape))

    def draw_uniform(tensor, low=0, high=1, generator=None):
        return tensor.copy_((low + high) / 2 + (high - low) / 2 * uniform)

    kept = torch.Tensor.normal_, torch.Tensor.uniform_
    torch.Tensor.normal_, torch.Tensor.uniform_ = draw_normal, draw_uniform
    try:
        return function(torch.empty(normal.shape), **options)
    finally:
        torch.Tensor.normal_, torch.Tensor.uniform_ = kept


CASES = [(kind, function, {}) for kind, function in (
    ("zeros", init.zeros_), ("glorot_normal", init.xavier_normal_), ("glorot_uniform", init.xavier_uniform_),
    ("kaiming_normal", lambda t: init.kaiming_normal_(t, nonlinearity="relu")), ("dirac", init.dirac_),
    ("orthogonal", init.orthogonal_))]
CASES += [
    ("{constant: {value: 0.01}}", init.constant_, {"val": 0.01}),
    ("{normal: {std: 0.01}}", init.normal_, {"std": 0.01}),
    ("{uniform: {limit: 0.3}}", init.uniform_, {"a": -0.3, "b": 0.3}),
    ("xavier", init.kaiming_normal_, {"nonlinearity": "linear"}),
    ("lecun_normal", init.kaiming_normal_, {"nonlinearity": "linear"}),
    ("lecun_uniform", init.kaiming_uniform_, {"nonlinearity": "linear"}),
    ("fan_in_uniform", init.kaiming_uniform_, {"a": 5 ** 0.5}),  # what its layers do
    ("{orthogonal: {gain: 1.5}}", init.orthogonal_, {"gain": 1.5}),
]
for mode in ("fan_in", "fan_out"):
    for gain in ("relu", "linear", "tanh", "sigmoid", "selu"):
        for kind, function in (("normal", init.kaiming_normal_), ("uniform", init.kaiming_uniform_)):
            CASES.append((f"{{kaiming_{kind}: {{mode: {mode}, gain: {gain}}}}}", function, {"mode": mode, "nonlinearity": gain}))
    CASES.append((f"{{kaiming_normal: {{mode: {mode}, gain: leaky_relu, slope: 0.2}}}}", init.kaiming_normal_, {"mode": mode, "a": 0.2}))

compared = 0
for kind, function, options in CASES:
    for layer in LAYERS:
        if function is init.dirac_ and layer == "linear":
            continue  # PyTorch's is for convolutions
        extra = {"groups": 2} if function is init.dirac_ and layer == "grouped" else {}
        mine, its = ours(layer, kind), theirs(layer, function, {**options, **extra})
        if not (mine - its).abs().max() <= TOLERANCE * its.abs().max():
            sys.exit(f"{kind}, {layer}: differs from PyTorch's by {(mine - its).abs().max():.2g}")
        compared += 1
print(f"{compared} draws agree with PyTorch {torch.__version__} within {TOLERANCE}")
