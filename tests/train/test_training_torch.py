"""Training against PyTorch: from the same checkpoint and the same samples, the losses of the next steps must agree.
MLP, small CNN and ResNet-20 of the recipes (without dropout), on 1 and 2 ranks. The batch normalisation of a shard
sees the shard alone, so PyTorch computes shard by shard too.

By hand: tests/run_pytest.py --needs torch,h5py tests/train/test_training_torch.py --steps 50 -s
-k, as ever, chooses a model; -s shows the largest differences."""
import os
from typing import NamedTuple

import pytest

from support.program import settings
from support.runs import arrays, synthesize, train, write

torch = pytest.importorskip("torch")
pytest.importorskip("h5py")
from torch import nn
import torch.nn.functional as F

MOMENTUM, DECAY, SHARDS, TOLERANCE = 0.9, 5e-4, 2, 1e-4


class Residual(nn.Module):
    def __init__(self, body, subsample=False, pad=0):
        super().__init__()
        self.body, self.subsample, self.pad = body, subsample, pad

    def forward(self, x):
        y = self.body(x)
        if self.subsample:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad // 2, self.pad - self.pad // 2))
        return y + x


# Each model: PyTorch's network, and the layers of our run file.


def mlp():
    layers, yaml, inputs = [nn.Flatten()], "\n  - flatten", 3072
    for _ in range(3):
        layers += [nn.Linear(inputs, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU()]
        yaml += "\n  - linear: {out: 256, bias: false}\n  - batchnorm\n  - relu"
        inputs = 256
    return nn.Sequential(*layers, nn.Linear(inputs, 10)), yaml + "\n  - linear: {out: 10}\n"


def smallcnn():
    layers, yaml, inputs = [], "", 3
    for width in (64, 128, 256):
        for _ in range(2):
            layers += [nn.Conv2d(inputs, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            yaml += f"\n  - conv: {{out: {width}, kernel: 3, padding: 1, bias: false}}\n  - batchnorm\n  - relu"
            inputs = width
        layers.append(nn.MaxPool2d(2))
        yaml += "\n  - maxpool: {kernel: 2}"
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4096, 10)), yaml + "\n  - flatten\n  - linear: {out: 10}\n"


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    yaml = "\n  - conv: {out: 16, kernel: 3, padding: 1, bias: false}\n  - batchnorm\n  - relu"
    inputs = 16
    for width in (16, 32, 64):
        for _ in range(3):
            stride = 1 if inputs == width else 2
            body = nn.Sequential(nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width),
                                 nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
            layers += [Residual(body, stride == 2, width - inputs), nn.ReLU()]
            yaml += f"""
  - residual:
      shortcut: {"pad" if stride == 2 else "identity"}
      body:
        - conv: {{out: {width}, kernel: 3, stride: {stride}, padding: 1, bias: false}}
        - batchnorm
        - relu
        - conv: {{out: {width}, kernel: 3, padding: 1, bias: false}}
        - batchnorm
  - relu"""
            inputs = width
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return network, yaml + "\n  - global_avgpool\n  - flatten\n  - linear: {out: 10}\n"


class Setting(NamedTuple):
    """A model with its rate and batch. If a ReLU's input differs in the last bit, one program may let through what
    the other does not; that changes the gradient by a finite amount, and training amplifies it: at the recipes'
    rates any two programs' losses part within tens of steps, those of our two backends too (the test that prints
    them). At these rates the losses still fall, and stay comparable for 50 steps."""
    build: callable
    rate: float
    batch: int


SETTINGS = {"mlp": Setting(mlp, 1e-4, 128), "smallcnn": Setting(smallcnn, 2e-5, 64),
            "resnet20": Setting(resnet20, 1e-4, 64)}


@pytest.fixture(scope="module")
def steps(request):
    return request.config.getoption("--steps")


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=1280, test=10, validation=10)


@pytest.fixture(scope="module", params=SETTINGS)
def setting(request):
    return SETTINGS[request.param]


@pytest.fixture(scope="module")
def network_and_layers(setting):
    return setting.build()


@pytest.fixture(scope="module")
def recipe(folder, data, setting, network_and_layers, steps):
    return write(os.path.join(folder, f"{setting.build.__name__}.yaml"), f"""data: {{file: {data}, validation: none}}
model:{network_and_layers[1]}optimizer:
  nesterov: {{rate: {setting.rate}, momentum: {MOMENTUM}, weight_decay: {DECAY}, form: pytorch}}
train: {{batch: {setting.batch}, shards: {SHARDS}, length: {steps} steps, shuffle: false}}
checkpoint: {{keep: 0, every: 0}}
""")


def losses_of(run):
    return [line["loss"] for line in run.metrics("step")]


def largest_difference(losses, others):
    return max(abs(loss - other) / abs(other) for loss, other in zip(losses, others))


@pytest.fixture(scope="module")
def ours(recipe):
    return train(1, recipe, recipe.replace(".yaml", "-1"), timeout=600)


@pytest.fixture(scope="module")
def network(ours, network_and_layers):
    """PyTorch's, with the parameters before our first step, and the names that it has no use for."""
    state = {name: torch.from_numpy(values) for name, values in
             arrays(ours.checkpoint("step-000000000.h5")).items()}
    return network_and_layers[0], network_and_layers[0].load_state_dict(state, strict=False).unexpected_keys


def torch_losses(network, data, setting, steps):
    torch.set_num_threads(1)
    samples, statistics = arrays(data, "train"), arrays(data, "statistics")
    mean, std = (torch.from_numpy(statistics[f"channel_{name}"]).float() for name in ("mean", "std"))
    images = ((torch.from_numpy(samples["images"]).float() - mean) / std).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(samples["labels"]).long()
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    optimizer = torch.optim.SGD([dict(params=weights, weight_decay=DECAY), dict(params=others, weight_decay=0)],
                                lr=setting.rate, momentum=MOMENTUM, nesterov=True)
    losses, size = [], setting.batch // SHARDS
    for step in range(steps):
        optimizer.zero_grad()
        first, total = step * setting.batch % len(images), 0
        for start in range(first, first + setting.batch, size):
            loss = F.cross_entropy(network(images[start:start + size]), labels[start:start + size]) / SHARDS
            loss.backward()
            total += float(loss.detach())
        optimizer.step()
        losses.append(total)
    return losses


def test_the_checkpoint_has_only_names_of_the_network(network):
    assert network[1] == []


def test_1_and_2_ranks_give_the_same_losses(recipe, ours):
    two = train(2, recipe, recipe.replace(".yaml", "-2"), timeout=600)
    assert losses_of(two) == losses_of(ours)


def test_every_step_has_a_loss(ours, steps):
    assert len(losses_of(ours)) == steps


def test_the_losses_are_pytorchs(ours, network, data, setting, steps):
    losses, theirs = losses_of(ours), torch_losses(network[0], data, setting, steps)
    difference = largest_difference(losses, theirs)
    print(f"{len(losses)} losses, {losses[0]:.6f} -> {losses[-1]:.6f}; PyTorch {theirs[-1]:.6f}; "
          f"largest relative difference {difference:.2e}")
    assert difference <= TOLERANCE


def test_our_backends_losses_are_printed_for_comparison(request, recipe, ours):
    if not request.config.getoption("--control"):
        pytest.skip("--control compares our backends with one another")
    other = train(2, recipe, recipe.replace(".yaml", "-openblas"), *settings("train.backend=openblas"), timeout=600)
    print(f"our backends differ by {largest_difference(losses_of(ours), losses_of(other)):.2e}")
