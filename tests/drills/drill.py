#!/usr/bin/env python3
"""Drills: the program is disturbed many times, and has to keep what it promises each time.

    tests/drills/drill.py kill                     a few times, as the test suite does
    tests/drills/drill.py kill --count 300         as docs/reliability.md reports
    tests/drills/drill.py all --full --report reliability.txt

Each drill prints a line for each trial that broke a promise, and one line that sums up; the exit code is 1 if any
trial broke one, and 77 if the drill cannot run here. `--seed` repeats the same draws; `--keep DIR` keeps the folders
of the trials that failed; with `--progress FILE` a drill that was interrupted goes on where it was."""
import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "fuzz")]
SKIPPED = 77

# The name of each drill, which is also that of its file; how often the test suite and the full run try it; and what
# must hold.
DRILLS = {
    "kill": (4, 300, "SIGKILL to a random rank at a random moment, restarted to the end"),
    "signals": (4, 300, "every signal to mpirun or a rank at a random moment, doubled, during a save"),
    "hang": (1, 50, "SIGSTOP, SIGKILL, or SIGSEGV to a rank, each as often as the count says"),
    "flip": (3, 200, "one bit flipped in one replica's parameters, optimiser state, or average"),
    "nan": (4, 100, "NaN put into the input, an activation, a gradient, or a weight"),
    "differ": (6, 40, "ranks that differ in one option, one file, or one library"),
    "requeue": (1, 20, "cycles of time limit and requeue on a real Slurm, arrays among them"),
    "calls": (4, 10000, "every system call on a file fails, once or for good, in every command"),
    "memory": (3, 100000, "every allocation of the program fails, in every command"),
    "mutants": (2000, 100000, "files of all kinds with a changed bit, byte or block, or cut short"),
    "structures": (1000, 20000, "HDF5 files with changed structures and right checksums"),
    "headers": (1000, 10000000, "each bit of the structures of HDF5 files flipped, with right checksums"),
    "endurance": (1, 1, "16 ranks on few cores that write many checkpoints"),
}


class Broken(Exception):
    """A promise that a trial found broken."""


class Skipped(Exception):
    """Why a drill cannot run here."""


def expect(holds, *words):
    if not holds:
        raise Broken(" ".join(map(str, words)))


class Drill:
    """What a drill's file gets: draws, folders, and a place to count what happened."""

    def __init__(self, name, arguments, folder):
        self.name, self.seed, self.keep, self.folder = name, arguments.seed, arguments.keep, folder
        self.full = DRILLS[name][1]
        self.count = arguments.count or DRILLS[name][1 if arguments.full else 0]
        self.patience = arguments.patience
        self.commands = arguments.commands  # None: all that the drill knows
        self.broken, self.done, self.happened = [], 0, {}
        self.reached = {}  # how many trials of each sort were made, by this process or an earlier one
        self.rng = random.Random(f"{self.seed} {name}")
        self.progress = arguments.progress
        self.what = f"{name} {self.count} {self.seed} {self.commands}"
        self.load()

    def load(self):
        """Goes on where an interrupted drill was."""
        if self.progress and os.path.exists(self.progress):
            with open(self.progress) as file:
                self.broken, self.done, self.happened, self.reached = json.load(file).get(self.what, ([], 0, {}, {}))

    def save(self):
        if not self.progress:
            return
        every = {}
        if os.path.exists(self.progress):
            with open(self.progress) as file:
                every = json.load(file)
        every[self.what] = (self.broken, self.done, self.happened, self.reached)
        with open(f"{self.progress}.new", "w") as file:
            json.dump(every, file, indent=1)
        os.replace(f"{self.progress}.new", self.progress)

    def note(self, what, times=1):
        """Counts something that happened, for the line that sums up."""
        self.happened[what] = self.happened.get(what, 0) + times

    def note_most(self, what, value):
        """Keeps the largest value."""
        self.happened[what] = round(max(self.happened.get(what, value), value), 1)

    def trial(self, number, what, function, *arguments):
        """Calls function(rng, folder, ...) with a generator and a folder of the trial's own."""
        if number < self.reached.get("trials", 0):
            return
        rng = random.Random(f"{self.seed} {self.name} {number}")
        out = os.path.join(self.folder, f"{self.name}-{number}")
        os.makedirs(out)
        try:
            function(rng, out, *arguments)
        except (Broken, AssertionError) as error:  # the latter by tests/support
            words = " ".join(str(error).split())
            self.broken.append(f"trial {number} ({what}): {words[:600]}")
            print(f"BROKEN {self.broken[-1]}", flush=True)
            if self.keep:
                shutil.copytree(out, os.path.join(self.keep, os.path.basename(out)), symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(out, ignore_errors=True)
        self.done += 1
        self.reached["trials"] = number + 1
        self.save()

    def summary(self, seconds):
        details = ", ".join(f"{what} {times}" for what, times in self.happened.items())
        return (f"{self.name}: {self.done} trials, {len(self.broken)} broken promises, {seconds:.0f} s"
                f"{f' ({details})' if details else ''}")


def run_drill(name, arguments):
    with tempfile.TemporaryDirectory(prefix="trainer-drill-", ignore_cleanup_errors=True) as folder:
        drill = Drill(name, arguments, folder)
        start = time.monotonic()
        try:
            importlib.import_module(f"drill_{name}").run(drill)
        except Skipped as reason:
            print(f"skipped: {name}: {reason}", flush=True)
            return SKIPPED
        except KeyboardInterrupt:  # what was tried so far counts
            drill.note("ended by hand")
        line = drill.summary(time.monotonic() - start)
    print(line, flush=True)
    if arguments.report:
        with open(arguments.report, "a") as file:
            file.write(f"{line}\n" + "".join(f"  {what}\n" for what in drill.broken))
    return 1 if drill.broken else 0


def main():
    names = "\n".join(f"  {name:10} {few:4} / {many:6}  {what}" for name, (few, many, what) in DRILLS.items())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"The drills, and their short and full counts:\n{names}")
    parser.add_argument("names", nargs="+", choices=[*DRILLS, "all"], metavar="NAME")
    parser.add_argument("--count", type=int, help="how many trials")
    parser.add_argument("--full", action="store_true", help="the full counts")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("TRAINER_TEST_SEED") or 1))
    parser.add_argument("--keep", metavar="DIR", help="keep the folders of trials that broke a promise")
    parser.add_argument("--commands", type=lambda words: words.split(","), metavar="NAME,…",
                        help="calls and memory: only these commands (faults.py names them)")
    parser.add_argument("--patience", type=float, default=60, metavar="SECONDS",
                        help="calls and memory: how long a command may take (60)")
    parser.add_argument("--progress", metavar="FILE",
                        help="keep in this file what was tried; the same command then goes on after an interruption")
    parser.add_argument("--report", metavar="FILE", help="append the lines that sum up to this file")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    names = list(DRILLS) if "all" in arguments.names else arguments.names
    codes = [run_drill(name, arguments) for name in names]
    return 1 if 1 in codes else SKIPPED if set(codes) == {SKIPPED} else 0


if __name__ == "__main__":
    sys.modules["drill"] = sys.modules["__main__"]
    sys.exit(main())
