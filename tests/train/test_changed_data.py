"""Data files that change while they are in use: cut short, overwritten, replaced, touched. One line that names the
file, exit code 4 and no crash; what does no harm is let through."""
import contextlib
import json
import os
import shutil
import signal

import h5py
import pytest

from support.program import DATA, run, settings
from support.runs import newest_step, read, synthesize, train, without_warnings, write_run_file
from support.signalled import Signalled

MODEL = """
  - flatten
  - linear: {out: 10}
"""
CRASH = ("Bus error", "Signal:", "backtrace", "[ 0]")


@pytest.fixture(scope="module")
def sets(folder):
    """Two data sets of the same size and shape, and the length of their files."""
    paths = [synthesize(folder, train=640, test=50, validation=100, seed=seed, name=f"set-{seed}.h5")
             for seed in (1, 2)]
    assert os.path.getsize(paths[0]) == os.path.getsize(paths[1])
    return paths


@pytest.fixture(params=(1, 2), ids=("1 rank", "2 ranks"))
def ranks(request):
    return request.param


@pytest.fixture
def running(tmp_path, sets, ranks):
    """A training in progress on a data set of its own."""
    data = shutil.copy(sets[0], tmp_path / "live.h5")
    recipe = without_warnings(write_run_file(tmp_path, data, model=MODEL, length="100000 epochs", every="1 epochs",
                                             keep=1))
    out = tmp_path / "out"
    run = Signalled(ranks, "train", recipe, "--out", out, "--quiet")
    run.data, run.out = str(data), str(out)
    assert run.wait_for(lambda: os.path.exists(out / "checkpoints") and newest_step(out) >= 11), run.end().stderr
    yield run
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.process.pid, signal.SIGKILL)
    run.process.communicate()


def refused(run):
    """The line with which the run ends."""
    ending = run.end()
    lines = ending.says("trainer: ")
    assert ending.code == DATA and len(lines) == 1, ending.stderr
    assert not any(ending.says(word) for word in CRASH), ending.stderr
    assert run.data in lines[0] and not run.left_after(5)
    return lines[0]


def overwrite(path, data):
    """Writes into a file as it stands, without another length in between."""
    with open(path, "r+b") as file:
        file.write(data)


@pytest.mark.parametrize("length", (0, 5000, 1_000_000))
def test_a_file_that_is_cut_short_ends_the_run_with_one_line(running, length):
    before = os.path.getsize(running.data)
    os.truncate(running.data, length)
    line = refused(running)
    assert f"it has {length} bytes and had {before}" in line


def test_a_file_that_is_overwritten_ends_the_run_with_one_line(running, sets):
    overwrite(running.data, read(sets[1], "rb"))
    line = refused(running)
    assert "was overwritten while it was in use: the digest of split train is" in line


def test_copying_another_file_over_it_ends_the_run_with_one_line(running, sets):
    shutil.copyfile(sets[1], running.data)  # empties it first
    assert "while it was in use" in refused(running)


def test_what_does_no_harm_is_let_through(running, sets):
    step = newest_step(running.out)
    os.utime(running.data)
    assert running.wait_for(lambda: newest_step(running.out) >= step + 44)
    overwrite(running.data, read(sets[0], "rb"))
    assert running.wait_for(lambda: newest_step(running.out) >= step + 88)
    os.replace(shutil.copy(sets[1], running.data + ".new"), running.data)  # the run keeps the old one
    assert running.wait_for(lambda: newest_step(running.out) >= step + 132)
    assert running.process.poll() is None


@pytest.mark.parametrize("change", ("written", "cut short"))
def test_a_streamed_file_that_changes_ends_the_run(tmp_path, sets, ranks, change):
    """It is read again in every epoch, and nothing tells whether the samples are the same."""
    data = str(tmp_path / "streamed.h5")
    with h5py.File(sets[0]) as source, h5py.File(data, "w") as file:
        for split in ("train", "validation"):
            file.create_dataset(f"{split}/images", data=source[f"{split}/images"], chunks=(16, 32, 32, 3),
                                compression="gzip")
            file[f"{split}/labels"] = source[f"{split}/labels"][()]
    recipe = without_warnings(write_run_file(tmp_path, data, model=MODEL, length="100000 epochs", every="1 epochs",
                                             keep=1))
    out = tmp_path / "out"
    run = Signalled(ranks, "train", recipe, "--out", out, "--quiet", *settings("data.window=64"))
    run.data, run.out = data, str(out)
    assert run.wait_for(lambda: os.path.exists(out / "checkpoints") and newest_step(out) >= 11), run.end().stderr
    if change == "cut short":
        os.truncate(data, os.path.getsize(data) // 2)
        assert "while it was in use" in refused(run)
        return
    with h5py.File(data, "r+") as file:
        file["train/labels"][5] = (file["train/labels"][5] + 1) % 10
    assert "was written to while it was in use, and split train is streamed from it" in refused(run)


def test_a_bus_error_of_another_kind_stays_a_crash(running):
    running.send(1, "SIGBUS")
    ending = running.end()
    assert ending.code not in (0, DATA) and not ending.says("was cut short")


def test_the_checkpoints_of_a_run_that_ended_so_go_on_once_the_data_is_back(running, sets):
    overwrite(running.data, read(sets[1], "rb"))
    refused(running)
    overwrite(running.data, read(sets[0], "rb"))
    step = newest_step(running.out)
    again = train(1, os.path.join(running.out, "run.yaml"), running.out, "--resume", "--stop-after", step + 1)
    whole = train(1, os.path.join(running.out, "run.yaml"), running.out + "-whole", "--stop-after", step + 1)
    assert again["digest"] == whole["digest"]


PIXELS = "{decorrelate: pca_whiten, scope: pixel, components: 2, epsilon: 0.1}"


@pytest.mark.parametrize("names, preprocess, says", (
    (("channel_mean", "channel_std"), "{scale: channel_std}", True),
    (("channel_mean",), "{center: none}", False),
    ((), "{scale: channel_std}", False),
    (("channel_mean",), PIXELS, True),
    ((), PIXELS, False),
), ids=("changed", "not used", "the same", "changed, decorrelated", "the same, decorrelated"))
def test_statistics_that_changed_are_named_and_not_taken(tmp_path, sets, names, preprocess, says):
    data = shutil.copy(sets[0], tmp_path / "live.h5")
    recipe = without_warnings(write_run_file(tmp_path, data, model=MODEL, length="8 steps", every="4 steps"))
    words = ("train", recipe, "--quiet", "--json", "--set", f"preprocess={preprocess}", "--out")
    whole = json.loads(run(1, *words, tmp_path / "whole")[0])
    run(1, *words, tmp_path / "out", "--stop-after", "4")
    with h5py.File(data, "r+") as file:
        for name in names:
            file[f"statistics/{name}"][...] *= 1.01
    said, warned = run(1, *words, tmp_path / "out", "--resume")
    assert ("/statistics are not those that the run began with" in warned) == says
    assert json.loads(said)["digest"] == whole["digest"]
