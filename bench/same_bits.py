#!/usr/bin/env python3
"""The same bits: digest of the final parameters of a 200-step run (convolutions, batch normalisation,
residuals, dropout, augmentation, Nesterov momentum; 4 shards) on 1, 2 and 4 ranks, and of a run that
is killed with SIGKILL at random moments and resumed on another number of ranks.

    bench/same_bits.py [--steps 200] [--kills 3]"""
import argparse
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from support.program import result
from support.runs import newest_step, start_and_kill, synthesize, write_run_file

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--kills", type=int, default=3)
a = parser.parse_args()
with tempfile.TemporaryDirectory(prefix="trainer-bench-") as folder:
    recipe = write_run_file(folder, synthesize(folder, train=2003), length=f"{a.steps} steps", every="3 steps")
    digests = {}
    for ranks in (1, 2, 4):
        digests[f"{ranks} ranks"] = result(ranks, "train", recipe, "--out", f"{folder}/{ranks}", "--quiet", timeout=600)["digest"]
    for kill in range(a.kills):
        out = f"{folder}/killed-{kill}"
        first, second = random.sample((1, 2, 4), 2)
        code = start_and_kill(first, random.randint(1, a.steps * 3 // 4), out, "train", recipe, "--quiet")
        there = newest_step(out)
        if code == 0 or there >= a.steps:
            sys.exit("FAILED: the run was over before it was killed")
        digests[f"killed on {first} behind step {there}, resumed on {second}"] = result(second, "train", recipe, "--out", out, "--resume", "--quiet", timeout=600)["digest"]
    for name, digest in digests.items():
        print(f"{digest}  {name}")
    if len(set(digests.values())) != 1:
        sys.exit("FAILED: the bits differ")
    print(f"the same bits, {len(digests)} times")
