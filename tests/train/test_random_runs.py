#!/usr/bin/python3
"""Random run files over the whole table of keys: valid ones train, invalid ones are refused with a line that
names the key; damaged ones are refused or read, but nothing crashes.

usage: test_random_runs.py [--valid 10] [--invalid 300] [--damaged 200] [--seed 1] [--keep FOLDER]

The long test: test_random_runs.py --valid 500 --invalid 10000 --damaged 10000"""
import argparse
import concurrent.futures
import copy
import os
import random
import subprocess
import sys

from harness import TRAINER, check, command, environment, run, scratch, synthesize
import random_runs

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--valid", type=int, default=10)
parser.add_argument("--invalid", type=int, default=300)
parser.add_argument("--damaged", type=int, default=200)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--keep", help="folder for the run files that failed")
a = parser.parse_args()
tables = random_runs.Tables(run(1, "keys", "--json")[0])


def fail(words, text):
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
        with open(os.path.join(a.keep, "failed.yaml"), "w") as file:
            file.write(text)
    sys.exit(f"FAILED: {words}\n--- the run file\n{text}")


def train(folder, generator, number, data):
    text = random_runs.write(generator.run(data))
    path = os.path.join(folder, f"valid-{number}.yaml")
    with open(path, "w") as file:
        file.write(text)
    ranks = 1 + number % 2
    words = command(ranks, "train", path, "--out", os.path.join(folder, f"run-{number}"))
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=300)
    if done.returncode:
        fail(f"seed {a.seed}, run file {number} on {ranks} ranks ends with {done.returncode}: {done.stderr}", text)


def describe(path, text):
    with open(path, "w") as file:
        file.write(text)
    return subprocess.run([TRAINER, "describe", path, "--input", f"{random_runs.SIZE}x{random_runs.SIZE}x{random_runs.CHANNELS}"], env=environment(),
                          capture_output=True, text=True, errors="replace", timeout=60)


def refuse(folder, data, number):
    rng = random.Random(a.seed * 1000003 + number)
    broken = random_runs.Generator(tables, rng.random()).run(data)
    word = random_runs.break_one(broken, tables, rng)
    text = random_runs.write(broken)
    path = os.path.join(folder, f"invalid-{number}.yaml")
    done = describe(path, text)
    os.unlink(path)
    lines = done.stderr.strip().split("\n")
    if done.returncode != 3 or len(lines) != 1 or path not in lines[0] or word not in lines[0]:
        return f"exit code {done.returncode}, expected 3 and one line with the file and '{word}':\n{done.stderr}", text
    return None


def survive(folder, data, number):
    rng = random.Random(a.seed * 1000033 + number)
    raw = bytearray(random_runs.write(random_runs.Generator(tables, rng.random()).run(data)).encode())
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        way = rng.randrange(3)
        if way == 0:
            raw[at] = rng.randrange(1, 127)
        elif way == 1:
            del raw[at:at + rng.randint(1, 20)]
        else:
            raw[at:at] = raw[at:at + rng.randint(1, 30)]
        raw = raw or bytearray(b"\n")
    text = raw.decode("utf-8", "replace")
    path = os.path.join(folder, f"damaged-{number}.yaml")
    done = describe(path, text)
    os.unlink(path)
    if done.returncode not in (0, 3) or done.returncode and len(done.stderr.strip().split("\n")) != 1:
        return f"exit code {done.returncode}, expected 0, or 3 with one line:\n{done.stderr}", text
    return None


def many(what, count, function, *arguments):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for failure in pool.map(lambda number: function(*arguments, number), range(count)):
            if failure:
                fail(*failure)
    check(True, f"{count} {what}")


with scratch() as folder:
    data = os.path.join(folder, "tiny.h5")
    run(1, "dataset", "synthesize", "-o", data, "--train", random_runs.SAMPLES, "--test", 20, "--validation", 30, "--size", random_runs.SIZE)
    for scale in ("none", "channel_std", "pixel_std"):
        run(1, "dataset", "statistics", data, "--pca", "--scale", scale)
    generator = random_runs.Generator(tables, a.seed)
    for number in range(a.valid):
        train(folder, generator, number, data)
    everything = {(table, name) for table in tables.kinds for name in tables.names(table)}
    left = sorted(f"{table} {name}" for table, name in everything - generator.drawn)
    check(True, f"{a.valid} valid run files train 20 steps, with {len(generator.drawn)} of {len(everything)} kinds" + (f"; never drawn: {', '.join(left)}" if left else ""))
    check(not left or a.valid < 100, "every kind was drawn")
    many("invalid run files are refused with a line that names the key", a.invalid, refuse, folder, data)
    many("damaged run files are read or refused, none crashes", a.damaged, survive, folder, data)
