"""train --folds: runs on all parts of the training split but one, measured on the part that each has not seen and as
an ensemble; the same result on any number of ranks, and if it is stopped and goes on."""
import os

import pytest

from support.program import RUN_FILE, USAGE, refusal, result, settings
from support.runs import train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

COUNT, FOLDS = 61, 3


@pytest.fixture(scope="module")
def data(folder):
    random = np.random.default_rng(6)
    with h5py.File(f"{folder}/d.h5", "w") as file:
        for split, count in (("train", COUNT), ("validation", 9), ("test", 40)):
            labels = random.choice(3, count, p=(0.6, 0.3, 0.1))
            images = random.normal(size=(count, 1, 1, 5)).astype(np.float32)
            images[np.arange(count), 0, 0, labels] += 2
            file[f"{split}/images"], file[f"{split}/labels"] = images, labels
        file["classes"] = np.array(list("abc"), dtype="S")
    return f"{folder}/d.h5"


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}}}
model: [flatten, linear: {{out: 3}}]
optimizer: {{sgd: {{rate: 0.3}}}}
train: {{batch: 16, length: 4 epochs}}
""")


def without_folders(report):
    return {**report, "folds": [{**fold, "folder": os.path.basename(fold["folder"])} for fold in report["folds"]]}


def train_folds(ranks, recipe, out, *more):
    return without_folders(result(ranks, "train", recipe, "--out", out, "--folds", FOLDS, "--quiet", *more))


@pytest.fixture(scope="module")
def report(folder, recipe):
    return train_folds(2, recipe, f"{folder}/a")


@pytest.fixture(scope="module")
def predictions(folder, report):
    with h5py.File(f"{folder}/a/out-of-fold.h5") as file:
        return {name: file[name][()] for name in file}


def test_parts_are_stratified(report, predictions, data):
    with h5py.File(data) as file:
        assert (predictions["labels"] == file["train/labels"][()]).all()
    assert (predictions["rows"] == np.arange(COUNT)).all()
    counts = np.array([np.bincount(predictions["labels"][predictions["folds"] == k + 1], minlength=3)
                       for k in range(FOLDS)])
    assert (counts.max(0) - counts.min(0)).max() <= 1
    assert [fold["samples"] for fold in report["folds"]] == counts.sum(1).tolist()


def test_scores_are_those_of_the_predictions(report, predictions):
    assert (predictions["probabilities"].argmax(1) == predictions["predictions"]).all()
    right = predictions["predictions"] == predictions["labels"]
    losses = -np.log(predictions["probabilities"][np.arange(COUNT), predictions["labels"]].astype(float))
    for k, part in enumerate([*report["folds"], report["out_of_fold"]]):
        mine = predictions["folds"] == k + 1 if k < FOLDS else np.ones(COUNT, bool)
        assert part["top1"] == pytest.approx(right[mine].mean())
        assert part["loss"] == pytest.approx(losses[mine].mean(), rel=1e-5)
    assert report["out_of_fold"]["top1"] > 0.6


def test_fold_is_a_run_by_itself(folder, report, recipe):
    """Its checkpoint knows which part it has not seen."""
    found = result(1, "eval", f"{folder}/a/fold-2", "--split", "validation")["members"][0]
    expected = {**report["folds"][1]}
    for name in ("folder", "digest", "best_step", "samples"):
        del expected[name]
    assert {name: found[name] for name in expected} == expected


def test_ensemble_on_the_test_split(folder, report):
    members = [f"{folder}/a/fold-{k + 1}" for k in range(FOLDS)]
    found = result(1, "eval", *members, "--split", "test")
    assert report["test"]["samples"] == 40
    assert found["ensemble"] == report["test"]["ensemble"]


def test_stopped_folds_go_on(folder, recipe, report):
    """From nothing of fold 1 and a part of fold 2, on another number of ranks."""
    more = settings("train.shards=2")
    train(2, recipe, f"{folder}/b/fold-2", *more, *settings(f"data.folds.count={FOLDS}", "data.folds.held_out=2"),
          "--stop-after", 5)
    assert train_folds(1, recipe, f"{folder}/b", "--resume", *more) == report
    assert train_folds(1, recipe, f"{folder}/b", "--resume", *more) == report


def test_regression_without_a_test_split(folder):
    random = np.random.default_rng(2)
    with h5py.File(f"{folder}/r.h5", "w") as file:
        x = random.normal(size=(40, 3)).astype(np.float32)
        file["x"], file["y"] = x, (x @ (1, 2, -1) + 5).astype(np.float32)
    recipe = write(f"{folder}/r.yaml", f"""data:
  file: {folder}/r.h5
  splits: {{train: {{images: /x, targets: /y}}, validation: {{fraction_of: train}}}}
model: [flatten, linear: {{out: 1}}]
loss: mse
optimizer: {{sgd: {{rate: 0.1}}}}
train: {{batch: 8, length: 5 epochs}}
""")
    found = train_folds(1, recipe, f"{folder}/r")
    assert found["test"] is None and found["out_of_fold"]["samples"] == 40
    with h5py.File(f"{folder}/r/out-of-fold.h5") as file:
        errors = file["predictions"][()] - file["targets"][()]
    assert found["out_of_fold"]["rmse"] == pytest.approx(np.sqrt((errors ** 2).mean()), rel=1e-5)


@pytest.mark.parametrize("code, says, words", (
    (USAGE, "--folds", ("--folds", 1)),
    (USAGE, "--stop-after", ("--folds", 3, "--stop-after", 2)),
    (RUN_FILE, "data.folds", ("--folds", 3, *settings("data.validation=none"))),
    (RUN_FILE, "data.folds.held_out", settings("data.folds.count=2", "data.folds.held_out=3")),
    (RUN_FILE, "62 parts cannot be cut from the 61 samples", settings("data.folds.count=62", "train.batch=1")),
))
def test_refusals(folder, recipe, code, says, words):
    assert says in refusal(code, "train", recipe, "--out", f"{folder}/refused", "--quiet", *words)
    assert not os.path.exists(f"{folder}/refused/fold-1/checkpoints")
