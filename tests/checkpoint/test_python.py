#!/usr/bin/python3
"""A checkpoint as Python sees it: names, shapes, values; and in PyTorch in three lines."""
import os
import subprocess
import sys
import tempfile

SKIP = 77
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
ROWS = ["0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias", "1.running_mean",
        "1.running_var"]
SHAPES = {"0.weight": (4, 2, 3, 3), "4.weight": (5, 36), "4.bias": (5,)}


def find_torch():
    for python in (os.environ.get("TRAINER_TORCH_PYTHON"), sys.executable):
        if python and subprocess.run([python, "-c", "import torch, h5py"],
                                     stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


def check_layout(path, h5py, numpy):
    with h5py.File(path) as file:
        assert sorted(file) == ["classes", "model", "optimizer", "preprocessing", "run"], list(file)
        assert file.attrs["format"] in ("trainer checkpoint", b"trainer checkpoint")
        assert file.attrs["format_version"] == 1
        assert sorted(file["model"]) == sorted(ROWS)
        assert sorted(file["optimizer/momentum"]) == sorted(r for r in ROWS if "running" not in r)
        for row, name in enumerate(ROWS):
            values = file["model"][name][()]
            assert values.dtype == numpy.float32
            assert values.shape == SHAPES.get(name, (4,)), name
            want = (numpy.arange(values.size, dtype=numpy.float32) + 1) / 64 + 8 * row
            assert (values.ravel() == want).all(), name
        assert file["run/run_file"][()].decode() == "train:\n  batch: 64\n"
        assert file["run"].attrs["shards"] == 4 and file["run"].attrs["best_metric"] == 0.1 + 0.2
        assert tuple(file["preprocessing/shape"]) == (5, 5, 2)
        names = [n.decode() for n in file["classes"][()]]
        assert names == ["ant", "bee", "Käfer", "", "wasp"], names


def main():
    try:
        import h5py
        import numpy
    except ImportError as problem:
        print("skipped:", problem)
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sample.h5")
        subprocess.run([sys.argv[1], path], check=True)
        check_layout(path, h5py, numpy)
        python = find_torch()
        if not python:
            print("layout checked; skipped the part with PyTorch, which is not installed")
            return SKIP
        script = f"FILE = {path!r}\nROWS = {ROWS!r}\n" + THREE_LINES
        subprocess.run([python, "-c", script], check=True)
    return 0


sys.exit(main())
