"""Samples that are not those that the data file was written with, or that the run began with: what is trained on,
validated by, evaluated and predicted is compared with digests, and the classes with those of the checkpoint."""
import os
import re
import shutil
import subprocess

import h5py
import pytest

from support.forge import forged
from support.program import CHECKPOINT, DATA, TRAINER, environment, refusal, run, start
from support.runs import read, synthesize, train, without_warnings, write_run_file

MODEL = """
  - flatten
  - linear: {out: 10}
"""
DAMAGED = r"are damaged: their digest is ([0-9a-f]{16,32}), the file says ([0-9a-f]{16,32})"
STEPS = 30


@pytest.fixture(scope="module")
def good(folder):
    return synthesize(folder, train=300, test=60, validation=90)


@pytest.fixture(scope="module")
def recipe(folder, good):
    return without_warnings(write_run_file(folder, "data.h5", model=MODEL, length=f"{STEPS} steps"))


@pytest.fixture
def place(tmp_path, monkeypatch, good):
    """A working folder with a copy of the data set, data.h5."""
    shutil.copy(good, tmp_path / "data.h5")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def half(place, recipe):
    """The folder of a run that can go on."""
    train(1, recipe, "out", "--stop-after", 15)
    return "out"


def rot(path, array, sample=7, bits=0x10):
    """Changes one byte of the array in place, which h5py and the digests in the file do not notice."""
    with h5py.File(path) as file:
        data = file[array]
        at = data.id.get_offset() + sample * (data.size // data.shape[0]) * data.dtype.itemsize
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bits]))


def change(path, edit):
    with h5py.File(path, "r+") as file:
        edit(file)


def move_labels(split):
    def edit(file):
        file[f"{split}/labels"][...] = (file[f"{split}/labels"][...] + 1) % 10
        file[split].attrs.pop("digest", None)
    return edit


def rename_class(file):
    names = file["classes"][...]
    names[3] = b"another"
    file["classes"][...] = names


@pytest.mark.parametrize("array", ("train/images", "train/labels", "validation/images", "validation/labels"))
def test_training_refuses_samples_that_rotted(place, recipe, array):
    rot("data.h5", array, bits=1)
    line = refusal(DATA, "train", recipe, "--out", "out")
    if "labels" in array:
        assert "data.h5: is damaged: its structure, labels or statistics do not match the checksum" in line
    else:
        found = re.search(DAMAGED, line)
        assert found and found[1] != found[2] and f"data.h5:/{array.split('/')[0]}" in line
    assert not os.path.exists("out/checkpoints") or not os.listdir("out/checkpoints")


@pytest.mark.parametrize("array", ("train/images", "validation/images"))
def test_resuming_refuses_samples_that_rotted(half, recipe, array):
    rot("data.h5", array)
    assert re.search(DAMAGED, refusal(DATA, "train", recipe, "--out", half, "--resume", "--quiet"))


@pytest.mark.parametrize("words", (("eval",), ("predict", "-o", "found.csv")), ids=("eval", "predict"))
def test_evaluation_refuses_samples_that_rotted(half, words):
    rot("data.h5", "test/images")
    assert re.search(DAMAGED, refusal(DATA, *words, f"{half}/checkpoints/latest.h5"))
    assert not os.path.exists("found.csv")


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("split", ("train", "validation"))
def test_samples_are_checked_as_they_are_read(place, recipe, split, ranks):
    """A large split costs no pass of its own, and no checkpoint knows of samples that rotted."""
    rot("data.h5", f"{split}/images", sample=51, bits=1)
    line = refusal(DATA, "train", recipe, "--out", "out", "--quiet", "--set", "data.check=reading", ranks=ranks)
    assert f"data.h5:/{split}/images: images 50 to 51 are damaged" in line and re.search(DAMAGED, line)
    steps = [int(name[5:14]) for name in os.listdir("out/checkpoints") if name.startswith("step-")]
    assert max(steps) < 300 // 60  # the whole split is read in the first epoch


def test_nothing_depends_on_when_samples_are_checked(place, recipe):
    found = [train(1, recipe, f"out-{when}", "--set", f"data.check={when}")["digest"] for when in ("reading", "start")]
    assert found[0] == found[1]


def test_what_is_not_used_need_not_be_right(half, recipe):
    rot("data.h5", "test/images")
    assert train(1, recipe, half, "--resume")["step"] == STEPS


def test_the_rank_whose_disk_rots_is_named(place, recipe):
    os.mkdir("own")
    shutil.copy("data.h5", "own")
    rot("own/data.h5", "train/images", sample=17)
    words = ["-np", "1", TRAINER, "train", recipe, "--out", str(place / "out"), "--quiet"]
    ended = subprocess.run(["mpirun", "--oversubscribe", "--bind-to", "none", "-wdir", str(place), *words, ":",
                            "-wdir", str(place / "own"), *words], env=environment(), capture_output=True, text=True)
    lines = [line for line in ended.stderr.splitlines() if line.startswith("trainer: ")]
    assert ended.returncode == DATA and len(lines) == 1 and "rank 1 on " in lines[0], ended.stderr
    assert re.search(DAMAGED, lines[0])


@pytest.mark.parametrize("split, used", (("train", "trained on"), ("validation", "validated by")))
def test_resuming_refuses_other_data(half, recipe, split, used):
    change("data.h5", move_labels(split))
    line = refusal(CHECKPOINT, "train", recipe, "--out", half, "--resume", "--quiet")
    assert f"was {used} other data: split {split} of data.h5 has the digest" in line


def test_resuming_refuses_another_number_of_samples(half, recipe):
    def shorten(file):
        kept = {name: file[f"train/{name}"][:120] for name in ("images", "labels")}
        del file["train"]
        for name, values in kept.items():
            file[f"train/{name}"] = values
    change("data.h5", shorten)
    line = refusal(CHECKPOINT, "train", recipe, "--out", half, "--resume", "--quiet")
    assert re.search(r"of a run with \d+ steps an epoch; split train of data.h5 makes \d+: it is not the data", line)


def test_resuming_refuses_other_data_if_the_file_never_had_digests(place, recipe):
    def drop(file):
        for split in ("train", "validation", "test"):
            del file[split].attrs["digest"]
    change("data.h5", drop)
    train(1, recipe, "out", "--stop-after", 15)
    shutil.copy("data.h5", "before.h5")
    for split, used in (("train", "trained on"), ("validation", "validated by")):
        shutil.copy("before.h5", "data.h5")
        rot("data.h5", f"{split}/images")
        assert f"was {used} other data" in refusal(CHECKPOINT, "train", recipe, "--out", "out", "--resume", "--quiet")
    shutil.copy("before.h5", "data.h5")
    assert train(1, recipe, "out", "--resume")["step"] == STEPS


def test_resuming_refuses_a_class_of_another_name(half, recipe):
    change("data.h5", rename_class)
    line = refusal(CHECKPOINT, "train", recipe, "--out", half, "--resume", "--quiet")
    assert "its class 3 is" in line and "in data.h5 it is 'another'" in line


def test_a_checkpoint_of_an_older_program_goes_on(half, recipe):
    with forged(os.path.realpath(f"{half}/checkpoints/latest.h5")) as file:
        del file["run"].attrs["validation_digest"]
    assert train(1, recipe, half, "--resume")["step"] == STEPS


def test_verify_notices_every_lost_block(place):
    run(1, "dataset", "synthesize", "-o", "small.h5", "--train", 3, "--test", 2, "--validation", 2)
    data, good = read("small.h5", "rb"), run(1, "dataset", "verify", "small.h5")
    for at in range(0, len(data), 2560):
        lost = data[:at] + bytes(len(data[at:at + 512])) + data[at + 512:]
        with open("lost.h5", "wb") as file:
            file.write(lost)
        ended = start(1, "dataset", "verify", "lost.h5")
        same = (ended.stdout, ended.stderr) == (good[0].replace("small.h5", "lost.h5"), "")
        assert ended.returncode == DATA or (ended.returncode == 0 and same), (at, ended)


def test_verify_demands_what_the_file_lists(place, recipe):
    """Another program may change a file, which is no damage, but a split must not vanish in silence."""
    def remove(*names):
        def edit(file):
            for name in names:
                del file[name]
        return edit
    change("data.h5", remove("test"))
    line = refusal(DATA, "dataset", "verify", "data.h5")
    assert "data.h5: split 'test' is missing, although the file's list of its splits" in line and "60 samples" in line
    assert train(1, recipe, "out")["step"] == STEPS  # which needs no test split
    change("data.h5", lambda file: (file.attrs.pop("splits"), file.attrs.pop("arrays")))
    assert "missing: a list of what the file must hold" in run(1, "dataset", "verify", "data.h5")[0]
    change("data.h5", remove("train"))
    assert "split 'train' is missing: the file has its statistics" in refusal(DATA, "dataset", "verify", "data.h5")


def test_arrays_that_another_program_removed_are_missed(half):
    """By whoever would go on without them; a file without the list, as earlier programs wrote them, is believed."""
    def alter(file):
        file["test/weights"] = [1.0] * 60
        file.attrs["arrays"] = file.attrs["arrays"].replace(b"statistics/pixel_std\n", b"test/weights")
        del file["statistics/pixel_std"]
    change("data.h5", alter)
    run(1, "dataset", "statistics", "data.h5")  # which adds what is missing, and lists it again
    shutil.copy("data.h5", "whole.h5")
    evaluation = ("eval", f"{half}/checkpoints/latest.h5", "--split", "test")
    for lost, commands in (("classes", (("verify", "data.h5"), ("dataset", "verify", "data.h5"), evaluation)),
                           ("statistics/pixel_std", (("train", f"{half}/run.yaml", "--out", half, "--resume"),)),
                           ("test/weights", (evaluation,))):
        shutil.copy("whole.h5", "data.h5")
        change("data.h5", lambda file: file.pop(lost))
        for words in commands:
            assert f"data.h5:/{lost}: is missing, although the file's list of its arrays" in refusal(DATA, *words)
    change("data.h5", lambda file: file.attrs.pop("arrays"))
    run(1, "dataset", "verify", "data.h5")
    run(1, *evaluation)


def test_verify_notices_a_group_that_cannot_be_listed(place):
    """In a file without guard and list, as earlier programs wrote them."""
    change("data.h5", lambda file: file.attrs.pop("splits"))
    data = read("data.h5", "rb")
    found = [match.start() for match in re.finditer(b"SNOD", data)]
    assert len(found) > 3
    for at in found:
        with open("lost.h5", "wb") as file:
            file.write(data[:at] + bytes(8) + data[at + 8:])
        assert "damaged" in refusal(DATA, "dataset", "verify", "lost.h5")


def test_statistics_keep_the_guard(place):
    run(1, "dataset", "statistics", "data.h5")
    rot("data.h5", "train/labels")
    for words in (("dataset", "verify"), ("verify",)):
        assert "do not match the checksum" in refusal(DATA, *words, "data.h5")
