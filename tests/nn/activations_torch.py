#!/usr/bin/env python3
"""Activations and normalisations against PyTorch's: scores and every gradient, 1e-5 of the root mean square.
activations_torch.py PRINT_NET. Skips (77) where torch is absent; TRAINER_TORCH_PYTHON names a Python that has it."""
import copy

import compare_torch  # skips where torch is absent
import torch
from torch import nn

TOLERANCE = 1e-5


class Maxout(nn.Module):
    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, x):
        return x.unflatten(1, (self.pieces, -1)).amax(1)


# A layer of ours, and PyTorch's.
ACTIVATIONS = [
    ("relu", nn.ReLU()), ("sigmoid", nn.Sigmoid()), ("tanh", nn.Tanh()), ("selu", nn.SELU()), ("silu", nn.SiLU()),
    ({"leaky_relu": {"slope": 0.2}}, nn.LeakyReLU(0.2)), ("elu", nn.ELU()), ({"elu": {"alpha": 0.4}}, nn.ELU(0.4)),
    ("gelu", nn.GELU()), ({"gelu": {"form": "tanh"}}, nn.GELU("tanh")), ("prelu", nn.PReLU()),
    ({"maxout": {"pieces": 3}}, Maxout(3)), ({"alpha_dropout": {"rate": 0}}, nn.AlphaDropout(0)),
]
HEIGHT, WIDTH, IMAGE = 17, 16, 6  # more pixels than one chunk of a sum; channels
ON_IMAGES = [({"prelu": {"slopes": "channel"}}, nn.PReLU(IMAGE)), ({"groupnorm": {"groups": 1}}, nn.GroupNorm(1, IMAGE)),
             ({"groupnorm": {"groups": 3, "epsilon": 0.01}}, nn.GroupNorm(3, IMAGE, 0.01)),
             ({"groupnorm": {"groups": IMAGE}}, nn.GroupNorm(IMAGE, IMAGE)), ("layernorm", nn.LayerNorm((IMAGE, HEIGHT, WIDTH)))]
FEATURES = HEIGHT * WIDTH * IMAGE
ON_FEATURES = [({"prelu": {"slopes": "channel"}}, nn.PReLU(FEATURES)), ("layernorm", nn.LayerNorm(FEATURES)),
               ({"layernorm": {"epsilon": 0.01}}, nn.LayerNorm(FEATURES, 0.01))]


def linear(out):
    return {"linear": {"out": out}}


def compare(layer, modules, layers):
    name = layer if isinstance(layer, str) else str(layer)
    for mode in ("training", "inference"):
        compare_torch.compare(name, layers, (HEIGHT, WIDTH, IMAGE), 3, mode, lambda _: copy.deepcopy(nn.Sequential(*modules)),
                              TOLERANCE)


for layer, theirs in ACTIVATIONS + ON_IMAGES:
    compare(layer, [theirs, nn.Flatten(), nn.LazyLinear(3)], [layer, "flatten", linear(3)])
for layer, theirs in ACTIVATIONS + ON_FEATURES:
    compare(layer, [nn.Flatten(), theirs, nn.LazyLinear(3)], ["flatten", layer, linear(3)])
print(f"{2 * len(ACTIVATIONS) + len(ON_IMAGES) + len(ON_FEATURES)} networks agree with PyTorch {torch.__version__} "
      f"within {TOLERANCE} of the rms")
