#!/usr/bin/python3
"""Transfer learning: what start_from takes, what it leaves and why; a head for other classes; the donor's
preprocessing kept or replaced; weights written by h5py; the same bits on any number of ranks."""
import os

from harness import SOURCE, check, h5py, need_numpy, np, result, run, run_file, scratch, synthesize


def other_classes(path, source, classes=4):
    """A data set of `classes` of the source's classes, of its own statistics."""
    with h5py.File(source) as old, h5py.File(path, "w") as new:
        for split in ("train", "validation", "test"):
            labels = old[f"{split}/labels"][()]
            keep = labels < classes
            new[f"{split}/images"] = old[f"{split}/images"][()][keep] // 2
            new[f"{split}/labels"] = labels[keep]
        new["classes"] = [f"kind {i}" for i in range(classes)]
        images = new["train/images"][()].reshape(-1, 3).astype(float)
        new["statistics/channel_mean"] = images.mean(0)
        new["statistics/channel_std"] = images.std(0)
        for name in ("format_version",):
            new.attrs[name] = old.attrs[name]


def model(path):
    with h5py.File(path) as file:
        return {name: values[()] for name, values in file["model"].items()}


def begin(folder, name):
    return model(f"{folder}/{name}/checkpoints/step-000000000.h5")


MODEL = """
  - conv: {out: 6, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - maxpool: {kernel: 4}
  - flatten
  - linear: {out: %d}
"""

need_numpy()
with scratch() as folder:
    data = synthesize(folder, train=300, test=60, validation=60)
    few = f"{folder}/few.h5"
    other_classes(few, data)
    donor_run = run_file(folder, data, model=MODEL % 10, name="donor.yaml", length="12 steps")
    result(2, "train", donor_run, "--out", f"{folder}/donor", "--quiet")
    donor = f"{folder}/donor/checkpoints/latest.h5"
    theirs = model(donor)

    again = ["train", donor_run, "--set", f"start_from.checkpoint={donor}"]
    result(1, *again, "--out", f"{folder}/same", "--set", "train.length=1 steps", "--set", "schedule.warmup=0", "--quiet")
    ours = begin(folder, "same")
    check(all((ours[name] == theirs[name]).all() for name in theirs), "everything is taken, running statistics too")

    averaged = f"{folder}/averaged/checkpoints/latest.h5"
    result(1, "train", donor_run, "--out", f"{folder}/averaged", "--set", "average={ema: {decay: 0.9}}", "--quiet")
    with h5py.File(averaged) as file:
        groups = {group: file[f"{group}/0.weight"][()] for group in ("model", "average")}
    for choice, group in (("auto", "average"), ("model", "model"), ("average", "average")):
        result(1, "train", donor_run, "--set", f"start_from.checkpoint={averaged}", "--set", f"start_from.parameters={choice}", "--out", f"{folder}/from-{choice}", "--set", "train.length=1 steps", "--set", "schedule.warmup=0", "--quiet")
        check((begin(folder, f"from-{choice}")["0.weight"] == groups[group]).all(), f"start_from.parameters: {choice} takes the donor's {group}")

    student = run_file(folder, few, model=MODEL % 4, name="student.yaml", length="8 steps", every="4 steps")
    start = ["--set", f"start_from.checkpoint={donor}"]
    words = run(1, "train", student, "--out", f"{folder}/student", *start)[1]
    check("5.weight: the donor's is (10,384), the model's (4,384)" in words and "5.bias: the donor's is (10), the model's (4)" in words, "a head of another size starts fresh, the table says so")
    check("taken    0.weight ... 1.running_var (5 arrays, " in words, "the table says what was taken")
    ours = begin(folder, "student")
    check(all((ours[name] == theirs[name]).all() for name in theirs if name[0] != "5") and ours["5.weight"].shape == (4, 384), "the rest is the donor's")

    digests = {result(n, "train", student, "--out", f"{folder}/n{n}", *start, "--set", "train.shards=4", "--quiet")["digest"] for n in (1, 2, 4)}
    check(len(digests) == 1, "the same bits on 1, 2 and 4 ranks")
    result(2, "train", student, "--out", f"{folder}/part", *start, "--set", "train.shards=4", "--stop-after", "3", "--quiet")
    os.rename(donor, donor + ".away")
    check(result(1, "train", student, "--out", f"{folder}/part", *start, "--resume", "--quiet")["digest"] in digests, "resumed without the donor, on another number of ranks: the same bits")
    os.rename(donor + ".away", donor)

    def preparation(name):
        with h5py.File(f"{folder}/{name}/checkpoints/latest.h5") as file:
            return file["preprocessing/mean"][()]
    with h5py.File(data) as old, h5py.File(few) as new:
        means = old["statistics/channel_mean"][()], new["statistics/channel_mean"][()]
    result(1, "train", student, "--out", f"{folder}/own", *start, "--set", "start_from.preprocess=own", "--quiet")
    check(np.allclose(preparation("student"), means[0]) and np.allclose(preparation("part"), means[0]), "the donor's preprocessing is kept, also when resumed")
    check(np.allclose(preparation("own"), means[1]), "or replaced by the run's own")

    result(1, "train", student, "--out", f"{folder}/patterns", *start, "--set", 'start_from.take=["0.*", "1.*"]', "--set", 'start_from.fresh=["*.running_*"]', "--quiet")
    ours = begin(folder, "patterns")
    check((ours["0.weight"] == theirs["0.weight"]).all() and (ours["1.bias"] == theirs["1.bias"]).all() and not ours["1.running_mean"].any(), "patterns say what is taken and what is fresh")

    plain = f"{folder}/plain.h5"
    with h5py.File(plain, "w") as file:
        for name in ("0.weight", "1.weight"):
            file[f"model/{name}"] = theirs[name].astype(np.float64) * 2
        file["model/1.num_batches_tracked"] = 7  # of PyTorch's batch normalisation
        file["model/5.bias"] = np.arange(4)
    result(1, "train", student, "--out", f"{folder}/plain", "--set", f"start_from.checkpoint={plain}", "--set", "start_from.preprocess=own", "--quiet")
    check((begin(folder, "plain")["0.weight"] == theirs["0.weight"] * 2).all(), "weights that h5py wrote are taken")
    alone = ["train", student, "--out", f"{folder}/alone", "--set", f"start_from.checkpoint={plain}", "--set", "preprocess.scale=range"]
    words = run(2, *alone, "--stop-after", "2")[1]
    check("plain.h5, weights alone, the preprocessing the run's own:" in words and "unused   1.num_batches_tracked:" in words and "skipped  5.bias: the donor's holds no floats" in words, "with the run's own preprocessing, since it has none; what holds no floats is passed over, by name")
    run(1, *alone, "--resume", "--quiet")
    check("preprocess: own" in open(f"{folder}/alone/run.yaml").read() and np.allclose(preparation("alone"), means[1]), "also when resumed")

    frozen = ["--set", 'parameters=[{all: {name: "*", frozen: true}}, {all: {name: "5.*", frozen: false}}]']
    words = run(1, "train", student, "--out", f"{folder}/frozen", *start, *frozen)[1]
    check("warning" not in words, "a fresh head that learns is as it should be")
    words = run(1, "train", student, "--out", f"{folder}/idle", *start, *frozen, "--set", 'start_from.fresh=["0.*"]')[1]
    check("warning: 1 array starts fresh and is frozen, as 0.weight" in words, "what is frozen as it was drawn is warned about")

    recipes = os.path.join(SOURCE, "launch", "recipes")
    small = ["--set", f"data.file={few}", "--set", "train.batch=16", "--set", "train.shards=2", "--set", "train.length=2 steps", "--set", "schedule.warmup=0", "--quiet"]
    result(2, "train", f"{recipes}/cifar10-smallcnn.yaml", "--out", f"{folder}/big", *small, "--set", "model.23.out=4")
    donor_of_five = f"{folder}/big/checkpoints/best.h5"
    theirs = model(donor_of_five)
    for name, moves in (("transfer-head", 0), ("transfer-finetune", 1)):
        result(2, "train", f"{recipes}/{name}.yaml", "--out", f"{folder}/{name}", *small, "--set", "model.23.out=4", "--set", f"start_from.checkpoint={donor_of_five}", "--set", 'start_from.fresh=["23.*"]')
        ours, first = model(f"{folder}/{name}/checkpoints/latest.h5"), begin(folder, name)
        learned = {key for key in ours if "running" not in key and not np.array_equal(ours[key], first[key])}
        body = {key for key in ours if "running" not in key and not key.startswith("23.")}
        check(learned == ({"23.weight", "23.bias"} | (body if moves else set())), f"{name}.yaml: {'everything' if moves else 'the head alone'} learns")
        statistics = [key for key in ours if "running" in key]
        check(len(statistics) == 12 and all(np.array_equal(ours[key], theirs[key]) != bool(moves) for key in statistics), f"the body's running statistics {'move on' if moves else 'are the donor’s, to the bit'}")
        if moves:
            def step(key):
                return np.abs(ours[key] - first[key]).max()
            check(np.array_equal(first["0.weight"], theirs["0.weight"]) and step("23.weight") > 0, "from the donor's layers on")

    def refused(code, *more):
        words = run(2, "train", student, "--out", f"{folder}/refused", *more, code=code)[1].split("\n")[0]
        check(not os.path.exists(f"{folder}/refused"), words)
        return words
    check("'5.weigth' matches no array of the model; the nearest is '5.weight'" in refused(3, *start, "--set", 'start_from.fresh=["5.weigth"]'), "a pattern for nothing is refused")
    check("--set start_from.preprocess=donor:" in refused(3, "--set", f"start_from.checkpoint={plain}", "--set", "start_from.preprocess=donor"), "weights alone have no preprocessing to keep")
    check("is taken" in refused(5, *start, "--set", 'start_from.take=["5.*"]'), "a donor of which nothing fits is refused")
    check("holds no average of weights" in refused(5, *start, "--set", "start_from.parameters=average"), "an average that is not there is refused")
    check("would be overruled" in refused(3, *start, "--set", "preprocess.center=mean_image"), "a preprocess beside the donor's has to be decided upon")
    check("preprocess.scale=range: is overruled by start_from.preprocess: donor" in refused(3, *start, "--set", "preprocess.scale=range", "--set", "start_from.preprocess=donor"), "also where the donor's is asked for")
    check("missing key 'checkpoint'" in refused(3, "--set", 'start_from.fresh=["0.*"]'), "start_from without a checkpoint is refused")
    check("missing key 'every'" in refused(3, "--set", "lookahead.share=0.3"), "a section that nothing switches on is refused")
    check("no group /model" in refused(5, "--set", f"start_from.checkpoint={data}"), "a data set is no donor")
    check("nowhere.h5" in refused(5, "--set", "start_from.checkpoint=nowhere.h5"), "a donor that is not there is refused")
