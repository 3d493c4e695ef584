"""Imports of pictures and of arrays in files: the lines of docs/your-data.md, and what is said beside them."""
import gzip
import os
import pathlib
import pickle
import re
import struct

import h5py
import numpy as np
import pytest

from support import program
from support.png import write_png

PAGE = pathlib.Path(program.SOURCE, "docs", "your-data.md").read_text()


def idx(path, values):
    head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    with gzip.open(path, "wb") as file:
        file.write(head + values.astype(np.uint8).tobytes())


def matrix(name, values):
    """An array of bytes as MATLAB stores it."""
    def item(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)
    return item(14, item(6, struct.pack("<II", 9, 0)) + item(5, struct.pack(f"<{values.ndim}i", *values.shape))
                + item(1, name) + item(2, values.astype(np.uint8).tobytes("F")))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """Everything that the lines of the page name."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, (20, 8, 8), dtype=np.uint8), np.arange(20) % 2
    for split in ("train", "test"):
        for k, name in enumerate(("cat", "dog")):
            os.makedirs(folder / "photos" / split / name / "more")
            for i in range(3):
                where = folder / "photos" / split / name / ("more" if i == 2 else "")
                write_png(where / f"{i}.png", rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    os.mkdir(folder / "flat")
    for name in ("cat", "dog"):
        os.mkdir(folder / "flat" / name)
        for i in range(10):
            write_png(folder / "flat" / name / f"{i}.png", rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    (folder / "list.csv").write_text("path,kind,age\nflat/cat/0.png,cat,3\nflat/dog/0.png,dog,4\n")
    (folder / "plain.txt").write_text("flat/cat/0.png 7\nflat\\dog\\0.png 3\n")
    for where, prefix in (("folder", ""), ("gzip", "emnist-letters-"), ("gzip", "emnist-digits-")):
        os.makedirs(folder / where, exist_ok=True)
        idx(folder / where / f"{prefix}train-images-idx3-ubyte.gz", images)
        idx(folder / where / f"{prefix}train-labels-idx1-ubyte.gz", labels + (prefix == "emnist-letters-"))
    os.mkdir(folder / "cifar-10-batches-py")
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        batch = {b"data": rng.integers(0, 256, (10, 3072), dtype=np.uint8), b"labels": list(range(10))}
        (folder / "cifar-10-batches-py" / name).write_bytes(pickle.dumps(batch, protocol=3))
    os.mkdir(folder / "stl10_binary")
    (folder / "stl10_binary" / "train_X.bin").write_bytes(bytes(10 * 3 * 96 * 96))
    (folder / "stl10_binary" / "train_y.bin").write_bytes(bytes(range(1, 11)))
    for name in ("train", "test"):
        both = matrix(b"X", rng.integers(0, 256, (8, 8, 3, 20), dtype=np.uint8)), matrix(b"y", labels[:, None] + 1)
        (folder / f"{name}_32x32.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"".join(both))
    np.savez_compressed(folder / "mnist.npz", x_train=images, y_train=labels, x_test=images[:5], y_test=labels[:5])
    np.save(folder / "x.npy", images.astype(">u2"))
    np.save(folder / "y.npy", labels)
    return folder


def run(scratch, *words):
    (scratch / "own.h5").unlink(missing_ok=True)
    return program.start(1, "dataset", "import", "-o", "own.h5", *words, cwd=scratch)


def rows():
    """The last column of the table: what is typed, without what others say is added to a line."""
    table = PAGE.split("## Pictures and arrays in files")[1].split("## Statistics")[0]
    for line in re.findall(r"^\| .* \| (.*) \|$", table, re.M)[1:]:
        words = re.findall("`([^`]+)`", line)[0] if "`" in line else ""
        if words.startswith("--format"):
            yield words.replace("--split train=photos", "--split train=flat").split()


@pytest.mark.parametrize("words", rows(), ids=" ".join)
def test_a_line_of_the_page(scratch, words):
    done = run(scratch, *words)
    assert done.returncode == 0, done.stderr
    with h5py.File(scratch / "own.h5") as file:
        assert len(file["train/images"]) == len(file["train/labels"]) > 0


def test_what_is_added_to_a_line(scratch):
    words = ("--format", "image-folder", "photos", "--size", "4x4", "--resize", "pad", "--skip-bad",
             "--depth", "float", "--scale", "unit", "--channels", "4")
    os.symlink("absent.png", scratch / "photos/train/cat/gone.png")
    done = run(scratch, *words)
    os.remove(scratch / "photos/train/cat/gone.png")
    assert done.returncode == 0, done.stderr
    assert "gone.png: is a link that leads nowhere" in done.stderr
    with h5py.File(scratch / "own.h5") as file:
        images = file["train/images"]
        assert images.shape == (6, 4, 4, 4) and images.dtype == np.float32
        assert images[...].max() <= 1 and (images[..., 3] == 1).all()
        assert file["train/sources"].asstr()[:].tolist() == [
            "cat/0.png", "cat/1.png", "cat/more/2.png", "dog/0.png", "dog/1.png", "dog/more/2.png"]


def test_a_list_may_call_the_files_by_another_name(scratch):
    (scratch / "other.csv").write_text("kind,filename\ncat,flat/cat/0.png\ndog,flat/dog/0.png\n")
    assert run(scratch, "--format", "image-list", "other.csv", "--label", "kind").returncode == 0


@pytest.mark.parametrize("text, words", (("flat/dog/0.png,dog\nflat/cat/0.png,cat\n", []),
                                         ("File Name,kind\nflat\\dog\\0.png,dog\nflat/cat/0.png,cat\n", []),
                                         ("flat/dog/0.png 1\nflat/cat/0.png 0\n", ["--label", "1"])))
def test_lists_of_other_shapes(scratch, text, words):
    """Without names of columns, with blanks between them, or of Windows."""
    (scratch / "other.csv").write_text(text)
    done = run(scratch, "--format", "image-list", "other.csv", *words)
    assert done.returncode == 0, done.stderr
    with h5py.File(scratch / "own.h5") as file:
        assert file["train/labels"][()].tolist() == [1, 0]


def test_arrays_of_numpy_are_the_same(scratch):
    done = run(scratch, "--format", "npy", "--split", "train=x.npy,y.npy")
    assert done.returncode == 0, done.stderr
    with h5py.File(scratch / "own.h5") as file:
        assert (file["train/images"][..., 0] == np.load(scratch / "x.npy")).all()
        assert (file["train/labels"][:] == np.load(scratch / "y.npy")).all()


@pytest.mark.parametrize("labels, words, names", (
    ([-1, 1], [], ["-1", "1"]), ([4, 9], ["--classes", "values"], ["4", "9"]),
    ([-1, 0, 1], ["--classes", "values"], ["-1", "0", "1"])))
def test_labels_of_numpy_that_are_names(scratch, labels, words, names):
    """As in HDF5 files: negative ones by themselves, others by a word."""
    found = np.array(labels)[np.arange(20) % len(labels)]
    np.savez(scratch / "names.npz", x_train=np.load(scratch / "x.npy"), y_train=found)
    done = run(scratch, "--format", "numpy", "names.npz", *words)
    assert done.returncode == 0, done.stderr
    with h5py.File(scratch / "own.h5") as file:
        assert file["classes"].asstr()[:].tolist() == names
        assert [int(names[label]) for label in file["train/labels"]] == found.tolist()


def test_labels_that_begin_with_1_get_a_hint(scratch):
    done = run(scratch, "--format", "idx", "gzip/emnist-letters")
    assert done.returncode == 0 and "there are no samples of 1 of the 3 classes: 0" in done.stderr
    assert "--first-label 1" in done.stderr


def test_flags_that_do_not_fit_are_refused(scratch):
    for line, said in (("image-folder photos --depth byte --scale unit", "--scale unit:"),
                       ("numpy mnist.npz --depth float", "--depth is for --format image-folder"),
                       ("idx folder --axes NCHW", "--axes is for --format numpy")):
        done = run(scratch, "--format", *line.split())
        assert done.returncode == program.USAGE and said in done.stderr, done.stderr
        assert not (scratch / "own.h5").exists()


@pytest.mark.parametrize("line, said", (
    ("image-folder flat", "its folders hold pictures, so they are classes such as 'cat', not splits; --split "
     "train=flat takes it as one split"),
    ("image-folder cut", "cut/train/cat/0.png: damaged PNG: the file ends too early; --skip-bad leaves it out"),
    ("numpy mnist.npz.gz", "mnist.npz.gz: is packed by gzip; gunzip unpacks it"),
    ("cifar10 train_32x32.mat",
     "is not a file of cifar10: it is a MATLAB file of version 5 to 7; format matlab imports it"),
    ("matlab odd.mat", "odd.mat: holds a, b; expected images and labels, as in x_train with y_train or train_images "
     "with train_labels; --split train=odd.mat takes the first as images and the second as labels"),
    ("hdf5 train_32x32.mat", "is not an HDF5 file: it is a MATLAB file of version 5 to 7; format matlab imports it"),
    ("table data_batch --label y",
     "data_batch: is a pickle of Python; formats cifar10 and cifar100 import those of CIFAR"),
))
def test_files_of_other_kinds(scratch, line, said):
    os.makedirs(scratch / "cut/train/cat", exist_ok=True)
    (scratch / "cut/train/cat/0.png").write_bytes((scratch / "flat/cat/0.png").read_bytes()[:60])
    (scratch / "mnist.npz.gz").write_bytes(gzip.compress(b"x"))
    (scratch / "data_batch").write_bytes((scratch / "cifar-10-batches-py/data_batch_1").read_bytes())
    odd = matrix(b"a", np.ones((4, 4, 5))), matrix(b"b", np.ones((5, 1)))
    (scratch / "odd.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"".join(odd))
    done = run(scratch, "--format", *line.split())
    assert done.returncode == program.DATA and said in done.stderr, done.stderr
