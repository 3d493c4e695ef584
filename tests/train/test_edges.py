#!/usr/bin/python3
"""Where counts are small or do not divide: empty shards on some ranks, batches of one sample, averages measured over more
batches than there are, fewer validation samples than ranks, stops inside a warm-up; values and decorrelated images killed
and resumed, and what a stranger's file gives; the svm's bits."""
import os

from harness import check, h5py, kill_midway, need_numpy, np, result, run, run_file, scratch, synthesize

need_numpy()
MODEL = """
  - conv: {out: 8, kernel: 3, padding: 1, bias: false}
  - batchnorm: {statistics: STATISTICS}
  - relu
  - maxpool: {kernel: 4}
  - flatten
  - linear: {out: 10}
"""
SWA = "average={{swa: {{start: 2 steps, every: 2 steps, batches: {}}}}}"


def settings(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


def same_bits(words, recipe, out, *more, ranks=(1, 2, 4), key="digest"):
    found = [result(n, "train", recipe, "--out", f"{out}-{n}", "--quiet", *more) for n in ranks]
    check(len({there[key] for there in found}) == 1 and len({there["digest"] for there in found}) == 1, f"{words}: the same bits on {ranks} ranks")
    return found[0]


def small_counts(folder):
    data = synthesize(folder, train=49, test=10, validation=3)  # an epoch's third batch has one sample, for 8 shards
    for statistics in ("batch", "shard"):
        recipe = run_file(folder, data, MODEL.replace("STATISTICS", statistics), f"{statistics}.yaml", batch=24, shards=8, length="8 steps", every="1 steps", warmup="6 steps")
        plain = same_bits(f"one sample for 8 shards, statistics: {statistics}", recipe, f"{folder}/{statistics}", ranks=(1, 2, 4, 8))
        for batches in (50, 10**12, "all"):
            whole = same_bits(f"an average measured over {batches} of 3 batches", recipe, f"{folder}/{statistics}-{batches}", *settings(SWA.format(batches)), ranks=(1, 4), key="average_digest")
            check(whole["digest"] == plain["digest"], "which the model does not notice")
    for schedule in ("{cosine: {warmup: 6 steps}}", "one_cycle", "{plateau: {warmup: 6 steps, patience: 0}}"):
        out = f"{folder}/{schedule[1:4]}"
        straight = result(1, "train", recipe, "--out", out, "--quiet", *settings(f"schedule={schedule}"))
        result(2, "train", recipe, "--out", f"{out}-stopped", "--quiet", "--stop-after", 3, *settings(f"schedule={schedule}"))
        resumed = result(4, "train", recipe, "--out", f"{out}-stopped", "--quiet", "--resume", *settings(f"schedule={schedule}"))
        check(resumed["digest"] == straight["digest"], f"{schedule}: stopped inside the rise and resumed: the same bits")
    early = same_bits("early stopping at the first validation that may", recipe, f"{folder}/early", *settings("early_stopping.patience=1", "early_stopping.minimum_improvement=1000"))
    check(early["stopped_early"] and early["step"] == 6, "which is the second: the first has nothing to beat")
    result(2, "train", recipe, "--out", f"{folder}/kept", "--quiet", *settings("schedule={cosine_restarts: {period: 2 steps}}", "checkpoint.snapshots=true", "checkpoint.keep=1"))
    kept = os.listdir(f"{folder}/kept/checkpoints")
    links = {os.readlink(f"{folder}/kept/checkpoints/{name}") for name in kept if not name.startswith("step-")}
    check({f"snapshot-{i:03d}.h5" for i in (1, 2, 3, 4)} <= set(kept) and {name for name in kept if name.startswith("step-")} == links, "keep: 1 leaves what a snapshot, best and latest point at, nothing else")
    latest = f"{folder}/kept/checkpoints/latest.h5"
    reports = [result(n, "eval", latest, "--split", "validation") for n in (1, 4, 8)]
    check(reports[0] == reports[1] == reports[2], "3 validation samples on 8 ranks: the same figures")
    for n in (1, 8):
        run(n, "predict", latest, "--split", "validation", "-o", f"{folder}/{n}.csv")
    check(open(f"{folder}/1.csv").read() == open(f"{folder}/8.csv").read(), "and the same predictions")


def killed(words, recipe, out, *more):
    whole = same_bits(words, recipe, out, *more)
    kill_midway(2, 3, 40, f"{out}-killed", "train", recipe, "--quiet", *more)
    there = result(4, "train", recipe, "--out", f"{out}-killed", "--quiet", "--resume", *more)
    check(there["digest"] == whole["digest"], f"{words}: killed on 2 ranks, resumed on 4: the same bits")
    return f"{out}-1/checkpoints/latest.h5"


def decorrelated(folder):
    data, other = f"{folder}/small.h5", f"{folder}/strange.h5"
    run(1, "dataset", "synthesize", "-o", data, "--size", 16, "--train", 200, "--test", 61)
    run(1, "dataset", "statistics", data, "--pca")
    recipe = run_file(folder, data, MODEL.replace("STATISTICS", "batch"), "zca.yaml", length="40 steps", every="1 steps")
    more = settings("data.validation=none", "preprocess={decorrelate: zca, epsilon: 0.1}")
    latest = killed("zca", recipe, f"{folder}/zca", *more)
    with h5py.File(data) as file, h5py.File(other, "w") as strange:  # of another program: no statistics, no components
        strange["classes"] = file["classes"][()]
        strange["test/images"], strange["test/labels"] = file["test/images"][()], file["test/labels"][()]
        labels = file["test/labels"][()]
    report = result(2, "eval", latest, "--split", "test")["members"][0]
    run(2, "predict", latest, "--data", other, "--split", "test", "-o", f"{folder}/p.h5")
    with h5py.File(f"{folder}/p.h5") as file:
        p = file["probabilities"][()].astype(float)
    check(np.isclose(-np.log(p[np.arange(61), labels]).mean(), report["loss"], rtol=1e-5) and np.isclose((p.argmax(1) == labels).mean(), report["top1"]),
          "zca: predict on a stranger's file gives what eval gives")
    same_bits("svm", recipe, f"{folder}/svm", *more, *settings("loss=svm"))


def values(folder):
    data = f"{folder}/places.h5"
    run(1, "dataset", "synthesize", "-o", data, "--targets", "--size", 16, "--train", 130, "--test", 40, "--validation", 3)
    recipe = run_file(folder, data, MODEL.replace("STATISTICS", "batch").replace("out: 10", "out: 3"), "values.yaml", length="40 steps", every="1 steps")
    killed("values, with their average", recipe, f"{folder}/values", *settings("loss=huber", SWA.format(3), "augment=[]"))


with scratch() as folder:
    small_counts(folder)
    decorrelated(folder)
    values(folder)
