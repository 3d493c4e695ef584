#!/usr/bin/env python3
"""Learning: test accuracy and training time of a recipe on the CIFAR-10 images, beside the peer's
(PyTorch DistributedDataParallel), same machine, one after the other.

    bench/learning.py --data cifar10.h5 --model resnet20 [--epochs 30] [--ranks 2] [--seed 1]
                      [--peer PATH/torch_train.py --peer-images FOLDER --peer-python python3 --peer-dtype fp32]

cifar10.h5 comes from `trainer dataset import --format image-folder FOLDER -o cifar10.h5`, with splits
train and test; FOLDER is what the peer reads. Without --peer only ours runs, saying so. Prints one
JSON line for each."""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests"))
from support.program import command, environment

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", required=True)
parser.add_argument("--model", choices=("resnet20", "smallcnn", "mlp"), default="resnet20")
parser.add_argument("--epochs", type=int)
parser.add_argument("--ranks", type=int, default=2)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--out", help="folder of the run (default: a temporary one)")
parser.add_argument("--peer")
parser.add_argument("--peer-images")
parser.add_argument("--peer-python", default=sys.executable)
parser.add_argument("--peer-dtype", default="fp32")
a = parser.parse_args()

epochs = a.epochs or dict(resnet20=30, smallcnn=10, mlp=10)[a.model]
rate = 0.2 if a.model == "resnet20" else 0.1
out = a.out or tempfile.mkdtemp(prefix="trainer-learning-")
recipe = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "launch", "recipes", f"cifar10-{a.model}.yaml")
cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
done = subprocess.run(command(a.ranks, "train", recipe, "--out", out, "--json", "--resume", "--set", f"data.file={os.path.abspath(a.data)}",
                              "--set", "data.validation=test", "--set", f"train.length={epochs} epochs", "--set", f"optimizer.rate={rate}",
                              "--set", f"train.seed={a.seed}"), env=environment(), stdout=subprocess.PIPE, text=True)
if done.returncode:
    sys.exit(done.returncode)
ours = json.loads(done.stdout)
print(json.dumps(dict(program="trainer", cpu=cpu, model=a.model, dtype="fp32", ranks=a.ranks, seed=a.seed, epochs=epochs, train_seconds=round(ours["seconds"], 1),
                      train_loss=round(ours["train_loss"], 4), test_accuracy=ours["validation_accuracy"])), flush=True)
if not a.peer:
    print("no --peer given: PyTorch was not run", file=sys.stderr)
    sys.exit(0)
words = [a.peer_python, a.peer, "--data", a.peer_images, "--model", a.model, "--epochs", epochs, "--lr", rate, "--dtype", a.peer_dtype, "--seed", a.seed, "--ranks", a.ranks]
last = None
with subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True) as peer:
    for line in peer.stdout:
        last = line
        print(line, end="", file=sys.stderr)
if peer.returncode or not last:
    sys.exit("the peer failed")
print(json.dumps(dict(json.loads(last), program="peer", cpu=cpu, epochs=epochs)))
