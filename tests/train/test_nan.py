"""Steps whose numbers are not finite: the run stops, skips them, or goes back to a checkpoint with a lower rate
(train.on_nan); the same bits on any number of ranks, killed and resumed; NaN is never saved."""
import glob
import json
import re

import h5py
import numpy as np
import pytest

from support.program import NUMERIC, RUN_FILE, refusal, run, settings
from support.runs import (Run, arrays, copy_data, forget_digests, kill_midway, metrics, result, synthesize, train,
                          without_warnings, write_run_file)

STEPS = 24
SAMPLES, BATCH = 96, 16  # six steps an epoch
BAD = 53
MODEL = """
  - conv: {out: 4, kernel: 3, stride: 2, padding: 1}
  - batchnorm
  - relu
  - flatten
  - linear: {out: 10}
"""
SKIP = settings("train.on_nan={skip: {in_a_row: 1, in_all: 4}}", "average={ema: {decay: 0.9}}",
                "lookahead.every=3", "train.check_every=4")
# A step multiplies the weights by -1e12, and after the run went back by -99, then by about 1.
GROWTH = settings("optimizer={sgd: {rate: 1.0e+6, weight_decay: 1.0e+6}}")
BACK = [*GROWTH, *settings("train.on_nan={roll_back: {times: 3, factor: 1.0e-10}}", "average={ema: {decay: 0.9}}",
                           "clip.report=true")]
# The last layer's alone, so that nothing overflows before they do.
GROWING = [*GROWTH, *settings("parameters=[{weights: {name: 0.weight, frozen: true}}, {biases: {frozen: true}}, "
                              "{normalisations: {frozen: true}}]")]


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=SAMPLES, test=40, validation=40)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return without_warnings(write_run_file(folder, data, model=MODEL, batch=BATCH, length=f"{STEPS} steps",
                                           every="4 steps", warmup="0"))


@pytest.fixture(scope="module")
def poisoned(folder, data):
    """The data set with a NaN in one image of the training split."""
    path = copy_data(f"{folder}/poisoned.h5", data)
    with h5py.File(path, "r+") as file:
        images = file["train/images"][()].astype(np.float32)
        images[BAD, 5, 6, 1] = np.nan
        del file["train/images"]
        forget_digests(file["train"])
        file["train/images"] = images
    return settings(f"data.file={path}")


def warnings(stderr):
    return [line for line in stderr.splitlines() if line.startswith("trainer: warning: ")]


def everything(out):
    """All arrays of all checkpoints of a run."""
    for path in glob.glob(f"{out}/checkpoints/step-*.h5"):
        with h5py.File(path) as file:
            for group in ("model", "average", "optimizer"):
                if group in file:
                    yield from arrays(path, group).values()


def run_and_hear(ranks, recipe, out, *more):
    """A training, and its warnings."""
    stdout, stderr = run(ranks, "train", recipe, "--out", out, "--quiet", "--json", *more)
    return Run(out, json.loads(stdout)), warnings(stderr)


class TestSkip:
    @pytest.fixture(scope="class")
    def runs(self, folder, recipe, poisoned):
        out, more = f"{folder}/skip", [*SKIP, *poisoned]
        whole = [run_and_hear(ranks, recipe, f"{out}-{ranks}", *more) for ranks in (1, 2, 4)]
        kill_midway(2, 8, STEPS, f"{out}-killed", "train", recipe, *more)
        return whole + [run_and_hear(4, recipe, f"{out}-killed", "--resume", *more)]

    def test_same_bits(self, runs):
        first = runs[0][0]
        for run, _ in runs[1:]:
            assert run["digest"] == first["digest"] and run["average_digest"] == first["average_digest"]
            assert run.metrics() == first.metrics()

    def test_each_is_told_and_recorded(self, runs):
        first, lines = runs[0]
        records = first.metrics("nan")
        assert [record["count"] for record in records] == [1, 2, 3, 4]  # once an epoch
        assert [record["action"] for record in records] == 4 * ["skip"]
        steps = [record["step"] for record in first.metrics("step", "nan")]
        assert steps == list(range(1, STEPS + 1))
        for record, line in zip(records, lines, strict=True):
            assert f"step {record['step']}: NaN or Inf on rank 0 in the input: sample {BAD} of split train" in line
            assert f"; the step is skipped (1 in a row of at most 1, {record['count']} in all of at most 4)" in line

    def test_nothing_changes(self, folder, recipe, poisoned, runs):
        """But the position: the next step is not the optimizer's next but one."""
        bad = runs[0][0].metrics("nan")[0]["step"]
        before, after = [result(1, "train", recipe, "--out", f"{folder}/unchanged-{steps}", "--stop-after", steps,
                                *SKIP, *poisoned) for steps in (bad - 1, bad)]
        assert before["step"] == bad - 1 and after["step"] == bad
        for key in ("digest", "average_digest"):
            assert before[key] == after[key]

    def test_never_saved(self, runs):
        for run, _ in runs:
            assert all(np.isfinite(values).all() for values in everything(run.out))

    @pytest.mark.parametrize("limit", ("in_all: 3", "in_a_row: 1"))
    def test_bounds(self, folder, recipe, poisoned, limit):
        more = ["train.shuffle=false", "train.batch=16", f"train.on_nan={{skip: {{{limit}}}}}"]
        path = poisoned[1].split("=")[1]
        if "row" in limit:  # all images of two batches
            path = copy_data(f"{folder}/two.h5", path)
            with h5py.File(path, "r+") as file:
                file["train/images"][:2 * BATCH] = np.inf
        line = refusal(NUMERIC, "train", recipe, "--out", f"{folder}/bound-{limit[:5]}", "--quiet", "--log", "error",
                       *settings(*more, f"data.file={path}"), alone=False)
        assert "as many steps as train.on_nan allows were skipped before; no checkpoint was changed" in line
        assert f"step {2 if 'row' in limit else 22}: " in line


def test_a_gradient_that_overflows(folder, recipe):
    """The loss of the step is finite: the gradient is looked at before anything is updated."""
    layers = ["flatten", "linear: {out: 8, weight_init: {normal: {std: 1.0e-37}}}",
              *6 * ["linear: {out: 8, weight_init: {normal: {std: 1.0e+6}}}"],
              "linear: {out: 10, weight_init: {normal: {std: 1.0e+6}}}"]
    model = f"model=[{', '.join(layers)}]"
    more = settings(model, "train.on_nan={skip: {in_a_row: 2}}", "preprocess.scale=range")
    out = f"{folder}/gradient"
    run, lines = run_and_hear(2, recipe, out, *more, "--stop-after", 2)
    assert len(lines) == 2 and all("in the gradient of " in line for line in lines)
    before, after = [arrays(f"{out}/checkpoints/step-{step:09}.h5") for step in (0, 2)]
    assert all((before[name] == after[name]).all() for name in before)
    assert "skipped before" in refusal(NUMERIC, "train", recipe, "--out", out, "--resume", "--quiet", "--log", "error",
                                       *more)


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_loss_that_overflows_while_the_scores_do_not(folder, ranks):
    """The squares of values beyond 1e19 do: it is the rate's fault, not the processor's."""
    data = synthesize(folder, train=60, validation=20, name="values.h5", more=["--targets"])
    recipe = without_warnings(write_run_file(folder, data, model=" [flatten, {linear: {out: 3}}]", name="values.yaml",
                                             batch=12, shards=2, warmup="0", length="40 steps"))
    line = refusal(NUMERIC, "train", recipe, "--out", f"{folder}/values-{ranks}", "--quiet", "--log", "error",
                   *settings("loss=mse", "augment=", "optimizer={sgd: {rate: 1000}}"), ranks=ranks, alone=False)
    assert "in the loss; try a smaller optimizer.rate" in line


def test_skipped_steps_are_none_of_the_optimizers(folder, recipe, data):
    """A run whose first batch is skipped, and a run that has the others alone."""
    runs = []
    for name, skipped in (("first", True), ("others", False)):
        path = copy_data(f"{folder}/{name}.h5", data)
        with h5py.File(path, "r+") as file:
            images, labels = file["train/images"][()].astype(np.float32), file["train/labels"][()]
            if skipped:
                images[0] = np.nan
            else:
                images, labels = images[BATCH:], labels[BATCH:]
            del file["train/images"], file["train/labels"]
            forget_digests(file["train"])
            file["train/images"], file["train/labels"] = images, labels
        runs.append(train(1, recipe, f"{folder}/out-{name}", "--log", "error", "--stop-after", 4 + skipped,
                          *settings(f"data.file={path}", "train.shuffle=false", "augment=", "schedule=constant",
                                    "optimizer={adam: {rate: 0.01}}", "lookahead.every=2", "train.on_nan=skip")))
    assert runs[0]["digest"] == runs[1]["digest"]
    assert [len(run.metrics("nan")) for run in runs] == [1, 0]


class TestRollBack:
    @pytest.fixture(scope="class")
    def runs(self, folder, recipe):
        out = f"{folder}/back"
        whole = [run_and_hear(ranks, recipe, f"{out}-{ranks}", *BACK) for ranks in (1, 2, 4)]
        kill_midway(2, 8, STEPS, f"{out}-killed", "train", recipe, *BACK)
        stopped = f"{out}-stopped"
        for steps in (1, 2, 3, 7):
            run(2, "train", recipe, "--out", stopped, "--resume", "--stop-after", steps, *BACK)
        return whole + [run_and_hear(4, recipe, f"{out}-killed", "--resume", *BACK),
                        run_and_hear(1, recipe, stopped, "--resume", *BACK)]

    def test_same_bits(self, runs):
        first = runs[0][0]
        assert first["finished"] and first["step"] == STEPS
        for run, _ in runs[1:]:
            assert run["digest"] == first["digest"] and run["average_digest"] == first["average_digest"]
            assert run.metrics("step", "epoch") == first.metrics("step", "epoch")

    def test_each_is_told_and_recorded(self, runs):
        first, lines = runs[0]
        records = first.metrics("nan")
        assert records and [record["count"] for record in records] == list(range(1, len(records) + 1))
        assert len(records) == 2 and records[0]["checkpoint"] == 0
        assert all(record["checkpoint"] == (record["step"] - 1) // 4 * 4 for record in records)
        rates = [10.0 ** (-10 * record["count"]) for record in records]
        assert [record["rate_factor"] for record in records] == pytest.approx(rates)
        assert len(lines) == len(records)
        for line in lines:
            assert "; the run goes back to step " in line
        assert [record["step"] for record in first.metrics("step")] == list(range(1, STEPS + 1))

    def test_never_saved(self, runs):
        for run, _ in runs:
            assert all(np.isfinite(values).all() for values in everything(run.out))

    def test_bound(self, folder, recipe, poisoned):
        """The data's fault cannot be mended by a lower rate."""
        line = refusal(NUMERIC, "train", recipe, "--out", f"{folder}/back-bound", "--quiet", "--log", "error",
                       *settings("train.on_nan=roll_back"), *poisoned, alone=False)
        assert f"sample {BAD} of split train" in line
        assert "the run went back to a checkpoint before as often as train.on_nan allows" in line
        assert [record["rate_factor"] for record in metrics(f"{folder}/back-bound", "nan")][-1] == 0.125


def test_stop_is_the_default(folder, recipe, poisoned):
    line = refusal(NUMERIC, "train", recipe, "--out", f"{folder}/stop", "--quiet", *poisoned)
    assert f"NaN or Inf on rank 0 in the input: sample {BAD} of split train" in line
    assert line.endswith("checks it") and "; no checkpoint was changed" in line
    assert all(np.isfinite(values).all() for values in everything(f"{folder}/stop"))
    # A policy may be chosen when the run goes on.
    done, lines = run_and_hear(1, recipe, f"{folder}/stop", "--resume", *poisoned, *settings("train.on_nan=skip"))
    assert done["finished"] and len(lines) == 4


def test_an_update_that_overflows_cannot_be_skipped(folder, recipe):
    line = refusal(NUMERIC, "train", recipe, "--out", f"{folder}/overflow", "--quiet",
                   *settings("train.on_nan=skip", "checkpoint.every=0", "data.validation=none"), *GROWING)
    assert "the parameters or what goes with them hold it themselves, so that skipping a step does not help" in line
    assert all(np.isfinite(values).all() for values in everything(f"{folder}/overflow"))


def test_an_overflow_is_found_before_a_save(folder, recipe):
    line = refusal(NUMERIC, "train", recipe, "--out", f"{folder}/save", "--quiet",
                   *settings("checkpoint.every=1 steps"), *GROWING)
    assert re.search(r"step 4: NaN or Inf on every rank in 4\.weight, in layer 4 \(linear\)", line), line
    assert len(glob.glob(f"{folder}/save/checkpoints/step-*.h5")) == 4


@pytest.mark.parametrize("value", ("leap", "{skip: {in_a_row: 0}}", "{roll_back: {factor: 1}}"))
def test_refusals(folder, recipe, value):
    assert "train.on_nan" in refusal(RUN_FILE, "train", recipe, "--out", f"{folder}/no",
                                     *settings(f"train.on_nan={value}"))
