"""Commands whose system calls or allocations fail, by the library faults.c, in a folder that is made anew for each."""
import contextlib
import json
import os
import re
import shutil
import struct
import subprocess

import h5py
import numpy as np
from drill import Broken, Skipped, expect
from support.png import write_png
from support.program import TRAINER, built, environment
from support.runs import metrics, synthesize, write, write_run_file

STATE_BYTES = 1024
MODEL = "[flatten, {linear: {out: 8}}, batchnorm, relu, {linear: {out: 10}}]"
# What `predict` adds for people is no part of an answer.
REMARKS = re.compile(r", [0-9.]+ samples/s| \(of [a-z, ]*\)")
TIMES = re.compile(r'"(seconds|images_per_second|input_wait|latency[a-z_]*)": [-+.e0-9]+')
NAMED = "named/checkpoints/latest.h5"  # of a run on samples that have names
RETRY = "checkpoint.on_error={retry: 0}"
IN_PLACE = """data: {file: d.h5, train: first, validation: second, splits: {
  first: {images: train/images, labels: train/labels, fraction: 0.5}, second: {images: [test/images],
  labels: [test/labels]}}}
model: [flatten, {linear: {out: 10}}]
optimizer: {sgd: {rate: 0.01}}
train: {batch: 16, length: 2 steps}
"""

# Runs on data whose samples have names, that came from a table, and that is streamed.
SMALL_RUNS = {
    "named": """data: {file: named.h5, validation: test}
preprocess: {scale: range}
model: [flatten, {linear: {out: 2}}]
optimizer: {sgd: {rate: 0.01}}
train: {batch: 2, length: 2 steps}
""",
    "columns": """data: {file: columns.h5, validation: none}
model: [flatten, {linear: {out: 1}}]
loss: mse
optimizer: {sgd: {rate: 0.01}}
train: {batch: 3, length: 3 steps}
""",
    "packed": """data: {file: packed.h5, validation: validation, window: 16}
model: [flatten, {linear: {out: 10}}]
optimizer: {sgd: {rate: 0.01}}
train: {batch: 16, length: 4 steps}
""",
}

# Each command with the files and folders that it makes or changes; `run`: a training that --resume can go on with.
COMMANDS = {
    "start": dict(words="train run.yaml --out new --quiet --json", makes=["new"], run="new"),
    "continue": dict(words="train run.yaml --out half --resume --quiet --json", makes=["half"], run="half"),
    "donor": dict(words="train donor.yaml --out new --quiet --json", makes=["new"], run="new"),
    "arrays": dict(words="train arrays.yaml --out new --quiet --json", makes=["new"], run="new"),
    "eval": dict(words="eval whole/checkpoints/latest.h5 --json"),
    "predict": dict(words="predict whole/checkpoints/latest.h5 -o p.csv", makes=["p.csv"]),
    "predict h5": dict(words="predict whole/checkpoints/latest.h5 -o p.h5", makes=["p.h5"]),
    "inspect": dict(words="inspect whole/checkpoints/latest.h5 --json"),
    "verify": dict(words="verify whole/checkpoints/latest.h5 d.h5"),
    "describe": dict(words="describe run.yaml"),
    "gradcheck": dict(words="gradcheck run.yaml"),
    "info": dict(words="dataset info d.h5 --json"),
    "verify data": dict(words="dataset verify d.h5 --json"),
    "statistics": dict(words="dataset statistics d.h5 --pca --components 3", makes=["d.h5"]),
    "preview": dict(words="dataset preview d.h5 -o p.png", makes=["p.png"]),
    "synthesize": dict(words="dataset synthesize -o s.h5 --train 30 --test 10", makes=["s.h5"]),
    "blocks": dict(words="train run.yaml --out new --quiet --json --set data.check=reading", makes=["new"], run="new"),
    "stream": dict(words="train packed.yaml --out new --quiet --json", makes=["new"], run="new"),
    "folds": dict(words="train run.yaml --folds 2 --out new --quiet --json", makes=["new"]),
    "named": dict(words="train named.yaml --out new --quiet --json", makes=["new"], run="new"),
    "predict names": dict(words=f"predict {NAMED} --split test --resize crop --quiet -o p.csv", makes=["p.csv"]),
    "pictures": dict(words=f"predict {NAMED} photos/test --resize crop --quiet -o p.csv", makes=["p.csv"]),
    "columns": dict(words="predict columns/checkpoints/latest.h5 t.csv -o p.csv", makes=["p.csv"]),
    "column run": dict(words="train columns.yaml --out new --quiet --json", makes=["new"], run="new"),
    "table": dict(words="dataset import --format table t.csv --target y -o t.h5", makes=["t.h5"]),
    "folder": dict(words="dataset import --format image-folder photos -o i.h5", makes=["i.h5"]),
    "hdf5": dict(words="dataset import --format hdf5 arrays.yaml -o a.h5", makes=["a.h5"]),
}


def chosen(drill):
    """The names of the commands to try."""
    return [name for name in COMMANDS if not drill.commands or name in drill.commands]


def pack(source, path):
    """A copy whose images are packed in chunks, as another program writes them."""
    with h5py.File(source, "r") as file, h5py.File(path, "w") as packed:
        packed["classes"] = file["classes"][()]
        for split in ("train", "validation"):
            images = file[f"{split}/images"][()]
            packed.create_dataset(f"{split}/images", data=images, chunks=(4, *images.shape[1:]), compression="gzip")
            packed[f"{split}/labels"] = file[f"{split}/labels"][()]


def write_pictures(folder):
    for split, name, grey in (("train", "a", 10), ("train", "b", 90), ("test", "a", 20), ("test", "b", 80)):
        os.makedirs(f"{folder}/{split}/{name}", exist_ok=True)
        write_png(f"{folder}/{split}/{name}/1.png", np.full((4, 4, 3), grey, np.uint8))


class Bench:
    """A folder with data, a finished run and half a run; a copy of it, `place`, in which commands run; and what each
    command does there when nothing fails."""

    def __init__(self, drill):
        self.library = os.environ.get("TRAINER_PROGRAM_faults") or built("drills/libfaults.so")
        if not os.path.exists(self.library):
            raise Skipped(f"{self.library} is not built")
        self.drill = drill
        self.folder = os.path.realpath(os.path.join(drill.folder, "original"))
        self.place = os.path.realpath(os.path.join(drill.folder, "place"))
        self.state = os.path.join(drill.folder, "state")
        self.undisturbed = {}
        self.make()

    def make(self):
        os.makedirs(self.folder)
        synthesize(self.folder, train=64, test=16, validation=16, name="d.h5", more=("--size", 16))
        write(f"{self.folder}/t.csv", "x,y\n" + "".join(f"{i},{i * i % 7}\n" for i in range(9)))
        write(f"{self.folder}/arrays.yaml", IN_PLACE)
        for name in ("s.h5", "t.h5", "i.h5", "a.h5"):  # what was there before
            shutil.copy(f"{self.folder}/d.h5", f"{self.folder}/{name}")
        write_png(f"{self.folder}/p.png", np.zeros((4, 4, 3), np.uint8))
        write_pictures(f"{self.folder}/photos")
        write_run_file(self.folder, "d.h5", f" {MODEL}", batch=16, length="6 steps", every="2 steps")
        self.shell("train", "run.yaml", "--out", "whole", "--quiet")
        self.shell("dataset", "import", "--format", "image-folder", "photos", "-o", "named.h5")
        self.shell("dataset", "import", "--format", "table", "t.csv", "--target", "y", "-o", "columns.h5")
        pack(f"{self.folder}/d.h5", f"{self.folder}/packed.h5")
        for name, text in SMALL_RUNS.items():
            write(f"{self.folder}/{name}.yaml", text)
            if name != "packed":
                self.shell("train", f"{name}.yaml", "--out", name, "--quiet")
        for name in ("p.csv", "p.h5"):
            self.shell("predict", "whole/checkpoints/latest.h5", "--split", "validation", "-o", name)
        self.shell("train", "run.yaml", "--out", "half", "--quiet", "--stop-after", "3")
        write(f"{self.folder}/donor.yaml", f"""data: {{file: d.h5, validation: validation}}
model: {MODEL}
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 16, length: 2 steps}}
start_from: {{checkpoint: whole/checkpoints/latest.h5}}
""")

    def shell(self, *words):
        done = subprocess.run([TRAINER, *words], cwd=self.folder, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def renew(self):
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.folder, self.place, symlinks=True)

    def run(self, words, kind=None, number=0, forever=False, error=0):
        """Runs a command in `place`: what became of it, the calls that were counted, and the path of the first that
        failed (None: none did)."""
        with open(self.state, "wb") as file:
            file.write(bytes(STATE_BYTES))
        faults = {} if kind is None else dict(
            LD_PRELOAD=self.library, FAULTS_STATE=self.state, FAULTS_KIND=kind, FAULTS_NUMBER=str(number),
            FAULTS_FOREVER=str(int(forever)), FAULTS_ERRNO=str(error), FAULTS_UNDER=self.place)
        try:
            done = subprocess.run([TRAINER, *words], cwd=self.place, env=environment(**faults), capture_output=True,
                                  text=True, timeout=self.drill.patience)
        except subprocess.TimeoutExpired:
            raise Broken(f"{words} with {kind} {number}: still running after {self.drill.patience} s") from None
        with open(self.state, "rb") as file:
            state = file.read()
        counted, failed = struct.unpack("qq", state[:16])
        return done, counted, state[16:].split(b"\0")[0].decode() if failed else None

    def words(self, name):
        words = COMMANDS[name]["words"].split()
        return words + ["--set", RETRY] if words[0] == "train" else words

    def calls(self, name, kind):
        """How many calls a command makes; keeps what it does when nothing fails."""
        self.renew()
        done, counted, _ = self.run(self.words(name), kind)
        expect(done.returncode == 0, name, "fails by itself:", done.stderr)
        if name not in self.undisturbed:
            self.undisturbed[name] = (self.said(done), self.made(name))
        return counted

    def said(self, done):
        return REMARKS.sub("", TIMES.sub(r'"\1": 0', done.stdout))

    def made(self, name):
        """What a command's files hold, or the digest and the metrics of its run."""
        return [self.content(path) for path in COMMANDS[name].get("makes", ())]

    def content(self, path):
        path = os.path.join(self.place, path)
        if os.path.isdir(path):
            return metrics(path) if os.path.exists(f"{path}/metrics.jsonl") else None
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            return file.read()
        return None

    def check(self, name, done, *about):
        """A command that failed in part: the same answer with exit 0, or one line and the files as they were."""
        stdout, made = self.undisturbed[name]
        lines = [line for line in done.stderr.splitlines()]
        about = (*about, f"exit code {done.returncode}:", done.stdout[-300:], done.stderr[-600:])
        expect("bug" not in done.stderr and 0 <= done.returncode < 64, "a crash:", *about)
        if done.returncode == 0:
            expect(self.said(done) == stdout, "another answer, expected", stdout[-300:], "found", *about)
            expect(self.made(name) == made, "other files with exit code 0:", *about)
            return None
        ours = [line for line in lines if line.startswith("trainer: ")]
        last = [line for line in ours if not line.startswith(("trainer: warning: ", "trainer: note: "))]
        expect(len(last) == 1 and ours == lines, "expected one line:", *about)
        self.check_files(name, made, about)
        return last[0]

    def check_files(self, name, made, about):
        before = dict(zip(COMMANDS[name].get("makes", ()), made))
        for path, after in before.items():
            if os.path.isdir(f"{self.place}/{path}") or path in ("new", "d.h5"):  # a run, which check_run continues
                continue
            with open(f"{self.folder}/{path}", "rb") as file:
                old = file.read()
            expect(self.content(path) in (old, after), f"{path} is neither the old file nor the new one:", *about)
        if "d.h5" in before:
            done, _, _ = self.run(["verify", "d.h5"])
            expect(done.returncode == 0, "the data set is not good afterwards:", done.stderr, *about)
        if COMMANDS[name].get("run"):
            self.check_run(name, about)

    def check_run(self, name, about):
        """Continues a run; all checkpoints that there were load, and the end has the undisturbed run's bits."""
        done, _, _ = self.run([*self.words(name), *(["--resume"] if "--resume" not in self.words(name) else [])])
        expect(done.returncode == 0, "the same command again fails:", done.stderr, "after", *about)
        keys = ("digest", "step", "validation_loss", "best_step")
        found, expected = json.loads(done.stdout), json.loads(self.undisturbed[name][0])
        expect([found.get(key) for key in keys] == [expected.get(key) for key in keys], "the run ends with",
               [found.get(key) for key in keys], "instead of", [expected.get(key) for key in keys], "after", *about)
        expect(self.made(name) == self.undisturbed[name][1], "other metrics after", *about)
        folder = f"{self.place}/{COMMANDS[name]['run']}"
        left = [file for _, _, files in os.walk(folder) for file in files if ".tmp-" in file]
        expect(not left, "files are left:", left, "after", *about)
