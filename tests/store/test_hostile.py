"""Files that make the HDF5 library crash, loop, or take all memory: every command that opens them says so in one line,
with the exit code of a damaged file, within its limits."""
import os
import re
import shutil

import h5py
import numpy as np
import pytest
from support.program import CHECKPOINT, DATA, SYSTEM, refusal, run, settings, start
from support.runs import synthesize, write_run_file

NAMES = [f"class-{i}-of-ten".encode() for i in range(10)]
SEEN_BY = (("dataset", "info"), ("dataset", "verify"), ("verify",), ("inspect",))


@pytest.fixture(scope="module")
def good(folder):
    """A data set whose names are texts of variable length, as h5py writes them."""
    path = synthesize(folder, train=40, test=10, validation=10)
    with h5py.File(path, "r+") as file:
        del file["classes"]
        file.create_dataset("classes", data=NAMES, dtype=h5py.string_dtype())
    return path


def damaged(folder, good, name, change):
    """A copy of the file whose global heap `change` damages: change(bytes, first object's offset)."""
    path = shutil.copy(good, f"{folder}/{name}.h5")
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        at = data.index(b"GCOL")
        change(data, at + 16)  # signature, version, reserved, size of the collection
        file.seek(0)
        file.write(data)
    return path


def huge_object(data, at):
    data[at + 8:at + 16] = (2**40).to_bytes(8, "little")


def wild_index(data, at):
    data[at:at + 2] = (0xFFF0).to_bytes(2, "little")


def empty_rest(data, at):
    """An object 0 (free space) of no size, which a walk of the heap never leaves."""
    data[at:at + 16] = bytes(16)


CHANGES = (huge_object, wild_index)


def test_the_file_is_good_before(good):
    assert "good" in run(1, "verify", good)[0]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("words", SEEN_BY, ids=" ".join)
def test_a_damaged_heap_is_a_line_about_the_file(folder, good, words, change):
    path = damaged(folder, good, change.__name__, change)
    done = start(1, *words, path, timeout=120)
    if done.returncode == 0:  # what the damage hit is not needed
        return
    assert done.returncode in (DATA, CHECKPOINT), done.stderr
    assert len(done.stderr.splitlines()) == 1 and path in done.stderr


def test_a_heap_without_end_is_given_up(folder, good):
    path = damaged(folder, good, "endless", empty_rest)
    assert path in refusal(DATA, "dataset", "info", path, timeout=120)


@pytest.fixture(scope="module")
def many_members(folder):
    """In the newer format many members are in a heap; HDF5 itself crashes if it sorts a damaged one."""
    path = f"{folder}/donor.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for i in range(20):
            file[f"model/{i}.weight"] = np.ones((2, 2), np.float32)
    with open(path, "r+b") as file:
        data = file.read()
        file.seek(data.index(b"FHDB") + 100)
        file.write(bytes(300))
    return path


def test_a_damaged_list_of_members_is_a_line_about_the_file(many_members):
    for words in SEEN_BY:
        done = start(1, *words, many_members, timeout=120)
        assert done.returncode in (DATA, CHECKPOINT), done
        assert len(done.stderr.splitlines()) == 1 and many_members in done.stderr


def test_one_child_examines_a_file_for_all_ranks_of_a_host(folder, good, many_members):
    recipe = write_run_file(folder, good, length="3 steps", batch=12, shards=3,
                            model=" [flatten, {linear: {out: 10}}]")
    for path, code in ((good, 0), (many_members, DATA)):
        words = ["train", recipe, "--out", f"{folder}/out-{code}", *settings(f"data.file={path}")]
        done = start(3, *words, "--log", "debug")
        assert done.returncode == code, done.stderr
        found = [line for line in done.stderr.splitlines() if f"{path}: examined by process" in line]
        assert len(found) == 1, done.stderr


@pytest.fixture(scope="module")
def unguarded(folder, good):
    """The same splits as another program writes them."""
    path = f"{folder}/groups.h5"
    with h5py.File(good) as file, h5py.File(path, "w") as copy:
        for name in ("classes", "train", "validation", "test"):
            file.copy(name, copy)
    return path


@pytest.fixture(scope="module")
def trained(folder, unguarded):
    recipe = write_run_file(folder, unguarded, length="3 steps", batch=12, shards=1,
                            model=" [flatten, {linear: {out: 10}}]")
    run(1, "train", recipe, "--out", f"{folder}/whole", "--quiet")
    return f"{folder}/whole"


def test_a_damaged_group_never_makes_another_answer(folder, unguarded, trained):
    """Which split `eval` takes without being told depends on what is there: test, or else the validation split."""
    words = ["eval", trained, "--data", f"{folder}/mutant.h5"]
    with open(unguarded, "rb") as file:
        data = file.read()
    places, refused = [found.start() for found in re.finditer(b"SNOD", data)], 0
    for place in [None, *places]:
        with open(words[-1], "wb") as file:
            file.write(data if place is None else data[:place] + b"X" + data[place + 1:])
        done = start(1, *words)
        expected = done.stdout if place is None else expected
        assert done.returncode in (0 if place is None else DATA, 0), done.stderr
        assert done.returncode or done.stdout == expected
        refused += done.returncode == DATA
    assert refused >= 2  # the root's members, and those of /test


def test_names_of_samples_that_cannot_be_read_end_a_prediction(folder, unguarded, trained):
    path, out = shutil.copy(unguarded, f"{folder}/named.h5"), f"{folder}/names.csv"
    words = ["predict", f"{trained}/checkpoints/best.h5", "--split", "test", "-o", out, "--quiet", "--data", path]
    with h5py.File(path, "r+") as file:
        names = file["classes"][()]
        del file["classes"]
        file["classes"] = names.astype("S")
        file["test/sources"] = [f"photo {i}" for i in range(10)]
    run(1, *words)
    with open(out) as file:
        assert "photo 9" in file.read()
    os.remove(out)
    words[-1] = damaged(folder, path, "unnamed", huge_object)
    assert "/test/sources" in refusal(DATA, *words)
    assert not os.path.exists(out)


@pytest.mark.parametrize("words", SEEN_BY, ids=" ".join)
def test_names_that_are_only_declared_are_refused(folder, good, words):
    path = shutil.copy(good, f"{folder}/bomb.h5")
    with h5py.File(path, "r+") as file:
        del file["classes"]
        file.create_dataset("classes", shape=(2**28,), dtype="S64", chunks=(4096,))
    assert os.path.getsize(path) < 1 << 20
    line = refusal(DATA, *words, path)
    assert "/classes" in line


@pytest.mark.parametrize("words", (
    ("eval", "pipe"), ("activations", "pipe"), ("dataset", "import", "--format", "cifar10", "pipe", "-o", "x.h5"),
    ("dataset", "import", "--format", "numpy", "pipe", "-o", "x.h5"),
    ("dataset", "import", "--format", "table", "--split", "train=pipe", "--label", "a", "-o", "x.h5")),
    ids=lambda words: " ".join(words[:4]))
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert "pipe: " in refusal(CHECKPOINT if len(words) == 2 else DATA, *words)


@pytest.mark.parametrize("samples", (0, 2**62))
def test_a_size_of_blocks_that_none_has_is_named(folder, good, samples):
    path = shutil.copy(good, f"{folder}/blocks.h5")
    with h5py.File(path, "r+") as file:
        file["train"].attrs["block_samples"] = samples
    line = refusal(DATA, "verify", path)
    assert f"/train, attribute block_samples: is {samples}, expected 1 to {2**62 - 1}" in line


@pytest.mark.parametrize("words", (("eval",), ("activations",), ("inspect",)), ids=" ".join)
def test_not_all_of_a_file_of_another_kind_is_read(tmp_path, words):
    """A terabyte of zeros, which take no room on the disk."""
    path = str(tmp_path / "zeros.h5")
    with open(path, "wb") as file:
        file.truncate(2**40)
    line = refusal(CHECKPOINT, *words, path)
    assert f"{path}: is not an HDF5 file ({2**40} bytes without its signature)" in line


@pytest.mark.parametrize("words", (
    ("describe", "pipe"), ("check", "pipe"), ("gradcheck", "pipe"), ("search", "pipe", "--out", "s"),
    ("train", "pipe", "--out", "r"), ("dataset", "import", "--format", "image-list", "pipe", "-o", "x.h5")),
    ids=lambda words: " ".join(words[:4]))
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert "pipe: is a pipe that nobody writes to; expected a file" in refusal(SYSTEM, *words)


def test_a_pipe_that_somebody_writes_to_is_a_run_file(folder, good):
    """As the shell makes of <(COMMAND)."""
    reading, writing = os.pipe()
    with open(write_run_file(folder, good, batch=20)) as file, os.fdopen(writing, "w") as pipe:
        pipe.write(file.read())
    try:
        done = start(1, "describe", f"/dev/fd/{reading}", pass_fds=(reading,))
        assert done.returncode == 0 and "batchnorm" in done.stdout
    finally:
        os.close(reading)


def test_many_attributes_and_links_are_no_damage(folder):
    """HDF5 looks for each attribute among all of them, and a group that many links lead to is met as often."""
    path = f"{folder}/many.h5"
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        for i in range(6000):
            h5py.h5a.create(file.id, b"a%d" % i, h5py.h5t.NATIVE_INT32, space)
        group = file.create_group("train")
        for i in range(100):
            group.attrs[f"a{i}"] = i
        for i in range(20000):
            file[f"links/{i}"] = group
        file["train/images"] = np.zeros((4, 2, 2, 1), np.uint8)
        file["train/labels"] = np.arange(4) % 2
    assert "images" in run(1, "dataset", "info", path)[0]


def test_a_large_good_file_is_still_read(folder):
    path = f"{folder}/large.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("train/images", data=np.zeros((3000, 32, 32, 3), np.uint8), chunks=(100, 32, 32, 3),
                            compression="gzip")
        file.create_dataset("train/labels", data=np.arange(3000, dtype=np.int32) % 10)
        file.create_dataset("classes", data=NAMES)
    run(1, "dataset", "info", path)
