"""Small good files of every kind that the program reads, to be damaged: of this program, of h5py, and of others."""
import gzip
import os
import pickle
import struct
import tempfile
import zlib

import h5py
import numpy as np
from support import png
from support.program import run, settings
from support.runs import train, write

MODEL = """
  - conv: {out: 4, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - flatten
  - linear: {out: 3}
"""
RUN_FILE = """data: {{file: {data}, train: train, validation: test}}
preprocess: {{scale: channel_std}}
augment:
  - flip
  - crop: {{pad: 2, fill: reflect}}
model:{model}
loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
optimizer:
  nesterov: {{rate: 0.05, momentum: 0.9, weight_decay: 5.0e-4}}
schedule: {{cosine: {{warmup: 1 steps}}}}
average: {{ema: {{decay: 0.9}}}}
early_stopping: {{patience: 3}}
train: {{batch: 16, shards: 2, length: 3 steps, seed: 3}}
checkpoint: {{every: 2 steps, keep: 2}}
"""
SAMPLES = 12
NUMPY_LABELS = 6  # of target_numpy.c
NAMES = [f"class-{i}".encode() for i in range(3)]


class Kind:
    """Files for one target of tests/fuzz. `guarded`: the program notices any change of what it reads."""

    def __init__(self, target, files, guarded=False):
        self.target, self.files, self.guarded = target, files, guarded
        self.hdf5 = all(file.endswith(".h5") for file in files)


def idx(folder):
    """The files of a small idx data set, in a folder."""
    os.makedirs(folder)
    for name, count in (("train", 24), ("t10k", 9)):
        images = struct.pack(">BBBB3I", 0, 0, 8, 3, count, 6, 5) + bytes(i * i % 253 for i in range(count * 30))
        numbers = struct.pack(">BBBBI", 0, 0, 8, 1, count) + bytes(i % 3 for i in range(count))
        write_bytes(f"{folder}/{name}-images-idx3-ubyte", images)
        write_bytes(f"{folder}/{name}-labels-idx1-ubyte", numbers)
    return folder


def own(folder):
    """A data set with all statistics, one of values, one whose samples have names, a run file, and a checkpoint."""
    data = f"{folder}/data.h5"
    run(1, "dataset", "import", "--format", "idx", idx(f"{folder}/idx"), "-o", data)
    run(1, "dataset", "statistics", data, "--pca")
    table = csv(folder)
    values = f"{folder}/values.h5"
    run(1, "dataset", "import", "--format", "table", "--split", f"train={table}", "--split", f"test={table}",
        "--target", "y", "-o", values)
    for name in ("a", "b"):
        os.makedirs(f"{folder}/photos/train/{name}")
        for i in range(4):
            png.write_png(f"{folder}/photos/train/{name}/{i}.png", pixels()[i] + ord(name) - ord("a"))
    named = f"{folder}/named.h5"
    run(1, "dataset", "import", "--format", "image-folder", f"{folder}/photos", "-o", named)
    recipe = write(f"{folder}/run.yaml", RUN_FILE.format(data=data, model=MODEL))
    out = train(1, recipe, f"{folder}/run").out
    checkpoint = os.path.realpath(f"{out}/checkpoints/latest.h5")
    return [Kind("dataset", [data, values, named], guarded=True), Kind("checkpoint", [checkpoint], guarded=True),
            Kind("runfile", [recipe])]


def encode(image):
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        png.write_png(file.name, image)
        return file.read()


def pixels(count=SAMPLES, side=6):
    return (np.arange(count * side * side * 3).reshape(count, side, side, 3) * 37 % 251).astype(np.uint8)


def labels(count=SAMPLES):
    return np.arange(count, dtype=np.int64) % 3


def dataset(path, libver, names=NAMES, names_type=None, **storage):
    """A data set as another program writes it."""
    with h5py.File(path, "w", libver=libver) as file:
        for split in ("train", "test"):
            file.create_dataset(f"{split}/images", data=pixels(), **storage)
            file.create_dataset(f"{split}/labels", data=labels(), fillvalue=7, **storage)
            file[split].attrs["note"] = "a text of variable length"
        file.create_dataset("classes", data=names, dtype=names_type)
        file.attrs["shape"] = np.arange(4)
        file["alias"] = h5py.SoftLink("/train/images")
        for i in range(20):  # so many that the newer format keeps them in a heap and a tree
            file.create_group(f"many/group-{i}")
            file["many"].attrs[f"attribute-{i}"] = i
    return path


def compact(path, libver):
    """Arrays inside object headers, which h5py makes only through its low level."""
    with h5py.File(path, "w", libver=libver) as file:
        create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        create.set_layout(h5py.h5d.COMPACT)
        for name, values in (("images", pixels()), ("labels", labels().astype(np.int32))):
            group = file.require_group("train")
            array = h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(values.dtype),
                                    h5py.h5s.create_simple(values.shape), create)
            array.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
        file["classes"] = np.array(NAMES)
    return path


def encoded(path):
    """Pictures as runs of bytes, and one-hot labels as booleans."""
    with h5py.File(path, "w") as file:
        bytes_type = h5py.vlen_dtype(np.uint8)
        images = file.create_dataset("train/images", (SAMPLES,), dtype=bytes_type)
        for i, image in enumerate(pixels()):
            images[i] = np.frombuffer(encode(image), np.uint8)
        file["train/labels"] = np.eye(3, dtype=bool)[labels()]
        file["classes"] = np.array(NAMES)
    return path


def lists(path, libver, **storage):
    """Runs of bytes and texts, of one length and of their own, an enumeration, a cell array of MATLAB, and records."""
    words = [b"a", b"word", b"", b"bytes\0of eleven"] * 3
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("opaque", data=np.array(words, "V16"), **storage)
        file.create_dataset("fixed", data=np.array(words, "S16"), **storage)
        file.create_dataset("names", data=np.array(words, "S16").reshape(3, 4))
        ragged = file.create_dataset("ragged", (len(words),), h5py.vlen_dtype(np.uint8))
        for i, word in enumerate(words):
            ragged[i] = np.frombuffer(word, np.uint8)
        members = h5py.enum_dtype({"cat": 1, "dog": -3, "bee": 700}, basetype="<i2")
        file.create_dataset("members", data=np.array([1, -3, 700] * 4, "i2"), dtype=members, **storage)
        cells = []
        for i, word in enumerate(("zebra", "\u00e4", "cat")):
            letters = np.array([[ord(letter)] for letter in word], "u2")
            cells.append(file.create_dataset(f"#refs#/{i}", data=letters).ref)
        file.create_dataset("cells", data=np.array([cells], h5py.ref_dtype))
        records = np.zeros(12, [("pixels", "u1", (4, 3)), ("value", ">f8"), ("name", "S16"), ("member", members)])
        records["pixels"], records["name"] = np.arange(144).reshape(12, 4, 3), words
        records["value"], records["member"] = np.arange(12) / 8, [1, -3, 700] * 4
        file.create_dataset("records", data=records, **storage)
        file.create_dataset("elements", (12,), "(2,3)<i2", **storage)[...] = np.arange(72).reshape(12, 2, 3)
    return path


def foreign(folder):
    """Data sets and weights of h5py, in its oldest and its newest format."""
    packed = dict(chunks=True, compression="gzip", shuffle=True, fletcher32=True)
    texts = h5py.string_dtype()
    files = [dataset(f"{folder}/plain.h5", "earliest"), dataset(f"{folder}/plain-latest.h5", "latest"),
             dataset(f"{folder}/packed.h5", "earliest", **packed),
             dataset(f"{folder}/packed-latest.h5", "latest", **packed),
             dataset(f"{folder}/texts.h5", "earliest", names_type=texts),
             dataset(f"{folder}/texts-latest.h5", "latest", names_type=texts, chunks=True),
             compact(f"{folder}/compact.h5", "earliest"), compact(f"{folder}/compact-latest.h5", "latest"),
             encoded(f"{folder}/encoded.h5")]
    donors = []
    for libver in ("earliest", "latest"):
        path = f"{folder}/donor-{libver}.h5"
        donors.append(path)
        with h5py.File(path, "w", libver=libver) as file:
            for i in range(10):
                file[f"model/{i}.weight"] = np.arange(24, dtype=np.float32).reshape(2, 12) / 8
                file[f"model/{i}.bias"] = np.arange(2, dtype=np.float64)
            file.create_dataset("model/packed", data=np.ones((8, 8), np.float16), **packed)
            file["model/count"] = 5
    runs = [lists(f"{folder}/lists.h5", "earliest"),
            lists(f"{folder}/lists-latest.h5", "latest", chunks=(5,), compression="gzip", fletcher32=True)]
    return [Kind("dataset", files), Kind("donor", donors), Kind("bytes", runs)]


def csv(folder):
    lines = ['a,b,"y"'] + [f"{i},{i * i % 7}.5,{3 * i - 4}e-1" for i in range(20)]
    return write(f"{folder}/table.csv", "\n".join(lines) + "\n")


def write_bytes(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def pictures(folder):
    """Pictures."""
    head = b"P6\n6 6\n255\n"
    return [write_bytes(f"{folder}/a.png", encode(pixels()[0])),
            write_bytes(f"{folder}/a.ppm", head + pixels()[0].tobytes())]


def pickles(folder):
    """The Python version of CIFAR, in the protocols of Python 3."""
    rows = (np.arange(2 * 3072) * 7 % 256).astype(np.uint8).reshape(2, 3072)
    contents = {"data": rows, "labels": [1, 7], "fine_labels": [1, 77], "filenames": ["a", "b"]}
    return [write_bytes(f"{folder}/cifar.{protocol}", pickle.dumps(contents, protocol)) for protocol in (3, 4, 5)]


def matlab(folder):
    """Files of MATLAB, level 5, plain and packed."""
    def item(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    def matrix(name, values):
        return item(14, item(6, struct.pack("<II", 9, 0)) + item(5, struct.pack(f"<{values.ndim}i", *values.shape))
                    + item(1, name) + item(2, values.tobytes("F")))

    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    both = [matrix(b"X", pixels().transpose(1, 2, 3, 0)), matrix(b"y", labels().astype(np.uint8)[:, None])]
    packed = [struct.pack("<II", 15, len(data)) + data for data in map(zlib.compress, both)]
    return [write_bytes(f"{folder}/plain.mat", head + b"".join(both)),
            write_bytes(f"{folder}/packed.mat", head + b"".join(packed))]


def other(folder):
    digits = [struct.pack(">BBBB3I", 0, 0, 8, 3, 6, 5, 4) + bytes(range(120)),
           struct.pack(">BBBBI", 0, 0, 8, 1, 6) + bytes([0, 1, 2, 3, 1, 2])]
    arrays = [f"{folder}/arrays.npz", f"{folder}/packed.npz", f"{folder}/images.npy"]
    np.savez(arrays[0], x_train=pixels(), y_train=labels())
    np.savez_compressed(arrays[1], x_train=pixels().astype(np.float32), y_train=labels())
    np.save(arrays[2], pixels(NUMPY_LABELS))
    cifar = bytes([4]) + bytes(i * 7 % 256 for i in range(3072))
    hundred = bytes([4, 77]) + bytes(i * 5 % 256 for i in range(3072))
    return [Kind("csv", [csv(folder)]),
            Kind("idx", [write_bytes(f"{folder}/images-idx", digits[0]),
                         write_bytes(f"{folder}/labels-idx", digits[1]),
                         write_bytes(f"{folder}/images-idx.gz", gzip.compress(digits[0], mtime=0))]),
            Kind("numpy", arrays + matlab(folder)),
            Kind("cifar", [write_bytes(f"{folder}/cifar10.bin", 3 * cifar),
                           write_bytes(f"{folder}/cifar100.bin", 3 * hundred)] + pickles(folder)),
            Kind("stl10", [write_bytes(f"{folder}/images.bin", bytes(i * 11 % 256 for i in range(2 * 3 * 96 * 96))),
                           write_bytes(f"{folder}/labels.bin", bytes([3, 7])),
                           write_bytes(f"{folder}/names.txt", "".join(f"name {i}\n" for i in range(10)).encode())]),
            Kind("picture", pictures(folder))]


def every(folder):
    kinds = []
    for make in (own, foreign, other):
        inside = f"{folder}/{make.__name__}"
        os.makedirs(inside)
        kinds += make(inside)
    return kinds
