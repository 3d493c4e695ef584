#!/usr/bin/env python3
"""What `trainer check` says of runs that are made wrong in one way each, and of the recipes.

    bench/check.py [--seeds 3] [--recipes cifar10.h5] [--donor CHECKPOINT] [--ranks 1]

Prints a table: in how many of the seeds the cause was named first, and of the recipes how many findings were not good
and how long it took. Without --recipes only those are looked at that need the built-in data sets; with --donor,
a checkpoint of cifar10-smallcnn.yaml, also the recipes of transfer learning, on drawn images."""
import collections
import json
import os
import subprocess
import tempfile

from common import cpu_name, parser_of
from support.broken_runs import BROKEN, Broken, set_up
from support.program import RECIPES, command, environment, run, settings

DRAWN = {"demo": ("shapes.h5", ()), "shapes-regression": ("places.h5", ("--targets",))}
TRANSFER = ("transfer-head", "transfer-finetune")
CIFAR = ("cifar10-smallcnn", "cifar10-resnet20", "cifar10-mlp", "cifar10-best")


def check(ranks, words):
    done = subprocess.run(command(ranks, *words, "--json"), env=environment(), capture_output=True, text=True)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def look_at_broken(folder, seeds):
    print("| made wrong | cause named first | cause |\n|---|---|---|")
    right = 0
    for broken in (Broken("nothing", ""), *BROKEN):
        causes = [check(1, set_up(broken, folder, seed)).get("cause", "") for seed in range(seeds)]
        named = sum(broken.cause in cause if broken.cause else not cause for cause in causes)
        right += named
        likely = collections.Counter(causes).most_common(1)[0][0]
        print(f"| {broken.name} | {named} of {seeds} | {likely or 'nothing is wrong'} |", flush=True)
    print(f"\nRight in {right} of {seeds * (1 + len(BROKEN))}.\n")


def look_at_recipes(folder, arguments):
    files = {}
    for recipe, (name, more) in DRAWN.items():
        files[recipe] = os.path.join(folder, name)
        run(1, "dataset", "synthesize", "-o", files[recipe], "--validation", 1000, *more)
    if arguments.recipes:
        files.update((recipe, os.path.abspath(arguments.recipes)) for recipe in CIFAR)
    donor = []
    if arguments.donor:
        files.update((recipe, files["demo"]) for recipe in TRANSFER)
        donor = settings(f"start_from.checkpoint={os.path.abspath(arguments.donor)}", 'start_from.fresh=["23.*"]',
                         "model.23.out=10", "data.limit.train=1000", "data.limit.choose=spread")
    print("| recipe | seed | not good | seconds |\n|---|---|---|---|")
    for recipe, data in files.items():
        for seed in range(1, arguments.seeds + 1):
            report = check(arguments.ranks, ["check", f"{RECIPES}/{recipe}.yaml",
                                             *settings(f"data.file={data}", f"train.seed={seed}"),
                                             *(donor if recipe in TRANSFER else [])])
            raised = [row["name"] for row in report["findings"] if row["verdict"] != "good"]
            print(f"| {recipe} | {seed} | {', '.join(raised) or 'nothing'} | {sum(report['seconds'].values()):.0f} |",
                  flush=True)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ranks", type=int, default=1, help="for the recipes")
    parser.add_argument("--donor", metavar="CHECKPOINT", help="of cifar10-smallcnn.yaml")
    parser.add_argument("--recipes", metavar="FILE", help="CIFAR-10 as datasets/fetch-cifar10.sh makes it")
    arguments = parser.parse_args()
    print(f"{cpu_name()}, {arguments.ranks} ranks\n")
    with tempfile.TemporaryDirectory() as folder:
        look_at_broken(folder, arguments.seeds)
        look_at_recipes(folder, arguments)


if __name__ == "__main__":
    main()
