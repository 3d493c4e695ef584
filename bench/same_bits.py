#!/usr/bin/env python3
"""The same bits: compares the digests of the final parameters of one run on 1, 2 and 4 ranks, and of the run killed
with SIGKILL at random moments and resumed on another number of ranks. The run has 4 shards, convolutions, batch
normalisation, residuals, dropout, augmentation and Nesterov momentum.

    bench/same_bits.py [--steps 200] [--kills 3]"""
import random
import sys
import tempfile

from common import COUNT, parser_of
from support.runs import newest_step, start_and_kill, synthesize, train, write_run_file

RANKS = (1, 2, 4)


def killed_and_resumed(recipe, out, steps):
    """What was done, and the digest."""
    first, second = random.sample(RANKS, 2)
    code = start_and_kill(first, random.randint(1, steps * 3 // 4), out, "train", recipe, "--quiet")
    reached = newest_step(out)
    if code == 0 or reached >= steps:
        sys.exit("FAILED: the run was over before it was killed")
    resumed = train(second, recipe, out, "--resume", timeout=600)
    return f"killed on {first} after step {reached}, resumed on {second}", resumed["digest"]


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--steps", type=COUNT, default=200)
    parser.add_argument("--kills", type=int, default=3)
    arguments = parser.parse_args()
    steps = arguments.steps
    digests = []
    with tempfile.TemporaryDirectory(prefix="trainer-bench-") as folder:
        recipe = write_run_file(folder, synthesize(folder, train=2003), length=f"{steps} steps", every="3 steps")
        for ranks in RANKS:
            digests.append((f"{ranks} ranks", train(ranks, recipe, f"{folder}/{ranks}", timeout=600)["digest"]))
        for kill in range(arguments.kills):
            digests.append(killed_and_resumed(recipe, f"{folder}/killed-{kill}", steps))
    for name, digest in digests:
        print(f"{digest}  {name}")
    if len({digest for _, digest in digests}) != 1:
        sys.exit("FAILED: the bits differ")
    print(f"the same bits, {len(digests)} times")


if __name__ == "__main__":
    main()
