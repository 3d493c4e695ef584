"""Two ranks that differ in a key of the run file, the command line, the data, or a library. They must
be refused at the start, in one line that names the rank, within seconds; no checkpoint may be written."""
import os
import shutil
import signal
import subprocess

from common import Rehearsal
from drill import expect
from support.program import TRAINER, environment
from support.runs import newest_step, synthesize

SECONDS = 30
KEYS = ("train.seed=4", "train.batch=48", "train.length=80 steps", "train.shards=2", "train.check_every=7",
        "checkpoint.every=7 steps", "checkpoint.keep=3", "checkpoint.every=0", "optimizer.rate=0.07",
        "optimizer.momentum=0.8", "optimizer.weight_decay=0.001", "loss.label_smoothing=0.2", "schedule=",
        "augment=", "preprocess.scale=channel_std", "data.validation=test",
        "train.exchange=direct", "train.exchange=mpi",
        "clip.norm=1", "average={ema: {decay: 0.9}}", "model.9.dropout.rate=0.4",
        "model.0.conv.out=9", "early_stopping.patience=3")
OPTIONS = (("--stop-after", "7"), ("--out", "elsewhere"), ("--backend", "openblas"), ("--threads", "2"))
LIBRARIES = ({"OPENBLAS_CORETYPE": "Haswell"}, {"OPENBLAS_CORETYPE": "Nehalem"}, {"ONEDNN_MAX_CPU_ISA": "AVX2"})


def run(drill):
    rehearsal = Rehearsal(drill, length=20)
    kinds = [("key", key) for key in KEYS] + [("option", option) for option in OPTIONS]
    kinds += [("library", library) for library in LIBRARIES]
    kinds += [("file", name) for name in ("run file", "pixels", "labels", "count", "classes", "missing", "damaged")]
    drill.rng.shuffle(kinds)
    for number in range(drill.count):
        kind, what = kinds[number % len(kinds)]
        drill.trial(number, f"{kind}: {what}", one, rehearsal, kind, what)


def other_data(folder, path, what):
    """A data set that differs from the one at `path`; None: there is none."""
    import h5py

    if what == "count":
        return synthesize(folder, train=500, test=48, validation=96, name="other.h5")
    if what == "missing":
        return None
    other = shutil.copy(path, os.path.join(folder, "other.h5"))
    with h5py.File(other, "r+") as file:
        if what == "pixels":
            file["train/images"][17, 3, 4, 0] ^= 1
        elif what == "labels":
            file["train/labels"][5] = (file["train/labels"][5] + 1) % 10
        elif what == "classes":
            names = file["classes"][...]
            names[0], names[1] = names[1], names[0]
            file["classes"][...] = names
    if what == "damaged":
        os.truncate(other, os.path.getsize(other) // 2)
    return other


def disk(out, name, run_text, data):
    """A working folder that stands for a node's own disk."""
    folder = os.path.join(out, name)
    os.makedirs(folder)
    with open(os.path.join(folder, "run.yaml"), "w") as file:
        file.write(run_text)
    if data:
        os.symlink(data, os.path.join(folder, "data.h5"))
    return folder


def one(rng, out, rehearsal, kind, what):
    with open(rehearsal.recipe) as file:
        text = file.read().replace(rehearsal.data, "data.h5")
    different = text.replace("rate: 0.05", "rate: 0.06") if what == "run file" else text
    data = rehearsal.data if kind != "file" or what == "run file" else other_data(out, rehearsal.data, what)
    result = os.path.join(out, "run")
    words = [TRAINER, "train", "run.yaml", "--out", result, "--quiet"]
    usual, odd = ["-wdir", disk(out, "usual", text, rehearsal.data)], ["-wdir", disk(out, "odd", different, data)]
    more = ["--set", what] if kind == "key" else list(what) if kind == "option" else []
    if kind == "library":
        for name, value in what.items():
            odd += ["-x", f"{name}={value}"]
    parts = [[*usual, "-np", "1", *words], [*odd, "-np", "1", *words, *more]]
    rank = rng.randint(0, 1)  # the one that differs
    first, second = parts if rank else parts[::-1]
    command = ["mpirun", "--oversubscribe", "--bind-to", "none", *first, ":", *second]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        expect(False, f"still running after {SECONDS} s")
    lines = [line for line in stderr.splitlines() if line.startswith("trainer: ")]
    if process.returncode == 0:  # what makes no difference need not be refused
        expect(rehearsal.whole["digest"] in stdout, "was neither refused nor without effect:", stdout)
        rehearsal.drill.note("without effect")
        return
    expect(len(lines) == 1, "expected one line, found", lines or stderr)
    if rank == 1:  # a line without a rank is of rank 0
        expect("rank 1" in lines[0], "the line does not name the rank:", lines[0])
    if kind == "key":
        expect(what.split("=")[0].split(".")[0] in lines[0], "the line does not name the key:", lines[0])
    expect(newest_step(result) == 0, "checkpoints were written")
    rehearsal.drill.note(f"refused for a {kind}")
