#!/usr/bin/env python3
"""trainer search: 32 trials of rate and decay of a small net on 5000 images. Measures how many times as fast two
groups of one rank are as one group, and compares the table of a search that was killed at random moments and
started again with that of an undisturbed one.

    bench/search.py [--data FILE] [--images 5000] [--trials 32] [--epochs 2] [--kills 5] [--seed 1] [--edges 0]

With --edges N it instead counts how many of N searches (of as many seeds) warn of an edge of the rate's range: where
the range ends a factor of ten below the best rates, and where they lie in its middle.

Without --data it draws images (trainer dataset synthesize)."""
import collections
import contextlib
import csv
import os
import random
import signal
import subprocess
import tempfile
import time

from common import cpu_name, parser_of, result
from support.program import command, environment
from support.runs import synthesize, write

NET = """
  - conv: {out: 8, kernel: 3, stride: 2, padding: 1}
  - relu
  - conv: {out: 16, kernel: 3, stride: 2, padding: 1}
  - relu
  - flatten
  - linear: {out: 10}
"""


BEST_RATE = 0.025  # of NET: the middle of the rates that learn best
CENTRED = (BEST_RATE / 100, BEST_RATE * 100)
TOO_LOW = (BEST_RATE / 10_000, BEST_RATE / 10)


def write_search(folder, data, arguments, rates=(1e-4, 1), seed=1):
    write(f"{folder}/run.yaml", f"""data:
  file: {data}
  limit: {{train: {arguments.images // 10}, validation: 100, per_class: true}}
model:{NET}
optimizer: {{momentum: {{rate: 0.01}}}}
train: {{batch: 50, length: {arguments.epochs} epochs}}
checkpoint: {{every: 20 steps, keep: 1}}
""")
    return write(f"{folder}/space.yaml", f"""run: run.yaml
trials: {arguments.trials}
seed: {seed}
keys:
  optimizer.rate: {{log_uniform: [{rates[0]:.3g}, {rates[1]:.3g}]}}
  optimizer.weight_decay: {{log_uniform: [1.0e-6, 1.0e-2]}}
""")


def start(ranks, space, out):
    return subprocess.Popen(command(ranks, "search", space, "--out", out, "--no-plots"), env=environment(),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def table(out):
    """trials.csv without the times."""
    with open(f"{out}/trials.csv", newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


def seconds_of(ranks, space, out):
    begun = time.monotonic()
    assert start(ranks, space, out).wait() == 0
    return time.monotonic() - begun


def kill_and_finish(space, out, kills, usual):
    """Kills the search so often, at random moments of the time that it takes; then lets it finish."""
    killed = 0
    while killed < kills:
        process = start(2, space, out)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=random.uniform(0.3, usual / (kills + 1) + 0.6))
        if process.poll() is not None:
            break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        killed += 1
    assert start(2, space, out).wait() == 0
    return killed


def count_edges(folder, data, arguments, rates):
    """The edges of the rate's range, and how many of the searches warn of each."""
    edges = collections.Counter()
    for seed in range(1, arguments.edges + 1):
        space = write_search(folder, data, arguments, rates, seed)
        report = result(2, "search", space, "--out", f"{folder}/{rates[1]}-{seed}", "--no-plots", "--quiet")
        edges[report["keys"][0]["edge"]] += 1
    return dict(edges)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data")
    for name, value in (("images", 5000), ("trials", 32), ("epochs", 2), ("kills", 5), ("seed", 1),
                        ("edges", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="trainer-bench-") as folder:
        data = arguments.data or synthesize(folder, train=arguments.images, validation=1000)
        if arguments.edges:
            for words, rates in (("ends below the best rates", TOO_LOW), ("has them in its middle", CENTRED)):
                edges = count_edges(folder, os.path.abspath(data), arguments, rates)
                found = ", ".join(f"{edge} in {count}" for edge, count in edges.items())
                print(f"the range {words}: the edge that is warned of is {found} of {arguments.edges}", flush=True)
            return
        space = write_search(folder, os.path.abspath(data), arguments)
        two, one = (seconds_of(ranks, space, f"{folder}/{ranks}") for ranks in (2, 1))
        print(f"{cpu_name()}: {arguments.trials} trials: one group {one:.1f} s, two groups {two:.1f} s: "
              f"{one / two:.2f} times as fast")
        killed = kill_and_finish(space, f"{folder}/killed", arguments.kills, two)
        same = table(f"{folder}/1") == table(f"{folder}/2") == table(f"{folder}/killed")
        print(f"killed {killed} times: the table is {'the same' if same else 'ANOTHER ONE'}")
        raise SystemExit(not same)


if __name__ == "__main__":
    main()
