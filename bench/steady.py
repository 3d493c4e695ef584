#!/usr/bin/env python3
"""Steadiness: resident memory and open files of both ranks after the 100th step and after the last
must be the same.

    bench/steady.py [--steps 20000]"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from support.program import command, environment
from support.runs import children, synthesize, write_run_file

MODEL = """
  - conv: {out: 4, kernel: 3, stride: 4, padding: 1, bias: false}
  - batchnorm
  - relu
  - flatten
  - dropout: {rate: 0.2}
  - linear: {out: 10}
"""

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=20000)
a = parser.parse_args()


def measure(pid):
    status = open(f"/proc/{pid}/status").read()
    resident = int(status.split("VmRSS:")[1].split()[0])
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def steps_done(path):
    """From the newest whole line of the metrics, which are flushed at each checkpoint."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 4096))
            return json.loads(file.read().splitlines()[-2])["step"]
    except (OSError, IndexError, ValueError, KeyError):
        return 0


with tempfile.TemporaryDirectory(prefix="trainer-bench-") as folder:
    data = synthesize(folder, train=128, test=10, validation=20)
    recipe = write_run_file(folder, data, model=MODEL, batch=16, shards="2", length=f"{a.steps} steps", every="100 steps")
    with open(recipe) as file:
        text = file.read().replace("keep: 0", "keep: 2")
    with open(recipe, "w") as file:
        file.write(text)
    out = f"{folder}/run"
    process = subprocess.Popen(command(2, "train", recipe, "--out", out, "--quiet"), env=environment(), stdout=subprocess.PIPE)
    early = late = None
    while process.poll() is None:
        done = steps_done(f"{out}/metrics.jsonl")
        try:
            now = [measure(pid) for pid in children(process.pid)]
        except (OSError, IndexError):
            now = []
        if len(now) == 2 and 100 <= done < a.steps:  # at the last step they may be closing down
            early = early or (done, now)
            late = (done, now)
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"the run failed: {process.returncode}")
    print(f"after step {early[0]}: " + ", ".join(f"rank {i}: {r} KiB, {f} descriptors" for i, (r, f) in enumerate(early[1])))
    print(f"after step {late[0]}: " + ", ".join(f"rank {i}: {r} KiB, {f} descriptors" for i, (r, f) in enumerate(late[1])))
    grown = [(b[0] - c[0], b[1] - c[1]) for b, c in zip(late[1], early[1])]
    print("growth: " + ", ".join(f"rank {i}: {k} KiB, {n} descriptors" for i, (k, n) in enumerate(grown)))
    if late[0] <= early[0] or any(n > 0 or k > 512 for k, n in grown):
        sys.exit("FAILED: memory or descriptors grew")
    print("steady")
