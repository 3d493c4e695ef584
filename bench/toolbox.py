#!/usr/bin/env python3
"""What each practice of the toolbox does: training and test accuracy of a small network on a part of CIFAR-10. Each
row of the table changes one thing and is trained with several seeds. Prints the table of docs/toolbox.md.

    bench/toolbox.py --data cifar10.h5 --out FOLDER [--seeds 3] [--epochs 20] [--samples 5000] [--group WORD]

The network: three 3 x 3 convolutions of 16, 32, 64 channels, each with batch normalisation, ReLU and pooling, then a
linear layer; batch 128, Nesterov 0.9 with cosine decay, no regularisation, no augmentation. The rate is 0.02, or 0.005
without normalisation and if the linear layer has more or larger inputs. The part: the first 500 training images of
each class, and the first 200 test images of each. Two runs at a time, one rank each.

FOLDER keeps what is done (results.jsonl): started again, only what is missing runs. Needs h5py and numpy."""
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

from common import parser_of
from support.program import NUMERIC, TRAINER, environment

NORM = "batchnorm"  # of a convolution, unless a row says otherwise


def net(act="relu", norm=NORM, init="", pool="maxpool: {kernel: 2}", after="", wide="", head="", residual=False):
    """The layers. `after` stands after each activation and `head` before the last linear layer; `wide` adds keys to
    that layer and `init` to the convolutions."""
    layers, bias = [], ", bias: false" if norm else ""
    for out in (16, 32, 64):
        pieces = 2 if act.startswith("maxout") else 1
        layers.append(f"conv: {{out: {out * pieces}, kernel: 3, padding: 1{bias}{init}}}")
        layers += [norm] if norm else []
        layers.append(act)
        if residual:
            body = f"[{{conv: {{out: {out}, kernel: 3, padding: 1, bias: false}}}}, batchnorm, relu]"
            layers.append(f"residual: {{{residual} body: {body}}}")
        layers += [after] if after else []
        layers.append(pool)
    layers += ["flatten"] + ([head] if head else []) + [f"linear: {{out: 10{wide}}}"]
    return "model:\n" + "".join(f"  - {layer}\n" for layer in layers)


# The sections of a run file, in order, and the parts of its last lines.
BASE = {"model": net(),
        "augment": "augment: []\n",
        "preprocess": "preprocess: {center: channel_mean, scale: channel_std}\n",
        "loss": "loss: cross_entropy\n",
        "optimizer": "optimizer: {nesterov: {rate: 0.02}}\n",
        "schedule": "schedule: cosine\n",
        "more": "",
        "batch": "128",
        "snapshots": ""}


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
# These two are also evaluated in further ways.
DROPOUT, RESTARTS = "dropout 0.3 before the last layer", "cosine_restarts, 5 epochs"
# By group: (name, what it changes in BASE).
ROWS = {
    "": [
        ("baseline", {}),
    ],
    "Activations": [
        ("sigmoid", model(act="sigmoid")),
        ("tanh", model(act="tanh")),
        ("leaky_relu", model(act="leaky_relu")),
        ("prelu", model(act="prelu")),
        ("elu", model(act="elu")),
        ("selu, lecun_normal, no normalisation", model(act="selu", norm="", init=", weight_init: lecun_normal")),
        ("the same with alpha_dropout 0.1",
         model(act="selu", norm="", init=", weight_init: lecun_normal", head="alpha_dropout: {rate: 0.1}")),
        ("gelu", model(act="gelu")),
        ("silu", model(act="silu")),
        ("maxout, 2 pieces", model(act="maxout: {pieces: 2}")),
    ],
    "Initialisation, without normalisation": [
        ("kaiming_normal", model(norm="")),
        ("small: normal 0.01", model(norm="", init=", weight_init: {normal: {std: 0.01}}")),
        ("big: normal 1", model(norm="", init=", weight_init: {normal: {std: 1}}")),
        ("xavier", model(norm="", init=", weight_init: xavier")),
        ("glorot_uniform", model(norm="", init=", weight_init: glorot_uniform")),
        ("orthogonal", model(norm="", init=", weight_init: orthogonal")),
    ],
    "Normalisation": [
        ("batch over all shards", model(norm="batchnorm: {statistics: batch}")),
        ("group, 8", model(norm="groupnorm: {groups: 8}")),
        ("layer", model(norm="layernorm")),
        ("none", model(norm="")),
    ],
    "Preprocessing": [
        ("none, pixels 0-255", preprocess("center: none, scale: none")),
        ("range 0-1", preprocess("center: none, scale: range")),
        ("centre only", preprocess("center: channel_mean, scale: none")),
        ("mean image, pixel std", preprocess("center: mean_image, scale: pixel_std")),
        ("ZCA", preprocess("center: mean_image, scale: range, decorrelate: zca, epsilon: 0.01")),
    ],
    "Penalties": [
        ("L2 5e-4", optimizer(NESTEROV + "weight_decay: 5.0e-4}")),
        ("L2 5e-3", optimizer(NESTEROV + "weight_decay: 5.0e-3}")),
        ("L1 1e-4", more("parameters: [{weights: {l1: 1.0e-4}}]")),
        ("elastic net", more("parameters: [{weights: {l1: 5.0e-5, weight_decay: 5.0e-4}}]")),
        ("max-norm 2", more("parameters: [{weights: {max_norm: 2}}]")),
        ("label smoothing 0.1", {"loss": "loss: {cross_entropy: {label_smoothing: 0.1}}\n"}),
    ],
    "Dropout and its relatives": [
        (DROPOUT, model(head="dropout: {rate: 0.3}")),
        ("the same in the plain form", model(head="dropout: {rate: 0.3, form: plain}")),
        ("dropout 0.1 everywhere", model(after="dropout: {rate: 0.1}")),
        ("spatial dropout 0.1", model(after="dropout: {rate: 0.1, drops: channels}")),
        ("DropConnect 0.3, last layer", model(wide=", dropconnect: 0.3")),
        ("fractional max pooling, rate 0.005", {**model(pool="fractional_maxpool: {ratio: 1.6}"), **SLOWER}),
        ("residual blocks, rate 0.005", {**model(residual="shortcut: identity,"), **SLOWER}),
        ("with stochastic depth 0.2, rate 0.005", {**model(residual="shortcut: identity, drop: 0.2,"), **SLOWER}),
    ],
    "Augmentation": [
        ("flip", augment("flip")),
        ("alternating flip", augment("{flip: {alternate: true}}")),
        ("crop, 4 zeros", augment("{crop: {pad: 4}}")),
        ("flip and crop", augment("flip, {crop: {pad: 4}}")),
        ("resized_crop", augment("{resized_crop: {size: 32, scale: [0.5, 1]}}")),
        ("translate", augment("translate")),
        ("rotate", augment("rotate")),
        ("shear", augment("shear")),
        ("brightness", augment("brightness")),
        ("contrast", augment("contrast")),
        ("saturation", augment("saturation")),
        ("hue", augment("hue")),
        ("lighting", augment("lighting")),
        ("greyscale", augment("greyscale")),
        ("cutout 8", augment("{cutout: {size: 8}}")),
        ("mixup", more("mix: [mixup]")),
        ("CutMix", more("mix: [cutmix]")),
        ("flip, crop, cutout and mixup",
         {**augment("flip, {crop: {pad: 4}}, {cutout: {size: 8}}"), **more("mix: [mixup]")}),
    ],
    "Optimisers": [
        ("sgd", optimizer("sgd: {rate: 0.1}")),
        ("momentum", optimizer("momentum: {rate: 0.02}")),
        ("adagrad", optimizer("adagrad: {rate: 0.02}")),
        ("rmsprop", optimizer("rmsprop: {rate: 0.001}")),
        ("adam", optimizer("adam: {rate: 0.003}")),
        ("adamw", optimizer("adamw: {rate: 0.003, weight_decay: 0.01}")),
        ("lars", optimizer("lars: {rate: 2, weight_decay: 5.0e-4}")),
        ("lamb", optimizer("lamb: {rate: 0.01, weight_decay: 0.01}")),
        ("nesterov with lookahead", more("lookahead: {every: 5}")),
        ("clipped at norm 1", more("clip: {norm: 1}")),
        ("nesterov, rate too high: 0.1", optimizer("nesterov: {rate: 0.1}")),
        ("nesterov, rate 0.005", SLOWER),
        ("nesterov, rate too low: 0.001", optimizer("nesterov: {rate: 0.001}")),
    ],
    "Schedules": [
        ("constant", schedule("constant")),
        ("step, 0.1 every 7 epochs", schedule("{step: {every: 7 epochs}}")),
        ("linear", schedule("linear")),
        ("inverse_sqrt", schedule("{inverse_sqrt: {scale: 40 steps}}")),
        ("exponential", schedule("{exponential: {every: 1 epoch, factor: 0.85}}")),
        (RESTARTS, {**schedule("{cosine_restarts: {period: 5 epochs}}"), "snapshots": ", snapshots: true"}),
        ("one_cycle", schedule("one_cycle")),
        ("cosine with 2 epochs of warm-up", schedule("{cosine: {warmup: 2 epochs}}")),
        ("batch 512, the same rate", {"batch": "512"}),
        ("batch 512, large_batch", {"batch": "512", **more("large_batch: {base: 128, warmup: 2 epochs}")}),
    ],
    "Averages of weights": [
        ("EMA 0.99", more("average: {ema: {decay: 0.99}}")),
        ("Polyak from half way on, constant rate",
         {**schedule("constant"), **more("average: {polyak: {start: 10 epochs}}")}),
        ("SWA from half way on, constant rate",
         {**schedule("constant"), **more("average: {swa: {start: 10 epochs, every: 1 epoch}}")}),
    ],
    "Losses": [
        ("svm, rate 0.01", {"loss": "loss: svm\n", **optimizer("nesterov: {rate: 0.01}")}),
        ("mse on one-hot targets, rate 0.005", {"loss": "loss: mse\n", **optimizer("nesterov: {rate: 0.005}")}),
    ],
}


def make_part(arguments, path):
    """The first images of each class, with the statistics of that part."""
    with h5py.File(arguments.data) as old, h5py.File(path + ".new", "w") as new:
        for split, count in (("train", arguments.samples // 10), ("test", 200)):
            labels = old[f"{split}/labels"][()]
            keep = np.sort(np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)]))
            new[f"{split}/images"] = old[f"{split}/images"][()][keep]
            new[f"{split}/labels"] = labels[keep]
        old.copy("classes", new)
        new.attrs["format_version"] = old.attrs["format_version"]
        pixels = new["train/images"][()].astype(np.float64)
        new["statistics/channel_mean"] = pixels.mean((0, 1, 2))
        new["statistics/channel_std"] = pixels.std((0, 1, 2))
        new["statistics/mean_image"] = pixels.mean(0).astype(np.float32)
    subprocess.run([TRAINER, "dataset", "statistics", path + ".new", "--pca", "--scale", "none"], env=environment(),
                   stdout=subprocess.DEVNULL, check=True)
    os.rename(path + ".new", path)


def run_text(changes, data, epochs, seed):
    parts = {**BASE, **changes}
    batch, snapshots = parts.pop("batch"), parts.pop("snapshots")
    return (f"data: {{file: {data}, validation: none}}\n" + "".join(parts.values()) +
            f"train: {{batch: {batch}, shards: 2, length: {epochs} epochs, seed: {seed}}}\n"
            f"checkpoint: {{every: 0, keep: 1{snapshots}}}\n")


def evaluate(checkpoint, split, *more):
    """What eval reports; None if the run has diverged."""
    words = [TRAINER, "eval", checkpoint, "--split", split, "--json", *more]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    if done.returncode == NUMERIC:
        return None
    done.check_returncode()
    return json.loads(done.stdout)


def train_row(arguments, data, job):
    """The record of one run: its accuracies, None if it has diverged, or its error."""
    title, name, changes, seed = job
    folder = f"{title}-{name}-{seed}".replace(" ", "_").replace("/", "_")
    folder = os.path.join(arguments.out, "runs", folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".yaml", "w") as file:
        file.write(run_text(changes, data, arguments.epochs, seed))
    start = time.time()
    words = [TRAINER, "train", folder + ".yaml", "--out", folder, "--resume", "--quiet", "--json"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True)
    record = dict(group=title, name=name, seed=seed)
    if done.returncode not in (0, NUMERIC):
        return dict(record, error=done.stderr.strip().split("\n")[0])
    checkpoint = os.path.join(folder, "checkpoints", "latest.h5")
    record.update(seconds=round(time.time() - start, 1), checkpoint=checkpoint)
    for split in ("train", "test"):
        report = evaluate(checkpoint, split) if done.returncode == 0 else None
        record[split] = report and report["members"][0]["top1"]
    return record


def spread(values):
    if any(value is None for value in values):
        return "diverges"
    deviation = statistics.stdev(values) if len(values) > 1 else 0
    return f"{100 * statistics.mean(values):.1f} ± {100 * deviation:.1f}"


def difference(test, base):
    if not base or None in test or None in base:
        return ""
    return f"{100 * (statistics.mean(test) - statistics.mean(base)):+.1f}"


def print_rows(results):
    """A row for each change that has results."""
    print("| | training accuracy, % | test accuracy, % | test, difference to the baseline |\n|---|---|---|---|")
    base = [record["test"] for record in results if record["name"] == "baseline" and "error" not in record]
    for title, rows in ROWS.items():
        titled = not title
        for name, _ in rows:
            found = [record for record in results if (record["group"], record["name"]) == (title, name)]
            if found and not titled:
                print(f"| **{title}** | | | |")
                titled = True
            errors = [record["error"] for record in found if "error" in record]
            if errors:
                print(f"| {name} | not run: {errors[0]} | | |")
            elif found:
                test = [record["test"] for record in found]
                gain = "" if name == "baseline" else difference(test, base)
                print(f"| {name} | {spread([record['train'] for record in found])} | {spread(test)} | {gain} |")


def checkpoints_of(results, name):
    return [record["checkpoint"] for record in results
            if record["name"] == name and record.get("checkpoint") and os.path.exists(record["checkpoint"])]


def evaluate_each(checkpoints, data, *more):
    """The spread of the runs' accuracies."""
    return spread([evaluate(path, "test", "--data", data, *more)["members"][0]["top1"] for path in checkpoints])


def ensemble_accuracy(checkpoints, data):
    return evaluate(checkpoints[0], "test", *checkpoints[1:], "--data", data)["ensemble"]["top1"]


def print_predictions(results, data):
    """Other ways to predict with the same runs: ensembles, views, masks, snapshots."""
    print("| **Predicting** | | | |")
    for name in ("baseline", "flip and crop"):
        checkpoints = checkpoints_of(results, name)
        if len(checkpoints) >= 2:
            accuracy = 100 * ensemble_accuracy(checkpoints, data)
            print(f"| ensemble of {len(checkpoints)}: {name} | | {accuracy:.1f} | |")
        for views in ("mirror", "ten_crop", "shifts: {by: 2}") if checkpoints else ():
            print(f"| {name}, views {views} | | {evaluate_each(checkpoints, data, '--views', views)} | |")
    checkpoints = checkpoints_of(results, DROPOUT)
    if checkpoints:
        figures = evaluate_each(checkpoints, data, "--dropout-samples", "20")
        print(f"| {DROPOUT}, mean over 20 masks | | {figures} | |")
    snapshots = [sorted(glob.glob(os.path.join(os.path.dirname(path), "snapshot-*.h5")))
                 for path in checkpoints_of(results, RESTARTS)]
    if snapshots and all(len(of_run) > 1 for of_run in snapshots):
        figures = spread([ensemble_accuracy(of_run, data) for of_run in snapshots])
        print(f"| {RESTARTS}, ensemble of a run's {len(snapshots[0])} snapshots | | {figures} | |")


def read_results(path):
    """The records of earlier runs, without errors, so that these are tried again."""
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return [record for record in map(json.loads, file) if "error" not in record]


def missing_jobs(arguments, results):
    """(group, name, changes, seed) of each run that is still to do. The baseline is always among the chosen."""
    done = {(record["group"], record["name"], record["seed"]) for record in results}

    def chosen(title, name):
        words = arguments.group
        return not words or name == "baseline" or any(word.lower() in title.lower() for word in words)

    return [(title, name, changes, seed) for seed in range(1, arguments.seeds + 1)
            for title, rows in ROWS.items() for name, changes in rows
            if chosen(title, name) and (title, name, seed) not in done]


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10 as a data set file")
    parser.add_argument("--out", required=True, help="folder of the runs and results")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5000, help="training images (default: 5000)")
    parser.add_argument("--group", action="append", help="only the groups whose titles contain this word")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    data, log = os.path.join(arguments.out, "part.h5"), os.path.join(arguments.out, "results.jsonl")
    if not os.path.exists(data):
        make_part(arguments, data)
    results, lock = read_results(log), threading.Lock()

    def work(job):
        record = train_row(arguments, data, job)
        with lock, open(log, "a") as file:
            file.write(json.dumps(record) + "\n")
            results.append(record)
        print(f"{len(results)}: {record}", file=sys.stderr, flush=True)

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(work, missing_jobs(arguments, results)))
    print_rows(results)
    print_predictions(results, data)


if __name__ == "__main__":
    main()
