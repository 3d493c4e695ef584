#!/usr/bin/env python3
"""The accuracy of launch/recipes/cifar10-best.yaml: of each seed and of the ensemble, with and without views.

    bench/best.py --data cifar10.h5 --out FOLDER [--seeds 3] [--ranks 2] [--epochs N]

Trains FOLDER/best-1, FOLDER/best-2, ... and prints a table on stdout. Started again, it continues with what FOLDER
lacks. cifar10.h5 needs `trainer dataset statistics cifar10.h5 --pca --scale none` once."""
import os

from common import parser_of, result
from support.program import RECIPES, settings

VIEWS = (None, "mirror", "ten_crop: {pad: 1}")


def train(arguments, seed):
    """Trains with one seed, or continues. Returns the newest checkpoint."""
    folder = os.path.join(arguments.out, f"best-{seed}")
    changes = [f"data.file={os.path.abspath(arguments.data)}", f"train.seed={seed}"]
    if arguments.epochs:
        changes.append(f"train.length={arguments.epochs} epochs")
    recipe = os.path.join(RECIPES, "cifar10-best.yaml")
    result(arguments.ranks, "train", recipe, "--out", folder, "--resume", *settings(*changes))
    return os.path.join(folder, "checkpoints", "latest.h5")


def evaluate(ranks, checkpoints, views):
    """The accuracy of each checkpoint, and of the ensemble if there are several."""
    report = result(ranks, "eval", *checkpoints, *(["--views", views] if views else []))
    figures = [member["top1"] for member in report["members"]]
    return figures + [report["ensemble"]["top1"]] if len(checkpoints) > 1 else figures


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10 as a data set file")
    parser.add_argument("--out", required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, default=3, help="how many runs (default: 3)")
    parser.add_argument("--ranks", type=int, default=2, help="default: 2")
    parser.add_argument("--epochs", type=int, help="length of a run (default: the recipe's)")
    arguments = parser.parse_args()
    checkpoints = [train(arguments, seed) for seed in range(1, arguments.seeds + 1)]
    columns = ["test accuracy, %"] + [f"seed {seed}" for seed in range(1, arguments.seeds + 1)]
    columns += ["ensemble"] if arguments.seeds > 1 else []
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for views in VIEWS:
        figures = [f"{100 * figure:.2f}" for figure in evaluate(arguments.ranks, checkpoints, views)]
        name = f"views {views}" if views else "each image once"
        print(f"| {' | '.join([name, *figures])} |", flush=True)


if __name__ == "__main__":
    main()
