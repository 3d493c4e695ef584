#!/usr/bin/env python3
"""What `trainer check` says of runs that are made wrong in one way each, and of the recipes.

    bench/check.py [--seeds 3] [--first-seed 1] [--recipes cifar10.h5] [--donor CHECKPOINT] [--ranks 1]
                   [--skip broken] [--only NAME]... [--seconds 30]

Prints a table: for each wrong run, for how many seeds the cause was named first, and below it the verdicts that were
not right; for each recipe, how many findings were not good and how long the check took. Without --recipes only the
recipes for drawn images are checked. --donor, a checkpoint of cifar10-smallcnn.yaml, adds those of transfer learning,
on drawn images. The recipes of Tiny ImageNet and ImageNet are checked on drawn images of their size, with batches of
32 and 16 and rates that suit these."""
import collections
import os
import tempfile

from common import cpu_name, parser_of, result
from support.broken_runs import BROKEN, FIT, Broken, set_up
from support.program import RECIPES, run, settings

# Flags that draw the images, and what of the recipe does not fit them.
DRAWN = {
    "demo": ((), ()),
    "shapes-regression": (("--targets",), ()),
    "tiny-imagenet-vgg11": (("--size", 64, "--train", 3000), ("model.33.linear.out=10", "train.batch=32",
                                                                        "optimizer.rate=0.00625")),
    "imagenet-resnet50": (("--size", 256, "--train", 1000), ("model.38.linear.out=10", "data.validation=validation",
                                                             "train.batch=16", "train.shards=2")),
}
TRANSFER = ("transfer-head", "transfer-finetune")
FOUND = 9  # the exit code if something is bad
CIFAR = ("cifar10-smallcnn", "cifar10-resnet20", "cifar10-mlp", "cifar10-best", "cifar10-wrn16-4")


def check(ranks, *words):
    """The report, whatever the verdict."""
    return result(ranks, *words, codes=(0, FOUND))


def look_at_broken(folder, seeds):
    """`seeds`: a range."""
    print("| made wrong | cause named first | cause |\n|---|---|---|")
    failed = []
    for broken in (Broken("nothing", ""), *FIT, *BROKEN):
        causes = {seed: check(1, *set_up(broken, folder, seed)).get("cause", "") for seed in seeds}
        wrong = [seed for seed, cause in causes.items() if broken.cause not in cause or cause and not broken.cause]
        likely = collections.Counter(causes.values()).most_common(1)[0][0]
        print(f"| {broken.name} | {len(seeds) - len(wrong)} of {len(seeds)} | {likely or 'nothing is wrong'} |",
              flush=True)
        failed += [f"- {broken.name}, seed {seed}: {causes[seed] or 'nothing is wrong'}" for seed in wrong]
    verdicts = len(seeds) * (1 + len(FIT) + len(BROKEN))
    print(f"\nRight in {verdicts - len(failed)} of {verdicts}.\n", *failed, "", sep="\n")


def found_recipes(folder, arguments):
    """(recipe, settings) of all that can be looked at, or of those that are asked for."""
    def asked(recipes):
        return [recipe for recipe in recipes if recipe in (arguments.only or [recipe])]

    cifar = arguments.recipes and f"data.file={os.path.abspath(arguments.recipes)}"
    for recipe in asked(CIFAR) if cifar else ():
        yield recipe, [cifar]
    for recipe in asked(DRAWN):
        flags, changes = DRAWN[recipe]
        yield recipe, [f"data.file={drawn(folder, *flags)}", *changes]
    for recipe in asked(TRANSFER) if arguments.donor else ():
        yield recipe, [f"data.file={drawn(folder)}", f"start_from.checkpoint={os.path.abspath(arguments.donor)}",
                       'start_from.fresh=["23.*"]', "model.23.linear.out=10", "data.limit.train=1000",
                       "data.limit.choose=spread"]


def drawn(folder, *flags):
    """The path of a data set of drawn images, which is made the first time."""
    path = os.path.join(folder, f"drawn{'-'.join(map(str, flags))}.h5")
    if not os.path.exists(path):
        run(1, "dataset", "synthesize", "-o", path, "--validation", 1000, "--test", 100, *flags)
    return path


def look_at_recipes(folder, seeds, arguments):
    print("| recipe | seed | not good | its cause | seconds |\n|---|---|---|---|---|")
    for recipe, changes in found_recipes(folder, arguments):
        for seed in seeds:
            report = check(arguments.ranks, "check", f"{RECIPES}/{recipe}.yaml",
                           "--seconds", arguments.seconds, *settings(*changes, f"train.seed={seed}"))
            raised = [row["name"] for row in report["findings"] if row["verdict"] != "good"]
            print(f"| {recipe} | {seed} | {', '.join(raised) or 'nothing'} | {report.get('cause', '')} | "
                  f"{sum(report['seconds'].values()):.0f} |", flush=True)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--ranks", type=int, default=1, help="for the recipes")
    parser.add_argument("--seconds", type=float, default=30, help="as of trainer check: more on a busy machine")
    parser.add_argument("--donor", metavar="CHECKPOINT", help="of cifar10-smallcnn.yaml")
    parser.add_argument("--recipes", metavar="FILE", help="CIFAR-10 as datasets/fetch-cifar10.sh makes it")
    parser.add_argument("--skip", choices=("broken", "recipes"))
    parser.add_argument("--only", action="append", metavar="NAME", help="a recipe; may be repeated")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(f"{cpu_name()}, {arguments.ranks} ranks\n")
    with tempfile.TemporaryDirectory() as folder:
        if arguments.skip != "broken":
            look_at_broken(folder, seeds)
        if arguments.skip != "recipes":
            look_at_recipes(folder, seeds, arguments)


if __name__ == "__main__":
    main()
