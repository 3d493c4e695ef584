#!/usr/bin/python3
"""The same bits: on 1, 2 and 4 ranks; stopped and resumed, also in the middle of an epoch and on
another number of ranks; killed at a random moment and resumed; for every exact exchange."""
import os
import random

from harness import check, newest_step, result, run_file, scratch, start_and_kill, synthesize


def train(ranks, recipe, out, *more):
    return result(ranks, "train", recipe, "--out", out, "--quiet", *more)


def loss_lines(out):
    """The metrics without what is a matter of time."""
    import json
    lines = [json.loads(line) for line in open(os.path.join(out, "metrics.jsonl"))]
    return [{k: v for k, v in line.items() if k not in ("images_per_second", "seconds")} for line in lines]


with scratch() as folder:
    data = synthesize(folder)
    recipe = run_file(folder, data)
    whole = train(1, recipe, f"{folder}/n1")
    check(whole["finished"] and whole["step"] == 20, "20 steps on one rank")
    for ranks in (2, 4):
        there = train(ranks, recipe, f"{folder}/n{ranks}")
        check(there["digest"] == whole["digest"], f"{ranks} ranks: the same bits as 1")
        check(loss_lines(f"{folder}/n{ranks}") == loss_lines(f"{folder}/n1"), f"{ranks} ranks: the same metrics")
    for exchange in ("window", "halving", "direct"):
        there = train(4, recipe, f"{folder}/{exchange}", "--set", f"train.exchange={exchange}")
        check(there["digest"] == whole["digest"], f"exchange {exchange}: the same bits")
    other = train(1, recipe, f"{folder}/seed", "--set", "train.seed=4")
    check(other["digest"] != whole["digest"], "another seed: other bits")

    for stop, first, second in ((7, 1, 2), (10, 2, 1), (13, 4, 2)):
        out = f"{folder}/stop{stop}"
        part = train(first, recipe, out, "--stop-after", stop)
        check(part["step"] == stop and not part["finished"], f"stopped at step {stop} on {first}")
        rest = train(second, recipe, out, "--resume")
        check(rest["digest"] == whole["digest"], f"resumed on {second}: the same bits")
        check(loss_lines(out) == loss_lines(f"{folder}/n1"), "resumed: the same metrics")
    again = train(2, recipe, f"{folder}/stop7", "--resume")
    check(again["digest"] == whole["digest"] and again["step"] == 20, "resuming a finished run changes nothing")

    longer = run_file(folder, data, name="longer.yaml", length="150 steps", every="1 steps")
    straight = train(2, longer, f"{folder}/straight")
    random.seed(int.from_bytes(os.urandom(4), "little"))
    out, step = f"{folder}/killed", 0
    for first in (2, 1, 4):
        step += random.randint(1, 45)
        code = start_and_kill(first, step, out, "train", longer, "--resume", "--quiet")
        check(code != 0 and newest_step(out) < 150, f"killed on {first} ranks behind step {newest_step(out)} (exit code {code})")
    rest = train(2, longer, out, "--resume")
    check(rest["digest"] == straight["digest"], "killed three times, on 2, 1 and 4 ranks: the same bits")

    reproduced = train(1, f"{folder}/n4/run.yaml", f"{folder}/again")
    check(reproduced["digest"] == whole["digest"], "the saved run file reproduces the run")
