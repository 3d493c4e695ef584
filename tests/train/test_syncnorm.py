#!/usr/bin/python3
"""Batch normalisation over the global batch, in training: the same bits on 1, 2 and 4 ranks, after a
kill and resume, with a last batch that leaves shards uneven and some empty; and, whatever the
shards, what one shard with the whole batch gives, to 1e-5."""
from harness import (MODEL, check, h5py, need_numpy, newest_step, np, result, run, run_file, scratch,
                     start_and_kill, synthesize)

need_numpy()
SYNCHRONISED = MODEL.replace("- batchnorm", "- batchnorm: {statistics: batch}")
# Without kinks, which turn a difference of rounding into one of gradients; and without the bias in
# front of a batch normalisation, which the loss does not depend on.
SMOOTH = (SYNCHRONISED.replace("relu", "tanh").replace("maxpool", "avgpool")
          .replace("conv: {out: 12, kernel: 3, padding: 1}", "conv: {out: 12, kernel: 3, padding: 1, bias: false}"))


def train(ranks, recipe, out, *more):
    return result(ranks, "train", recipe, "--out", out, "--quiet", *more)


def model_of(path):
    found = {}
    with h5py.File(path) as file:
        file["model"].visititems(lambda name, item: found.__setitem__(name, item[()].astype(np.float64))
                                 if isinstance(item, h5py.Dataset) else None)
    return found


with scratch() as folder:
    # The 11th step of an epoch has 3 samples for 4 shards.
    data = synthesize(folder, train=603)
    recipe = run_file(folder, data, model=SYNCHRONISED, length="24 steps")
    whole = train(1, recipe, f"{folder}/n1")
    for ranks in (2, 4):
        there = train(ranks, recipe, f"{folder}/n{ranks}")
        check(there["digest"] == whole["digest"], f"{ranks} ranks: the same bits as 1")
    shard = train(1, run_file(folder, data, name="shard.yaml", length="24 steps"), f"{folder}/shard")
    check(shard["digest"] != whole["digest"], "statistics of the shard: other bits")

    measured = ("--set", "average={swa: {start: 12 steps, every: 3 steps, batches: all}}")
    averages = [train(ranks, recipe, f"{folder}/average{ranks}", *measured) for ranks in (1, 2, 4)]
    check(averages[0]["digest"] == whole["digest"] and all(a["average_digest"] == averages[0]["average_digest"] for a in averages),
          "an average with statistics measured anew: the same bits on 1, 2 and 4 ranks")

    longer = run_file(folder, data, model=SYNCHRONISED, name="longer.yaml", length="80 steps", every="1 steps")
    straight = train(2, longer, f"{folder}/straight")
    out = f"{folder}/killed"
    for ranks, step in ((2, 11), (4, 30), (1, 51)):
        code = start_and_kill(ranks, step, out, "train", longer, "--resume", "--quiet")
        check(code != 0 and newest_step(out) < 80, f"killed on {ranks} ranks behind step {newest_step(out)}")
    rest = train(4, longer, out, "--resume")
    check(rest["digest"] == straight["digest"], "killed and resumed on other ranks: the same bits")

    models = {}
    for shards in (1, 3, 12):
        recipe = run_file(folder, data, model=SMOOTH, name="smooth.yaml", shards=shards, length="12 steps", warmup="0 steps")
        models[shards] = model_of(train(1, recipe, f"{folder}/shards{shards}")["checkpoint"])
    for shards in (3, 12):
        worst = max(np.linalg.norm(values - models[1][name]) / np.linalg.norm(models[1][name])
                    for name, values in models[shards].items())
        check(worst < 1e-5, f"{shards} shards: the model of one shard but for {worst:.1e}")

    # One rank's NaN is everyone's from the next synchronised layer on: the line says where it began.
    with h5py.File(data, "r+") as file:
        images = file["train/images"][()].astype(np.float32)
        images[77] = np.nan
        del file["train/images"]
        file["train/images"] = images
    for ranks, rank in ((1, 0), (4, 2)):
        line = run(ranks, "train", recipe, "--out", f"{folder}/nan{ranks}", "--quiet", code=7)[1]
        check(f"rank {rank} in the input: sample 77 of split train" in line, f"{ranks} ranks: a NaN is found where it began: {line.splitlines()[0]}")
