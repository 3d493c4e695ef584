#!/usr/bin/env python3
"""Packed and large data beside mapped data: images a second and memory of a small CNN trained on

  mapped    the images in the program's own layout, which all ranks map
  packed    one array pair (N, 3, 32, 32) uint8 with gzip, which fits into memory: the same losses, bit for bit
  streamed  the same pair, with data.memory a quarter of what its images take
  large     a pair four times as large as the memory that a control group grants (needs root), or that
            data.memory names if no group can be made

The runs take turns, every second time in reverse order, so that noise of the machine affects all alike. Prints the
medians, also divided by that of mapped.

    bench/stream.py [--images 50000] [--large-memory MIB] [--turns 4] [--steps 150] [--ranks 2]"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

from common import COUNT, cpu_name, parser_of
from support.program import command, environment, run
from support.runs import children, read, write

BATCH, SHARDS, CHUNK = 128, 2, 256
RUN = """data: {{{data}}}
model:
  - conv: {{out: 32, kernel: 3, padding: 1}}
  - batchnorm
  - relu
  - conv: {{out: 32, kernel: 3, padding: 1}}
  - batchnorm
  - relu
  - maxpool: {{kernel: 2}}
  - conv: {{out: 64, kernel: 3, padding: 1}}
  - batchnorm
  - relu
  - maxpool: {{kernel: 2}}
  - flatten
  - linear: {{out: 10}}
optimizer: {{momentum: {{rate: 0.01}}}}
statistics: {{sample: {sample}}}
train: {{batch: {batch}, shards: {shards}, length: {steps} steps}}
checkpoint: {{every: 0}}
"""
PAIR = 'file: {file}, axes: NCHW, validation: none, splits: {{train: {{images: /x, labels: /y}}}}'


def make_own(folder, count):
    path = os.path.join(folder, "own.h5")
    run(1, "dataset", "synthesize", "-o", path, "--train", count, "--test", 10, "--validation", 10)
    return path


def make_pair(folder, own, name, count):
    """The images of the own layout, over and over, channels first and packed."""
    path = os.path.join(folder, name)
    with h5py.File(own) as source, h5py.File(path, "w") as file:
        images, labels = source["train/images"], source["train/labels"][:]
        packed = file.create_dataset("x", (count, 3, 32, 32), np.uint8, chunks=(CHUNK, 3, 32, 32), compression="gzip",
                                     compression_opts=1)
        whole = images[:].transpose(0, 3, 1, 2)
        for first in range(0, count, CHUNK * 64):
            rows = np.arange(first, min(first + CHUNK * 64, count)) % len(whole)
            packed[first:first + len(rows)] = whole[rows]
        file["y"] = labels[np.arange(count) % len(labels)]
    return path


def make_group(mebibytes):
    """A control group with so much memory, of version 2 or 1 of the kernel's interface; None if none can be made."""
    for root, limit in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        path = f"{root}/trainer-bench-{os.getpid()}"
        try:
            os.mkdir(path)
        except OSError:
            continue
        try:
            with open(f"{path}/{limit}", "r+") as file:  # a file that is there already, or this is no control group
                file.write(str(mebibytes << 20))
            return path
        except OSError:
            os.rmdir(path)
    return None


def pss(pids):
    """MiB of the processes together, what they share counted once."""
    total = 0
    for pid in pids:
        try:
            total += int(read(f"/proc/{pid}/smaps_rollup").split("Pss:")[1].split()[0])
        except (OSError, IndexError):
            pass
    return total / 1024


def train(recipe, folder, ranks, group):
    """(report, highest MiB of all ranks)."""
    out = tempfile.mkdtemp(dir=folder)
    words = command(ranks, "train", recipe, "--out", out, "--quiet", "--json")
    if group:
        words = ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", *words]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        most = 0
        while process.poll() is None:
            most = max(most, pss(children(process.pid) if ranks > 1 else [process.pid]))
            time.sleep(0.2)
        text = process.stdout.read()
    if process.returncode:
        sys.exit(process.returncode)
    return json.loads(text), most


def cases_of(folder, options):
    own = make_own(folder, options.images)
    pair = make_pair(folder, own, "pair.h5", options.images)
    quarter = max(16, options.images * 3072 // 4 >> 20)  # room for a window of two shards
    own_data, of_pair = f"file: {own}, validation: none", PAIR.format(file=pair)
    cases = {"mapped": (own_data, None), "packed": (of_pair, None),
             "streamed": (f"{of_pair}, memory: {quarter} MiB", None)}
    if options.large_memory:
        large = make_pair(folder, own, "large.h5", options.large_memory * 4 * (1 << 20) // 3072)
        group = make_group(options.large_memory)
        grant = "" if group else f", memory: {options.large_memory} MiB"
        cases["large"] = (PAIR.format(file=large) + grant, group)
    return cases


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=COUNT, default=50000)
    parser.add_argument("--large-memory", type=int, default=0, help="MiB; 0: without the large file")
    parser.add_argument("--turns", type=COUNT, default=4)
    parser.add_argument("--steps", type=COUNT, default=150)
    parser.add_argument("--ranks", type=COUNT, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = cases_of(folder, options)
        recipes = {name: write(f"{folder}/{name}.yaml", RUN.format(data=data, batch=BATCH, shards=SHARDS,
                                                                   sample=5000 if name == "large" else "all",
                                                                   steps=options.steps))
                   for name, (data, _) in cases.items()}
        rates, memory, digests = {name: [] for name in cases}, {name: 0 for name in cases}, {}
        for turn in range(options.turns):
            for name, (_, group) in list(cases.items())[::-1 if turn % 2 else 1]:
                report, most = train(recipes[name], folder, options.ranks, group)
                rates[name].append(report["images_per_second"])
                memory[name] = max(memory[name], most)
                digests[name] = report["digest"]
        for _, group in cases.values():
            if group:
                os.rmdir(group)
    print(f"{cpu_name()}; {options.ranks} ranks, {options.images} images, medians of {options.turns} turns")
    base = statistics.median(rates["mapped"])
    for name in cases:
        rate = statistics.median(rates[name])
        print(f"{name:9} {rate:8.0f} images/s  {rate / base:5.3f} of mapped  {memory[name]:6.0f} MiB in all ranks"
              f"  weights {digests[name][:8]}")
    if digests["packed"] != digests["mapped"]:
        sys.exit("packed images trained to other weights than mapped ones")


if __name__ == "__main__":
    main()
