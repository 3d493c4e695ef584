"""Layers on images against PyTorch, each on random shapes and options: output, gradients of input and parameters, in
training and in inference."""
import random

import pytest

torch = pytest.importorskip("torch")
from torch import nn
import torch.nn.functional as F

from torch_networks import image, print_net, rows, run_network, tensor

TOLERANCE = 1e-5  # relative, in the 2-norm
SHAPES = 20


class Draw(random.Random):
    def pick(self, *words):
        return self.choice(words)

    def window(self, kernel):
        """Options of a pooling window: ours and PyTorch's."""
        ours = dict(kernel=kernel, stride=self.pick(1, 2, 3, 4), padding=self.randint(0, kernel // 2),
                    ceil_mode=self.pick(True, False))
        return ours, {"kernel_size": kernel, **{key: ours[key] for key in ("stride", "padding", "ceil_mode")}}


class Branches(nn.Module):
    def __init__(self, paths, join):
        super().__init__()
        self.paths, self.join = nn.ModuleList(nn.Sequential(*path) for path in paths), join

    def forward(self, x):
        ends = [path(x) for path in self.paths]
        return torch.cat(ends, 1) if self.join == "concat" else sum(ends[1:], ends[0])


# Each draws options and returns our layers and PyTorch's modules for an input of so many channels.


def maxpool(draw, channels):
    ours, theirs = draw.window(draw.pick(1, 2, 3, 5))
    dilation = draw.pick(1, 1, 2, 3)
    return [{"maxpool": dict(ours, dilation=dilation)}], [nn.MaxPool2d(**theirs, dilation=dilation)]


def avgpool(draw, channels):
    ours, theirs = draw.window(draw.pick(1, 2, 3, 5))
    counted = draw.pick(True, False)
    return [{"avgpool": dict(ours, count_include_pad=counted)}], [nn.AvgPool2d(**theirs, count_include_pad=counted)]


def global_maxpool(draw, channels):
    return ["global_maxpool"], [nn.AdaptiveMaxPool2d(1)]


def convolution(draw, channels):
    groups = draw.pick(1, channels, *(groups for groups in range(2, channels) if channels % groups == 0))
    ours = dict(kernel=draw.pick(1, 2, 3, 5), stride=draw.pick(1, 1, 2, 3), padding=draw.pick(0, 1, 2),
                dilation=draw.pick(1, 1, 2), groups=groups, bias=draw.pick(True, False))
    out = groups * draw.pick(1, 1, 2, 3)
    theirs = dict(ours, kernel_size=ours["kernel"])
    del theirs["kernel"]
    return [{"conv": dict(ours, out=out)}], [nn.Conv2d(channels, out, **theirs)]


def upsample(draw, channels):
    factor, mode = draw.pick(1, 2, 3, 4), draw.pick("nearest", "bilinear")
    smooth = {"align_corners": False} if mode == "bilinear" else {}
    return [{"upsample": dict(factor=factor, mode=mode)}], [nn.Upsample(scale_factor=factor, mode=mode, **smooth)]


def branches(draw, channels):
    """An inception block; its paths agree in shape if they are added."""
    join = draw.pick("concat", "add")
    outs = [draw.pick(1, 3, 8) for _ in range(3)] if join == "concat" else [channels] * 3
    ours = [[{"conv": dict(out=outs[0], kernel=1)}, "relu"],
            [{"conv": dict(out=4, kernel=1)}, "relu", {"conv": dict(out=outs[1], kernel=3, padding=1)}],
            [{"maxpool": dict(kernel=3, stride=1, padding=1)}, {"conv": dict(out=outs[2], kernel=1, bias=False)}], []]
    theirs = [[nn.Conv2d(channels, outs[0], 1), nn.ReLU()],
              [nn.Conv2d(channels, 4, 1), nn.ReLU(), nn.Conv2d(4, outs[1], 3, padding=1)],
              [nn.MaxPool2d(3, 1, 1), nn.Conv2d(channels, outs[2], 1, bias=False)], []]
    chosen = draw.sample(range(4), draw.pick(2, 3, 4))
    return ([{"branches": dict(paths=[ours[i] for i in chosen], join=join)}],
            [Branches([theirs[i] for i in chosen], join)])


def flattened_branches(draw, channels):
    """Features side by side: images side by side, flattened."""
    paths = [[nn.Conv2d(channels, 3, 1), nn.Flatten()], [nn.Flatten()]]
    return ([{"branches": {"paths": [[{"conv": dict(out=3, kernel=1)}, "flatten"], ["flatten"]]}}],
            [Branches(paths, "concat")])


LAYERS = [maxpool, avgpool, global_maxpool, convolution, upsample, branches, flattened_branches]


def difference(ours, theirs, floor=1e-4):
    return ((ours - theirs).norm() / (floor + theirs.norm())).item()


def both(layers, modules, size, samples, mode):
    """Ours, and PyTorch's network with its parameters, and the input."""
    network = nn.Sequential(*modules).double()
    ours = run_network(layers, size, samples, mode)
    network.load_state_dict(rows(ours["state"]))
    network.train(mode == "training")
    return ours, network, image(ours["input"], samples, size).requires_grad_()


def compare_in_inference(layers, modules, size, samples):
    """The difference of the outputs if they are images, and how many numbers come out."""
    ours, network, x = both(layers + ["flatten"], modules, size, samples, "inference")
    output = network(x)
    if output.dim() == 2:
        return {}, output.shape[1]
    output = output.permute(0, 2, 3, 1).reshape(samples, -1)  # ours are in the order (H,W,C)
    return {"output": difference(tensor(ours["scores"], output.shape), output.detach())}, output.shape[1]


def compare_in_training(layers, modules, size, samples, features):
    """The differences of scores and gradients, with a linear layer after the others."""
    ours, network, x = both(layers + ["flatten", {"linear": {"out": 7}}],
                            [*modules, nn.Flatten(), nn.Linear(features, 7)], size, samples, "training")
    scores = network(x)
    F.cross_entropy(scores, tensor(ours["target"], scores.shape)).backward()
    found = {"scores": difference(tensor(ours["scores"], scores.shape), scores.detach()),
             "gradient of the input": difference(image(ours["input_gradient"], samples, size), x.grad)}
    whole = sum(parameter.grad.square().sum() for parameter in network.parameters()).sqrt()
    gradients = rows(ours["gradient"])
    for name, parameter in network.named_parameters():
        found[f"gradient of {name}"] = difference(gradients[name], parameter.grad, 0.01 * whole)
    return found


def pytorch_takes(modules, size):
    """PyTorch refuses some drawn options on some sizes, or gives no numbers."""
    try:
        x = torch.zeros(1, size[2], size[0], size[1], dtype=torch.float64)
        return bool(nn.Sequential(*modules).double()(x).isfinite().all())
    except RuntimeError:
        return False


@pytest.mark.parametrize("make", LAYERS, ids=lambda make: make.__name__)
class TestLayerOnRandomShapes:
    @pytest.fixture
    def drawn(self, make, seed):
        """SHAPES cases that PyTorch takes, and those before them that it does not take: (layers, modules, size)."""
        draw, taken, refused = Draw(f"{seed} {make.__name__}"), [], []
        while len(taken) < SHAPES:
            size = (draw.randint(1, 13), draw.randint(1, 13), draw.pick(1, 3, 5, 8, 12, 17, 33))
            layers, modules = make(draw, size[2])
            (taken if pytorch_takes(modules, size) else refused).append((layers, modules, size))
        return taken, refused

    def test_agrees_with_pytorch(self, drawn):
        wrong = []
        for number, (layers, modules, size) in enumerate(drawn[0]):
            samples = 1 + number % 3
            found, features = compare_in_inference(layers, modules, size, samples)
            found.update(compare_in_training(layers, modules, size, samples, features))
            wrong += [(layers, size, what, error) for what, error in found.items() if not error <= TOLERANCE]
        assert wrong == []

    def test_is_refused_if_pytorch_refuses_it(self, drawn):
        taken = [(layers, size) for layers, _, size in drawn[1]
                 if print_net(layers + ["flatten"], size, 1, "inference").returncode == 0]
        assert taken == []
