#!/usr/bin/env python3
"""The accuracy of launch/recipes/cifar10-best.yaml: each seed by itself and all as an ensemble, plain and with views.

    bench/best.py --data cifar10.h5 --out FOLDER [--seeds 3] [--ranks 2] [--epochs N]

Trains what FOLDER does not hold yet (FOLDER/best-1, ...: started again, it goes on) and prints a table on stdout.
cifar10.h5 needs `trainer dataset statistics cifar10.h5 --pca --scale none` once."""
import argparse
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from support.program import command, environment

VIEWS = (None, "mirror", "ten_crop: {pad: 1}")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--ranks", type=int, default=2)
parser.add_argument("--epochs", type=int, help="in place of the recipe's")
a = parser.parse_args()


def result(*arguments):
    done = subprocess.run(command(a.ranks, *arguments, "--json"), env=environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


recipe = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "launch", "recipes", "cifar10-best.yaml")
length = ["--set", f"train.length={a.epochs} epochs"] if a.epochs else []
folders = [os.path.join(a.out, f"best-{seed}") for seed in range(1, a.seeds + 1)]
for seed, folder in enumerate(folders, 1):
    result("train", recipe, "--out", folder, "--resume", "--set", f"data.file={os.path.abspath(a.data)}", "--set", f"train.seed={seed}", *length)

columns = ["test accuracy, %", *(f"seed {seed}" for seed in range(1, a.seeds + 1)), *(["ensemble"] if a.seeds > 1 else [])]
print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
for views in VIEWS:
    report = result("eval", *(os.path.join(folder, "checkpoints", "latest.h5") for folder in folders), *(["--views", views] if views else []))
    figures = [member["top1"] for member in report["members"]] + ([report["ensemble"]["top1"]] if a.seeds > 1 else [])
    print(f"| {f'views {views}' if views else 'each image once'} | {' | '.join(f'{100 * figure:.2f}' for figure in figures)} |", flush=True)
