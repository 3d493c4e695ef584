#!/usr/bin/env python3
"""Whether a faster way to compute learns as well: trains a recipe in several ways, with the same seeds, and compares
the test accuracy.

    bench/accuracy.py --data cifar10.h5 --out FOLDER [--model resnet20] [--epochs 10] [--seeds 3] [--side-by-side 2]
                      [--way "direct: train.convolution=direct" --way "bf16: train.precision=bf16" ...]

Each way is a name and changes of the recipe cifar10-MODEL.yaml; the first is what the others are compared with.
Each run has one rank; --side-by-side says how many run at once. Prints a table with each seed's accuracy, the mean,
and the mean difference from the first way with its standard error over the seeds. Started again, it continues with
what FOLDER lacks.
"""
import json
import math
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from common import cpu_name, parser_of
from support.program import RECIPES, command, environment, settings

WAYS = ("direct: train.convolution=direct", "auto:", "bf16: train.precision=bf16")


class Failed(Exception):
    """A run ended with an error, which it has printed."""


def run_of(arguments, way, seed):
    """Trains one way with one seed, or continues; its test accuracy."""
    name, _, changes = way.partition(":")
    folder = os.path.join(arguments.out, f"{arguments.model}-{name}-{seed}")
    changes = [f"data.file={os.path.abspath(arguments.data)}", "data.validation=test", f"train.seed={seed}",
               f"train.length={arguments.epochs} epochs", *changes.split()]
    recipe = os.path.join(RECIPES, f"cifar10-{arguments.model}.yaml")
    words = command(1, "train", recipe, "--out", folder, "--resume", "--quiet", "--json", *settings(*changes))
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, env=environment())
    if done.returncode:
        raise Failed(f"{name}, seed {seed}: exit code {done.returncode}")
    accuracy = 100 * json.loads(done.stdout)["validation_accuracy"]
    print(f"{name}, seed {seed}: {accuracy:.2f} %", file=sys.stderr)
    return accuracy


def row(way, accuracies, reference):
    """A row of the table: the accuracies of a way, and how it differs from the first."""
    cells = [way.partition(":")[0], *(f"{accuracy:.2f}" for accuracy in accuracies),
             f"{statistics.mean(accuracies):.2f}"]
    differences = [accuracy - other for accuracy, other in zip(accuracies, reference)]
    if accuracies is reference:
        cells.append("")
    elif len(differences) == 1:
        cells.append(f"{differences[0]:+.2f}")
    else:
        error = statistics.stdev(differences) / math.sqrt(len(differences))
        cells.append(f"{statistics.mean(differences):+.2f} ± {error:.2f}")
    return f"| {' | '.join(cells)} |"


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10 as a data set file")
    parser.add_argument("--out", required=True, help="folder of the runs")
    parser.add_argument("--model", default="resnet20", choices=("resnet20", "smallcnn", "mlp", "wrn16-4"))
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    parser.add_argument("--side-by-side", type=int, default=2, help="runs at once (default: 2)")
    parser.add_argument("--way", action="append", help="NAME: KEY=VALUE ... (default: direct, auto and bf16)")
    arguments = parser.parse_args()
    ways = arguments.way or WAYS
    seeds = range(1, arguments.seeds + 1)
    with ThreadPoolExecutor(arguments.side_by_side) as pool:
        runs = [[pool.submit(run_of, arguments, way, seed) for way in ways] for seed in seeds]
        try:
            found = [[run.result() for run in runs_of_seed] for runs_of_seed in runs]
        except Failed as failure:
            pool.shutdown(cancel_futures=True)
            sys.exit(f"bench/accuracy.py: {failure}")
    print(f"{arguments.model}, {arguments.epochs} epochs, {cpu_name()}; test accuracy, %")
    columns = ["way", *(f"seed {seed}" for seed in seeds), "mean", f"against {ways[0].partition(':')[0]}"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    by_way = [list(accuracies) for accuracies in zip(*found)]
    for way, accuracies in zip(ways, by_way):
        print(row(way, accuracies, by_way[0]), flush=True)


if __name__ == "__main__":
    main()
