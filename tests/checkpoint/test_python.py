"""A checkpoint as Python sees it: names, shapes, values; and in PyTorch in three lines."""
import os
import subprocess
import sys

import pytest

from support.runs import arrays, write_sample

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

SHAPES = {"0.weight": (4, 2, 3, 3), "0.bias": (4,), "1.weight": (4,), "1.bias": (4,), "4.weight": (5, 36),
          "4.bias": (5,), "1.running_mean": (4,), "1.running_var": (4,)}
PARAMETERS = [name for name in SHAPES if "running" not in name]
THREE_LINES = """
import h5py, torch
net = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                          torch.nn.Flatten(), torch.nn.Linear(36, 5))
state = {k: torch.from_numpy(v[()]) for k, v in h5py.File(FILE)["model"].items()}
net.load_state_dict(state)
for row, name in enumerate(ROWS):
    have = net.state_dict()[name].flatten()
    want = (torch.arange(have.numel(), dtype=torch.float32) + 1) / 64 + 8 * row
    assert torch.equal(have, want), name
net(torch.zeros(1, 2, 5, 5))
"""


@pytest.fixture(scope="module")
def sample(folder):
    return write_sample(folder)


@pytest.fixture(scope="module")
def file(sample):
    with h5py.File(sample) as opened:
        yield opened


@pytest.fixture(scope="module")
def model(sample):
    return arrays(sample)


def test_the_groups_of_a_checkpoint(file):
    assert sorted(file) == ["classes", "model", "optimizer", "preprocessing", "run"]


def test_the_format_is_named(file):
    assert file.attrs["format"] in ("trainer checkpoint", b"trainer checkpoint")


def test_the_format_has_a_version(file):
    assert file.attrs["format_version"] == 1


def test_the_names_of_the_models_arrays(model):
    assert sorted(model) == sorted(SHAPES)


def test_the_optimizer_has_state_for_every_parameter(file):
    assert sorted(file["optimizer/momentum"]) == sorted(PARAMETERS)


@pytest.mark.parametrize("name", SHAPES)
class TestArray:
    def test_holds_floats(self, model, name):
        assert model[name].dtype == np.float32

    def test_has_its_shape(self, model, name):
        assert model[name].shape == SHAPES[name]

    def test_has_its_values(self, model, name):
        expected = (np.arange(model[name].size, dtype=np.float32) + 1) / 64 + 8 * list(SHAPES).index(name)
        assert (model[name].ravel() == expected).all()


def test_the_run_file_is_kept(file):
    assert file["run/run_file"][()].decode() == "train:\n  batch: 64\n"


def test_the_number_of_shards_is_kept(file):
    assert file["run"].attrs["shards"] == 4


def test_every_digit_of_a_figure_is_kept(file):
    assert file["run"].attrs["best_metric"] == 0.1 + 0.2


def test_the_shape_of_the_samples_is_kept(file):
    assert tuple(file["preprocessing/shape"]) == (5, 5, 2)


def test_the_names_of_the_classes_are_kept(file):
    assert [name.decode() for name in file["classes"][()]] == ["ant", "bee", "Käfer", "", "wasp"]


def python_with_torch():
    """An interpreter that has torch and h5py, or None."""
    for python in (os.environ.get("TRAINER_TORCH_PYTHON"), sys.executable):
        if python and subprocess.run([python, "-c", "import torch, h5py"], stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


def test_pytorch_loads_a_checkpoint_in_three_lines(sample):
    python = python_with_torch()
    if not python:
        pytest.skip("no Python with torch and h5py; TRAINER_TORCH_PYTHON may name one")
    subprocess.run([python, "-c", f"FILE = {sample!r}\nROWS = {list(SHAPES)!r}\n" + THREE_LINES], check=True)
