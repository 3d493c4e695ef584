#!/usr/bin/python3
"""Every optimiser with clipping, lookahead and rules by name at once: killed on two ranks and
resumed on one, the same bits as one rank's run that nobody disturbed; all their state is in the
checkpoint. Also: the gradient's norm in the metrics, frozen rows, refusals."""
import json
import os

from harness import check, need_numpy, newest_step, result, run, scratch, start_and_kill
from harness import h5py, np

OPTIMIZERS = {
    "sgd": ("{rate: 0.05, weight_decay: 0.01}", []),
    "momentum": ("{rate: 0.05, weight_decay: 0.01}", ["momentum"]),
    "nesterov": ("{rate: 0.05, weight_decay: 0.01}", ["momentum"]),
    "adagrad": ("{rate: 0.05, weight_decay: 0.01, rate_decay: 0.01, initial: 0.1}", ["square_sum"]),
    "rmsprop": ("{rate: 0.005, momentum: 0.9, centered: true}", ["gradient_mean", "momentum", "square_mean"]),
    "adam": ("{rate: 0.01, weight_decay: 0.01, amsgrad: true}", ["first_moment", "largest_second_moment", "second_moment"]),
    "adamw": ("{rate: 0.01}", ["first_moment", "second_moment"]),
    "lars": ("{rate: 0.5, trust: 0.02, weight_decay: 0.01}", ["momentum"]),
    "lamb": ("{rate: 0.02, weight_decay: 0.01}", ["first_moment", "second_moment"]),
}
AROUND = """
clip: {norm: 0.6, value: 0.1}
lookahead: {every: 3, share: 0.6}
parameters:
  - weights: {l1: 1.0e-4, max_norm: 0.5}
  - biases: {rate: 2}
  - normalisations: {name: 1.*, frozen: true}
"""
STEPS = 24


def write(folder, data, name, options, around=AROUND):
    path = f"{folder}/{name}.yaml"
    with open(path, "w") as file:
        file.write(f"""data: {{file: {data}, validation: none}}
model:
  - conv: {{out: 4, kernel: 3, stride: 2}}
  - batchnorm
  - relu
  - flatten
  - linear: {{out: 10}}
optimizer: {{{name}: {options}}}
schedule: {{cosine: {{warmup: 3 steps}}}}
train: {{batch: 20, shards: 4, length: {STEPS} steps, seed: 3}}
checkpoint: {{every: 1 steps, keep: 4}}
{around}""")
    return path


def steps_of(out):
    lines = [json.loads(line) for line in open(f"{out}/metrics.jsonl")]
    return [line for line in lines if line["kind"] == "step"]


def longest(out):
    """The norms of the longest vector of weights behind each step kept: of the model, the slow weights, the average."""
    found = {}
    for name in sorted(os.listdir(f"{out}/checkpoints")):
        with h5py.File(f"{out}/checkpoints/{name}") as file:
            groups = [group for group in ("model", "optimizer/slow_weights", "average") if group in file]
            rows = [np.array(file[f"{group}/{row}"]).astype(float) for group in groups for row in ("0.weight", "4.weight")]
            found[name] = max(np.sqrt((row.reshape(len(row), -1)**2).sum(axis=1)).max() for row in rows)
    return found


def names_of_state(out):
    with h5py.File(f"{out}/checkpoints/latest.h5") as file:
        return {slot: sorted(file["optimizer"][slot]) for slot in file.get("optimizer", {})}


with scratch() as folder:
    need_numpy()
    kinds = json.loads(run(1, "keys", "--json")[0])["kinds"]["optimizer"]
    check({kind["name"] for kind in kinds} == set(OPTIMIZERS), "every optimiser is here")
    data = f"{folder}/shapes.h5"
    run(1, "dataset", "synthesize", "-o", data, "--train", 90, "--test", 10, "--size", 16)
    for name, (options, slots) in OPTIMIZERS.items():
        recipe = write(folder, data, name, options)
        whole, killed = f"{folder}/{name}", f"{folder}/{name}-killed"
        straight = result(1, "train", recipe, "--out", whole, "--quiet")
        start_and_kill(2, 5, killed, "train", recipe, "--quiet")
        step = newest_step(killed)
        check(5 <= step < STEPS, f"{name}: killed on two ranks at step {step}")
        rest = result(1, "train", recipe, "--out", killed, "--resume", "--quiet")
        check(rest["step"] == STEPS and rest["digest"] == straight["digest"], f"{name}: resumed on one: the same bits")
        state = names_of_state(whole)
        check(sorted(state) == sorted(slots + ["slow_weights"]), f"{name}: its state is in the checkpoint")
        check(all(len(rows) == 6 for rows in state.values()), f"{name}: for every parameter")
        check(max(longest(whole).values()) < 0.500001, f"{name}: no output's weights are longer than max_norm")
        norms = [line["gradient_norm"] for line in steps_of(whole)]
        check(len(norms) == STEPS and min(norms) > 0, f"{name}: the norm of each gradient is in the metrics")

    # A frozen row is what it was; another moved. Without the sections nothing of them is seen.
    with h5py.File(f"{folder}/sgd-killed/checkpoints/latest.h5") as file:
        scale, shift = (np.array(file[f"model/{row}"]) for row in ("1.weight", "1.bias"))
    check((scale == 1).all() and (shift == 0).all(), "frozen rows stay as they began")
    for average in ("ema", "{polyak: {start: 0}}"):
        out = f"{folder}/average{average[:2]}"
        result(1, "train", f"{folder}/adamw.yaml", "--out", out, "--quiet", "--stop-after", 4, "--set", f"average={average}")
        norms = longest(out)
        check(len(norms) >= 4 and max(norms.values()) < 0.500001, f"max_norm holds behind each of the first steps, for slow weights and the average: {norms}")
    plain = write(folder, data, "momentum", "{rate: 0.05}", "")
    result(1, "train", plain, "--out", f"{folder}/plain", "--quiet")
    check("gradient_norm" not in steps_of(f"{folder}/plain")[0], "no norm where nobody asks")
    reported = result(1, "train", plain, "--out", f"{folder}/reported", "--quiet", "--set", "clip.report=true")
    check(steps_of(f"{folder}/reported")[0]["gradient_norm"] > 0, "clip.report: the norm")
    again = result(1, "train", plain, "--out", f"{folder}/plain", "--resume", "--quiet", "--set", "clip.report=true")
    check(again["digest"] == reported["digest"], "clip.report changes no bits, and may differ when a run resumes")

    # Only the head is trained: backward ends there, on any number of ranks, synchronised or not.
    head = write(folder, data, "adam", "{rate: 0.01}", 'parameters: [all: {name: "[01].*", frozen: true}]')
    for statistics in ("shard", "batch"):
        arguments = ("train", head, "--quiet", "--set", f"model.1.statistics={statistics}", "--out")
        one = result(1, *arguments, f"{folder}/head1{statistics}")
        two = result(2, *arguments, f"{folder}/head2{statistics}")
        check(one["digest"] == two["digest"] and one["train_loss"] < 2.3, f"only the head, statistics of the {statistics}: the same bits on 2 ranks")

    # Refused before anything is written.
    for setting, words in (
            ("parameters=[all: {name: '4.wieght', frozen: true}]", "nearest is '4.weight'"),
            ("parameters=[all: {frozen: true}]", "nothing is left to train"),
            ("clip.norm=0", "expected a number above 0"),
            ("lookahead.share=2", "expected a number above 0 up to 1")):
        out = f"{folder}/refused"
        error = run(2, "train", plain, "--out", out, "--quiet", "--set", setting, code=3)[1]
        check(words in error and not os.path.exists(out), f"--set {setting}: refused")

    said = run(2, "train", write(folder, data, "sgd", "{rate: 0.1}"), "--out", f"{folder}/said", "--stop-after", 1)[1]
    check("in 4 shards of 5 on 2 ranks x 1 thread, each accumulates 2;" in said, "it says how many shards a rank accumulates")
    check("(8 frozen)" in said, "and how many parameters are frozen")
    check("train.shards is auto" not in said, "and nothing of shards that the file gives")
    said = run(2, "train", write(folder, data, "sgd", "{rate: 0.1}"), "--out", f"{folder}/auto", "--stop-after", 1, "--set", "train.shards=auto")[1]
    check("train.shards is auto, here 2" in said and "train.shards=2" in said, "it says what keeps the bits where the shards are auto")
