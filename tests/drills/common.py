"""What the drills share: a run that lasts a few seconds, the program in a session of its own, and its end."""
import contextlib
import os
import subprocess
import tempfile
import time

from drill import Broken, expect
from support.processes import Session, ranks_of
from support.program import environment, settings
from support.runs import children, last_step, synthesize, train, write_run_file

EVERY = 10  # steps between two checkpoints

# Small enough that hundreds of runs take minutes, with all that a run's bits can depend on.
MODEL = """
  - conv: {out: 8, kernel: 5, stride: 4, padding: 1, bias: false}
  - batchnorm
  - relu
  - residual:
      shortcut: identity
      body:
        - conv: {out: 8, kernel: 3, padding: 1}
        - batchnorm
  - relu
  - maxpool: {kernel: 2}
  - flatten
  - linear: {out: 32}
  - tanh
  - dropout: {rate: 0.3}
  - linear: {out: 10}
"""


class Rehearsal:
    """A run file, its data, and the undisturbed run that every disturbed one is compared with."""

    def __init__(self, drill, *assignments, length=60, every=EVERY, **options):
        self.drill, self.every, self.length = drill, every, length
        folder = tempfile.mkdtemp(dir=drill.folder)
        self.data = synthesize(folder, train=480, test=48, validation=96)
        self.recipe = write_run_file(folder, self.data, length=f"{length} steps", every=f"{every} steps",
                                     model=MODEL, **{"batch": 24, **options})
        self.assignments = settings(*assignments)
        start = time.monotonic()
        self.whole = train(2, self.recipe, os.path.join(folder, "whole"), *self.assignments)
        self.seconds = time.monotonic() - start

    @property
    def digests(self):
        return self.whole["digest"], self.whole.report.get("average_digest")

    def words(self, out, *more):
        return ["train", self.recipe, "--out", out, "--resume", *self.assignments, *more]

    def start(self, ranks, out, *more, **keywords):
        return Program(ranks, *self.words(out, *more), **keywords)

    def finish(self, ranks, out):
        """Resumes the run without disturbance; it must end with the digests of the undisturbed run."""
        found = train(ranks, self.recipe, out, "--resume", *self.assignments)
        expect((found["digest"], found.report.get("average_digest")) == self.digests,
               f"the digest is {found['digest']}, that of the undisturbed run {self.whole['digest']}")
        expect(found.metrics() == self.whole.metrics(), "metrics.jsonl differs from the undisturbed run's")
        return found


class Program(Session):
    """The program as a drill sees it: what does not end, or leaves processes, breaks a promise."""

    def __init__(self, ranks, *words, **more):
        super().__init__(ranks, *words, env=environment(**more))

    @property
    def pid(self):
        return self.process.pid

    def ranks_pids(self, seconds=20):
        """The processes of the ranks, in their order, once all have been started; or none, if the program ends."""
        if self.ranks == 1:
            return [self.pid]
        end = time.monotonic() + seconds
        while self.runs() and time.monotonic() < end:
            found = ranks_of(children(self.pid))
            if len(found) == self.ranks:
                return found
            time.sleep(0.002)
        return []

    def end(self, seconds=120):
        """Waits for the end: the exit code."""
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.destroy()
            raise Broken(f"still running after {seconds} s") from None
        return self.process.returncode

    def expect_all_gone(self, seconds):
        left = self.left_after(seconds)
        expect(not left, f"processes {left} are left {seconds} s after the end")


def abandoned(names):
    """Those of the entries of /dev/shm that no process uses any more."""
    used = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/maps") as file:
            used |= {name for line in file for name in names if f"/dev/shm/{name}" in line}
    return names - used


def wait_for_step(program, out, step, seconds=60):
    """Waits until the run has reported `step`; False if it ended before."""
    end = time.monotonic() + seconds
    while program.runs() and time.monotonic() < end:
        if last_step(out) >= step:
            return True
        time.sleep(0.01)
    return False

