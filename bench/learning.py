#!/usr/bin/env python3
"""Test accuracy and training time of a recipe on the CIFAR-10 images, and those of PyTorch (a peer script that uses
DistributedDataParallel), on the same machine, one after the other.

    bench/learning.py --data cifar10.h5 --model resnet20 [--epochs 30] [--ranks 2] [--seed 1]
                      [--peer PATH/torch_train.py --peer-images FOLDER --peer-python python3 --peer-dtype fp32]

cifar10.h5 comes from `trainer dataset import --format image-folder FOLDER -o cifar10.h5` and has the splits train and
test; the peer reads FOLDER. Without --peer only the trainer runs. Prints one JSON line for each."""
import json
import os
import subprocess
import sys
import tempfile

from common import cpu_name, output_of, parser_of
from support.program import RECIPES, command, environment, settings

EPOCHS = dict(resnet20=30, smallcnn=10, mlp=10)
RATES = dict(resnet20=0.2, smallcnn=0.1, mlp=0.1)


def train_ours(arguments, epochs, rate):
    recipe = os.path.join(RECIPES, f"cifar10-{arguments.model}.yaml")
    out = arguments.out or tempfile.mkdtemp(prefix="trainer-learning-")
    changes = settings(f"data.file={os.path.abspath(arguments.data)}", "data.validation=test",
                       f"train.length={epochs} epochs", f"optimizer.rate={rate}", f"train.seed={arguments.seed}")
    words = command(arguments.ranks, "train", recipe, "--out", out, "--json", "--resume", *changes)
    ours = json.loads(output_of(words, env=environment()))
    return dict(program="trainer", cpu=cpu_name(), model=arguments.model, dtype="fp32", ranks=arguments.ranks,
                seed=arguments.seed, epochs=epochs, train_seconds=round(ours["seconds"], 1),
                train_loss=round(ours["train_loss"], 4), test_accuracy=ours["validation_accuracy"])


def train_peer(arguments, epochs, rate):
    """Runs the peer, shows what it prints, and returns its last line."""
    words = [arguments.peer_python, arguments.peer, "--data", arguments.peer_images, "--model", arguments.model,
             "--epochs", epochs, "--lr", rate, "--dtype", arguments.peer_dtype, "--seed", arguments.seed,
             "--ranks", arguments.ranks]
    last = None
    with subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True) as peer:
        for line in peer.stdout:
            last = line
            print(line, end="", file=sys.stderr)
    if peer.returncode or not last:
        sys.exit("the peer failed")
    return dict(json.loads(last), program="peer", cpu=cpu_name(), epochs=epochs)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--data", required=True, help="CIFAR-10 as a data set file")
    parser.add_argument("--model", choices=EPOCHS, default="resnet20")
    parser.add_argument("--epochs", type=int, help="default: 30 for resnet20, 10 for the others")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="folder of the run (default: a temporary one)")
    parser.add_argument("--peer", help="the PyTorch script")
    parser.add_argument("--peer-images", help="the folder that the peer reads")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--peer-dtype", default="fp32")
    arguments = parser.parse_args()
    epochs = arguments.epochs or EPOCHS[arguments.model]
    rate = RATES[arguments.model]
    print(json.dumps(train_ours(arguments, epochs, rate)), flush=True)
    if arguments.peer:
        print(json.dumps(train_peer(arguments, epochs, rate)))
    else:
        print("no --peer given: PyTorch was not run", file=sys.stderr)


if __name__ == "__main__":
    main()
