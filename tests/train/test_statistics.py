#!/usr/bin/python3
"""`dataset statistics` against numpy, and runs that decorrelate: the same bits on any number of ranks, and predictions of
a stranger's file that are those of eval."""
import json
import os
import subprocess
import zlib

import h5py
import numpy as np

from harness import check, environment, run, scratch, TRAINER

SIZE, CHANNELS = 16, 3
RUN = """data: {{file: {data}, validation: test}}
preprocess: {preprocess}
augment: {augment}
model: {model}
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 60, shards: 2, length: 2 epochs, seed: 3, backend: openblas}}
"""


def program(*words):
    done = subprocess.run([TRAINER, *map(str, words)], env=environment(), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def good(*words):
    code, out, err = program(*words)
    if code:
        raise SystemExit(f"FAILED: {' '.join(map(str, words))}: {code} {err}")
    return out


def images_of(file):
    return file["train/images"][:].astype(np.float64).reshape(len(file["train/images"]), -1)


def against_numpy(data):
    for scale in ("channel_std", "pixel_std", "none"):
        shown = json.loads(good("dataset", "statistics", data, "--pca", "--scale", scale, "--json"))
        with h5py.File(data) as file:
            pixels, kept = images_of(file), file[f"statistics/pca/{scale}"]
            channel = pixels.reshape(-1, CHANNELS)
            check(np.allclose(file["statistics/pixel_std"][:].ravel(), pixels.std(0), rtol=1e-5), f"{scale}: pixel_std")
            check(np.allclose(file["statistics/channel_covariance"][:], np.cov(channel.T, bias=True), rtol=1e-9), f"{scale}: channel covariance")
            divisor = {"none": 1, "pixel_std": file["statistics/pixel_std"][:].astype(np.float64).ravel(), "channel_std": np.tile(channel.std(0), SIZE * SIZE)}[scale]
            centred = (pixels - pixels.mean(0)) / divisor
            covariance = centred.T @ centred / len(centred)
            values, vectors = kept["eigenvalues"][:], kept["eigenvectors"][:].reshape(len(kept["eigenvalues"]), -1).astype(np.float64)
            expected = np.linalg.eigvalsh(covariance)[::-1]
            top = expected[0]
            check(np.abs(values - expected).max() < 1e-9 * top, f"{scale}: eigenvalues")
            check(np.abs(vectors @ vectors.T - np.eye(len(values))).max() < 1e-6, f"{scale}: orthonormal eigenvectors")
            check(np.abs(covariance @ vectors.T - vectors.T * values).max() < 1e-6 * top, f"{scale}: eigenvectors")
            check(abs(kept.attrs["total_variance"] - np.trace(covariance)) < 1e-9 * top * len(values), f"{scale}: total variance")
        check(np.allclose(shown["pca"]["eigenvalues"], values), f"{scale}: what is shown is what is kept")


def thread_counts(folder, data):
    kept = []
    for threads in (1, 3):
        copy = os.path.join(folder, f"threads-{threads}.h5")
        with open(copy, "wb") as out, open(data, "rb") as file:
            out.write(file.read())
        os.environ["OMP_NUM_THREADS"] = str(threads)
        good("dataset", "statistics", copy, "--pca", "--again")
        with open(copy, "rb") as file:
            kept.append(file.read())
    os.environ["OMP_NUM_THREADS"] = "1"
    check(kept[0] == kept[1], "the same file on 1 and 3 threads")


def foreign_file(folder, data):
    """A file of h5py's, newest format, with something of its owner's: that stays."""
    path = os.path.join(folder, "foreign.h5")
    with h5py.File(data) as file, h5py.File(path, "w", libver="latest") as made:
        for split in ("train", "test"):
            made.create_dataset(f"{split}/images", data=file[f"{split}/images"][:], chunks=(10, SIZE, SIZE, CHANNELS), compression="gzip")
            made.create_dataset(f"{split}/labels", data=file[f"{split}/labels"][:])
        made.create_dataset("notes/mine", data=np.arange(5))
        made.attrs["owner"] = "someone"
    good("dataset", "statistics", path, "--pca", "--components", 20)
    good("dataset", "verify", path)
    with h5py.File(path) as file, h5py.File(data) as original:
        check(list(file["notes/mine"]) == [0, 1, 2, 3, 4] and file.attrs["owner"] == "someone", "what a stranger put into the file stays")
        check(np.array_equal(file["train/images"][:], original["train/images"][:]), "images of a stranger's file")
        check(file["statistics/pca/channel_std/eigenvectors"].shape == (20, SIZE, SIZE, CHANNELS), "the first 20 components")


def trained(folder, name, data, ranks, **keys):
    text = RUN.format(data=data, **keys)
    path, out = os.path.join(folder, f"{name}.yaml"), os.path.join(folder, f"{name}-{ranks}")
    with open(path, "w") as file:
        file.write(text)
    run(ranks, "train", path, "--out", out)
    return os.path.join(out, "checkpoints", "latest.h5")


def parameters(path):
    with h5py.File(path) as file:
        return {name: file["model"][name][:].tobytes() for name in file["model"]}


def runs(folder, data):
    """Every way to decorrelate; then a stranger's file without statistics is judged the same."""
    conv = "[{conv: {out: 6, kernel: 3, padding: 1}}, relu, flatten, {linear: {out: 10}}]"
    flat = "[flatten, {linear: {out: 12}}, relu, {linear: {out: 10}}]"
    cases = {
        "zca": dict(preprocess="{decorrelate: zca, epsilon: 0.01}", augment="[flip, crop]", model=conv),
        "pca": dict(preprocess="{decorrelate: pca_whiten, components: 25, scale: pixel_std, epsilon: 0.01}", augment="[]", model=flat),
        "colour": dict(preprocess="{decorrelate: zca, scope: pixel}", augment="[flip]", model=conv),
        "pixel_std": dict(preprocess="{center: mean_image, scale: pixel_std}", augment="[flip]", model=conv),
    }
    stranger = os.path.join(folder, "stranger.h5")
    with h5py.File(data) as file, h5py.File(stranger, "w") as made:
        for name in ("test/images", "test/labels", "classes"):
            made[name] = file[name][:]
    for name, keys in cases.items():
        one, two = (trained(folder, name, data, ranks, **keys) for ranks in (1, 2))
        check(parameters(one) == parameters(two), f"{name}: the same bits on 1 and 2 ranks")
        with h5py.File(one) as file:
            check(("matrix" in file["preprocessing"]) == (name != "pixel_std"), f"{name}: the matrix is in the checkpoint")
        here = json.loads(good("eval", one, "--data", data, "--split", "test", "--json"))
        there = json.loads(good("eval", one, "--data", stranger, "--split", "test", "--json"))
        for result in (here, there):
            result.pop("data", None)
        check(here == there or str(here).replace(data, "") == str(there).replace(stranger, ""), f"{name}: a stranger's file is preprocessed the same")


def refusals(folder, data):
    path = os.path.join(folder, "bad.yaml")
    for keys, word in ((dict(preprocess="{decorrelate: pca}", augment="[flip]", model="[flatten, {linear: {out: 10}}]"), "leaves a vector"),
                       (dict(preprocess="{decorrelate: pca_whiten}", augment="[]", model="[flatten, {linear: {out: 10}}]"), "variance along 599 at most"),
                       (dict(preprocess="{decorrelate: zca}", augment="[]", model="[flatten, {linear: {out: 10}}]"), "variance along 599 at most; what a new image has along the others"),
                       (dict(preprocess="{decorrelate: zca, center: none}", augment="[]", model="[flatten, {linear: {out: 10}}]"), "preprocess.center: none")):
        with open(path, "w") as file:
            file.write(RUN.format(data=data, **keys))
        described = () if "variance" in word else (("describe", path),)  # it reads no pixels
        for words in (*described, ("train", path, "--out", os.path.join(folder, "no"))):
            code, _, err = program(*words)
            check(code == 3 and word in err and path in err and len(err.strip().split("\n")) == 1, f"{words[0]} refuses: {word}")
    table = os.path.join(folder, "table.h5")
    with h5py.File(table, "w") as made:
        made["train/images"] = np.arange(40, dtype="f4").reshape(10, 1, 1, 4)
        made["train/labels"] = np.zeros(10, "i4")
    picture = os.path.join(folder, "no.png")
    for words, word in (((data, "--components", 5), "--pca"), ((data, "--count", 5), "--draw"), ((data, "--epsilon", 0.1), "--draw"), ((table, "--draw", picture), "1x1x4"),
                        ((data, "--draw", os.path.join(folder, "no.jpg")), "no.jpg: expected a name that ends in .png")):
        code, _, err = program("dataset", "statistics", *words)
        check(code == 2 and word in err and len(err.strip().split("\n")) == 1, f"statistics refuses {words[1]} without {word}: {err.strip()}")
    check(not os.path.exists(picture), "no picture of a table")


def read_png(path):
    """The pixels of an 8-bit RGB file."""
    with open(path, "rb") as file:
        data, parts, at = file.read(), b"", 8
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if kind == b"IHDR":
            width, height = (int.from_bytes(data[at + 8 + i:at + 12 + i], "big") for i in (0, 4))
        if kind == b"IDAT":
            parts += data[at + 8:at + 8 + length]
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(parts), np.uint8).reshape(height, 1 + 3 * width)
    pixels = np.zeros((height + 1, 3 * width + 3), int)
    for y, line in enumerate(lines):
        up, row = pixels[y], pixels[y + 1]
        for x, value in enumerate(line[1:].tolist(), 3):
            a, b, c = row[x - 3], up[x], up[x - 3]
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            row[x] = value + (0, a, b, (a + b) // 2, paeth)[line[0]] & 255
    return pixels[1:, 3:].reshape(height, width, 3)


def contrast(folder, data):
    """Rows of the picture that are whitened to few components are no greyer than those to all."""
    picture = os.path.join(folder, "contrast.png")
    program("dataset", "statistics", data, "--pca", "--draw", picture, "--count", 4)
    pixels, step = read_png(picture)[:, 176:176 + 4 * 68], 68
    whitened, zca = (pixels[4 + row * step:4 + row * step + 64].std() for row in (6, 7))
    check(30 < whitened < 70 and 30 < zca < 70, f"contrast of whitened images: {whitened:.1f}, {zca:.1f}")


def said(folder, data, picture):
    """What statistics says beside its figures."""
    _, out, err = program("dataset", "statistics", data, "--pca", "--components", 10, "--draw", picture, "--count", 5)
    check("768 components already, which stay; --again keeps the first 10 alone" in err, "components that are kept are not dropped in silence")
    check(f"wrote {picture}: examples rebuilt from, and whitened to, the first " in err, f"what the picture shows: {err.strip()}")
    check("600 images have variance along 599 components at most" in out, "images that are fewer than their numbers")


with scratch() as folder:
    data = os.path.join(folder, "tiny.h5")
    good("dataset", "synthesize", "-o", data, "--train", 600, "--test", 70, "--size", SIZE)
    os.environ["OMP_NUM_THREADS"] = "1"
    against_numpy(data)
    thread_counts(folder, data)
    foreign_file(folder, data)
    picture = os.path.join(folder, "sheet.png")
    said(folder, data, picture)
    contrast(folder, data)
    with open(picture, "rb") as file:
        check(file.read(8) == b"\x89PNG\r\n\x1a\n", "a picture")
    runs(folder, data)
    refusals(folder, data)
