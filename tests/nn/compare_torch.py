#!/usr/bin/env python3
"""Layers against PyTorch: scores, gradients of parameters and input, running statistics, names and
layouts. compare_torch.py PRINT_NET. Skips (77) where torch is absent; TRAINER_TORCH_PYTHON names a
Python that has it."""
import json
import os
import subprocess
import sys

TOLERANCE = 2e-5  # of the root mean square

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("torch")
import torch
from torch import nn
import torch.nn.functional as F

NORM, RELU = "batchnorm", "relu"


def conv(out, kernel, **options):
    return {"conv": dict(out=out, kernel=kernel, **options)}


def linear(out, **options):
    return {"linear": dict(out=out, **options)}


def residual(body, shortcut="identity"):
    return {"residual": dict(body=body, shortcut=shortcut)}


def block(channels, stride, shortcut):
    return residual([conv(channels, 3, padding=1, stride=stride, bias=False), NORM, RELU,
                     conv(channels, 3, padding=1, bias=False), NORM], shortcut)


CASES = {
    "mlp": [["flatten", linear(20, bias=False), NORM, RELU, linear(7), "tanh", linear(3)], (4, 5, 3)],
    "conv": [[conv(6, 3, padding=1), "sigmoid", conv(8, 3, stride=2, dilation=2, groups=2),
              {"leaky_relu": {"slope": 0.1}}, "flatten", linear(5)], (9, 11, 3)],
    "norms": [[conv(16, 3, bias=False), NORM, RELU, conv(20, 1, bias=False), {NORM: {"momentum": 0.3, "epsilon": 0.01}},
               "flatten", linear(4)], (7, 6, 3)],
    "norm behind flatten": [["flatten", NORM, linear(4)], (3, 4, 5)],
    "maxpool": [[{"maxpool": {"kernel": 2}}, {"maxpool": {"kernel": 3, "stride": 2, "padding": 1}},
                 "flatten"], (13, 11, 18)],
    "avgpool": [[{"avgpool": {"kernel": 3, "stride": 2, "padding": 1}}, {"avgpool": {"kernel": 2}},
                 "flatten"], (13, 11, 18)],
    "residual": [[conv(5, 3, padding=1, bias=False), NORM, RELU, block(5, 1, "identity"), RELU,
                  block(12, 2, "pad"), RELU, block(16, 2, "projection"), RELU, "global_avgpool",
                  linear(3)], (9, 12, 3)],
}


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.kind = body, shortcut

    def forward(self, x):
        y = self.body(x)
        if self.kind == "projection" and not hasattr(self, "shortcut"):
            stride = -(-x.shape[2] // y.shape[2])
            self.shortcut = nn.Sequential(nn.Conv2d(x.shape[1], y.shape[1], 1, stride, bias=False),
                                          nn.BatchNorm2d(y.shape[1])).double()
        if self.kind == "projection":
            return y + self.shortcut(x)
        if self.kind == "pad" and x.shape != y.shape:
            stride, pad = -(-x.shape[2] // y.shape[2]), y.shape[1] - x.shape[1]
            x = F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, pad // 2, pad - pad // 2))
        return y + x


def norm(features, options):
    kind = nn.LazyBatchNorm1d if features else nn.LazyBatchNorm2d
    return kind(eps=options.get("epsilon", 1e-5), momentum=options.get("momentum", 0.1))


def build(layers):
    modules, features = [], False
    for layer in layers:
        name, o = (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))
        pool = (o.get("kernel"), o.get("stride"), o.get("padding", 0))
        if name == "conv":
            made = nn.LazyConv2d(o["out"], o["kernel"], o.get("stride", 1), o.get("padding", 0),
                                 o.get("dilation", 1), o.get("groups", 1), o.get("bias", True))
        elif name == "linear":
            made = nn.LazyLinear(o["out"], o.get("bias", True))
        elif name == NORM:
            made = norm(features, o)
        elif name == "residual":
            made = Residual(build(o["body"]), o["shortcut"])
        elif name == "global_avgpool":
            made, features = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), True
        elif name == "flatten":
            made, features = nn.Flatten(), True
        else:
            made = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
                    "leaky_relu": lambda: nn.LeakyReLU(o["slope"]), "maxpool": lambda: nn.MaxPool2d(*pool),
                    "avgpool": lambda: nn.AvgPool2d(*pool)}[name]()
        modules.append(made)
    return nn.Sequential(*modules)


def tensor(values, shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def check(case, what, ours, theirs, tolerance=TOLERANCE):
    error = ((ours - theirs).abs().max() / (1e-4 + theirs.square().mean().sqrt())).item()
    if not error <= tolerance:
        sys.exit(f"{case}: {what} differs from PyTorch's by {error:.2g} of its rms")


def image(values, samples, size):
    return tensor(values, (samples, *size)).permute(0, 3, 1, 2).contiguous()


def compare(case, layers, size, samples, mode, build=build, tolerance=TOLERANCE):
    """A network of ours in `mode`, training or inference, against build(layers) of PyTorch's."""
    words = [sys.argv[1], json.dumps(layers), *map(str, size), str(samples), mode]
    ours = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    x = image(ours["input"], samples, size).requires_grad_()
    net = build(layers).double()
    net(x)  # lazy modules take their shapes
    state = {name: tensor(row["values"], row["shape"]) for name, row in ours["state"].items()}
    missing, unexpected = net.load_state_dict(state, strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        sys.exit(f"{case}: names differ: missing {missing}, unexpected {unexpected}")
    net.train(mode == "training")
    scores = net(x)
    mine, order = tensor(ours["scores"], (samples, -1)), None  # behind a flatten ours are (H,W,C)
    if layers[-1] == "flatten":
        before = net[:-1](x).shape
        order = torch.arange(mine.shape[1]).reshape(before[2], before[3], before[1])
        order = order.permute(2, 0, 1).reshape(-1)
        mine = mine[:, order]
    check(case, f"{mode}: the scores", mine, scores.detach(), tolerance)
    if mode == "inference":
        return
    target = tensor(ours["target"], (samples, -1))
    F.cross_entropy(scores, target if order is None else target[:, order]).backward()
    check(case, "the input's gradient", image(ours["input_gradient"], samples, size), x.grad, tolerance)
    for name, parameter in net.named_parameters():
        row = ours["gradient"][name]
        check(case, f"the gradient of {name}", tensor(row["values"], row["shape"]), parameter.grad,
              tolerance)
    for name, module in net.named_modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and order is None:
            for key in ("running_mean", "running_var"):
                row, before = ours["gradient"][f"{name}.{key}"], state[f"{name}.{key}"]
                after = before + module.momentum * (tensor(row["values"], row["shape"]) - before)
                check(case, f"{name}.{key}", after, getattr(module, key), tolerance)


if __name__ == "__main__":
    for case, (layers, size) in CASES.items():
        for mode in ("training", "inference"):
            compare(case, layers, size, 6, mode)
    print(f"{len(CASES)} networks agree with PyTorch {torch.__version__} within {TOLERANCE} of the rms")
