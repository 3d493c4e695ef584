"""Small trials: a limit on samples, a handful of samples to overfit, and a dry run."""
import os

import pytest

from support.program import RUN_FILE, USAGE, refusal, result, run, settings
from support.runs import metrics, read, synthesize, train, write


@pytest.fixture(scope="module")
def recipe(folder):
    data = synthesize(folder, train=96, test=10, validation=20, more=("--size", 16))
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}}}
model: [flatten, {{linear: {{out: 16}}}}, {{batchnorm: {{}}}}, relu, {{dropout: {{}}}}, {{linear: {{out: 10}}}}]
optimizer: {{momentum: {{rate: 0.05, weight_decay: 0.01}}}}
train: {{batch: 12, shards: 2, length: 10 steps}}
checkpoint: {{every: 4 steps}}
""")


def everything(folder):
    """Every file below a folder, with its bytes."""
    return {os.path.join(base, name): read(os.path.join(base, name), "rb")
            for base, _, names in os.walk(folder) for name in names}


def test_limit_holds_for_any_source(recipe, scratch):
    limits = ["--limit-train", 24, "--limit-validation", 5]
    more = settings("data.limit.choose=spread", "preprocess.center=none", "preprocess.scale=none")
    plain = train(2, recipe, f"{scratch}/plain", *limits, *more)
    data = read(recipe).split("file: ")[1].split("}")[0]
    arrays = ("data.splits={train: {images: \"%s:/train/images\", labels: \"%s:/train/labels\"}}" % (data, data))
    assert train(1, recipe, f"{scratch}/arrays", *limits, *more, *settings(arrays))["digest"] == plain["digest"]
    assert [line["step"] for line in metrics(f"{scratch}/plain", "epoch")] == [2, 4, 6, 8, 10]
    err = run(1, "train", recipe, "--out", f"{scratch}/plain", "--resume", *more, code=3)[1]
    assert "data.limit.train: is all, but the run" in err
    streamed = settings("data.memory=1 MiB", "data.window=24")
    assert [line["step"] for line in train(1, recipe, f"{scratch}/streamed", *limits, *more, *streamed).metrics(
        "epoch")] == [2, 4, 6, 8, 10]


def test_overfit(recipe, scratch):
    report = train(1, recipe, f"{scratch}/a", "--overfit", 10, *settings("train.length=120 steps")).report
    assert report["overfit"] is True and report["train_accuracy"] == report["validation_accuracy"] == 1
    assert report["train_loss"] < 0.05 and "penalty" not in report
    measured = [line for line in metrics(f"{scratch}/a", "epoch") if "validation_loss" in line]
    assert [line["step"] for line in measured] == [20, 40, 60, 80, 100, 120]


def test_a_validation_with_the_training_split_is_warned_of(recipe, scratch):
    words = ("train", recipe, "--quiet", *settings("data.validation=train", "train.length=2 steps"))
    said = "split train is the one that is trained on"
    assert said in run(1, *words, "--out", f"{scratch}/seen")[1]
    assert said not in run(1, *words, "--out", f"{scratch}/heart", "--overfit", 10)[1]


def test_overfit_names_what_it_cannot_do(recipe, scratch):
    """More samples than there are; too small a batch of a limited split; samples that are learnt and lost again."""
    words = ("train", recipe, "--out", f"{scratch}/a", "--quiet")
    assert "97 samples to overfit are more than the 96 samples" in refusal(RUN_FILE, *words, "--overfit", 97)
    assert "that data.limit.train leaves" in refusal(RUN_FILE, *words, "--limit-train", 2)
    lost = settings("loss=svm", "optimizer.rate=30", "train.length=60 steps", "validation.every=1 steps")
    said = run(1, *words, "--overfit", 10, *lost)[0]
    assert "overfit     no: 10 samples" in said and "\nadvice      try " in said


def test_penalty_and_objective(recipe, scratch):
    report = train(1, recipe, f"{scratch}/a", *settings("train.length=8 steps")).report
    line = metrics(f"{scratch}/a", "epoch")[-1]
    assert report["penalty"] == pytest.approx(line["penalty"], rel=1e-8)
    assert report["objective"] == pytest.approx(report["train_loss"] + report["penalty"], rel=1e-8)
    assert line["objective"] == pytest.approx(line["train_loss"] + line["penalty"], rel=1e-8)


@pytest.mark.parametrize("ranks", [1, 2])
def test_dry_run_leaves_nothing(recipe, scratch, ranks):
    out = f"{scratch}/deep/er"
    report = result(ranks, "train", recipe, "--out", out, "--quiet", "--dry-run")
    assert not os.path.exists(f"{scratch}/deep")
    assert (report["steps"], report["total_steps"], report["validations"], report["ranks"]) == (2, 10, 2, ranks)
    assert report["step_seconds"] > 0 and report["validation_seconds"] > 0 and "validation_loss" in report
    assert 1e6 < report["memory_bytes"] < report["granted_bytes"]


def test_dry_run_of_a_run_that_resumes(recipe, scratch):
    out = f"{scratch}/a"
    train(1, recipe, out, "--stop-after", 5)
    before = everything(out)
    report = result(1, "train", recipe, "--out", out, "--quiet", "--dry-run", "--resume")
    assert report["first_step"] == 5 and everything(out) == before
    run(1, "train", recipe, "--out", out, "--dry-run", code=USAGE)
    assert everything(out) == before
    said = run(1, "train", recipe, "--out", out, "--dry-run", "--resume")[0]
    assert "works: 2 steps of" in said and "the run     its other " in said
    assert max(len(line) for line in said.splitlines() if out not in line) <= 80


def test_dry_run_in_a_folder_with_files(recipe, scratch):
    write(f"{scratch}/metrics.jsonl", "mine\n")
    result(1, "train", recipe, "--out", scratch, "--quiet", "--dry-run")
    assert everything(scratch) == {f"{scratch}/metrics.jsonl": b"mine\n"}
