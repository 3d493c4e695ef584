#!/usr/bin/env python3
"""How long a step waits for the exchange of gradients: on one rank, on two ranks of this machine, and on several hosts
(network namespaces, which need root) joined by cables of a stated rate (tc tbf), with each way to exchange. Prints one
JSON object: for each case the seconds of a step, of the exchange alone, and of what a step waits for it (exposed); and
the efficiency, the step on one rank over the step. Images are drawn, of 32x32 pixels.

    bench/overlap.py [--recipe cifar10-smallcnn ...] [--batch 128] [--rate 1gbit] [--hosts 2] [--ranks-per-host 1]
                     [--exchange levels ...] [--measure PROGRAM] [--more KEY=VALUE ...]"""
import json
import subprocess
import sys
import tempfile

from common import COUNT, cpu_name, parser_of
from support.hosts import hosts
from support.program import RECIPES, command, settings
from support.runs import synthesize


def try_steps(words, environment):
    """What `trainer doctor` says of a few steps of the run."""
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)["step"]
    except (ValueError, KeyError):
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}")


def slow_down(cluster, rate):
    for name in cluster.names:
        subprocess.run(cluster.on(name, "tc", "qdisc", "replace", "dev", "eth0", "root", "tbf", "rate", rate, "burst",
                                  "256kb", "latency", "50ms"), check=True)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--recipe", nargs="+", default=["cifar10-smallcnn"], help="in launch/recipes")
    parser.add_argument("--batch", type=COUNT, default=128, help="of a rank")
    parser.add_argument("--rate", default="1gbit", help="of each host's cable, as tc writes it")
    parser.add_argument("--hosts", type=COUNT, default=2)
    parser.add_argument("--ranks-per-host", type=COUNT, default=1)
    parser.add_argument("--exchange", nargs="+", default=["levels", "halving", "direct", "mpi"], help="between hosts")
    parser.add_argument("--measure", default="", help="a command that other commands are run with, for quiet")
    parser.add_argument("--more", nargs="*", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    measure = arguments.measure.split()
    with tempfile.TemporaryDirectory() as folder, hosts(arguments.hosts, folder) as cluster:
        data = synthesize(folder, train=4096, test=64, validation=64, more=("--size", 32))
        slow_down(cluster, arguments.rate)

        def doctor(recipe, ranks, exchange):
            return ["doctor", f"{RECIPES}/{recipe}.yaml", "--json", "--out", folder, "--set", f"data.file={data}",
                    *settings("data.validation=none", f"train.batch={arguments.batch * ranks}",
                              f"train.shards={ranks}", f"train.exchange={exchange}", *arguments.more)]

        def measured(ranks, words, alone=None):
            step = try_steps([*measure, *words], cluster.environment())
            found = {"ranks": ranks, "exchange": step["exchange"], "step_seconds": step["seconds"],
                     "exchange_seconds": step["exchange_seconds"], "exposed_seconds": step["exposed_exchange_seconds"],
                     "exposed_share": step["exposed_exchange_seconds"] / step["seconds"]}
            return {**found, "efficiency": alone["step_seconds"] / step["seconds"]} if alone else found

        report = {"cpu": cpu_name(), "batch_per_rank": arguments.batch, "rate": arguments.rate, "models": {}}
        count = arguments.hosts * arguments.ranks_per_host
        for recipe in arguments.recipe:
            alone = measured(1, command(1, *doctor(recipe, 1, "auto")))
            report["models"][recipe] = {
                "alone": alone,
                "one_node": measured(2, command(2, *doctor(recipe, 2, "auto")), alone),
                "hosts": [measured(count, cluster.mpirun(cluster.names, arguments.ranks_per_host,
                                                         *command(1, *doctor(recipe, count, exchange))), alone)
                          for exchange in arguments.exchange]}
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
