"""Initialisers against torch.nn.init. Both draw normal or uniform numbers and scale them: PyTorch's numbers are
replaced by ours of standard deviation or limit 1, then everything must agree."""
import functools
import json
import subprocess

import pytest

torch = pytest.importorskip("torch")
from torch.nn import init

from support.program import built

TOLERANCE = 1e-5
SIZE = ("5", "4", "6")  # height, width, channels
# Our layer, and the shape of its weights.
LAYERS = {
    "conv": ("[{conv: {out: 10, kernel: 3, weight_init: %s}}]", (10, 6, 3, 3)),
    "grouped": ("[{conv: {out: 12, kernel: 3, groups: 2, weight_init: %s}}]", (12, 3, 3, 3)),
    "tall": ("[{conv: {out: 70, kernel: 3, weight_init: %s}}]", (70, 6, 3, 3)),
    "linear": ("[flatten, {linear: {out: 30, weight_init: %s}}]", (30, 120)),
}
# Our initialiser, PyTorch's function, and its options.
INITIALISERS = [
    ("zeros", init.zeros_, {}),
    ("glorot_normal", init.xavier_normal_, {}),
    ("glorot_uniform", init.xavier_uniform_, {}),
    ("kaiming_normal", init.kaiming_normal_, {"nonlinearity": "relu"}),
    ("dirac", init.dirac_, {}),
    ("orthogonal", init.orthogonal_, {}),
    ("{constant: {value: 0.01}}", init.constant_, {"val": 0.01}),
    ("{normal: {std: 0.01}}", init.normal_, {"std": 0.01}),
    ("{uniform: {limit: 0.3}}", init.uniform_, {"a": -0.3, "b": 0.3}),
    ("xavier", init.kaiming_normal_, {"nonlinearity": "linear"}),
    ("lecun_normal", init.kaiming_normal_, {"nonlinearity": "linear"}),
    ("lecun_uniform", init.kaiming_uniform_, {"nonlinearity": "linear"}),
    ("fan_in_uniform", init.kaiming_uniform_, {"a": 5 ** 0.5}),  # what PyTorch's layers do
    ("{orthogonal: {gain: 1.5}}", init.orthogonal_, {"gain": 1.5}),
]
for mode in ("fan_in", "fan_out"):
    for gain in ("relu", "linear", "tanh", "sigmoid", "selu"):
        for kind, function in (("normal", init.kaiming_normal_), ("uniform", init.kaiming_uniform_)):
            INITIALISERS.append((f"{{kaiming_{kind}: {{mode: {mode}, gain: {gain}}}}}", function,
                                 {"mode": mode, "nonlinearity": gain}))
    INITIALISERS.append((f"{{kaiming_normal: {{mode: {mode}, gain: leaky_relu, slope: 0.2}}}}", init.kaiming_normal_,
                         {"mode": mode, "a": 0.2}))


@functools.cache
def ours(layer, initialiser):
    text, shape = LAYERS[layer]
    words = [built("nn/print_initial"), text % initialiser, *SIZE]
    output = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return torch.tensor(json.loads(output)).reshape(shape)


def theirs(layer, function, options):
    """torch.nn.init's, from our normal and uniform numbers."""
    normal, uniform = ours(layer, "{normal: {std: 1}}"), ours(layer, "{uniform: {limit: 1}}")

    def draw_normal(tensor, mean=0, std=1, generator=None):
        rows, columns = tensor.shape[0], tensor[0].numel()
        if function is init.orthogonal_ and rows > columns:  # our vectors are its columns
            return tensor.copy_(std * normal.reshape(columns, rows).t())
        return tensor.copy_(mean + std * normal.reshape(tensor.shape))

    def draw_uniform(tensor, low=0, high=1, generator=None):
        return tensor.copy_((low + high) / 2 + (high - low) / 2 * uniform)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "normal_", draw_normal)
        patch.setattr(torch.Tensor, "uniform_", draw_uniform)
        return function(torch.empty(normal.shape), **options)


# PyTorch's dirac_ is for convolutions.
CASES = [(*case, layer) for case in INITIALISERS for layer in LAYERS if case[0] != "dirac" or layer != "linear"]


@pytest.mark.parametrize("initialiser, function, options, layer", CASES,
                         ids=[f"{case[0]} {case[3]}" for case in CASES])
def test_weights_are_pytorchs(initialiser, function, options, layer):
    if function is init.dirac_ and layer == "grouped":
        options = {"groups": 2}
    expected = theirs(layer, function, options)
    assert (ours(layer, initialiser) - expected).abs().max() <= TOLERANCE * expected.abs().max()
