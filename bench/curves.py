#!/usr/bin/env python3
"""Draws the learning curves of one or more runs: loss and accuracy (or RMSE) over the epochs.

usage: bench/curves.py RUN_FOLDER... -o curves.png [--line VALUE=LABEL]...

RUN_FOLDER holds metrics.jsonl. --line adds a horizontal line to the right-hand picture, for example
an ensemble's accuracy in percent. Needs matplotlib (Debian: python3-matplotlib).
"""
import argparse
import json
import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend is chosen first)


def read_epochs(folder):
    lines = (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == "epoch"]


def draw(axes, epochs, figure, scale, colour, name):
    """Draws training dashed and validation solid, if the run has them."""
    for of, style in (("train", "--"), ("validation", "-")):
        key = f"{of}_{figure}"
        rows = [row for row in epochs if key in row]
        if rows:
            axes.plot([row["epoch"] for row in rows], [scale * row[key] for row in rows], style,
                      color=colour, label=f"{name}, {of}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN_FOLDER")
    parser.add_argument("-o", "--out", required=True)
    parser.add_argument("--line", action="append", default=[], metavar="VALUE=LABEL")
    arguments = parser.parse_args()
    runs = [(pathlib.Path(folder).name, read_epochs(folder)) for folder in arguments.runs]
    values = "train_rmse" in runs[0][1][0]
    picture, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for (name, epochs), colour in zip(runs, plt.rcParams["axes.prop_cycle"].by_key()["color"]):
        draw(left, epochs, "loss", 1, colour, name)
        draw(right, epochs, "rmse" if values else "accuracy", 1 if values else 100, colour, name)
    for line in arguments.line:
        value, label = line.split("=", 1)
        right.axhline(float(value), color="0.4", linewidth=1, linestyle=":", label=label)
    left.set_ylabel("loss")
    right.set_ylabel("RMSE" if values else "accuracy, %")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, fontsize="small")
    picture.savefig(arguments.out, dpi=110)


if __name__ == "__main__":
    main()
