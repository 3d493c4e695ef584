"""Packed images: held in memory they train to the bits of an unpacked file; streamed, to bits of their own on any
number of ranks and after a stop in the middle of an epoch."""
import contextlib
import re
import shutil

import h5py
import numpy as np
import pytest

from support.processes import Launched, stopped
from support.program import DATA, RUN_FILE, refusal, result, run, settings
from support.runs import read, synthesize, train, write

RUN = """data:
  file: {file}
  axes: {axes}
  splits:
    train: {{images: /x, labels: /y, indices: "0:1200"}}
    validation: {{images: /x, labels: /y, indices: "1200:1500"}}
model: [flatten, {{linear: {{out: 10}}}}]
optimizer: {{momentum: {{rate: 0.01}}}}
train: {{batch: 100, length: 2 epochs, shards: 4}}
checkpoint: {{every: 1 epochs}}
"""
PACKINGS = {
    "gzip": {"compression": "gzip", "shuffle": True, "chunks": (25, 3, 32, 32)},
    "lzf": {"compression": "lzf", "fletcher32": True, "chunks": (30, 1, 16, 32)},
    "turned": {"chunks": None},
}
STREAMED = settings("data.window=200")


def write_packed(path, images, labels, **packing):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=images, **packing)
        file["y"] = labels


@pytest.fixture(scope="module")
def recipes(folder):
    """Run files of the same images: as they lie in memory, and packed in each way."""
    with h5py.File(synthesize(folder, train=1500, test=10, validation=10)) as file:
        images, labels = file["train/images"][:], file["train/labels"][:]
    write_packed(f"{folder}/plain.h5", images, labels)
    first = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    found = {"plain": write(f"{folder}/plain.yaml", RUN.format(file=f"{folder}/plain.h5", axes="NHWC"))}
    for name, packing in PACKINGS.items():
        write_packed(f"{folder}/{name}.h5", first, labels, **packing)
        found[name] = write(f"{folder}/{name}.yaml", RUN.format(file=f"{folder}/{name}.h5", axes="NCHW"))
    return found


@pytest.fixture(scope="module")
def whole(folder, recipes):
    return train(1, recipes["plain"], f"{folder}/whole")


@pytest.fixture(scope="module")
def streamed(folder, recipes):
    return train(1, recipes["gzip"], f"{folder}/streamed", *STREAMED)


@pytest.mark.parametrize("name", PACKINGS)
def test_in_memory_packed_images_are_as_good_as_mapped_ones(folder, recipes, whole, name):
    packed = train(2 if name == "gzip" else 1, recipes[name], f"{folder}/held-{name}")
    assert packed["digest"] == whole["digest"]
    assert packed.metrics("epoch") == whole.metrics("epoch")


def test_the_bits_of_a_stream_do_not_depend_on_the_ranks(folder, recipes, streamed, whole):
    on_two = train(2, recipes["gzip"], f"{folder}/streamed-2", *STREAMED)
    assert on_two["digest"] == streamed["digest"] != whole["digest"]
    assert on_two.metrics("step", "epoch") == streamed.metrics("step", "epoch")


@pytest.mark.parametrize("choice", ("always", "never"))
def test_the_bits_of_a_stream_do_not_depend_on_samples_that_are_made_ahead(folder, recipes, streamed, choice):
    ahead = settings(f"train.prepare_ahead={choice}")
    train(1, recipes["gzip"], f"{folder}/ahead-{choice}", *STREAMED, *ahead, "--stop-after", 11)
    found = train(2, recipes["gzip"], f"{folder}/ahead-{choice}", *ahead, "--resume")
    assert found["digest"] == streamed["digest"]
    assert found.metrics("epoch") == streamed.metrics("epoch")


def test_a_stream_goes_on_in_the_middle_of_an_epoch(folder, recipes, streamed):
    out = f"{folder}/stopped"
    train(2, recipes["gzip"], out, *STREAMED, "--stop-after", 17)
    resumed = train(1, recipes["gzip"], out, "--resume")  # the checkpoint knows the window
    assert resumed["digest"] == streamed["digest"]


def test_a_file_whose_chunks_have_changed_is_noticed(scratch, recipes, streamed):
    """The samples are the same, and come in another order from the middle of the epoch on."""
    with h5py.File(recipes["gzip"].replace(".yaml", ".h5")) as file:
        images, labels = file["x"][:], file["y"][:]
    recipe = write(f"{scratch}/run.yaml", RUN.format(file=f"{scratch}/data.h5", axes="NCHW"))
    for chunk in (25, 50):
        write_packed(f"{scratch}/data.h5", images, labels, chunks=(chunk, 3, 32, 32))
        more = ("--stop-after", 17) if chunk == 25 else ("--resume",)
        said = run(1, "train", recipe, "--out", f"{scratch}/out", "--quiet", *STREAMED, *more)[1]
        assert said.count("its samples come in another order from here on") == (chunk == 50)


def test_balanced_epochs_have_the_same_bits_on_any_ranks_and_after_a_stop(folder, recipes, streamed):
    more = (*STREAMED, *settings("train.sampling=balanced", "train.length=1 epochs"))
    on_two = train(2, recipes["gzip"], f"{folder}/balanced-2", *more)
    run(1, "train", recipes["gzip"], "--out", f"{folder}/balanced", "--quiet", *more, "--stop-after", 7)
    resumed = train(1, recipes["gzip"], f"{folder}/balanced", "--resume", *more)
    assert resumed["digest"] == on_two["digest"] != streamed["digest"]


def test_the_first_start_decides_the_window(folder, recipes):
    small = settings("data.memory=4 MiB")
    described = result(1, "describe", recipes["gzip"], *small, "--ranks", 2)["image_bytes"]
    assert 100 <= described["window_samples"] < 1200
    assert 0 < described["windows"] + described["held"] <= described["granted"] == 4 << 20
    run(1, "train", recipes["gzip"], "--out", f"{folder}/small", "--quiet", *small, "--stop-after", 3)
    shown = run(1, "inspect", f"{folder}/small/checkpoints/latest.h5", "--run-file")[0]
    assert f"window: {described['window_samples']}" in shown


def test_memory_too_small_for_a_window_is_refused(folder, recipes):
    line = refusal(RUN_FILE, "describe", recipes["gzip"], *settings("data.memory=100 KiB"))
    assert "data.memory" in line and "too little to stream" in line and "expected at least" in line


def test_a_window_too_large_for_the_memory_is_refused(folder, recipes):
    line = refusal(RUN_FILE, "describe", recipes["gzip"], *settings("data.memory=8 MiB", "data.window=1200"))
    most = re.search(r"data\.window=1200: .*windows of 1200 samples need .*; expected at most (\d+)", line)
    assert most and 0 < int(most[1]) < 1200
    for window, code in ((int(most[1]), 0), (int(most[1]) + 200, RUN_FILE)):
        run(1, "describe", recipes["gzip"], *settings("data.memory=8 MiB", f"data.window={window}"), code=code)


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_chunk_that_cannot_be_unpacked_is_named(folder, recipes, ranks):
    path = f"{folder}/rotten-{ranks}.h5"
    shutil.copy(f"{folder}/gzip.h5", path)
    with h5py.File(path) as file:
        chunk = file["x"].id.get_chunk_info_by_coord((1000, 0, 0, 0))
    with open(path, "r+b") as file:
        file.seek(chunk.byte_offset + chunk.size // 2)
        file.write(bytes(64))
    assignments = settings(f"data.file={path}", "preprocess={center: none, scale: range}", "data.validation=none")
    line = refusal(DATA, "train", recipes["gzip"], "--out", f"{folder}/rotten-out-{ranks}", "--quiet", *STREAMED,
                   *assignments, ranks=ranks)
    assert f"{path}:/x: the chunk at (1000,0,0,0) cannot be unpacked: its gzip data are damaged" in line


# ---- What ranks of a node share

SHARED = """data: {{file: {file}, validation: none, splits: {{train: {{images: /x, labels: /y}}}}}}
statistics: {{sample: 10}}
model: [{{conv: {{out: 16, kernel: 3}}}}, flatten, {{linear: {{out: 2}}}}]
optimizer: {{sgd: {{rate: 0.001}}}}
train: {{batch: 10, shards: 1, length: 1 steps}}
"""
COUNT, SIDE = 5000, 64


@pytest.fixture(scope="module")
def evaluated(folder):
    """A checkpoint and the size of its packed images."""
    pattern = np.random.default_rng(1).integers(0, 255, 50 * SIDE * SIDE * 3).astype("u1")
    images = np.resize(pattern, (COUNT, SIDE, SIDE, 3))
    write_packed(f"{folder}/large.h5", images, np.arange(COUNT) % 2, compression="lzf", chunks=(50, SIDE, SIDE, 3))
    recipe = write(f"{folder}/large.yaml", SHARED.format(file=f"{folder}/large.h5"))
    return train(1, recipe, f"{folder}/large").checkpoint(), images.nbytes


def mapping(pid):
    """The memory that a rank shares with others: its inode, the KiB that are resident, the rank's share of them."""
    found, fields, at = None, {}, None
    for line in read(f"/proc/{pid}/smaps").splitlines():
        words = line.split()
        if "-" in words[0]:
            at = words[4] if "memfd:trainer" in line else None
            found = found or at
        elif at == found and at and words[0] in ("Rss:", "Pss:"):
            fields[words[0]] = fields.get(words[0], 0) + int(words[1])
    return found, fields


@pytest.mark.parametrize("words", (["eval"], ["predict", "-o", "-", "--top", "1"], ["ensemble"]),
                         ids=lambda words: words[0])
def test_ranks_of_a_node_hold_images_once(scratch, evaluated, words):
    checkpoint, size = evaluated
    seen = []

    def is_loaded():
        """Looks at both ranks while neither runs: a page that one maps between the two looks would count twice."""
        seen.clear()
        with contextlib.suppress(OSError), stopped(*launched.pids):
            seen[:] = [mapping(pid) for pid in launched.pids]
        return len(seen) == 2 and sum(fields.get("Rss:", 0) for _, fields in seen) > 0.95 * size / 1024
    launched = Launched(2, words[0], checkpoint, *[checkpoint] * (words[0] == "ensemble"), "--split", "train",
                        *words[1:])
    try:
        launched.wait_until(is_loaded)
    finally:
        launched.destroy()
    (first, one), (second, other) = seen
    assert first and first == second
    assert one["Pss:"] + other["Pss:"] < 1.05 * size / 1024
