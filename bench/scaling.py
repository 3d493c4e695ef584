#!/usr/bin/env python3
"""How training scales: measured on this machine, and what follows from it for clusters.

    bench/scaling.py [--models resnet20,smallcnn,mlp] [--rates 1000,200] [--windows 3] [--json FILE]

1. From 1 to 2 ranks: weak (the same batch a rank) and strong (the same batch in all), in turn.
2. Two hosts (network namespaces, which need root) with a link between them that tc limits to so many Mbit/s each way:
   how long an exchange takes on 2, 4 and 8 hosts, and how much longer a step is than on one host (exposed).
3. A model of the step, fitted to the measurements on 2 hosts, and its error at all points:

     step(N)     = compute · (1 + spread · √(2 ln N)) + exposed(N)
     exchange(N) = 2 log₂ N · latency + 2 (N − 1)/N · bytes · (1/bandwidth + work)
     exposed(N)  = exchange(N) − hidden · compute, at least 0

   compute is the time of a step on one rank, its input included, and spread the deviation of such steps from one to
   the next; of N independent ranks the slowest is late by about that factor. latency, work and the share of the link
   that TCP leaves (in bandwidth) come from exchanges, hidden (the part of a step in which an exchange makes progress
   while backward computes) from steps.
4. The efficiency that the model predicts at 16 to 1024 ranks, weak (batch 128 a rank) and strong (batch 8192 in all),
   for links of 1 to 100 Gbit/s a rank. Links of a cluster have less latency than those here."""
import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np

from common import COUNT, SECONDS, cpu_name, parser_of, some_of
from compare import MODELS, Ours
from support.hosts import hosts
from support.program import RECIPES, TRAINER, result, settings

LIMITS = os.path.join(os.path.dirname(TRAINER), "bench", "bench_limits")
MEGABIT = 1e6 / 8  # bytes
BUCKET = 256000  # bytes that tc lets pass at full speed
RANKS = (16, 64, 256, 1024)
LINKS = (1000, 10000, 25000, 100000)  # Mbit/s
GLOBAL_BATCH = 8192


class OverHosts(Ours):
    """The trainer with a rank on each host."""

    def __init__(self, arguments, folder, name, group):
        super().__init__(arguments, folder, name)
        self.group = group

    def launched(self, *words):
        return self.group.mpirun(self.group.names, 1, self.program, *words), self.group.environment()


def with_ranks(arguments, model, ranks, batch):
    return argparse.Namespace(model=model, ranks=ranks, batch=batch, work="train", backend="auto", recipes=RECIPES)


def step_seconds(contender, seconds):
    """Seconds of a step: the mean of a window."""
    images, took = contender.window(seconds)
    return took * contender.batch / images


def in_turn(arguments, found):
    """{name: median seconds of a step} of contenders that take turns."""
    times = {name: [] for name in found}
    for contender in found.values():
        contender.start()
    for _ in range(arguments.windows):
        for name, contender in found.items():
            times[name].append(step_seconds(contender, arguments.seconds))
    return {name: statistics.median(values) for name, values in times.items()}


def spread_of_steps(contender):
    """The relative deviation of single steps of a run."""
    with open(f"{contender.out}/metrics.jsonl") as file:
        records = [record for record in map(json.loads, file) if record["kind"] == "step"]
    times = [1 / record["images_per_second"] for record in records[contender.model.warm_up:]]
    return statistics.stdev(times) / statistics.mean(times) if len(times) > 2 else 0.0


def measure_here(arguments, model, folder):
    batch = arguments.batch or MODELS[model].batch
    found = {name: Ours(with_ranks(arguments, model, ranks, share), folder, name.replace(" ", "-"))
             for name, ranks, share in (("one", 1, batch), ("weak", 2, batch), ("strong", 2, batch // 2),
                                        ("one half", 1, batch // 2))}
    for name, contender in found.items():
        contender.data = f"{folder}/{name}.h5"
    times = in_turn(arguments, found)
    return dict(model=model, batch=batch, seconds=times, spread=spread_of_steps(found["one"]),
                weak=times["one"] / times["weak"], strong=times["one"] / times["strong"] / 2)


def limit_links(group, rate):
    """Limits each host's cable to so many Mbit/s in each direction."""
    for k, name in enumerate(group.names, 1):
        limit = ["root", "tbf", "rate", f"{rate}mbit", "burst", f"{BUCKET}b", "latency", "100ms"]
        for words in (group.switch("tc", "qdisc", "replace", "dev", f"cable{k}", *limit),
                      group.on(name, "tc", "qdisc", "replace", "dev", "eth0", *limit)):
            subprocess.run(list(map(str, words)), check=True)


def exchange_times(group):
    """{bytes: seconds} of an exchange between all hosts."""
    done = subprocess.run(list(map(str, group.mpirun(group.names, 1, LIMITS, "--json", "--only", "exchange"))),
                          env=group.environment(), stdout=subprocess.PIPE, text=True, check=True)
    return {int(size): seconds for size, seconds in json.loads(done.stdout)["exchange"].items()}


def measure_exchanges(arguments, shared):
    """Records of hosts, rate, bytes and seconds."""
    records = []
    for count in arguments.hosts:
        with hosts(count, shared) as group:
            for rate in arguments.rates:
                limit_links(group, rate)
                records += [dict(hosts=count, rate=rate, bytes=size, seconds=seconds)
                            for size, seconds in exchange_times(group).items()]
    return records


def measure_steps(arguments, model, shared, rate):
    """Seconds of a step on one host with 2 ranks and on two hosts with one, in turn."""
    batch = arguments.batch or MODELS[model].batch
    with hosts(2, shared) as group, tempfile.TemporaryDirectory(dir=shared) as folder:
        limit_links(group, rate)
        found = dict(together=Ours(with_ranks(arguments, model, 2, batch), folder, "together"),
                     apart=OverHosts(with_ranks(arguments, model, 2, batch), folder, "apart", group))
        times = in_turn(arguments, found)
    return dict(model=model, rate=rate, **times)


def gradient_bytes(model):
    seen = MODELS[model].seen
    recipe = os.path.join(RECIPES, f"{MODELS[model].recipe}.yaml")
    described = result(1, "describe", recipe, "--input", f"{seen}x{seen}x3",
                       *settings("train.batch=2", "train.shards=1"))
    return 4 * described["parameters"]


def exchange_model(fit, ranks, rate, size):
    """Seconds of an exchange; `rate` in Mbit/s."""
    volume = 2 * (ranks - 1) / ranks * size
    return 2 * math.log2(ranks) * fit["latency"] + volume * (1 / (fit["share"] * rate * MEGABIT) + fit["work"])


def fit_exchange(records):
    """latency, share and work, from two hosts. The bucket of tc lets the beginning of an exchange pass at full speed,
    so that share and work come from those far above it, by least squares of the relative error, and the latency from
    the least. With one rate alone share and work cannot be told apart; work is then 0."""
    two = [record for record in records if record["hosts"] == 2]
    large = [record for record in two if record["bytes"] >= 16 * BUCKET]
    seconds = np.array([record["seconds"] for record in large])
    wire = np.array([record["bytes"] / (record["rate"] * MEGABIT) for record in large]) / seconds
    work = np.array([record["bytes"] for record in large]) / seconds
    found = np.linalg.lstsq(np.stack([wire, work], 1), np.ones(len(large)), rcond=None)[0]
    if len({record["rate"] for record in large}) == 1 or found.min() < 0:
        found = [wire.sum() / (wire @ wire), 0]
    fit = dict(latency=0.0, share=1 / found[0], work=float(found[1]))
    least = min(two, key=lambda record: record["seconds"])
    fit["latency"] = max(0.0, least["seconds"] - exchange_model(fit, 2, least["rate"], least["bytes"])) / 2
    return fit


def fit_hidden(fit, steps):
    """The part of a step in which an exchange makes progress while backward computes: the median over the measured
    steps that the exchange still lengthens."""
    shares = []
    for step in steps:
        exposed = step["apart"] - step["together"]
        if exposed > 0.02 * step["together"]:
            exchange = exchange_model(fit, 2, step["rate"], gradient_bytes(step["model"]))
            shares.append((exchange - exposed) / step["together"])
    return min(1.0, max(0.0, statistics.median(shares))) if shares else 0.0


def exposed_model(fit, ranks, rate, size, compute):
    return max(0.0, exchange_model(fit, ranks, rate, size) - fit["hidden"] * compute)


def step_model(fit, ranks, rate, size, compute, spread):
    late = 1 + spread * math.sqrt(2 * math.log(ranks))
    return compute * late + exposed_model(fit, ranks, rate, size, compute)


def print_here(found):
    print("\n| model | batch a rank | 1 rank, ms | 2 ranks, weak, ms | weak efficiency | 2 ranks, strong, ms | "
          "strong efficiency | spread of steps |\n|---|---|---|---|---|---|---|---|")
    for row in found:
        times = row["seconds"]
        print(f"| {row['model']} | {row['batch']} | {1e3 * times['one']:.1f} | {1e3 * times['weak']:.1f} | "
              f"{row['weak']:.3f} | {1e3 * times['strong']:.1f} | {row['strong']:.3f} | {100 * row['spread']:.1f} % |")


def print_exchanges(fit, records):
    print("\n| hosts | link, Mbit/s | gradient, MiB | exchange, ms | model, ms | error |\n|---|---|---|---|---|---|")
    for record in records:
        took, modelled = record["seconds"], exchange_model(fit, record["hosts"], record["rate"], record["bytes"])
        print(f"| {record['hosts']} | {record['rate']} | {record['bytes'] / 2**20:g} | {1e3 * took:.2f} | "
              f"{1e3 * modelled:.2f} | {100 * (modelled / took - 1):+.0f} % |")


def print_steps(fit, steps):
    print("\n| model | link, Mbit/s | step on one host, ms | on two, ms | exchange, ms | exposed, ms | "
          "step by the model, ms | error |\n|---|---|---|---|---|---|---|---|")
    for step in steps:
        size = gradient_bytes(step["model"])
        exchange = exchange_model(fit, 2, step["rate"], size)
        modelled = step["together"] + exposed_model(fit, 2, step["rate"], size, step["together"])
        print(f"| {step['model']} | {step['rate']} | {1e3 * step['together']:.1f} | {1e3 * step['apart']:.1f} | "
              f"{1e3 * exchange:.1f} | {1e3 * (step['apart'] - step['together']):.1f} | {1e3 * modelled:.1f} | "
              f"{100 * (modelled / step['apart'] - 1):+.1f} % |")


def predictions(fit, here, given_spread):
    """Records of model, link, ranks, and the efficiency when scaled weakly and strongly."""
    records = []
    for row in here:
        size, times = gradient_bytes(row["model"]), row["seconds"]
        an_image = (times["one"] - times["one half"]) / (row["batch"] - row["batch"] // 2)
        overhead = max(0.0, times["one"] - an_image * row["batch"])
        spread = row["spread"] if given_spread is None else given_spread
        for rate in LINKS:
            for ranks in RANKS:
                step = step_model(fit, ranks, rate, size, times["one"], spread)
                share = overhead + an_image * GLOBAL_BATCH / ranks
                strong = step_model(fit, ranks, rate, size, share, spread)
                records.append(dict(model=row["model"], rate=rate, ranks=ranks, weak=times["one"] / step,
                                    strong=(overhead + an_image * GLOBAL_BATCH) / (ranks * strong)))
    return records


def print_predictions(records):
    head = " | ".join(f"{ranks}: weak, strong" for ranks in RANKS)
    print(f"\n| model | link a rank | {head} |\n|---|---|{'---|' * len(RANKS)}")
    for model in dict.fromkeys(record["model"] for record in records):
        for rate in LINKS:
            cells = [f"{record['weak']:.2f}, {record['strong']:.2f}" for record in records
                     if (record["model"], record["rate"]) == (model, rate)]
            print(f"| {model} | {rate / 1000:g} Gbit/s | {' | '.join(cells)} |")


def measure_network(arguments, models):
    """(records of exchanges, of steps), or None without the right to make hosts."""
    if os.geteuid() != 0:
        print("\nhosts on one machine need root: no exchange between hosts was measured, and nothing is predicted")
        return None
    with tempfile.TemporaryDirectory(prefix="trainer-scaling-") as shared:
        exchanges = measure_exchanges(arguments, shared)
        steps = [measure_steps(arguments, model, shared, rate) for model in models for rate in arguments.rates]
    return exchanges, steps


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--models", type=some_of(MODELS), default="resnet20,smallcnn,mlp")
    parser.add_argument("--rates", type=lambda text: [int(rate) for rate in text.split(",")], default=[1000, 200],
                        metavar="MBIT,...", help="of the links that are measured (default: 1000,200)")
    parser.add_argument("--hosts", type=lambda text: [int(count) for count in text.split(",")], default=[2, 4, 8],
                        metavar="N,...", help="how many exchange (default: 2,4,8)")
    parser.add_argument("--windows", type=COUNT, default=3)
    parser.add_argument("--seconds", type=SECONDS, default=4, help="of a window (default: 4)")
    parser.add_argument("--batch", type=COUNT, help="samples of a rank in each step (default: 128; resnet50: 16)")
    parser.add_argument("--spread", type=float, help="of a cluster's steps (0.01), for predictions, instead "
                        "of the one measured here, where other programs may run")
    parser.add_argument("--json", metavar="FILE", help="write all figures as JSON, too")
    arguments = parser.parse_args()
    models = arguments.models.split(",")
    print(f"{cpu_name()}; windows of {arguments.seconds:g} s")
    with contextlib.ExitStack() as stack:
        here = [measure_here(arguments, model, stack.enter_context(tempfile.TemporaryDirectory())) for model in models]
    print_here(here)
    network = measure_network(arguments, models)
    record = dict(cpu=cpu_name(), here=here)
    if network:
        exchanges, steps = network
        fit = fit_exchange(exchanges)
        fit["hidden"] = fit_hidden(fit, steps)
        print_exchanges(fit, exchanges)
        print_steps(fit, steps)
        print(f"\nlatency {1e6 * fit['latency']:.0f} µs a message, {100 * fit['share']:.0f} % of the link, "
              f"{1e9 * fit['work']:.2f} ns a byte, {100 * fit['hidden']:.0f} % of a step hides an exchange")
        predicted = predictions(fit, here, arguments.spread)
        print_predictions(predicted)
        record.update(exchanges=exchanges, steps=steps, fit=fit, predicted=predicted)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())
