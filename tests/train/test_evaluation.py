#!/usr/bin/python3
"""Evaluation, ensembles and predictions against a recomputation with NumPy; the same figures on any
number of ranks; members that do not fit are refused by name."""
import csv

from harness import MODEL, check, h5py, need_numpy, np, result, run, run_file, scratch, synthesize


def same(a, b, tolerance=1e-6):
    return np.allclose(a, b, rtol=tolerance, atol=tolerance)


need_numpy()
with scratch() as folder:
    data = synthesize(folder, train=400, test=431, validation=50)
    recipe = run_file(folder, data, length="30 steps")
    members = []
    for seed in (1, 2, 3):
        result(2, "train", recipe, "--out", f"{folder}/{seed}", "--quiet", "--set", f"train.seed={seed}", "--set", "train.shards=2")
        members.append(f"{folder}/{seed}/checkpoints/latest.h5")
    labels = h5py.File(data)["test/labels"][()]
    each = []
    for i, member in enumerate(members):
        run(1, "predict", member, "--split", "test", "-o", f"{folder}/p{i}.h5")
        with h5py.File(f"{folder}/p{i}.h5") as file:
            each.append(file["probabilities"][()])
            check((file["labels"][()] == labels).all(), "predict keeps the samples' order")
            check((file["predictions"][()] == each[-1].argmax(1)).all(), "predictions are the most probable classes")
    check(all(same(p.sum(1), 1, 1e-5) for p in each), "probabilities sum to one")

    for mean, weights in (("arithmetic", None), ("geometric", None), ("arithmetic", (2, 1, 0.5)), ("geometric", (0, 1, 3))):
        more = ["--mean", mean] + (["--weights", ",".join(map(str, weights))] if weights else [])
        w = np.array(weights or (1, 1, 1), float)
        w /= w.sum()
        if mean == "arithmetic":
            expected = sum(wi * p.astype(float) for wi, p in zip(w, each))
        else:
            expected = np.exp(sum(wi * np.log(np.maximum(p.astype(float), 1e-300)) for wi, p in zip(w, each)))
            expected /= expected.sum(1, keepdims=True)
        reports = [result(n, "eval", *members, "--split", "test", *more) for n in (1, 2, 3)]
        check(reports[0] == reports[1] == reports[2], f"eval {more}: the same figures on 1, 2 and 3 ranks")
        report = reports[0]
        check(report["samples"] == 431, "every sample counted once")
        for i, p in enumerate(each):
            check(same(report["members"][i]["top1"], (p.argmax(1) == labels).mean()), f"member {i}: its own accuracy")
            check(same(report["members"][i]["loss"], -np.log(p[np.arange(431), labels]).mean(), 1e-5), f"member {i}: its own loss")
        together = report["ensemble"]
        check(same(together["loss"], -np.log(expected[np.arange(431), labels]).mean(), 1e-5), "ensemble: loss")
        check(abs(together["top1"] - (expected.argmax(1) == labels).mean()) < 0.5 / 431, "ensemble: accuracy")
        confusion = np.zeros((10, 10), int)
        np.add.at(confusion, (labels, expected.argmax(1)), 1)
        check((np.array(together["confusion"]) == confusion).all(), "ensemble: confusion matrix")
        rank = (expected > expected[np.arange(431), labels][:, None]).sum(1)
        check(abs(together["top5"] - (rank < 5).mean()) < 0.5 / 431, "ensemble: top 5")
        names = list(together["class_accuracy"].values())
        check(same(names, np.diag(confusion) / confusion.sum(1)), "ensemble: accuracy of each class")

    run(2, "predict", *members, "--split", "test", "-o", f"{folder}/all.csv")
    rows = list(csv.reader(open(f"{folder}/all.csv")))
    p = np.array([[float(x) for x in row[3:]] for row in rows[1:]])
    check(len(rows) == 432 and same(p, sum(q.astype(float) for q in each) / 3, 1e-6), "predict to CSV: the ensemble's probabilities")

    gray = f"{folder}/other.h5"
    with h5py.File(data) as old, h5py.File(gray, "w") as new:
        for name in old:
            old.copy(name, new)
        for key, value in old.attrs.items():
            new.attrs[key] = value
        del new["classes"]
        new["classes"] = np.array([b"x%d" % i for i in range(10)], dtype="S4")
    words = run(2, "eval", *members, "--data", gray, code=5)[1]
    check("/1/checkpoints/" in words and "class 0" in words, "classes of another name are refused by name")
    small = run_file(folder, data, name="b.yaml", model=MODEL.replace("out: 32", "out: 16"), length="10 steps")
    result(1, "train", small, "--out", f"{folder}/b", "--quiet")
    check(len(result(1, "eval", members[0], f"{folder}/b/checkpoints/latest.h5")["members"]) == 2, "members may be of different architectures")
