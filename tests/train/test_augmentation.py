#!/usr/bin/python3
"""Augmentation and mixing from outside: the same bits on any number of ranks and after a stop with every kind at
once; what is done at test time, recomputed with NumPy; refusals; the picture of what the network sees."""
import json
import os

from harness import check, h5py, need_numpy, np, result, run, scratch, synthesize

EVERYTHING = """
  - brightness
  - contrast
  - saturation
  - hue
  - greyscale
  - lighting
  - flip: {alternate: true}
  - crop: {pad: 2}
  - translate
  - rotate: {fill: edge}
  - shear: {along: both, fill: reflect}
  - resized_crop: {size: 24, test_share: 0.75}
  - cutout: {size: 6, count: 2}
mix:
  - mixup: {alpha: 0.2, probability: 0.4}
  - cutmix: {probability: 0.4}
"""
MODEL = "model: [conv: {out: 8, kernel: 3, padding: 1, stride: 2}, batchnorm, relu, flatten, linear: {out: 10}]"


def write(folder, data, augment, model=MODEL, name="run.yaml", batch=40, shards=4):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(f"""data: {{file: {data}, train: train, validation: validation}}
augment: {augment}
{model}
optimizer: {{momentum: {{rate: 0.01}}}}
train: {{batch: {batch}, shards: {shards}, length: 12 steps, seed: 3}}
checkpoint: {{every: 5 steps}}
""")
    return path


def train(ranks, recipe, out, *more):
    return result(ranks, "train", recipe, "--out", out, "--quiet", *more)


def newest(out):
    return f"{out}/checkpoints/latest.h5"


def same_bits(folder, data):
    recipe = write(folder, data, EVERYTHING)
    whole = train(1, recipe, f"{folder}/n1")
    for ranks in (2, 4):
        check(train(ranks, recipe, f"{folder}/n{ranks}")["digest"] == whole["digest"], f"{ranks} ranks: the same bits as 1")
    train(2, recipe, f"{folder}/stopped", "--stop-after", 7)
    check(train(1, recipe, f"{folder}/stopped", "--resume")["digest"] == whole["digest"], "stopped on 2, resumed on 1: the same bits")
    for change in ("mix=[]", "augment.6.flip.alternate=false", "augment.3.hue.amount=0.2", "mix.0.mixup.alpha=0.3"):
        other = train(1, recipe, f"{folder}/{change[:9]}", "--set", change)
        check(other["digest"] != whole["digest"], f"{change}: other bits")
    last = [json.loads(line) for line in open(f"{folder}/n1/metrics.jsonl")]
    losses = [line["loss"] for line in last if "loss" in line]
    check(losses and all(np.isfinite(losses)), "finite losses")


def test_time(folder, data):
    """A linear classifier on 24x24: the middle 24 of 32, and nothing random."""
    model = "model: [flatten, linear: {out: 10}]"
    recipe = write(folder, data, EVERYTHING, model, "linear.yaml")
    train(1, recipe, f"{folder}/linear")
    with h5py.File(newest(f"{folder}/linear")) as file:
        weight, bias = file["model/1.weight"][()].astype(float), file["model/1.bias"][()].astype(float)
    with h5py.File(data) as file:
        images, labels = file["test/images"][()].astype(float), file["test/labels"][()]
        mean, std = file["statistics/channel_mean"][()], file["statistics/channel_std"][()]
    check(images.shape[1:] == (32, 32, 3) and weight.shape == (10, 24 * 24 * 3), "the model takes the size that training has")
    x = ((images - mean) / std)[:, 4:28, 4:28].transpose(0, 3, 1, 2).reshape(len(images), -1)
    scores = x @ weight.T + bias
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    for ranks in (1, 2):
        run(ranks, "predict", newest(f"{folder}/linear"), "--split", "test", "-o", f"{folder}/p{ranks}.h5")
        with h5py.File(f"{folder}/p{ranks}.h5") as file:
            check(np.allclose(file["probabilities"][()], p, atol=1e-5), f"predict on {ranks}: the middle of each image")
    report = result(1, "eval", newest(f"{folder}/linear"), "--split", "test")
    check(abs(report["members"][0]["top1"] - (p.argmax(1) == labels).mean()) < 1e-9, "eval: the same")
    with h5py.File(data) as file:
        images, labels = file["validation/images"][()].astype(float), file["validation/labels"][()]
    x = ((images - mean) / std)[:, 4:28, 4:28].transpose(0, 3, 1, 2).reshape(len(images), -1)
    lines = [json.loads(line) for line in open(f"{folder}/linear/metrics.jsonl")]
    measured = [line["validation_accuracy"] for line in lines if "validation_accuracy" in line]
    check(measured and abs(measured[-1] - ((x @ weight.T + bias).argmax(1) == labels).mean()) < 1e-6, "validation while training: the same")


def refused(recipe, words, *more):
    _, line = run(1, "train", recipe, "--out", f"{recipe}.out", "--quiet", *more, code=3)
    check(words in line and line.count("\n") == 1, f"refused: {line.strip()}")


def refusals(folder, data):
    recipe = write(folder, data, EVERYTHING, name="bad.yaml")
    refused(recipe, "the probabilities of the list add up to 1.1", "--set", "mix.1.cutmix.probability=0.7")
    refused(recipe, "expected 0 < least <= most", "--set", "augment.11.resized_crop.scale=[0.5, 0.1]")
    refused(recipe, "cutout.size=500: is 500, expected at most 48 for images of 24x24", "--set", "augment.12.cutout.size=500")
    refused(recipe, "degrees", "--set", "augment.9.rotate.degrees=200")
    grey = write(folder, data, "\n  - hue\n", name="grey.yaml")
    with h5py.File(data) as colour, h5py.File(f"{folder}/grey.h5", "w") as file:
        for name, value in colour.attrs.items():
            file.attrs[name] = value
        for split in ("train", "validation"):
            file[f"{split}/images"] = colour[f"{split}/images"][..., :1]
            file[f"{split}/labels"] = colour[f"{split}/labels"][()]
        colour.copy("classes", file)
        file["statistics/channel_mean"] = colour["statistics/channel_mean"][:1]
        file["statistics/channel_std"] = colour["statistics/channel_std"][:1]
    refused(grey, "images have 1 channel, expected 3", "--set", f"data.file={folder}/grey.h5")


def preview(folder, data):
    recipe = write(folder, data, EVERYTHING, name="seen.yaml")
    said = run(1, "dataset", "preview", "--augment", recipe, "-o", f"{folder}/a.png", "--epochs", 3)[1]
    check(said == f"wrote {folder}/a.png\n", "it says what it wrote")
    run(1, "dataset", "preview", "--augment", recipe, "-o", f"{folder}/plain.png", "--epochs", 3, "--set", "mix=[]")
    high = {name: int.from_bytes(open(f"{folder}/{name}.png", "rb").read()[20:24], "big") for name in ("a", "plain")}
    check(high["a"] == high["plain"] + 10 * 2 * 18, f"two lines under each picture for the classes of a mix and their shares: {high}")
    run(1, "dataset", "preview", "--augment", recipe, "-o", f"{folder}/b.png", "--epochs", 3)
    run(1, "dataset", "preview", "--augment", recipe, "-o", f"{folder}/c.png", "--epochs", 3, "--set", "train.seed=4")
    a, b, c = (open(f"{folder}/{name}.png", "rb").read() for name in "abc")
    check(a == b and a != c and a[:4] == b"\x89PNG", "the picture is a function of the run")
    for words, arguments in (("expected FILE.h5, or --augment", ["-o", "x.png"]), ("belong to --augment", [data, "-o", "x.png", "--epochs", 2]),
                             ("--out FILE.png is missing", ["--augment", recipe])):
        _, line = run(1, "dataset", "preview", *arguments, code=2)
        check(words in line and line.count("\n") == 1, f"refused: {line.strip()}")


need_numpy()
with scratch() as folder:
    data = synthesize(folder, train=203, test=120, validation=60)
    same_bits(folder, data)
    test_time(folder, data)
    refusals(folder, data)
    preview(folder, data)
