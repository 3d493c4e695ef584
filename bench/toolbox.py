#!/usr/bin/env python3
"""What each practice of the toolbox does: training and test accuracy of one small net on a part of CIFAR-10,
each row with one thing changed, several seeds each. Prints the table of docs/toolbox.md.

    bench/toolbox.py --data cifar10.h5 --out FOLDER [--seeds 3] [--epochs 20] [--samples 5000] [--group WORD]

The net: three 3 x 3 convolutions of 16, 32, 64 channels, each with batch normalisation, ReLU and pooling, then a
linear layer; batch 128, Nesterov 0.9 at rate 0.02 (without normalisation, or with more or larger features in front of
the linear layer: 0.005) with cosine decay; no regularisation, no augmentation. The part: the first 500 training images
of each class, and the first 200 test images of each. Two runs at a time, one rank each.
FOLDER keeps what is done (results.jsonl): started again, only what is missing runs. Needs h5py and numpy."""
import argparse
import concurrent.futures
import glob
import json
import os
import statistics
import subprocess
import sys
import threading
import time

import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from support.program import TRAINER, environment

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--samples", type=int, default=5000)
parser.add_argument("--group", action="append", help="only the groups whose titles hold this word")
parser.add_argument("--jobs", type=int, default=2)
a = parser.parse_args()

NORM = "batchnorm"


def net(act="relu", norm=NORM, init="", pool="maxpool: {kernel: 2}", behind="", wide="", head="", conv="", residual=False):
    """The layers; `behind` each activation, `head` in front of the last linear layer, `conv`: more keys of convolutions."""
    layers, bias = [], ", bias: false" if norm else ""
    for out in (16, 32, 64):
        pieces = 2 if act.startswith("maxout") else 1
        layers.append(f"conv: {{out: {out * pieces}, kernel: 3, padding: 1{bias}{init}{conv}}}")
        layers += [norm] if norm else []
        layers.append(act)
        if residual:
            layers.append(f"residual: {{{residual} body: [{{conv: {{out: {out}, kernel: 3, padding: 1, bias: false}}}}, batchnorm, relu]}}")
        layers += [behind] if behind else []
        layers.append(pool)
    layers += ["flatten"] + ([head] if head else []) + [f"linear: {{out: 10{wide}}}"]
    return "model:\n" + "".join(f"  - {layer}\n" for layer in layers)


DIVERGED = 7  # the exit status where the loss is not a finite number
BASE = {"model": net(), "augment": "augment: []\n", "preprocess": "preprocess: {center: channel_mean, scale: channel_std}\n", "loss": "loss: cross_entropy\n",
        "optimizer": "optimizer: {nesterov: {rate: 0.02}}\n", "schedule": "schedule: cosine\n", "more": "", "batch": "128", "snapshots": ""}


def optimizer(text):
    return {"optimizer": f"optimizer: {{{text}}}\n"}


def schedule(text):
    return {"schedule": f"schedule: {text}\n"}


def augment(text):
    return {"augment": f"augment: [{text}]\n"}


def more(text):
    return {"more": text + "\n"}


def model(**how):
    return {"model": net(**how), **({} if how.get("norm", NORM) else optimizer("nesterov: {rate: 0.005}"))}


def preprocess(text):
    return {"preprocess": f"preprocess: {{{text}}}\n"}


NESTEROV = "nesterov: {rate: 0.02, "
SLOWER = optimizer("nesterov: {rate: 0.005}")
DROPOUT, RESTARTS = "dropout 0.3 before the last layer", "cosine_restarts, 5 epochs"  # evaluated in further ways, too
ROWS = [
    ("", "baseline", {}),
    ("Activations", "sigmoid", model(act="sigmoid")), ("", "tanh", model(act="tanh")), ("", "leaky_relu", model(act="leaky_relu")),
    ("", "prelu", model(act="prelu")), ("", "elu", model(act="elu")), ("", "selu, lecun_normal, no normalisation", model(act="selu", norm="", init=", weight_init: lecun_normal")),
    ("", "the same with alpha_dropout 0.1", model(act="selu", norm="", init=", weight_init: lecun_normal", head="alpha_dropout: {rate: 0.1}")),
    ("", "gelu", model(act="gelu")), ("", "silu", model(act="silu")), ("", "maxout, 2 pieces", model(act="maxout: {pieces: 2}")),
    ("Initialisation, without normalisation", "kaiming_normal", model(norm="")), ("", "small: normal 0.01", model(norm="", init=", weight_init: {normal: {std: 0.01}}")),
    ("", "big: normal 1", model(norm="", init=", weight_init: {normal: {std: 1}}")), ("", "xavier", model(norm="", init=", weight_init: xavier")),
    ("", "glorot_uniform", model(norm="", init=", weight_init: glorot_uniform")), ("", "orthogonal", model(norm="", init=", weight_init: orthogonal")),
    ("Normalisation", "batch over all shards", model(norm="batchnorm: {statistics: batch}")), ("", "group, 8", model(norm="groupnorm: {groups: 8}")), ("", "layer", model(norm="layernorm")), ("", "none", model(norm="")),
    ("Preprocessing", "none, pixels 0-255", preprocess("center: none, scale: none")), ("", "range 0-1", preprocess("center: none, scale: range")),
    ("", "centre only", preprocess("center: channel_mean, scale: none")), ("", "mean image, pixel std", preprocess("center: mean_image, scale: pixel_std")),
    ("", "ZCA", preprocess("center: mean_image, scale: range, decorrelate: zca, epsilon: 0.01")),
    ("Penalties", "L2 5e-4", optimizer(NESTEROV + "weight_decay: 5.0e-4}")), ("", "L2 5e-3", optimizer(NESTEROV + "weight_decay: 5.0e-3}")),
    ("", "L1 1e-4", more("parameters: [{weights: {l1: 1.0e-4}}]")), ("", "elastic net", more("parameters: [{weights: {l1: 5.0e-5, weight_decay: 5.0e-4}}]")),
    ("", "max-norm 2", more("parameters: [{weights: {max_norm: 2}}]")), ("", "label smoothing 0.1", {"loss": "loss: {cross_entropy: {label_smoothing: 0.1}}\n"}),
    ("Dropout and its relatives", DROPOUT, model(head="dropout: {rate: 0.3}")), ("", "the same in the plain form", model(head="dropout: {rate: 0.3, form: plain}")), ("", "dropout 0.1 everywhere", model(behind="dropout: {rate: 0.1}")),
    ("", "spatial dropout 0.1", model(behind="dropout: {rate: 0.1, drops: channels}")), ("", "DropConnect 0.3, last layer", model(wide=", dropconnect: 0.3")),
    ("", "fractional max pooling, rate 0.005", {**model(pool="fractional_maxpool: {ratio: 1.6}"), **SLOWER}),
    ("", "residual blocks, rate 0.005", {**model(residual="shortcut: identity,"), **SLOWER}), ("", "with stochastic depth 0.2, rate 0.005", {**model(residual="shortcut: identity, drop: 0.2,"), **SLOWER}),
    ("Augmentation", "flip", augment("flip")), ("", "alternating flip", augment("{flip: {alternate: true}}")), ("", "crop, 4 zeros", augment("{crop: {pad: 4}}")),
    ("", "flip and crop", augment("flip, {crop: {pad: 4}}")), ("", "resized_crop", augment("{resized_crop: {size: 32, scale: [0.5, 1]}}")), ("", "translate", augment("translate")),
    ("", "rotate", augment("rotate")), ("", "shear", augment("shear")), ("", "brightness", augment("brightness")), ("", "contrast", augment("contrast")),
    ("", "saturation", augment("saturation")), ("", "hue", augment("hue")), ("", "lighting", augment("lighting")), ("", "greyscale", augment("greyscale")), ("", "cutout 8", augment("{cutout: {size: 8}}")),
    ("", "mixup", more("mix: [mixup]")), ("", "CutMix", more("mix: [cutmix]")), ("", "flip, crop, cutout and mixup", {**augment("flip, {crop: {pad: 4}}, {cutout: {size: 8}}"), **more("mix: [mixup]")}),
    ("Optimisers", "sgd", optimizer("sgd: {rate: 0.1}")), ("", "momentum", optimizer("momentum: {rate: 0.02}")), ("", "adagrad", optimizer("adagrad: {rate: 0.02}")),
    ("", "rmsprop", optimizer("rmsprop: {rate: 0.001}")), ("", "adam", optimizer("adam: {rate: 0.003}")), ("", "adamw", optimizer("adamw: {rate: 0.003, weight_decay: 0.01}")),
    ("", "lars", optimizer("lars: {rate: 2, weight_decay: 5.0e-4}")), ("", "lamb", optimizer("lamb: {rate: 0.01, weight_decay: 0.01}")),
    ("", "nesterov with lookahead", more("lookahead: {every: 5}")), ("", "clipped at norm 1", more("clip: {norm: 1}")), ("", "nesterov, rate too high: 0.1", optimizer("nesterov: {rate: 0.1}")), ("", "nesterov, rate 0.005", SLOWER), ("", "nesterov, rate too low: 0.001", optimizer("nesterov: {rate: 0.001}")),
    ("Schedules", "constant", schedule("constant")), ("", "step, 0.1 every 7 epochs", schedule("{step: {every: 7 epochs}}")), ("", "linear", schedule("linear")), ("", "inverse_sqrt", schedule("{inverse_sqrt: {scale: 40 steps}}")),
    ("", "exponential", schedule("{exponential: {every: 1 epoch, factor: 0.85}}")), ("", RESTARTS, {**schedule("{cosine_restarts: {period: 5 epochs}}"), "snapshots": ", snapshots: true"}), ("", "one_cycle", schedule("one_cycle")),
    ("", "cosine with 2 epochs of warm-up", schedule("{cosine: {warmup: 2 epochs}}")),
    ("", "batch 512, the same rate", {"batch": "512"}), ("", "batch 512, large_batch", {"batch": "512", **more("large_batch: {base: 128, warmup: 2 epochs}")}),
    ("Averages of weights", "EMA 0.99", more("average: {ema: {decay: 0.99}}")), ("", "Polyak from half way on, constant rate", {**schedule("constant"), **more("average: {polyak: {start: 10 epochs}}")}),
    ("", "SWA from half way on, constant rate", {**schedule("constant"), **more("average: {swa: {start: 10 epochs, every: 1 epoch}}")}),
    ("Losses", "svm, rate 0.01", {"loss": "loss: svm\n", **optimizer("nesterov: {rate: 0.01}")}), ("", "mse on one-hot targets, rate 0.005", {"loss": "loss: mse\n", **optimizer("nesterov: {rate: 0.005}")}),
]


def make_part(path):
    """The first images of each class, with the statistics of that part."""
    with h5py.File(a.data) as old, h5py.File(path + ".new", "w") as new:
        for split, count in (("train", a.samples // 10), ("test", 200)):
            labels = old[f"{split}/labels"][()]
            keep = np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)]))
            new[f"{split}/images"], new[f"{split}/labels"] = old[f"{split}/images"][()][keep], labels[keep]
        old.copy("classes", new)
        for name in ("format_version",):
            new.attrs[name] = old.attrs[name]
        pixels = new["train/images"][()].astype(np.float64)
        new["statistics/channel_mean"], new["statistics/channel_std"] = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
        new["statistics/mean_image"] = pixels.mean(0).astype(np.float32)
    subprocess.run([TRAINER, "dataset", "statistics", path + ".new", "--pca", "--scale", "none"], env=environment(), stdout=subprocess.DEVNULL, check=True)
    os.rename(path + ".new", path)


def run_text(changes, data, seed):
    parts = {**BASE, **changes}
    batch, snapshots = parts.pop("batch"), parts.pop("snapshots")
    return (f"data: {{file: {data}, validation: none}}\n" + "".join(parts.values()) +
            f"train: {{batch: {batch}, shards: 2, length: {a.epochs} epochs, seed: {seed}}}\ncheckpoint: {{every: 0, keep: 1{snapshots}}}\n")


def evaluate(checkpoint, split, *more):
    """None: it has diverged."""
    words = [TRAINER, "eval", checkpoint, "--split", split, "--json", *more]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    if done.returncode == DIVERGED:
        return None
    done.check_returncode()
    return json.loads(done.stdout)


def one(title, name, changes, data, seed):
    folder = os.path.join(a.out, "runs", f"{title}-{name}-{seed}".replace(" ", "_").replace("/", "_"))
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".yaml", "w") as file:
        file.write(run_text(changes, data, seed))
    start = time.time()
    done = subprocess.run([TRAINER, "train", folder + ".yaml", "--out", folder, "--resume", "--quiet", "--json"], env=environment(), capture_output=True, text=True)
    if done.returncode not in (0, DIVERGED):
        return dict(group=title, name=name, seed=seed, error=done.stderr.strip().split("\n")[0])
    checkpoint = os.path.join(folder, "checkpoints", "latest.h5")
    reports = {split: evaluate(checkpoint, split) if done.returncode == 0 else None for split in ("train", "test")}
    figures = {split: report and report["members"][0]["top1"] for split, report in reports.items()}
    return dict(group=title, name=name, seed=seed, seconds=round(time.time() - start, 1), checkpoint=checkpoint, **figures)


def spread(values):
    if any(value is None for value in values):
        return "diverges"
    return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values) if len(values) > 1 else 0:.1f}"


def table(results, rows):
    print("| | training accuracy, % | test accuracy, % | test, beside the baseline |\n|---|---|---|---|")
    base = [r["test"] for r in results if r["name"] == "baseline"]
    last = None
    for title, name in rows:
        found = [r for r in results if (r["group"], r["name"]) == (title, name)]
        if not found:
            continue
        if title != last and title:
            print(f"| **{title}** | | | |")
        last = title
        if any("error" in r for r in found):
            print(f"| {name} | not run: {found[0].get('error')} | | |")
            continue
        test = [r["test"] for r in found]
        gain = "" if name == "baseline" or None in test or None in base or not base else f"{100 * (statistics.mean(test) - statistics.mean(base)):+.1f}"
        print(f"| {name} | {spread([r['train'] for r in found])} | {spread(test)} | {gain} |")


def together(results):
    """Other ways to predict, of runs that are there: ensembles, views, masks, snapshots."""
    print("| **Predicting** | | | |")

    def rows(name):
        return [r["checkpoint"] for r in results if r["name"] == name and r.get("checkpoint") and os.path.exists(r["checkpoint"])]
    data = os.path.join(a.out, "part.h5")
    for name in ("baseline", "flip and crop"):
        if len(rows(name)) >= 2:
            report = evaluate(rows(name)[0], "test", *rows(name)[1:], "--data", data)
            print(f"| ensemble of {len(rows(name))}: {name} | | {100 * report['ensemble']['top1']:.1f} | |")
        for views in ("mirror", "ten_crop", "shifts: {by: 2}"):
            if rows(name):
                figures = [evaluate(c, "test", "--data", data, "--views", views)["members"][0]["top1"] for c in rows(name)]
                print(f"| {name}, views {views} | | {spread(figures)} | |")
    if rows(DROPOUT):
        figures = [evaluate(c, "test", "--data", data, "--dropout-samples", "20")["members"][0]["top1"] for c in rows(DROPOUT)]
        print(f"| {DROPOUT}, mean over 20 masks | | {spread(figures)} | |")
    snapshots = [sorted(glob.glob(os.path.join(os.path.dirname(c), "snapshot-*.h5"))) for c in rows(RESTARTS)]
    if snapshots and all(len(s) > 1 for s in snapshots):
        figures = [evaluate(s[0], "test", *s[1:], "--data", data)["ensemble"]["top1"] for s in snapshots]
        print(f"| {RESTARTS}, ensemble of a run's {len(snapshots[0])} snapshots | | {spread(figures)} | |")


os.makedirs(a.out, exist_ok=True)
part, log = os.path.join(a.out, "part.h5"), os.path.join(a.out, "results.jsonl")
if not os.path.exists(part):
    make_part(part)
results = [json.loads(line) for line in open(log)] if os.path.exists(log) else []
results = [r for r in results if "error" not in r]
rows, title = [], ""
for group, name, changes in ROWS:
    title = group or title
    rows.append((title, name, changes))
wanted = [(t, n, c, part, seed) for seed in range(1, a.seeds + 1) for t, n, c in rows
          if (not a.group or n == "baseline" or any(word.lower() in t.lower() for word in a.group)) and not any((r["group"], r["name"], r["seed"]) == (t, n, seed) for r in results)]
lock = threading.Lock()


def work(job):
    result = one(*job)
    with lock, open(log, "a") as file:
        file.write(json.dumps(result) + "\n")
        results.append(result)
    print(f"{len(results)}: {result}", file=sys.stderr, flush=True)


with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
    list(pool.map(work, wanted))
table(results, [(t, n) for t, n, _ in rows])
together(results)
