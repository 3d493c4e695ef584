#!/usr/bin/env python3
"""Images a second of whole training steps, of the trainer and of PyTorch (a peer script that uses
DistributedDataParallel), in turn on one machine. The ratio is that of the medians.

    bench/speed.py [--models resnet20,smallcnn,mlp] [--ranks 2] [--batch 128] [--rounds 3] [--backend auto]
                   [--peer PATH/torch_ddp.py --peer-python python3] [--before PATH/trainer] [--recipes FOLDER]

--batch is for each rank. The data are drawn shapes (trainer dataset synthesize), and the trainer's figure includes
reading, flips and crops. Without --peer only the trainer is measured. --before compares with another build of the
trainer instead, which shows what a change costs; both builds must understand the recipes, which --recipes may take
from another folder. Prints a table on stdout and JSON lines on stderr."""
import json
import os
import statistics
import subprocess
import sys
import tempfile

from common import cpu_name, parser_of
from support.program import RECIPES, TRAINER, command, environment, run, settings

FLOP = dict(resnet20=0.246e9, smallcnn=0.917e9, mlp=0.0315e9)  # forward and backward of one image
STEPS = dict(resnet20=30, smallcnn=14, mlp=100)
WARM_UP_STEPS = 3


def measure_trainer(arguments, folder, model, out, program=TRAINER):
    """Images a second: the median over the steps of one training."""
    recipe = os.path.join(arguments.recipes, f"cifar10-{model}.yaml")
    changes = settings(f"data.file={folder}/shapes.h5", "data.validation=none",
                       f"train.batch={arguments.batch * arguments.ranks}", f"train.shards={arguments.ranks}",
                       f"train.backend={arguments.backend}", "schedule=constant",
                       f"train.length={STEPS[model]} steps", "checkpoint.every=0")
    words = command(arguments.ranks, "train", recipe, "--out", out, "--quiet", "--json", *changes)
    words = [program if word == TRAINER else word for word in words]
    subprocess.run(words, env=environment(), stdout=subprocess.DEVNULL, check=True)
    with open(f"{out}/metrics.jsonl") as file:
        steps = [record for record in map(json.loads, file) if record["kind"] == "step"]
    return statistics.median(record["images_per_second"] for record in steps[WARM_UP_STEPS:])


def measure_peer(arguments, model):
    words = [arguments.peer_python, arguments.peer, "--model", model, "--ranks", str(arguments.ranks),
             "--batch", str(arguments.batch), "--channels-last", "--pin", "--windows", "3"]
    for _ in range(3):  # gloo sometimes aborts while it closes down, before or after the result
        done = subprocess.run(words, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                return json.loads(line)["img_per_s"]
    sys.exit(f"the peer failed three times: {done.stderr}")


def measure_model(arguments, folder, model):
    """The figures of each round, of the trainer and of what it is compared with."""
    ours, others = [], []
    for turn in range(arguments.rounds):
        out = f"{folder}/{model}-{turn}"
        ours.append(measure_trainer(arguments, folder, model, out))
        if arguments.before:
            before = os.path.abspath(arguments.before)
            others.append(measure_trainer(arguments, folder, model, f"{out}-before", before))
        elif arguments.peer:
            others.append(measure_peer(arguments, model))
    return ours, others


def print_row(arguments, model, ours, others):
    rate = statistics.median(ours)
    flops = rate * FLOP[model] / arguments.ranks / 1e9
    other, ratio = "-", float("nan")
    if others:
        other = f"{statistics.median(others):.1f}"
        ratio = rate / statistics.median(others)
    print(f"{model:10} {rate:12.1f} {flops:12.1f} {other:>10} {ratio:7.2f}", flush=True)
    print(json.dumps(dict(model=model, cpu=cpu_name(), ranks=arguments.ranks, batch=arguments.batch, ours=ours,
                          peer=others)), file=sys.stderr)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--models", default=",".join(FLOP))
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128, help="samples of a rank in each step")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--peer", help="the PyTorch script")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--before", help="another build of the trainer, instead of the peer")
    parser.add_argument("--recipes", default=RECIPES)
    arguments = parser.parse_args()
    print(f"{cpu_name()}; {arguments.ranks} ranks x 1 thread, batch {arguments.batch} a rank, fp32, "
          f"backend {arguments.backend}")
    other = "before" if arguments.before else "PyTorch"
    print(f"{'model':10} {'ours img/s':>12} {'GF/s a core':>12} {other:>10} {'ratio':>7}")
    with tempfile.TemporaryDirectory(prefix="trainer-speed-") as folder:
        run(1, "dataset", "synthesize", "-o", f"{folder}/shapes.h5", "--train", 4096, "--test", 10,
            "--validation", 10)
        for model in arguments.models.split(","):
            print_row(arguments, model, *measure_model(arguments, folder, model))
    if not arguments.peer and not arguments.before:
        print("no --peer given: PyTorch was not measured")


if __name__ == "__main__":
    main()
