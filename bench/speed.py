#!/usr/bin/env python3
"""Speed: images a second of whole training steps beside the peer's (PyTorch DistributedDataParallel),
in turn on one machine: ours, theirs, ours, theirs …; the ratio is of the medians.

    bench/speed.py [--models resnet20,smallcnn,mlp] [--ranks 2] [--batch 128] [--rounds 3] [--backend auto]
                   [--peer PATH/torch_ddp.py --peer-python python3] [--before PATH/trainer] [--recipes FOLDER]

--batch is a rank's. Data are drawn shapes (trainer dataset synthesize); our figure includes reading,
flips and crops. Without --peer only ours is measured, saying so. With --before the other side is another build
of the trainer, on the same recipes (of FOLDER, which both must understand): what a change costs. Prints a table
and JSON lines."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "tests"))
from support.program import TRAINER, command, environment, run

FLOP = dict(resnet20=0.246e9, smallcnn=0.917e9, mlp=0.0315e9)  # forward and backward, an image

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--models", default="resnet20,smallcnn,mlp")
parser.add_argument("--ranks", type=int, default=2)
parser.add_argument("--batch", type=int, default=128)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--backend", default="auto")
parser.add_argument("--peer")
parser.add_argument("--peer-python", default=sys.executable)
parser.add_argument("--before", help="another build of the trainer, instead of the peer")
parser.add_argument("--recipes", default=os.path.join(here, "..", "launch", "recipes"))
a = parser.parse_args()

cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
folder = tempfile.mkdtemp(prefix="trainer-speed-")
data = f"{folder}/shapes.h5"
run(1, "dataset", "synthesize", "-o", data, "--train", 4096, "--test", 10, "--validation", 10)


def ours(model, turn, program=None):
    steps = dict(resnet20=30, smallcnn=14, mlp=100)[model]
    recipe = os.path.join(a.recipes, f"cifar10-{model}.yaml")
    out = f"{folder}/{model}-{turn}{'-before' if program else ''}"
    words = command(a.ranks, "train", recipe, "--out", out, "--quiet", "--json", "--set", f"data.file={data}", "--set", "data.validation=none",
                    "--set", f"train.batch={a.batch * a.ranks}", "--set", f"train.shards={a.ranks}", "--set", f"train.backend={a.backend}",
                    "--set", "schedule=constant", "--set", f"train.length={steps} steps", "--set", "checkpoint.every=0")
    words = [program if program and word == TRAINER else word for word in words]
    subprocess.run(words, env=environment(), stdout=subprocess.DEVNULL, check=True)
    rates = [json.loads(line)["images_per_second"] for line in open(f"{out}/metrics.jsonl") if '"step",' in line]
    return statistics.median(rates[3:])


def theirs(model):
    words = [a.peer_python, a.peer, "--model", model, "--ranks", str(a.ranks), "--batch", str(a.batch), "--channels-last", "--pin", "--windows", "3"]
    for _ in range(3):  # gloo now and then aborts while it closes down, before or after the result
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                return json.loads(line)["img_per_s"]
    sys.exit(f"the peer failed three times: {done.stderr}")


print(f"{cpu}; {a.ranks} ranks x 1 thread, batch {a.batch} a rank, fp32, backend {a.backend}")
print(f"{'model':10} {'ours img/s':>12} {'GF/s a core':>12} {'before' if a.before else 'PyTorch':>10} {'ratio':>7}")
for model in a.models.split(","):
    mine, peer = [], []
    for turn in range(a.rounds):
        mine.append(ours(model, turn))
        if a.before:
            peer.append(ours(model, turn, os.path.abspath(a.before)))
        elif a.peer:
            peer.append(theirs(model))
    rate = statistics.median(mine)
    other = statistics.median(peer) if peer else None
    print(f"{model:10} {rate:12.1f} {rate * FLOP[model] / a.ranks / 1e9:12.1f} {other or '-':>10} {rate / other if other else float('nan'):7.2f}", flush=True)
    print(json.dumps(dict(model=model, cpu=cpu, ranks=a.ranks, batch=a.batch, ours=mine, peer=peer)), file=sys.stderr)
if not a.peer and not a.before:
    print("no --peer given: PyTorch was not measured")
