#!/usr/bin/python3
"""The same bits with everything random switched on at once, for every optimiser and every average: on 1, 2 and 4
ranks, and killed and resumed on another number of ranks."""
import json
import random
import sys

from harness import check, newest_step, result, run, scratch, start_and_kill, synthesize

RUN = """data: {{file: {data}, train: train, validation: validation}}
augment:
  - flip: {{alternate: true}}
  - crop: {{pad: 2, fill: reflect}}
  - resized_crop
  - translate
  - rotate
  - shear
  - brightness
  - contrast
  - saturation
  - hue
  - lighting
  - greyscale
  - cutout
mix:
  - mixup: {{probability: 0.5}}
  - cutmix: {{probability: 0.5}}
model:
  - conv: {{out: 8, kernel: 3, padding: 1, dropconnect: 0.1}}
  - batchnorm: {{statistics: batch}}
  - prelu
  - fractional_maxpool: {{sequence: random}}
  - residual: {{drop: 0.3, body: [{{conv: {{out: 8, kernel: 3, padding: 1}}}}, batchnorm, gelu]}}
  - dropout: {{rate: 0.1, drops: channels}}
  - branches: {{paths: [[{{conv: {{out: 4, kernel: 1}}}}], [{{conv: {{out: 4, kernel: 5, padding: 2}}}}, {{groupnorm: {{groups: 2}}}}]]}}
  - residual: {{drop: 0.3, body: [{{conv: {{out: 8, kernel: 3, padding: 1, groups: 8}}}}, selu]}}
  - fractional_maxpool: {{overlapping: false}}
  - maxpool: {{kernel: 3, stride: 2, padding: 1}}
  - flatten
  - linear: {{out: 16, dropconnect: 0.2}}
  - alpha_dropout
  - maxout
  - dropout: {{rate: 0.2, form: plain}}
  - linear: {{out: 10}}
loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
optimizer: {optimizer}
parameters:
  - weights: {{l1: 1.0e-5, weight_decay: 1.0e-4, max_norm: 2}}
  - all: {{name: "0.*", rate: 0.5}}
clip: {{norm: 1, value: 0.5}}
lookahead: {{every: 3}}
schedule: {schedule}
average: {average}
train: {{batch: 24, shards: 4, length: 12 steps, seed: 5}}
checkpoint: {{every: 1 steps, keep: 0}}
"""
RATES = {"sgd": 0.05, "momentum": 0.05, "nesterov": 0.05, "lars": 1, "adagrad": 0.02}
AVERAGES = ["{ema: {decay: 0.9}}", "{polyak: {start: 2 steps, batches: 2}}", "{swa: {start: 2 steps, every: 3 steps, batches: 2}}"]
SCHEDULES = ["constant", "plateau", "one_cycle", "{cosine_restarts: {period: 5 steps}}"]


def train(ranks, recipe, out, *more):
    return result(ranks, "train", recipe, "--out", out, "--quiet", *more)


tables = json.loads(run(1, "keys", "--json")[0])["kinds"]
check({kind["name"] for kind in tables["average"]} == {text[1:text.index(":")] for text in AVERAGES}, "every average has its row")
rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
with scratch() as folder:
    data = synthesize(folder, train=67, test=10, validation=21)
    for i, kind in enumerate(tables["optimizer"]):
        name = kind["name"]
        recipe = f"{folder}/{name}.yaml"
        with open(recipe, "w") as file:
            file.write(RUN.format(data=data, optimizer=f"{{{name}: {{rate: {RATES.get(name, 0.002)}}}}}", average=AVERAGES[i % len(AVERAGES)], schedule=SCHEDULES[i % len(SCHEDULES)]))
        digests = [train(n, recipe, f"{folder}/{name}-{n}")["digest"] for n in (1, 2, 4)]
        check(len(set(digests)) == 1, f"{name}, {AVERAGES[i % len(AVERAGES)]}: the same bits on 1, 2 and 4 ranks")
        reports = [result(n, "eval", f"{folder}/{name}-{n}/checkpoints/latest.h5", "--split", "validation")["members"][0] for n in (1, 2)]
        check(reports[0]["loss"] == reports[1]["loss"], f"{name}: and the same average, by its loss")
        out, step = f"{folder}/{name}-killed", rng.randint(1, 9)
        first, second = rng.choice([(1, 2), (2, 4), (4, 1)])
        start_and_kill(first, step, out, "train", recipe, "--quiet")
        behind = newest_step(out)
        check(train(second, recipe, out, "--resume")["digest"] == digests[0], f"{name}: killed behind step {behind} of 12 on {first}, resumed on {second}: the same bits")
        after = result(1, "eval", f"{out}/checkpoints/latest.h5", "--split", "validation")["members"][0]
        check(after["loss"] == reports[0]["loss"], f"{name}: and the same average")
