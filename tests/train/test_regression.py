#!/usr/bin/python3
"""Targets that are values: trained, resumed and evaluated with the same bits on any number of ranks; R2
and RMSE against NumPy; distributions over classes; what does not go together is refused by name."""
import csv
import json

from harness import check, h5py, need_numpy, np, result, run, scratch


def write(path, splits, **names):
    with h5py.File(path, "w") as file:
        for split, arrays in splits.items():
            for name, values in arrays.items():
                file[f"{split}/{name}"] = values
        for name, texts in names.items():
            file[name] = np.array([text.encode() for text in texts])
    return path


def samples(rng, count):
    """Two targets of a non-linear function, of very different units."""
    x = rng.normal(size=(count, 2, 3, 1)).astype(np.float32)
    z = x.reshape(count, 6)
    y = np.stack([5000 + 300 * z[:, 0] - 200 * np.abs(z[:, 1]), 0.01 * z[:, 2] * (z[:, 3] > 0) - 0.3], 1)
    return {"images": x, "targets": (y + rng.normal(size=y.shape) * [20, 0.0005]).astype(np.float32)}


def run_file(path, data, loss="mse", outputs=2, more="", model="", batch=60):
    with open(path, "w") as file:
        file.write(f"""data: {{file: {data}}}
preprocess: {{center: none, scale: none{more}}}
model:
  - flatten
  - linear: {{out: 24}}
  - relu{model}
  - linear: {{out: {outputs}}}
loss: {loss}
optimizer: {{nesterov: {{rate: 0.05, momentum: 0.9}}}}
schedule: cosine
train: {{batch: {batch}, shards: 4, length: 20 epochs, seed: 3}}
checkpoint: {{every: 10 steps, keep: 0}}
""")
    return path


def figures(predictions, truth):
    errors = ((predictions.astype(float) - truth) ** 2).mean(0)
    return np.sqrt(errors), 1 - errors / truth.astype(float).var(0)


def compare(report, predictions, truth, names, words):
    rmse, r2 = figures(predictions, truth)
    check(np.allclose([report["targets"][name]["rmse"] for name in names], rmse, rtol=1e-9), f"{words}: RMSE of each target")
    check(np.allclose([report["targets"][name]["r2"] for name in names], r2, rtol=1e-9), f"{words}: R2 of each target")
    check(np.isclose(report["rmse"], np.sqrt((rmse**2).mean()), rtol=1e-9), f"{words}: RMSE over all")
    check(np.isclose(report["r2"], r2.mean(), rtol=1e-9), f"{words}: mean R2")


def lines(out):
    return [json.loads(line) for line in open(f"{out}/metrics.jsonl")]


need_numpy()
rng = np.random.default_rng(5)
names = ["mass, kg", "drift"]
with scratch() as folder:
    sets = {"train": samples(rng, 1030), "validation": samples(rng, 211), "test": samples(rng, 431)}
    data = write(f"{folder}/values.h5", sets, target_names=names)
    recipe = run_file(f"{folder}/run.yaml", data)

    # Same bits on 1, 2 and 4 ranks, and after a stop in the middle of an epoch.
    done = {n: result(n, "train", recipe, "--out", f"{folder}/n{n}", "--quiet") for n in (1, 2, 4)}
    check(len({r["digest"] for r in done.values()}) == 1, "the same parameters on 1, 2 and 4 ranks")
    run(2, "train", recipe, "--out", f"{folder}/resumed", "--quiet", "--stop-after", 35)
    resumed = result(4, "train", recipe, "--out", f"{folder}/resumed", "--quiet", "--resume")
    keys = ("digest", "train_loss", "train_rmse", "validation_loss", "validation_rmse", "validation_r2", "best_loss", "best_step")
    check(all(resumed[key] == done[1][key] for key in keys), "resumed: the same parameters and figures")
    check(done[1]["validation_r2"] > 0.9, f"validation R2 is {done[1]['validation_r2']:.3f}, above 0.9")
    check("train_accuracy" not in done[1] and "validation_accuracy" not in done[1], "no accuracy of values")
    steps = [line for line in lines(f"{folder}/n1") if line["kind"] == "step"]
    epochs = [line for line in lines(f"{folder}/n1") if line["kind"] == "epoch"]
    check(all("rmse" in step and "accuracy" not in step for step in steps), "metrics: RMSE of each step")
    mean = np.sqrt(np.mean([steps[i]["rmse"] ** 2 * (60 if i % 18 < 17 else 10) for i in range(18)]) * 18 / 1030)
    check(np.isclose(epochs[0]["train_rmse"], mean, rtol=1e-5), "metrics: an epoch's RMSE is that of its steps")
    best = min(epochs, key=lambda line: line["validation_loss"])
    check(best["step"] == done[1]["best_step"] and np.isclose(best["validation_loss"], done[1]["best_loss"], rtol=1e-6),
          "best.h5 has the lowest validation loss")
    run(1, "predict", f"{folder}/n1/checkpoints/best.h5", "--split", "validation", "-o", f"{folder}/v.h5")
    with h5py.File(f"{folder}/v.h5") as file:
        rmse, r2 = figures(file["predictions"][()], sets["validation"]["targets"])
    check(np.isclose(best["validation_r2"], r2.mean(), rtol=1e-6) and
          np.isclose(best["validation_rmse"], np.sqrt((rmse**2).mean()), rtol=1e-6), "validation: RMSE and R2 of its predictions")

    # Evaluation: one model, then an ensemble of three losses.
    members = [f"{folder}/n1/checkpoints/best.h5"]
    for i, loss in enumerate(("mae", "{huber: {delta: 0.5}}")):
        other = run_file(f"{folder}/{i}.yaml", data, loss)
        result(2, "train", other, "--out", f"{folder}/{i}", "--quiet", "--set", f"train.seed={i}")
        members.append(f"{folder}/{i}/checkpoints/latest.h5")
    truth, each = sets["test"]["targets"], []
    for member in members:
        run(2, "predict", member, "--split", "test", "-o", f"{folder}/p.h5")
        with h5py.File(f"{folder}/p.h5") as file:
            each.append(file["predictions"][()])
            check((file["targets"][()] == truth).all(), "predict writes the truth in the split's order")
            check([n.decode() if isinstance(n, bytes) else n for n in file["target_names"][()]] == names, "predict writes the targets' names")
    reports = [result(n, "eval", *members, "--weights", "2,1,1") for n in (1, 2, 3)]
    check(reports[0] == reports[1] == reports[2], "eval: the same figures on 1, 2 and 3 ranks")
    scale = sets["train"]["targets"].astype(float).std(0)
    differences = [(p.astype(float) - truth) / scale for p in each]
    losses = [(differences[0] ** 2).mean(), np.abs(differences[1]).mean(),
              np.where(np.abs(differences[2]) <= 0.5, differences[2] ** 2 / 2, 0.5 * (np.abs(differences[2]) - 0.25)).mean()]
    for report, predictions, loss in zip(reports[0]["members"], each, losses):
        compare(report, predictions, truth, names, "a member")
        check(np.isclose(report["loss"], loss, rtol=1e-4), "a member: the loss in the units it was trained in")
    together = (2 * each[0].astype(float) + each[1] + each[2]) / 4
    compare(reports[0]["ensemble"], together.astype(np.float32), truth, names, "the ensemble")
    run(2, "predict", *members, "-o", f"{folder}/all.csv")
    rows = list(csv.reader(open(f"{folder}/all.csv")))
    check(rows[0] == ["sample", "true mass, kg", "true drift", "mass, kg", "drift"], "predict to CSV: the head")
    table = np.array([[float(field) for field in row] for row in rows[1:]], np.float32)
    check((table[:, 1:3] == truth).all() and np.allclose(table[:, 3:], sum(p.astype(float) for p in each) / 3, rtol=1e-6),
          "predict to CSV: truth and the ensemble's predictions")

    # A target that never varies has no variance to explain; scaling is left out on request.
    flat = {split: dict(arrays, targets=np.stack([arrays["targets"][:, 1], np.full(len(arrays["targets"]), 0.1, np.float32)], 1))
            for split, arrays in sets.items()}
    constant = write(f"{folder}/flat.h5", flat, target_names=["a", "b"])
    report = result(1, "train", run_file(f"{folder}/flat.yaml", constant), "--out", f"{folder}/flat", "--quiet")
    check(np.isfinite(report["train_rmse"]), "a constant target: trained")
    report = result(1, "eval", f"{folder}/flat/checkpoints/latest.h5")["members"][0]
    check(report["targets"]["b"]["r2"] in (0, 1) and report["targets"]["b"]["rmse"] < 0.1, "a constant target: R2 is 0 or 1")
    raw = run_file(f"{folder}/raw.yaml", constant, more=", targets: none")
    report = result(1, "train", raw, "--out", f"{folder}/raw", "--quiet")
    check(np.isclose(report["validation_loss"], report["validation_rmse"] ** 2, rtol=1e-5), "unscaled: the loss is the squared RMSE")

    # Early stopping by R2, and by the loss.
    for metric in ("accuracy", "loss"):
        words = run(1, "train", recipe, "--out", f"{folder}/early-{metric}", "--set", "early_stopping.patience=1", "--set", "early_stopping.minimum_improvement=0.5",
                    "--set", f"early_stopping.metric={metric}")[1]
        check("stopped early" in words and {"accuracy": "on the R2", "loss": "on the loss"}[metric] in words, f"early stopping by {metric}")

    # Distributions over classes: one-hot ones are labels, to the bit.
    x = rng.integers(0, 255, size=(600, 4, 4, 1), dtype=np.uint8)
    labels = (x[:, 0, 0, 0] // 86).astype(np.int32)
    soft = (0.8 * np.eye(3)[labels] + 0.2 / 3).astype(np.float32)
    parts = {"train": slice(0, 400), "validation": slice(400, 500), "test": slice(500, 600)}
    sets = {"hard": {s: {"images": x[p], "labels": labels[p]} for s, p in parts.items()},
            "one-hot": {s: {"images": x[p], "targets": np.eye(3, dtype=np.float32)[labels[p]]} for s, p in parts.items()},
            "soft": {s: {"images": x[p], "targets": soft[p]} for s, p in parts.items()}}
    found = {}
    for name, splits in sets.items():
        classes = write(f"{folder}/{name}.h5", splits, classes=["dark", "grey", "light"])
        found[name] = result(2, "train", run_file(f"{folder}/c.yaml", classes, "cross_entropy", 3), "--out", f"{folder}/{name}", "--quiet",
                             "--set", "preprocess.scale=range")
    check(found["hard"]["digest"] == found["one-hot"]["digest"], "one-hot distributions train as labels do, to the bit")
    check(found["soft"]["digest"] != found["hard"]["digest"] and found["soft"]["validation_accuracy"] > 0.6, "soft labels train and are judged by their largest class")
    for name, words in (("hard", False), ("soft", True)):
        said = run(1, "dataset", "info", f"{folder}/{name}.h5")[0]
        check(("soft labels, digest" in said) == words and result(1, "dataset", "info", f"{folder}/{name}.h5")["splits"]["train"]["soft_labels"] == words, f"info on {name} labels: {said}")
    progress = {name: result(1, "inspect", f"{folder}/{name}/checkpoints/latest.h5")["progress"] for name in ("n1", "hard")}
    check("validation_r2" in progress["n1"] and "validation_accuracy" not in progress["n1"], "inspect --json: no accuracy of values")
    check("validation_r2" not in progress["hard"] and "validation_accuracy" in progress["hard"], "inspect --json: no R2 of classes")
    run(1, "predict", f"{folder}/soft/checkpoints/latest.h5", "-o", f"{folder}/soft.h5p.h5")
    with h5py.File(f"{folder}/soft.h5p.h5") as file:
        p, report = file["probabilities"][()].astype(float), result(2, "eval", f"{folder}/soft/checkpoints/latest.h5")["members"][0]
        check((file["labels"][()] == labels[500:]).all(), "a distribution's label is its largest class")
        check(np.isclose(report["loss"], -(soft[500:] * np.log(p)).sum(1).mean(), rtol=1e-6), "the loss on distributions")
    for loss, name in (("svm", "svm"), ("{svm: {squared: true}}", "svm2"), ("mse", "mse")):
        classes = run_file(f"{folder}/{name}.yaml", f"{folder}/hard.h5", loss, 3)
        found = result(2, "train", classes, "--out", f"{folder}/{name}", "--quiet", "--set", "preprocess.scale=range")
        check(found["validation_accuracy"] > 0.6, f"{name} learns classes: {found['validation_accuracy']:.2f}")
    run(1, "predict", f"{folder}/svm/checkpoints/latest.h5", "-o", f"{folder}/svm.h5")
    with h5py.File(f"{folder}/svm.h5") as file:
        s, report = file["scores"][()].astype(float), result(1, "eval", f"{folder}/svm/checkpoints/latest.h5")["members"][0]
    margins = np.maximum(0, s - s[np.arange(100), labels[500:]][:, None] + 1).sum(1) - 1
    check(np.isclose(report["loss"], margins.mean(), rtol=1e-6), "svm: the loss of the scores that predict writes")

    # What does not go together.
    def refused(code, words, *arguments):
        check(words in run(1, *arguments, code=code)[1], words)

    refused(3, "loss: cross_entropy is of classes, the targets of", "train", run_file(f"{folder}/w.yaml", data, "cross_entropy"), "--out", f"{folder}/w")
    refused(3, "expected one of mse, mae, huber", "train", run_file(f"{folder}/w.yaml", data, "svm"), "--out", f"{folder}/w")
    refused(3, "the model has 3 outputs", "train", run_file(f"{folder}/w.yaml", data, outputs=3), "--out", f"{folder}/w")
    model, classifier = f"{folder}/n1/checkpoints/best.h5", f"{folder}/hard/checkpoints/best.h5"
    refused(2, "--confusion: is of classes", "eval", model, "--confusion")
    refused(2, "--mean geometric: averages probabilities", "eval", model, model, "--mean", "geometric")
    refused(2, "--mean arithmetic: wants several checkpoints, found one", "eval", model, "--mean", "arithmetic")
    refused(2, "--weights 2: wants several checkpoints, found one", "predict", model, "--weights", "2", "-o", f"{folder}/one.h5")
    refused(5, "predicts scores (loss svm)", "eval", classifier, f"{folder}/svm/checkpoints/best.h5")
    other = write(f"{folder}/other.h5", {"test": {"images": np.zeros((9, 2, 3, 1), np.float32), "targets": np.ones((9, 2), np.float32)}},
                  target_names=["mass, kg", "drifts"])
    refused(5, "its target 1 is 'drift', in ", "eval", model, "--data", other)
    small = write(f"{folder}/small.h5", {"test": {"images": np.zeros((9, 2, 3, 1), np.float32), "labels": np.arange(9) % 3}}, classes=["x", "y", "z"])
    refused(5, "predicts values, the targets of", "eval", model, "--data", small)

    ones = np.ones((4, 1, 1, 1), np.float32)
    for words, split, more in [
            ("has labels as well as targets", {"labels": [0, 1, 0, 1], "targets": np.ones((4, 2), "f4")}, {}),
            ("row 2, 'speed': is nan, expected a number", {"targets": np.array([0, 1, np.nan, 3], "f4")}, {"target_names": ["speed"]}),
            ("row 1, 'target 0': is inf", {"targets": np.array([[0], [np.inf], [2], [3]], "f4")}, {}),
            ("has 3 rows for 4 images", {"targets": np.ones((3, 2), "f4")}, {}),
            ("has 3 dimensions, expected 2: (N, outputs)", {"targets": np.ones((4, 2, 2), "f4")}, {}),
            ("has 2 columns, expected 3: one for each target", {"targets": np.ones((4, 2), "f4")}, {"target_names": ["a", "b", "c"]}),
            ("has 2 columns, expected 3: one for each class", {"targets": np.ones((4, 2), "f4")}, {"classes": ["a", "b", "c"]}),
            ("row 0 sums to 2, expected 1", {"targets": np.ones((4, 2), "f4")}, {"classes": ["a", "b"]}),
            ("row 0, 'a': is -1, expected a probability", {"targets": np.array([[-1, 2]] * 4, "f4")}, {"classes": ["a", "b"]}),
            ("both /classes and /target_names", {"targets": np.ones((4, 1), "f4")}, {"classes": ["a"], "target_names": ["a"]}),
            ("has labels, but the file has /target_names", {"labels": [0, 1, 0, 1]}, {"target_names": ["a"]}),
            ("holds", {"targets": np.array([b"a", b"b", b"c", b"d"])}, {})]:
        bad = write(f"{folder}/bad.h5", {"train": dict(split, images=ones)}, **more)
        refused(4, words, "dataset", "info", bad)
    bad = write(f"{folder}/bad.h5", {"train": {"images": ones, "targets": np.ones((4, 1), "f4")}, "test": {"images": ones, "labels": [0, 0, 1, 1]}})
    refused(4, "/test: has labels", "dataset", "info", bad)
