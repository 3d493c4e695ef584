"""Runs as jobs of launch/slurm/train.sbatch on a Slurm of our own (support/slurm.py), which something interrupts.

A run is given a length that it cannot reach. Once it waits in the queue, its run file is given the length at which it
ends, and the job is released from Slurm's delay of two minutes."""
import contextlib
import glob
import re

from .program import SOURCE
from .runs import newest_step, train, write_run_file

TRAIN = f"{SOURCE}/launch/slurm/train.sbatch"
FAR = 10**6  # a length in steps that no test reaches
MORE = 20    # the steps after the interruption
MODEL = """
  - conv: {out: 8, kernel: 3, stride: 4, padding: 1}
  - batchnorm
  - relu
  - global_avgpool
  - flatten
  - dropout: {rate: 0.2}
  - linear: {out: 10}
"""


def log_of(cluster, job, task=None):
    name = f"*-{job}.log" if task is None else f"*-{job}_{task}.log"
    with contextlib.suppress(IndexError):
        with open(glob.glob(f"{cluster.shared}/{name}")[0]) as file:
            return file.read()
    return ""


class Job:
    """A submitted run: the job's number, its run file and folder."""

    def __init__(self, cluster, data, name, *options, environment=None, submit=None):
        self.cluster, self.name, self.out = cluster, name, f"{cluster.shared}/{name}"
        self.data, self.run = data, f"{cluster.shared}/{name}.yaml"
        self.set_length(FAR)
        self.job = (submit or self.submit)(*options, environment={**cluster.environment, **(environment or {})})

    def set_length(self, steps):
        write_run_file(self.cluster.shared, self.data, name=f"{self.name}.yaml", model=MODEL, batch=16, shards=2,
                       length=f"{steps} steps", every="1 steps", keep=3, schedule="constant")

    def submit(self, *options, environment):
        return self.cluster.submit(*options, TRAIN, self.run, self.out, env=environment)

    def log(self):
        return log_of(self.cluster, self.job)

    def wait_for_step(self, step):
        def has_come():
            assert not self.cluster.is_over(self.job), self.log()
            return newest_step(self.out) >= step
        self.cluster.wait_for(f"step {step} of {self.name}", has_come)

    def restarts(self):
        return [int(found["Restarts"]) for found in self.cluster.fields(self.job)]

    def wait_until_queued_again(self, times=1, seconds=60):
        def waits():
            assert not self.cluster.is_over(self.job), self.log()
            return self.cluster.states(self.job) == ["PENDING"] and self.restarts() == [times]
        self.cluster.wait_for(f"{self.name} in the queue", waits, seconds)

    def finish(self):
        """Lets a run that waits in the queue end: (its digest, that of an undisturbed run)."""
        length = newest_step(self.out) + MORE
        self.set_length(length)
        self.cluster.release(self.job)
        assert self.cluster.wait_until_over(self.job) == ["COMPLETED"], self.log()
        assert newest_step(self.out) == length, self.log()
        return digests(self.out, self.run)


def digests(out, run, *more):
    """Of a finished run, and of the same run undisturbed on one rank."""
    return (train(1, run, out, "--resume", *more)["digest"],
            train(1, run, f"{out}-straight", "--set", "checkpoint.every=1000000 steps", *more)["digest"])


def starts(out):
    """What starts.log says: a list of (step before, step after, exit code)."""
    with open(f"{out}/starts.log") as file:
        lines = file.read().splitlines()
    begun = [found[1] for line in lines if (found := re.fullmatch(r"\S+ \S+ start \d+: step (\S+)", line))]
    ended = [found.groups() for line in lines
             if (found := re.fullmatch(r"\S+ \S+ end \d+: step (\S+) exit (\d+)", line))]
    assert len(begun) + len(ended) == len(lines) == 2 * len(begun), lines
    return [(before, *end) for before, end in zip(begun, ended)]
