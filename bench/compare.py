#!/usr/bin/env python3
"""Images a second of the trainer, PyTorch and Keras, in turn in one run on one machine, with the ratios.

    bench/compare.py --install                  a virtual environment with PyTorch and Keras: build/peers
    bench/compare.py [--models resnet20,...] [--types fp32,bf16] [--work train,predict] [--windows 3] [--json FILE]

A window is some seconds of whole steps; the contenders take turns, a window each, and the figure is the median of
their windows, with the least and the largest in parentheses. The contenders:

  ours       2 ranks of one thread (train, or eval without its start), with reading, flips and crops
  ddp        PyTorch, 2 ranks of one thread: DistributedDataParallel, or two processes that predict
  torch      PyTorch, one process with 2 threads and the same batch
  keras      Keras on TensorFlow, one process with 2 threads and the same batch

The scripts of the peers are in bench/peers/. jemalloc (Debian's libjemalloc2) is preloaded for them. All of it runs on
the first --ranks cores. "of the peak" is the arithmetic of direct convolutions and products (forward, and in training
backward) over that of fused multiply-adds on registers, measured in the same run on all of these cores at once: a
Winograd convolution does less than that arithmetic and can exceed it. "memory" is the resident memory of the rank or
process that took most.

--variant KEY=VALUE adds the trainer with another value of a key (train.convolution=direct), --before another build of
it, which shows what a change costs; both must understand the recipes, which --recipes may take from another folder."""
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

import h5py
import numpy as np

from common import COUNT, SECONDS, cpu_name, limits, parser_of, some_of
from support.program import RECIPES, SOURCE, TRAINER, environment, result, settings

PEERS = os.path.join(SOURCE, "bench", "peers")
PACKAGES = ("torch==2.13.0", "tensorflow-cpu==2.21.0", "numpy")
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
MALLOC = ("oversize_threshold:1,background_thread:false,metadata_thp:auto,dirty_decay_ms:9000000000,"
          "muzzy_decay_ms:9000000000")
PROBE = 2  # batches of the split that is predicted first, to learn how long a batch takes


class Model:
    """A recipe, the side of its images as the file has them and as the network sees them, the batch of a rank, and how
    many steps warm up (one, if a step takes seconds)."""

    def __init__(self, recipe, side=32, seen=32, classes=10, batch=128, warm_up=3):
        self.recipe, self.side, self.seen, self.classes = recipe, side, seen, classes
        self.batch, self.warm_up = batch, warm_up


MODELS = dict(resnet20=Model("cifar10-resnet20"), smallcnn=Model("cifar10-smallcnn"), mlp=Model("cifar10-mlp"),
              vgg11=Model("tiny-imagenet-vgg11", 64, 64, 200, warm_up=1),
              wrn16_4=Model("cifar10-wrn16-4", warm_up=1),
              resnet50=Model("imagenet-resnet50", 256, 224, 1000, 16, warm_up=1))


def install(folder):
    """Makes the virtual environment of the peers."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    subprocess.run([f"{folder}/bin/python", "-m", "pip", "install", *PACKAGES], check=True)


def random_split(file, name, count, model):
    random = np.random.default_rng(1)
    images = file.create_dataset(f"{name}/images", (count, model.side, model.side, 3), np.uint8)
    for first in range(0, count, 512):
        images[first:first + 512] = random.integers(0, 256, (min(512, count - first), *images.shape[1:]), np.uint8)
    file[f"{name}/labels"] = random.integers(0, model.classes, count, np.int32)


class Ours:
    """The trainer: each window is a run of its own, because it cannot wait between windows."""

    def __init__(self, arguments, folder, name, changes=(), program=TRAINER):
        self.arguments, self.folder, self.name, self.changes, self.program = arguments, folder, name, changes, program
        self.model = MODELS[arguments.model]
        self.batch = arguments.ranks * (arguments.batch or self.model.batch)
        self.data, self.out = f"{folder}/data.h5", f"{folder}/{name}"
        self.peer, self.memory, self.step_seconds = "trainer", 0, None

    def start(self):
        if not os.path.exists(self.data):
            with h5py.File(self.data, "w") as file:
                random_split(file, "train", 8 * self.batch, self.model)
                random_split(file, "probe", PROBE * self.batch, self.model)
        self.step_seconds = self.train(1)[1]

    def launched(self, *words):
        """(words, environment) that start the program."""
        return ["mpirun", "--bind-to", "core", "-np", self.arguments.ranks, self.program, *words], environment()

    def run(self, *words):
        words, variables = self.launched(*words)
        with tempfile.TemporaryFile("w+") as errors:
            done = subprocess.Popen(list(map(str, words)), env=variables, stdout=subprocess.DEVNULL, stderr=errors)
            _, status, usage = os.wait4(done.pid, 0)
            self.memory = max(self.memory, 1024 * usage.ru_maxrss)
            errors.seek(0)
            text = errors.read()
        done.returncode = os.waitstatus_to_exitcode(status)
        if done.returncode:
            sys.exit(text)
        return text

    def train(self, steps):
        """(images, seconds) of so many steps after those to warm up."""
        shutil.rmtree(self.out, ignore_errors=True)
        recipe = os.path.join(self.arguments.recipes, f"{self.model.recipe}.yaml")
        changes = (f"data.file={self.data}", "data.validation=none", f"data.classes={self.model.classes}",
                   f"train.batch={self.batch}", f"train.shards={self.arguments.ranks}",
                   f"train.backend={self.arguments.backend}", "schedule=constant", "large_batch=",
                   f"train.length={self.model.warm_up + steps} steps", "checkpoint.every=0", *self.changes)
        self.run("train", recipe, "--out", self.out, "--quiet", *settings(*changes))
        with open(f"{self.out}/metrics.jsonl") as file:
            records = [record for record in map(json.loads, file) if record["kind"] == "step"]
        seconds = [self.batch / record["images_per_second"] for record in records[self.model.warm_up:]]
        return self.batch * len(seconds), sum(seconds)

    def predict(self, split):
        """(images, seconds) of the evaluation of a split; the slowest rank's time, without the start."""
        log = self.run("eval", f"{self.out}/checkpoints/latest.h5", "--data", self.data, "--split", split, "--log",
                       "debug")
        seconds = re.findall(r"evaluation of .* ends after ([\d.]+) s", log)
        with h5py.File(self.data) as file:
            return len(file[f"{split}/labels"]), max(map(float, seconds))

    def window(self, seconds):
        if self.arguments.work == "train":
            images, took = self.train(max(2, round(seconds / self.step_seconds)))
            self.step_seconds = took * self.batch / images
            return images, took
        with h5py.File(self.data, "a") as file:
            missing = "test" not in file
        if missing:
            self.memory = 0  # what training took
            images, took = self.predict("probe")
            batches = min(4096, max(PROBE, round(seconds * images / took / self.batch)))
            with h5py.File(self.data, "a") as file:
                random_split(file, "test", batches * self.batch, self.model)
        return self.predict("test")

    def finish(self):
        shutil.rmtree(self.out, ignore_errors=True)


class Peer:
    """A process that waits between its windows."""

    def __init__(self, arguments, script, ranks, threads):
        batch = (arguments.batch or MODELS[arguments.model].batch) * arguments.ranks // ranks
        self.words = [f"{arguments.environment}/bin/python", f"{PEERS}/{script}", arguments.model, "--work",
                      arguments.work, "--type", arguments.type, "--threads", threads, "--batch", batch,
                      "--warm-up", MODELS[arguments.model].warm_up]
        if script == "torch_peer.py":
            self.words += ["--ranks", ranks]
        self.threads, self.memory, self.process, self.peer = threads, 0, None, script
        self.errors = tempfile.TemporaryFile("w+")

    def start(self):
        more = dict(OMP_NUM_THREADS=str(self.threads))
        if os.path.exists(JEMALLOC):
            more.update(LD_PRELOAD=JEMALLOC, MALLOC_CONF=MALLOC)
        self.process = subprocess.Popen(list(map(str, self.words)), env=dict(os.environ, **more), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.peer = self.answer()["peer"]

    def answer(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.errors.seek(0)
        sys.exit(f"{' '.join(map(str, self.words))} failed:\n{self.errors.read()}")

    def window(self, seconds):
        print(seconds, file=self.process.stdin, flush=True)
        record = self.answer()
        return record["images"], record["seconds"]

    def finish(self):
        self.process.stdin.close()
        self.memory = self.answer()["memory"]
        self.process.stdout.read()
        self.process.wait()


def contenders(arguments, folder):
    """{name: contender} of one row of the table."""
    found = {}
    precision = [f"train.precision={arguments.type}"] if arguments.type != "fp32" else []
    found["ours"] = Ours(arguments, folder, "ours", precision)
    for change in arguments.variant:
        found[f"ours, {change}"] = Ours(arguments, folder, "variant", [*precision, change])
    if arguments.before:
        found["before"] = Ours(arguments, folder, "before", precision, os.path.abspath(arguments.before))
    if os.path.exists(f"{arguments.environment}/bin/python"):
        peers = dict(ddp=("torch_peer.py", arguments.ranks, 1), torch=("torch_peer.py", 1, arguments.ranks),
                     keras=("keras_peer.py", 1, arguments.ranks))
        found.update({name: Peer(arguments, *how) for name, how in peers.items() if name in arguments.peers})
    return found


def flops_of_image(arguments):
    """Of the convolutions and products of one image; training adds the gradients, except that of the images."""
    model = MODELS[arguments.model]
    recipe = os.path.join(arguments.recipes, f"{model.recipe}.yaml")
    described = result(1, "describe", recipe, "--input", f"{model.seen}x{model.seen}x3",
                       *settings("train.batch=2", "train.shards=1"))
    flops = [layer["flops"] for layer in described["layers"] if layer["kind"] in ("conv", "linear")]
    return sum(flops) if arguments.work == "predict" else 3 * sum(flops) - flops[0]


def take_turns(arguments, found):
    """{name: images a second of each window}."""
    rates = {name: [] for name in found}
    for _ in range(arguments.windows):
        for name, contender in found.items():
            images, seconds = contender.window(arguments.seconds)
            rates[name].append(images / seconds)
    return rates


def measure(arguments, peak):
    """The records of one model, type and work."""
    flops = flops_of_image(arguments)
    with tempfile.TemporaryDirectory(prefix="trainer-compare-") as folder:
        found = contenders(arguments, folder)
        for contender in found.values():
            contender.start()
        rates = take_turns(arguments, found)
        for contender in found.values():
            contender.finish()
    medians = {name: statistics.median(rates[name]) for name in found}
    return [dict(model=arguments.model, type=arguments.type, work=arguments.work, contender=name,
                 version=contender.peer, images_per_second=rates[name], median=medians[name], memory=contender.memory,
                 flops_of_image=flops, of_peak=medians[name] * flops / peak)
            for name, contender in found.items()]


HEAD = ("| model | work | type | who | img/s | GF/s a core | of the peak | memory, MiB | ours ÷ it |\n"
        "|---|---|---|---|---|---|---|---|---|")


def print_rows(arguments, records):
    ours = next((record["median"] for record in records if record["contender"] == "ours"), None)
    for record in records:
        rates, rate = record["images_per_second"], record["median"]
        digits = 0 if rate >= 1000 else 1 if rate >= 100 else 2
        ratio = f"{ours / rate:.2f}" if ours else ""
        print(f"| {record['model']} | {record['work']} | {record['type']} | {record['contender']} | "
              f"{rate:.{digits}f} ({min(rates):.{digits}f}–{max(rates):.{digits}f}) | "
              f"{rate * record['flops_of_image'] / arguments.ranks / 1e9:.1f} | {100 * record['of_peak']:.0f} % | "
              f"{record['memory'] / 2**20:.0f} | {ratio} |", flush=True)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--install", action="store_true", help="make the environment of the peers, and end")
    parser.add_argument("--environment", default=os.path.join(SOURCE, "build", "peers"),
                        help="where it is (default: build/peers)")
    parser.add_argument("--models", type=some_of(MODELS), default=",".join(MODELS))
    parser.add_argument("--types", type=some_of(("fp32", "bf16")), default="fp32,bf16")
    parser.add_argument("--work", dest="works", type=some_of(("train", "predict")), default="train,predict")
    parser.add_argument("--peers", type=some_of(("ddp", "torch", "keras", "")), default="ddp,torch,keras",
                        help="which peers take part (default: all)")
    parser.add_argument("--windows", type=COUNT, default=3)
    parser.add_argument("--seconds", type=SECONDS, default=4, help="of a window (default: 4)")
    parser.add_argument("--ranks", type=COUNT, default=2)
    parser.add_argument("--batch", type=COUNT, help="samples of a rank in each step (default: 128; resnet50: 16)")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--variant", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--before", metavar="PROGRAM", help="another build of the trainer")
    parser.add_argument("--recipes", default=RECIPES)
    parser.add_argument("--json", metavar="FILE", help="write the records as JSON, too")
    arguments = parser.parse_args()
    if arguments.install:
        return install(arguments.environment)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:arguments.ranks])
    measured = limits(arguments.ranks, "--only", "fma")
    peak = arguments.ranks * measured["fma"]
    print(f"{cpu_name()}; {arguments.ranks} cores, {peak / arguments.ranks / 1e9:.0f} GF/s fp32 each; windows of "
          f"{arguments.seconds:g} s\n\n{HEAD}")
    records = []
    for arguments.model in arguments.models.split(","):
        for arguments.work in arguments.works.split(","):
            for arguments.type in arguments.types.split(","):
                found = measure(arguments, peak)
                print_rows(arguments, found)
                records += found
    if not os.path.exists(f"{arguments.environment}/bin/python"):
        print("\nThe peers were not measured: bench/compare.py --install")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(dict(cpu=cpu_name(), limits=measured, records=records), file, indent=1)


if __name__ == "__main__":
    main()
