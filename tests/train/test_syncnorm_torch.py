"""`statistics: batch` against PyTorch's BatchNorm in one process that sees every whole batch: the same weights and
running statistics after some steps of SGD, with an uneven last batch, on 1 and 4 ranks. (PyTorch's own
SyncBatchNorm, which promises the same, runs on GPUs alone.)"""
import pytest

from support.runs import arrays, synthesize, train, write

torch = pytest.importorskip("torch")
pytest.importorskip("h5py")
from torch import nn
import torch.nn.functional as F

BATCH, RATE, STEPS, TOLERANCE = 40, 0.05, 7, 1e-5
# Smooth: if a ReLU's input lies within rounding of zero, two programs' gradients differ.
MODEL = """
  - conv: {out: 8, kernel: 3, stride: 2, padding: 1, bias: false}
  - batchnorm: {statistics: batch, momentum: 0.2}
  - tanh
  - residual:
      shortcut: projection
      body:
        - conv: {out: 12, kernel: 3, stride: 2, padding: 1, bias: false}
        - batchnorm: {statistics: batch}
        - tanh
        - conv: {out: 12, kernel: 3, padding: 1, bias: false}
        - batchnorm: {statistics: batch}
  - tanh
  - flatten
  - linear: {out: 20, bias: false}
  - batchnorm: {statistics: batch, epsilon: 1.0e-3}
  - sigmoid
  - linear: {out: 10}
"""


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def build_network():
    body = nn.Sequential(nn.Conv2d(8, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.Tanh(),
                         nn.Conv2d(12, 12, 3, 1, 1, bias=False), nn.BatchNorm2d(12))
    shortcut = nn.Sequential(nn.Conv2d(8, 12, 1, 2, bias=False), nn.BatchNorm2d(12))
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8, momentum=0.2), nn.Tanh(),
                         Residual(body, shortcut), nn.Tanh(), nn.Flatten(), nn.Linear(768, 20, bias=False),
                         nn.BatchNorm1d(20, eps=1e-3), nn.Sigmoid(), nn.Linear(20, 10))


def model_of(checkpoint):
    return {name.replace("/", "."): torch.from_numpy(values) for name, values in arrays(checkpoint).items()}


def train_network(network, data):
    """The same steps in PyTorch."""
    samples, statistics = arrays(data, "train"), arrays(data, "statistics")
    mean, std = (torch.from_numpy(statistics[f"channel_{name}"]).double() for name in ("mean", "std"))
    images = ((torch.from_numpy(samples["images"]).double() - mean) / std).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(samples["labels"]).long()
    optimizer, batches = torch.optim.SGD(network.parameters(), lr=RATE), -(-len(images) // BATCH)
    for step in range(STEPS):
        first = step % batches * BATCH
        optimizer.zero_grad()
        F.cross_entropy(network(images[first:first + BATCH]), labels[first:first + BATCH]).backward()
        optimizer.step()


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=2 * BATCH + 6, test=10, validation=10)  # every third batch: 6 samples in 8 shards


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, validation: none}}
model:{MODEL}optimizer:
  sgd: {{rate: {RATE}}}
train: {{batch: {BATCH}, shards: 8, length: {STEPS} steps, shuffle: false}}
checkpoint: {{keep: 0, every: 0}}
""")


@pytest.fixture(scope="module", params=(1, 4), ids="{} ranks".format)
def run(request, folder, recipe):
    return train(request.param, recipe, f"{folder}/n{request.param}")


@pytest.fixture(scope="module")
def network(run):
    return build_network().double()


@pytest.fixture(scope="module")
def names(network, run):
    """The names that the checkpoint lacks or has too many."""
    return network.load_state_dict(model_of(run.checkpoint("step-000000000.h5")), strict=False)


def test_the_checkpoint_has_only_names_of_the_network(names):
    assert names.unexpected_keys == []


def test_the_checkpoint_lacks_only_counts_of_batches(names):
    assert [name for name in names.missing_keys if not name.endswith("num_batches_tracked")] == []


def test_weights_and_statistics_are_pytorchs(data, run, network, names):
    train_network(network, data)
    theirs = network.state_dict()
    differences = {name: float((values.double() - theirs[name]).norm() / theirs[name].norm())
                   for name, values in model_of(run.checkpoint()).items()}
    print(f"largest difference: {max(differences.values()):.1e}")
    assert max(differences.values()) <= TOLERANCE, differences
