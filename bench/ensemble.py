#!/usr/bin/env python3
"""What an ensemble of seeds gains over its mean member, and how long `trainer ensemble` takes on 1 and on 2 ranks.

    bench/ensemble.py --data FILE.h5 --out FOLDER [--recipe RUN.yaml] [--seeds 5] [--trials N] [--set KEY=VALUE]...

Trains FOLDER/seed-1, FOLDER/seed-2, ... of launch/recipes/demo.yaml or another recipe, with a tenth of the training
split for validation if the file has no validation split (--hold-out), and prints tables on stdout: the members, the
ensembles of equal and of selected weights with a standard error from resampled test samples, ensembles of fewer
members with the spread over all choices of them, and times, the least of --times. With --trials the members are the
trials of a search over rate and decay instead of seeds. Started again, it continues."""
import itertools
import os
import time

import numpy as np
from common import cpu_name, output_of, parser_of, result
from support.program import RECIPES, command, environment, settings
from support.runs import write

MOST_CHOICES = 10  # members of which every choice is looked at


def changes_of(arguments):
    changes = [f"data.file={os.path.abspath(arguments.data)}", *arguments.set]
    if arguments.hold_out:
        changes += ["data.validation=validation",
                    "data.splits={validation: {fraction_of: train, fraction: 0.1, seed: 1}}"]
    return changes


def train(arguments, seed):
    """Trains with one seed, or continues; returns the run's folder."""
    folder = os.path.join(arguments.out, f"seed-{seed}")
    result(arguments.ranks, "train", arguments.recipe, "--out", folder, "--resume", "--quiet",
           *settings(f"train.seed={seed}", *changes_of(arguments)))
    return folder


def search(arguments):
    """Trains the trials, or continues; returns the folders of those that can be compared, the best first."""
    folder = os.path.join(arguments.out, "search")
    space = write(os.path.join(arguments.out, "space.yaml"), f"""run: {os.path.abspath(arguments.recipe)}
trials: {arguments.trials}
keys:
  optimizer.rate: {{log_uniform: [1.0e-3, 1]}}
  optimizer.weight_decay: {{log_uniform: [1.0e-5, 1.0e-2]}}
""")
    report = result(arguments.ranks, "search", space, "--out", folder, "--quiet", *settings(*changes_of(arguments)))
    return [trial["folder"] for trial in report["trials"] if trial["metric"] is not None]


def predict(arguments, folder):
    """The probabilities of the test samples, and their labels."""
    import h5py
    path = os.path.join(folder, "test.h5")
    output_of(command(1, "predict", folder, "--split", "test", "-o", path), env=environment())
    with h5py.File(path) as file:
        return file["probabilities"][()].astype(float), file["labels"][()]


def percent(values):
    """The mean, and the standard deviation if there are several."""
    spread = f" ± {100 * np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{spread}"


def print_members(report):
    figures = [member["reported"]["accuracy"] for member in report["members"]]
    print(f"| members | {len(figures)} |\n|---|---|\n| mean member, % | {percent(figures)} |")
    print(f"| best member, % | {100 * max(figures):.2f} |")
    if report["chosen_member"] is not None:
        print(f"| the member that is best in validation, % | {100 * figures[report['chosen_member']]:.2f} |")


def resample(probabilities, labels, weights, draws=1000):
    """The standard error of an ensemble's gain over its mean member."""
    mixed = (np.tensordot(weights, probabilities, 1).argmax(1) == labels).astype(float)
    alone = (probabilities.argmax(2) == labels).mean(0)
    picks = np.random.default_rng(1).integers(len(labels), size=(draws, len(labels)))
    return np.std((mixed - alone)[picks].mean(1))


def print_mixtures(report, probabilities, labels):
    for name in ("equal", "greedy"):
        found = report[name]
        error = resample(probabilities, labels, found["weights"])
        print(f"| {name} weights, % | {100 * found['reported']['accuracy']:.2f} |")
        print(f"| its gain over the mean member, points | {100 * found['gain_over_mean']:+.2f} ± {100 * error:.2f} |")
        print(f"| over the best member | {100 * found['gain_over_best']:+.2f} |")
        if "gain_over_chosen" in found:
            print(f"| over the one that is best in validation | {100 * found['gain_over_chosen']:+.2f} |")
        print(f"| ECE, and with temperature {found['temperature']:.3f}, % | "
              f"{100 * found['reliability']['expected_calibration_error']:.2f}, "
              f"{100 * found['calibrated_reliability']['expected_calibration_error']:.2f} |")


def print_sizes(probabilities, labels):
    """Ensembles of equal weights, of every choice of so many members."""
    print("\n| members | accuracy over all choices of them, % |\n|---|---|")
    for size in range(1, len(probabilities) + 1):
        figures = [(probabilities[list(chosen)].mean(0).argmax(1) == labels).mean()
                   for chosen in itertools.combinations(range(len(probabilities)), size)]
        print(f"| {size} | {percent(figures)} |")


def seconds(ranks, folders):
    start = time.perf_counter()
    result(ranks, "ensemble", *folders, "--quiet")
    return time.perf_counter() - start


def print_times(arguments, folders):
    found = {1: [], 2: []}
    for _ in range(arguments.times):
        for ranks, times in found.items():
            times.append(seconds(ranks, folders))
    alone, together = min(found[1]), min(found[2])
    print(f"\n| ranks | seconds for {len(folders)} members |\n|---|---|\n| 1 | {alone:.2f} |")
    print(f"| 2 | {together:.2f} ({alone / together:.2f} times as fast) |\n\n{cpu_name()}")


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, help="a data set file")
    parser.add_argument("--out", required=True, help="folder of the runs")
    parser.add_argument("--recipe", default=os.path.join(RECIPES, "demo.yaml"), help="default: the demo's")
    parser.add_argument("--seeds", type=int, default=5, help="how many runs (default: 5)")
    parser.add_argument("--trials", type=int, help="members are so many trials of a search")
    parser.add_argument("--ranks", type=int, default=2, help="of each training (default: 2)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of every run")
    parser.add_argument("--hold-out", action="store_true", help="validate with a tenth of the training split")
    parser.add_argument("--times", type=int, default=3, help="how often times are taken (default: 3)")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    folders = search(arguments) if arguments.trials else [
        train(arguments, seed) for seed in range(1, arguments.seeds + 1)]
    report = result(arguments.ranks, "ensemble", *folders, "--quiet")
    found = [predict(arguments, folder) for folder in folders]
    probabilities, labels = np.array([p for p, _ in found]), found[0][1]
    print_members(report)
    print_mixtures(report, probabilities, labels)
    if len(folders) <= MOST_CHOICES:
        print_sizes(probabilities, labels)
    print_times(arguments, folders)


if __name__ == "__main__":
    main()
