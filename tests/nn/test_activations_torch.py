"""Activations and normalisations against PyTorch's, on images and on features: scores and every gradient."""
import copy

import pytest

torch = pytest.importorskip("torch")
from torch import nn

from torch_networks import Comparison

# Relative to the root mean square. The scores are right to 2e-6; in gradients the softmax multiplies that by the
# scores' size.
TOLERANCE = 5e-5
HEIGHT, WIDTH, CHANNELS = 17, 16, 6  # more pixels than one chunk of a sum
FEATURES = HEIGHT * WIDTH * CHANNELS


class Maxout(nn.Module):
    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, x):
        return x.unflatten(1, (self.pieces, -1)).amax(1)


# A layer of ours, and PyTorch's.
ACTIVATIONS = [
    ("relu", nn.ReLU()),
    ("sigmoid", nn.Sigmoid()),
    ("tanh", nn.Tanh()),
    ("selu", nn.SELU()),
    ("silu", nn.SiLU()),
    ({"leaky_relu": {"slope": 0.2}}, nn.LeakyReLU(0.2)),
    ("elu", nn.ELU()),
    ({"elu": {"alpha": 0.4}}, nn.ELU(0.4)),
    ("gelu", nn.GELU()),
    ({"gelu": {"form": "tanh"}}, nn.GELU("tanh")),
    ("prelu", nn.PReLU()),
    ({"maxout": {"pieces": 3}}, Maxout(3)),
    ({"alpha_dropout": {"rate": 0}}, nn.AlphaDropout(0)),
]
ON_IMAGES = ACTIVATIONS + [
    ({"prelu": {"slopes": "channel"}}, nn.PReLU(CHANNELS)),
    ({"groupnorm": {"groups": 1}}, nn.GroupNorm(1, CHANNELS)),
    ({"groupnorm": {"groups": 3, "epsilon": 0.01}}, nn.GroupNorm(3, CHANNELS, 0.01)),
    ({"groupnorm": {"groups": CHANNELS}}, nn.GroupNorm(CHANNELS, CHANNELS)),
    ("layernorm", nn.LayerNorm((CHANNELS, HEIGHT, WIDTH))),
]
ON_FEATURES = ACTIVATIONS + [
    ({"prelu": {"slopes": "channel"}}, nn.PReLU(FEATURES)),
    ("layernorm", nn.LayerNorm(FEATURES)),
    ({"layernorm": {"epsilon": 0.01}}, nn.LayerNorm(FEATURES, 0.01)),
]
LINEAR = {"linear": {"out": 3}}


def compare(layers, modules, mode):
    """The differences from PyTorch's that are above the tolerance; the names must be the same."""
    network = nn.Sequential(*map(copy.deepcopy, modules), nn.LazyLinear(3))
    compared = Comparison([*layers, LINEAR], network, (HEIGHT, WIDTH, CHANNELS), 3, mode)
    assert (compared.missing, compared.unexpected) == ([], [])
    return compared.above(TOLERANCE)


@pytest.mark.parametrize("mode", ("training", "inference"))
@pytest.mark.parametrize("layer, module", ON_IMAGES, ids=[str(layer) for layer, _ in ON_IMAGES])
def test_on_images_scores_and_gradients_are_pytorchs(layer, module, mode):
    assert compare([layer, "flatten"], [module, nn.Flatten()], mode) == {}


@pytest.mark.parametrize("mode", ("training", "inference"))
@pytest.mark.parametrize("layer, module", ON_FEATURES, ids=[str(layer) for layer, _ in ON_FEATURES])
def test_on_features_scores_and_gradients_are_pytorchs(layer, module, mode):
    assert compare(["flatten", layer], [nn.Flatten(), module], mode) == {}
