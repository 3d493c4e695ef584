#!/usr/bin/env python3
"""Steadiness: the resident memory and the open files of both ranks must be the same after the 100th step and after
the last.

    bench/steady.py [--steps 20000]"""
import json
import os
import subprocess
import sys
import tempfile
import time

from common import COUNT, parser_of
from support.program import command, environment
from support.runs import children, read, synthesize, write, write_run_file

FIRST, ALLOWED_KIB = 100, 512
MODEL = """
  - conv: {out: 4, kernel: 3, stride: 4, padding: 1, bias: false}
  - batchnorm
  - relu
  - flatten
  - dropout: {rate: 0.2}
  - linear: {out: 10}
"""


def measure(pid):
    """(resident KiB, open descriptors) of a process."""
    resident = int(read(f"/proc/{pid}/status").split("VmRSS:")[1].split()[0])
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def measure_ranks(parent):
    """Both ranks' figures; fewer while a process starts or ends."""
    try:
        return [measure(pid) for pid in children(parent)]
    except (OSError, IndexError):
        return []


def steps_done(path):
    """The step of the newest whole line of the metrics, which are flushed at each checkpoint."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 4096))
            return json.loads(file.read().splitlines()[-2])["step"]
    except (OSError, IndexError, ValueError, KeyError):
        return 0


def watch(process, metrics, steps):
    """The first and the last (step, figures of both ranks), while the run lasts."""
    early = late = None
    while process.poll() is None:
        done, now = steps_done(metrics), measure_ranks(process.pid)
        if len(now) == 2 and FIRST <= done < steps:  # at the last step the ranks may be closing down
            late = (done, now)
            early = early or late
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"the run failed: {process.returncode}")
    if not early:
        sys.exit("FAILED: the run was over before it could be measured")
    return early, late


def describe(figures):
    return ", ".join(f"rank {rank}: {kib} KiB, {files} descriptors" for rank, (kib, files) in enumerate(figures))


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--steps", type=COUNT, default=20000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory(prefix="trainer-bench-") as folder:
        data = synthesize(folder, train=128, test=10, validation=20)
        recipe = write_run_file(folder, data, model=MODEL, batch=16, shards="2", length=f"{steps} steps",
                                every=f"{FIRST} steps")
        write(recipe, read(recipe).replace("keep: 0", "keep: 2"))
        out = f"{folder}/run"
        process = subprocess.Popen(command(2, "train", recipe, "--out", out, "--quiet"), env=environment(),
                                   stdout=subprocess.DEVNULL)
        early, late = watch(process, f"{out}/metrics.jsonl", steps)
    grown = [(after[0] - before[0], after[1] - before[1]) for after, before in zip(late[1], early[1])]
    print(f"after step {early[0]}: {describe(early[1])}")
    print(f"after step {late[0]}: {describe(late[1])}")
    print(f"growth: {describe(grown)}")
    if late[0] <= early[0] or any(files > 0 or kib > ALLOWED_KIB for kib, files in grown):
        sys.exit("FAILED: memory or descriptors grew")
    print("steady")


if __name__ == "__main__":
    main()
