#!/usr/bin/env python3
"""What `monitor` costs: the small CNN and ResNet-20, with and without it in turn. A record is made at the first and
at every second step here, so that its cost stands out from the noise; the last column is what that comes to at
K = 100, in percent of the steps. The limit is 3 %. Times are of the processor, so that other work on the machine does
not count.

    bench/monitor.py [--ranks 1] [--steps 6] [--rounds 3] [--more KEY=VALUE ...]"""
import json
import os
import resource
import statistics
import sys
import tempfile

from common import COUNT, cpu_name, parser_of
from support.program import RECIPES, run, settings
from support.runs import synthesize

K, LIMIT = 100, 3
MODELS = ("cifar10-smallcnn", "cifar10-resnet20")


def train(ranks, words, out, steps, *more):
    """(processor seconds of a run, its digest)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(run(ranks, "train", *words, "--out", out, "--quiet", "--json",
                            *settings(f"train.length={steps} steps", *more))[0])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, report["digest"]


def measure(model, data, folder, options):
    """(seconds of a step, of a record), of all ranks together: medians over the rounds."""
    recipe = os.path.join(RECIPES, f"{model}.yaml")
    words = [recipe, *settings(f"data.file={data}", "data.validation=none", "schedule=", "checkpoint.every=0",
                               "train.warnings=false", *options.more)]
    records = 1 + options.steps // 2
    steps, costs = [], []
    for number in range(options.rounds):
        out = f"{folder}/{model}-{number}"
        one, _ = train(options.ranks, words, f"{out}-one", 1)
        off, digest = train(options.ranks, words, f"{out}-off", options.steps)
        on, same = train(options.ranks, words, f"{out}-on", options.steps, "monitor.every=2")
        assert same == digest, "the monitor has changed the run"
        steps.append((off - one) / (options.steps - 1))
        costs.append((on - off) / records)
    return statistics.median(steps), statistics.median(costs)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--ranks", type=COUNT, default=1)
    parser.add_argument("--steps", type=COUNT, default=6)
    parser.add_argument("--rounds", type=COUNT, default=3)
    parser.add_argument("--more", nargs="*", default=[])
    options = parser.parse_args()
    print(f"{cpu_name()}, {options.ranks} rank(s)\n")
    print(f"{'model':20} {'step, ms':>10} {'record, ms':>11} {'at K = ' + str(K):>12}")
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        data = synthesize(folder, train=256 * options.steps, test=10, validation=10)
        for model in MODELS:
            step, record = measure(model, data, folder, options)
            share = 100 * record / (K * step)
            worst = max(worst, share)
            print(f"{model:20} {1e3 * step:10.1f} {1e3 * record:11.1f} {share:11.2f} %", flush=True)
    return worst > LIMIT


if __name__ == "__main__":
    sys.exit(main())
