#!/usr/bin/env python3
"""Layers on images against PyTorch, each on random shapes and options: output, gradients of input and
parameters, in training and predicting. torch_layers.py PRINT_NET. Skips (77) where torch is absent;
TRAINER_TORCH_PYTHON names a Python that has it."""
import json
import os
import random
import subprocess
import sys

TOLERANCE = 1e-5  # relative, in the 2-norm
SHAPES = 20

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_python import need

need("torch")
import torch
from torch import nn
import torch.nn.functional as F

draw = random.Random(7)


def pick(*words):
    return draw.choice(words)


# A case draws options and returns our layers and PyTorch's modules for an input of so many channels.

def window(kernel):
    ours = dict(kernel=kernel, stride=pick(1, 2, 3, 4), padding=draw.randint(0, kernel // 2), ceil_mode=pick(True, False))
    return ours, {"kernel_size": kernel, **{key: ours[key] for key in ("stride", "padding", "ceil_mode")}}


def maxpool(channels):
    ours, theirs = window(pick(1, 2, 3, 5))
    dilation = pick(1, 1, 2, 3)
    return [{"maxpool": dict(ours, dilation=dilation)}], [nn.MaxPool2d(**theirs, dilation=dilation)]


def avgpool(channels):
    ours, theirs = window(pick(1, 2, 3, 5))
    counted = pick(True, False)
    return [{"avgpool": dict(ours, count_include_pad=counted)}], [nn.AvgPool2d(**theirs, count_include_pad=counted)]


def global_maxpool(channels):
    return ["global_maxpool"], [nn.AdaptiveMaxPool2d(1)]


def convolution(channels):
    groups = pick(1, channels, *(g for g in range(2, channels) if channels % g == 0))
    ours = dict(kernel=pick(1, 2, 3, 5), stride=pick(1, 1, 2, 3), padding=pick(0, 1, 2), dilation=pick(1, 1, 2),
                groups=groups, bias=pick(True, False))
    out = groups * pick(1, 1, 2, 3)
    theirs = dict(ours, kernel_size=ours["kernel"])
    del theirs["kernel"]
    return [{"conv": dict(ours, out=out)}], [nn.Conv2d(channels, out, **theirs)]


def upsample(channels):
    factor, mode = pick(1, 2, 3, 4), pick("nearest", "bilinear")
    smooth = {"align_corners": False} if mode == "bilinear" else {}
    return [{"upsample": dict(factor=factor, mode=mode)}], [nn.Upsample(scale_factor=factor, mode=mode, **smooth)]


class Branches(nn.Module):
    def __init__(self, paths, join):
        super().__init__()
        self.paths, self.join = nn.ModuleList(nn.Sequential(*path) for path in paths), join

    def forward(self, x):
        ends = [path(x) for path in self.paths]
        return torch.cat(ends, 1) if self.join == "concat" else sum(ends[1:], ends[0])


def branches(channels):
    """An inception block; its paths agree in shape where they are added."""
    join = pick("concat", "add")
    outs = [pick(1, 3, 8) for _ in range(3)] if join == "concat" else [channels] * 3
    ours = [[{"conv": dict(out=outs[0], kernel=1)}, "relu"],
            [{"conv": dict(out=4, kernel=1)}, "relu", {"conv": dict(out=outs[1], kernel=3, padding=1)}],
            [{"maxpool": dict(kernel=3, stride=1, padding=1)}, {"conv": dict(out=outs[2], kernel=1, bias=False)}], []]
    theirs = [[nn.Conv2d(channels, outs[0], 1), nn.ReLU()],
              [nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, outs[1], 3, padding=1)],
              [nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, outs[2], 1, bias=False)], []]
    chosen = draw.sample(range(4), pick(2, 3, 4))
    return ([{"branches": dict(paths=[ours[i] for i in chosen], join=join)}],
            [Branches([theirs[i] for i in chosen], join)])


def flattened_branches(channels):
    """Features side by side: images side by side, flattened."""
    paths = [[nn.Conv2d(channels, 3, 1), nn.Flatten()], [nn.Flatten()]]
    return ([{"branches": {"paths": [[{"conv": dict(out=3, kernel=1)}, "flatten"], ["flatten"]]}}],
            [Branches(paths, "concat")])


CASES = [maxpool, avgpool, global_maxpool, convolution, upsample, branches, flattened_branches]


def tensor(values, shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def image(values, samples, height, width, channels):
    return tensor(values, (samples, height, width, channels)).permute(0, 3, 1, 2).contiguous()


def check(case, what, ours, theirs, floor=1e-4):
    error = ((ours - theirs).norm() / (floor + theirs.norm())).item()
    if not error <= TOLERANCE:
        sys.exit(f"{case}: {what} differs from PyTorch's by {error:.2g}, relative")


def run(layers, size, samples, mode):
    words = [sys.argv[1], json.dumps(layers), *map(str, size), str(samples), mode]
    return subprocess.run(words, capture_output=True, text=True)


def both(case, layers, net, size, samples, mode):
    """Ours, and PyTorch's net with its parameters and input."""
    found = run(layers, size, samples, mode)
    if found.returncode:
        sys.exit(f"{case}: {found.stderr}")
    ours = json.loads(found.stdout)
    net.load_state_dict({name: tensor(row["values"], row["shape"]) for name, row in ours["state"].items()})
    net.train(mode == "training")
    return ours, image(ours["input"], samples, *size).requires_grad_()


def compare(case, layers, modules, size, samples):
    """Predicting, output by output (images: ours have the order (H,W,C)); training, with a linear layer behind."""
    net = nn.Sequential(*modules).double()
    ours, x = both(case, layers + ["flatten"], net, size, samples, "inference")
    output = net(x)
    if output.dim() == 4:
        output = output.permute(0, 2, 3, 1).reshape(samples, -1)
        check(case, "the output", tensor(ours["scores"], output.shape), output.detach())

    net = nn.Sequential(*modules, nn.Flatten(), nn.Linear(output.shape[1], 7)).double()
    ours, x = both(case, layers + ["flatten", {"linear": {"out": 7}}], net, size, samples, "training")
    scores = net(x)
    check(case, "the scores", tensor(ours["scores"], scores.shape), scores.detach())
    F.cross_entropy(scores, tensor(ours["target"], scores.shape)).backward()
    check(case, "the input's gradient", image(ours["input_gradient"], samples, *size), x.grad)
    whole = sum(parameter.grad.square().sum() for parameter in net.parameters()).sqrt()
    for name, parameter in net.named_parameters():
        row = ours["gradient"][name]
        check(case, f"the gradient of {name}", tensor(row["values"], row["shape"]), parameter.grad, 0.01 * whole)


def fits(net, size):
    """PyTorch refuses some drawn options on some sizes; what it takes gives numbers, or is refused by us."""
    try:
        return bool(net(torch.zeros(1, size[2], size[0], size[1], dtype=torch.float64)).isfinite().all())
    except RuntimeError:
        return False


for make in CASES:
    done = refused = 0
    while done < SHAPES:
        size = (draw.randint(1, 13), draw.randint(1, 13), pick(1, 3, 5, 8, 12, 17, 33))
        layers, modules = make(size[2])
        net = nn.Sequential(*modules).double()
        case = f"{layers} on {size}"
        if fits(net, size):
            compare(case, layers, modules, size, 1 + done % 3)
            done += 1
        elif run(layers + ["flatten"], size, 1, "inference").returncode == 0:
            sys.exit(f"{case}: PyTorch gives nothing, we do")
print(f"{len(CASES)} kinds of layers agree with PyTorch {torch.__version__} on {SHAPES} shapes each, within "
      f"{TOLERANCE}, relative")
