"""Small networks against PyTorch: scores, gradients of parameters and input, running statistics, names and
layouts."""
import pytest

torch = pytest.importorskip("torch")
from torch import nn
import torch.nn.functional as F

from torch_networks import Comparison

TOLERANCE = 2e-5  # of the root mean square
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


NETWORKS = {
    "mlp": [["flatten", linear(20, bias=False), NORM, RELU, linear(7), "tanh", linear(3)], (4, 5, 3)],
    "conv": [[conv(6, 3, padding=1), "sigmoid", conv(8, 3, stride=2, dilation=2, groups=2),
              {"leaky_relu": {"slope": 0.1}}, "flatten", linear(5)], (9, 11, 3)],
    "norms": [[conv(16, 3, bias=False), NORM, RELU, conv(20, 1, bias=False),
               {NORM: {"momentum": 0.3, "epsilon": 0.01}}, "flatten", linear(4)], (7, 6, 3)],
    "norm after flatten": [["flatten", NORM, linear(4)], (3, 4, 5)],
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
        if self.kind == "projection":
            if not hasattr(self, "shortcut"):
                self.shortcut = nn.Sequential(
                    nn.Conv2d(x.shape[1], y.shape[1], 1, -(-x.shape[2] // y.shape[2]), bias=False),
                    nn.BatchNorm2d(y.shape[1])).double()
            return y + self.shortcut(x)
        if self.kind == "pad" and x.shape != y.shape:
            stride, pad = -(-x.shape[2] // y.shape[2]), y.shape[1] - x.shape[1]
            x = F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, pad // 2, pad - pad // 2))
        return y + x


def pool(kind, options):
    return kind(options["kernel"], options.get("stride"), options.get("padding", 0))


def build_conv(options):
    return nn.LazyConv2d(options["out"], options["kernel"], options.get("stride", 1), options.get("padding", 0),
                         options.get("dilation", 1), options.get("groups", 1), options.get("bias", True))


BUILDERS = {
    "conv": build_conv,
    "linear": lambda options: nn.LazyLinear(options["out"], options.get("bias", True)),
    "residual": lambda options: Residual(build(options["body"]), options["shortcut"]),
    "global_avgpool": lambda options: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "flatten": lambda options: nn.Flatten(),
    "relu": lambda options: nn.ReLU(),
    "tanh": lambda options: nn.Tanh(),
    "sigmoid": lambda options: nn.Sigmoid(),
    "leaky_relu": lambda options: nn.LeakyReLU(options["slope"]),
    "maxpool": lambda options: pool(nn.MaxPool2d, options),
    "avgpool": lambda options: pool(nn.AvgPool2d, options),
}


def build(layers):
    """PyTorch's modules for layers of ours."""
    modules, features = [], False
    for layer in layers:
        name, options = (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))
        features = features or name in ("flatten", "global_avgpool")
        if name == NORM:
            kind = nn.LazyBatchNorm1d if features else nn.LazyBatchNorm2d
            modules.append(kind(eps=options.get("epsilon", 1e-5), momentum=options.get("momentum", 0.1)))
        else:
            modules.append(BUILDERS[name](options))
    return nn.Sequential(*modules)


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


@pytest.fixture(scope="module", params=("training", "inference"))
def compared(request, network):
    layers, size = network
    return Comparison(layers, build(layers), size, 6, request.param)


def test_the_names_of_parameters_are_pytorchs(compared):
    assert compared.unexpected == []


def test_only_counts_of_batches_are_missing(compared):
    assert [name for name in compared.missing if not name.endswith("num_batches_tracked")] == []


def test_scores_gradients_and_statistics_are_pytorchs(compared):
    assert compared.above(TOLERANCE) == {}
