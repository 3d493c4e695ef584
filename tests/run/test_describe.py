"""describe refuses what train refuses, in the same line; each line names the key and where it stands."""
import os
import shutil

import pytest

from support.program import CHECKPOINT, DATA, RUN_FILE, refusal, run, settings, start
from support.runs import synthesize, write

h5py = pytest.importorskip("h5py")

RUN = """data: {file: shapes.h5}
model:
  - conv: {out: 4, kernel: 3}
  - relu
  - flatten
  - linear: {out: 10}
optimizer:
  sgd: {rate: 0.1}
schedule: constant
train:
  batch: 24
  shards: 2
  length: 10 steps
"""
SWA = "average={swa: {start: %s, every: %s}}"
RESTARTS = "schedule={cosine_restarts: {period: %s}}"
DONOR = "start_from.checkpoint=donor/checkpoints/latest.h5"
# name, code, what the line says, and the keys that are set.
CASES = [
    ("shards that do not divide the batch", RUN_FILE, "cannot be cut into 7 equal shards", ["train.shards=7"]),
    ("a batch larger than the split", RUN_FILE, "more than the 120 samples", ["train.batch=122"]),
    ("no such split", DATA, "has no split 'tran'", ["data.train=tran"]),
    ("a backend that is not there", RUN_FILE, "--set train.backend=onedn: ", ["train.backend=onedn"]),
    ("a loss of classes for values", RUN_FILE, "needs classes, the targets of values.h5 are values",
     ["data.file=values.h5"]),
    ("outputs that are not the classes", RUN_FILE, "--set model.3.linear.out=7: model: the model has 7 outputs",
     ["model.3.linear.out=7"]),
    ("no layers", RUN_FILE, "zero layers", ["model=[]"]),
    ("no residual block", RUN_FILE, "initialise.residual", ["initialise.residual=zero"]),
    ("a rule for nothing", RUN_FILE, "matches none of the model's",
     ["parameters=[weights: {name: '9.*', frozen: true}]"]),
    ("a schedule without validation", RUN_FILE, "data.validation is none",
     ["schedule=plateau", "data.validation=none"]),
    ("early stopping without validation", RUN_FILE, "early_stopping.patience",
     ["early_stopping.patience=3", "data.validation=none"]),
    ("a warm-up longer than the run", RUN_FILE, "11 steps of warm-up", ["schedule.warmup=11 steps"]),
    ("the warm-up of a large batch", RUN_FILE, "large_batch.warmup", ["large_batch.base=12"]),
    ("an average that begins too late", RUN_FILE, "the average begins", [SWA % ("20 steps", "1 steps")]),
    ("a lookahead that begins too late", RUN_FILE, "lookahead.every", ["lookahead.every=11"]),
    ("snapshots without cycles", RUN_FILE, "checkpoint.snapshots", ["checkpoint.snapshots=true"]),
    ("snapshots of no cycle", RUN_FILE, "before the schedule's first cycle",
     ["checkpoint.snapshots=true", RESTARTS % "20 steps"]),
    ("times in no order", RUN_FILE, "schedule.multi_step.at", ["schedule={multi_step: {at: [5 steps, 3 steps]}}"]),
    ("more components than images", RUN_FILE, "preprocess.components", ["preprocess.decorrelate=zca"]),
    ("components without decorrelation", RUN_FILE, "preprocess.components", ["preprocess.components=3"]),
    ("an augmentation larger than the image", RUN_FILE, "augment", ["augment=[crop: {size: 99}]"]),
    ("mixing that is too likely", RUN_FILE, "at most 1",
     ["mix=[mixup: {probability: 0.7}, cutmix: {probability: 0.7}]"]),
    ("a donor that is not there", CHECKPOINT, "(relative to ", ["start_from.checkpoint=none.h5"]),
    ("a pattern that matches nothing of the model", RUN_FILE, "start_from.take", [DONOR, "start_from.take=['9.*']"]),
    ("a donor of which nothing is taken", CHECKPOINT, "nothing of", [DONOR, "start_from.fresh=['*']"]),
    ("a preprocessing beside the donor's", RUN_FILE, "preprocess.center", [DONOR, "preprocess.center=none"]),
    ("a donor without an average", CHECKPOINT, "holds no average", [DONOR, "start_from.parameters=average"]),
    ("data that are not there", DATA, "(relative to ", ["data.file=none.h5"]),
    ("a model larger than the memory", RUN_FILE, "memory", ["model.0.conv.out=1048576"]),
    ("kernels that do not fit", RUN_FILE, "kernel", ["model.0.conv.kernel=99"]),
]
# The same by the run file itself: the place that the line has to name.
PLACES = [
    ("train.backend", "  shards: 2", "  shards: 2\n  backend: onednn2", "13: train.backend: "),
    ("train.shards", "  shards: 2", "  shards: 7", "11: train.batch: "),
    ("data.file", "shapes.h5", "none.h5", "1: data.file: none.h5: "),
    ("start_from.checkpoint", "schedule: constant", "start_from: {checkpoint: none.h5}",
     "9: start_from.checkpoint: none.h5: "),
    ("model", "linear: {out: 10}", "linear: {out: 9}", "2: model: the model has 9 outputs"),
    ("an empty path", "shapes.h5", '""', "1: data.file: expected text, found '' (it is empty)"),
    ("a run of no steps", "length: 10 steps", "length: 0 steps", "13: train.length: expected a span"),
    ("schedule.warmup", "schedule: constant", "schedule: {constant: {warmup: 11 steps}}",
     "9: schedule.constant.warmup: 11 steps"),
    ("train.exchange", "  shards: 2", "  shards: 6\n  exchange: halving", "13: train.exchange: halving needs powers"),
]


@pytest.fixture(scope="module")
def recipe(folder):
    synthesize(folder, train=120, test=40, validation=60)
    synthesize(folder, train=120, test=40, validation=60, name="values.h5", more=["--targets"])
    path = write(f"{folder}/run.yaml", RUN)
    run(1, "train", path, "--quiet", "--out", "donor", cwd=folder)
    return path


@pytest.mark.parametrize("code, says, assignments", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_describe_and_train_give_the_same_line(recipe, folder, code, says, assignments):
    described = start(1, "describe", recipe, "--ranks", 1, *settings(*assignments), cwd=folder)
    trained = start(1, "train", recipe, "--quiet", "--out", f"{folder}/out", *settings(*assignments), cwd=folder)
    shutil.rmtree(f"{folder}/out", ignore_errors=True)
    assert described.stderr == trained.stderr
    assert (described.returncode, trained.returncode) == (code, code)
    assert says in described.stderr
    assert described.stderr.startswith((f"trainer: {recipe}:", "trainer: --set "))


@pytest.mark.parametrize("old, new, place", [case[1:] for case in PLACES], ids=[case[0] for case in PLACES])
def test_the_line_of_the_key_is_named(recipe, folder, old, new, place):
    write(f"{folder}/bad.yaml", RUN.replace(old, new))
    ranks = 3 if "halving" in new else 1
    described = start(1, "describe", "bad.yaml", "--ranks", ranks, cwd=folder).stderr
    trained = start(ranks, "train", "bad.yaml", "--quiet", "--out", f"{folder}/out", cwd=folder).stderr
    assert described.startswith(f"trainer: bad.yaml:{place}")
    assert described in trained


def test_a_path_says_against_which_folder_it_was_resolved(recipe, folder):
    line = start(1, "describe", recipe, *settings("data.file=none.h5"), cwd=folder).stderr
    assert f"(relative to {os.path.realpath(folder)}, where the program was started)" in line


def test_a_run_whose_data_set_is_not_there_asks_for_it(recipe, folder, scratch):
    line = refusal(DATA, "eval", f"{folder}/donor/checkpoints/latest.h5", cwd=scratch)
    assert "latest.h5: data.file of its run: shapes.h5: cannot be opened" in line
    assert line.endswith("; --data FILE says where the data set is now")


def test_a_change_that_comes_too_late_is_noted(recipe, scratch, folder):
    late = settings("schedule={multi_step: {at: [10 steps]}}")
    assert "step 10, which a run of 10 steps does not reach" in run(1, "train", recipe, "--out", scratch, *late,
                                                                    cwd=folder)[1]


def test_without_the_data_set_the_rest_is_checked(recipe, folder):
    words = ("describe", recipe, "--input", "32x32x3")
    out = run(1, *words, *settings("schedule.warmup=11 epochs", "data.file=none.h5"), cwd=folder)[0]
    assert out.startswith("checked without the data set")
    assert "nothing to train" in refusal(RUN_FILE, *words, *settings("model=[flatten]"), cwd=folder)
    assert "cannot be cut" in refusal(RUN_FILE, *words, *settings("train.shards=7"), cwd=folder)
