"""Small data sets, run files, and trainings: finished, stopped, killed and resumed."""
import contextlib
import json
import os
import shutil
import subprocess
import time

from .program import built, command, environment, result, run

# Everything that a run's bits can depend on: convolutions, batch normalisation on images and on
# features, residuals, dropout, augmentation, a short last batch, momentum, a schedule.
MODEL = """
  - conv: {out: 8, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - residual:
      shortcut: projection
      body:
        - conv: {out: 12, kernel: 3, stride: 2, padding: 1, bias: false}
        - batchnorm
        - relu
        - conv: {out: 12, kernel: 3, padding: 1, bias: false}
        - batchnorm
  - relu
  - residual:
      shortcut: identity
      body:
        - conv: {out: 12, kernel: 3, padding: 1}
        - batchnorm
  - relu
  - maxpool: {kernel: 2}
  - flatten
  - linear: {out: 32, bias: false}
  - batchnorm
  - tanh
  - dropout: {rate: 0.3}
  - linear: {out: 10}
"""
TIMES = ("seconds", "images_per_second", "input_wait")  # what differs between two runs of the same bits


def synthesize(folder, train=643, test=230, validation=120, seed=1, name="shapes.h5", more=()):
    """A drawn data set; returns its path."""
    path = os.path.join(folder, name)
    run(1, "dataset", "synthesize", "-o", path, "--train", train, "--test", test, "--validation", validation,
        "--seed", seed, *more)
    return path


def write_sample(folder):
    """The checkpoint of tests/checkpoint/write_sample.c; returns its path."""
    path = os.path.join(folder, "sample.h5")
    subprocess.run([built("checkpoint/write_sample"), path], check=True)
    return path


def write(path, text):
    with open(path, "w", newline="") as file:
        file.write(text)
    return path


def read(path, mode="r"):
    with open(path, mode) as file:
        return file.read()


def write_run_file(folder, data, model=MODEL, name="run.yaml", batch=60, shards=4, length="20 steps",
                   every="5 steps", warmup="2 steps", keep=0, schedule=None):
    return write(os.path.join(folder, name), f"""data: {{file: {data}, train: train, validation: validation}}
augment:
  - flip
  - crop: {{pad: 4, fill: reflect}}
model:{model}
loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
optimizer:
  nesterov: {{rate: 0.05, momentum: 0.9, weight_decay: 5.0e-4}}
schedule: {schedule or f"{{cosine: {{warmup: {warmup}}}}}"}
train: {{batch: {batch}, shards: {shards}, length: {length}, seed: 3}}
checkpoint: {{every: {every}, keep: {keep}}}
""")


def without_warnings(path):
    """The run file, in which training does not warn of what the loss does."""
    return write(path, read(path).replace("seed: 3}", "seed: 3, warnings: false}"))


def forget_digests(*splits):
    """Of groups in a data file whose images a test changes: what has no digests is believed."""
    for split in splits:
        split.attrs.pop("digest", None)
        if "block_digests" in split:
            del split["block_digests"]


def write_endless_run(folder, watchdog):
    """A run of small steps that goes on until it is stopped; its watchdog's time is so many seconds."""
    data = synthesize(folder, train=600)
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, validation: none}}
model: [flatten, {{linear: {{out: 32}}}}, relu, {{linear: {{out: 10}}}}]
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 60, shards: 12, length: 100000 steps, watchdog: {watchdog} s, warnings: false}}
checkpoint: {{every: 20 steps}}
""")


class Run:
    """A training that ended: its folder, and what it reported as JSON: run["digest"]."""

    def __init__(self, out, report):
        self.out, self.report = out, report

    def __getitem__(self, key):
        return self.report[key]

    def __contains__(self, key):
        return key in self.report

    def checkpoint(self, name="latest.h5"):
        return f"{self.out}/checkpoints/{name}"

    def metrics(self, *kinds):
        return metrics(self.out, *kinds)


def train(ranks, recipe, out, *more, **keywords):
    return Run(out, result(ranks, "train", recipe, "--out", out, "--quiet", *more, **keywords))


def train_on_ranks(ranks, recipe, out, *more):
    """The same training on each number of ranks: a list of runs."""
    return [train(count, recipe, f"{out}-{count}", *more) for count in ranks]


def metrics(out, *kinds):
    """The records of metrics.jsonl of these kinds (of all, if none is given), without their times."""
    with open(f"{out}/metrics.jsonl") as file:
        records = [json.loads(line) for line in file]
    return [{key: value for key, value in record.items() if key not in TIMES}
            for record in records if not kinds or record["kind"] in kinds]


def last_step(out):
    """The last step that metrics.jsonl reports; 0 if there is none."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return max((record["step"] for record in metrics(out)), default=0)
    return 0


def arrays(path, group="model"):
    """The arrays of a group of an HDF5 file, by name."""
    import h5py

    found = {}
    with h5py.File(path) as file:
        file[group].visititems(lambda name, item: found.__setitem__(name, item[()])
                               if isinstance(item, h5py.Dataset) else None)
    return found


def copy_data(path, source, without=()):
    """A copy of a data set without some of its groups or arrays; returns its path."""
    import h5py

    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        for name in without:
            del file[name]
        if without:
            file.attrs.pop("arrays", None)
    return path


def newest_step(out):
    """The newest step of the run's checkpoints; 0 if there are none."""
    with contextlib.suppress(FileNotFoundError):
        names = os.listdir(f"{out}/checkpoints")
        return max((int(name[5:14]) for name in names if name.startswith("step-") and name.endswith(".h5")),
                   default=0)
    return 0


def start_and_kill(ranks, step, out, *words):
    """Starts the program, and sends SIGKILL to one of its processes as soon as there is a checkpoint of
    `step` or a later one; waits for the end. Returns the exit code."""
    process = subprocess.Popen(command(ranks, *words, "--out", out), env=environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and newest_step(out) < step:
        time.sleep(0.002)
    victims = children(process.pid) if ranks > 1 else [process.pid]
    for victim in victims[-1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, 9)
    return process.wait(timeout=300)


def kill_midway(ranks, step, last, out, *words):
    """Kills a run at `step` or later and before `last`; the run may be too fast for the first tries.
    Returns the step of its newest checkpoint."""
    for _ in range(10):
        shutil.rmtree(out, ignore_errors=True)
        start_and_kill(ranks, step, out, *words)
        if step <= newest_step(out) < last:
            print(f"killed on {ranks} ranks after step {newest_step(out)}")
            return newest_step(out)
    raise AssertionError(f"ten runs could not be killed between the steps {step} and {last}")


def children(parent):
    """The processes that `parent` started."""
    with contextlib.suppress(FileNotFoundError):
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            return [int(word) for word in file.read().split()]
    return []
