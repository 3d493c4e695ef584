#!/usr/bin/env python3
"""The rate that the range test of `trainer check` suggests, used as it is, against the best of a search over rates.

    bench/suggested_rate.py --data cifar10.h5 --out FOLDER [--recipe RUN.yaml]... [--epochs 10] [--rates 16]
                            [--images N] [--seeds 1] [--halving] [--ranks 1] [--set KEY=VALUE]...

For each recipe (default: cifar10-smallcnn and cifar10-resnet20) and seed it takes the suggestion, trains with it, and
lets `trainer search` train with rates from 1e-3 to 3, evenly spread over the logarithm. --images limits the training
split, as many of each class. --halving trains all rates for an epoch, and the best third of them further, which takes
about a fifth of the time. Runs are validated on the split test. Started again, it continues."""
import os

from common import cpu_name, parser_of, result
from support.program import RECIPES, settings
from support.runs import write

RECIPE_NAMES = ("cifar10-smallcnn", "cifar10-resnet20")
RANGE = (1e-3, 3)


def changes_of(arguments, seed):
    changes = [f"data.file={os.path.abspath(arguments.data)}", "data.validation=test", f"train.seed={seed}",
               f"train.length={arguments.epochs} epochs", "checkpoint={every: 1 epoch, keep: 1}"]
    if arguments.images:
        changes += [f"data.limit.train={arguments.images // 10}", "data.limit.validation=200",
                    "data.limit.per_class=true"]
    return settings(*changes, *arguments.set)


def suggest(arguments, recipe, seed):
    """The suggestion, and what the finding says."""
    report = result(arguments.ranks, "check", recipe, "--only", "rates", "--seconds", 120,
                    *changes_of(arguments, seed), codes=(0, 9))
    found = report["findings"][0]
    return found["figures"]["suggested"], found["found"]


def train(arguments, recipe, seed, rate, out):
    return result(arguments.ranks, "train", recipe, "--out", out, "--resume", "--quiet", *changes_of(arguments, seed),
                  *settings(f"optimizer.rate={rate:.4g}"))["best_accuracy"]


def search(arguments, recipe, seed, out):
    """The best accuracy, its rate, and how many trials came to the end."""
    halving = "halving: {first: 1, factor: 3}\n" if arguments.halving else ""
    space = write(f"{out}.yaml", f"run: {os.path.abspath(recipe)}\nmethod: grid\ntrials: {arguments.rates}\n{halving}"
                                 f"ranks: {arguments.ranks}\nkeys:\n"
                                 f"  optimizer.rate: {{log_uniform: [{RANGE[0]}, {RANGE[1]}]}}\n")
    trials = result(arguments.ranks, "search", space, "--out", out, "--quiet", *changes_of(arguments, seed))["trials"]
    best = trials[0]
    return best["metric"], float(best["values"]["optimizer.rate"]), sum(t["status"] == "finished" for t in trials)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10 as a data set file")
    parser.add_argument("--out", required=True, help="folder of the runs")
    parser.add_argument("--recipe", action="append", help="default: the small CNN and ResNet-20")
    for name, value, words in (("epochs", 10, "of a run"), ("rates", 16, "of the search"),
                               ("seeds", 1, "of the runs"), ("ranks", 1, "of a run"),
                               ("images", 0, "of the training split")):
        parser.add_argument(f"--{name}", type=int, default=value, help=f"{words} (default: {value or 'all'})")
    parser.add_argument("--halving", action="store_true", help="successive halving")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of every run")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    print(f"{cpu_name()}, {arguments.ranks} ranks, {arguments.epochs} epochs of {arguments.images or 'all'} images\n\n"
          "| recipe | seed | suggested | its accuracy, % | the best rate's, % | at | finished | below it, points |\n"
          "|---|---|---|---|---|---|---|---|")
    for recipe in arguments.recipe or [os.path.join(RECIPES, f"{name}.yaml") for name in RECIPE_NAMES]:
        name = os.path.splitext(os.path.basename(recipe))[0]
        for seed in range(1, arguments.seeds + 1):
            base = os.path.join(arguments.out, f"{name}-{seed}")
            rate, words = suggest(arguments, recipe, seed)
            if not rate:
                print(f"| {name} | {seed} | none: {words} |", flush=True)
                continue
            mine = train(arguments, recipe, seed, rate, f"{base}-suggested")
            best, at, finished = search(arguments, recipe, seed, f"{base}-search")
            print(f"| {name} | {seed} | {rate:.3g} | {100 * mine:.2f} | {100 * best:.2f} | {at:.3g} | "
                  f"{finished} of {arguments.rates} | {100 * (best - mine):.2f} |", flush=True)


if __name__ == "__main__":
    main()
