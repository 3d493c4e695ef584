"""Validations within an epoch, in steps and by the clock, and checkpoints by the clock: the figures go where they
belong, and what a run computes does not depend on when it is watched."""
import os

import pytest

from support.program import RUN_FILE, settings, start
from support.runs import synthesize, train, write

CLOCK = "validation.every=0.000001 s"


@pytest.fixture(scope="module")
def recipe(folder):
    data = synthesize(folder, train=48, test=10, validation=20, more=("--size", 16))
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}}}
model: [flatten, {{linear: {{out: 16}}}}, {{batchnorm: {{}}}}, relu, {{linear: {{out: 10}}}}]
optimizer: {{momentum: {{rate: 0.05}}}}
average: {{swa: {{start: 0, every: 1 steps}}}}
train: {{batch: 12, shards: 2, length: 10 steps, check_every: 3}}
checkpoint: {{every: 0, keep: 0}}
""")


@pytest.fixture(scope="module")
def every_epoch(recipe, folder):
    return train(1, recipe, f"{folder}/epoch")


def test_lines_and_best(recipe, scratch):
    done = train(1, recipe, f"{scratch}/a", *settings("validation.every=3 steps"))
    lines = done.metrics("validation", "epoch")
    assert [(line["kind"], line["step"], "validation_loss" in line) for line in lines] == [
        ("validation", 3, True), ("epoch", 4, False), ("validation", 6, True), ("epoch", 8, False),
        ("validation", 9, True), ("epoch", 10, True)]
    assert [line["epoch"] for line in lines] == [1, 1, 2, 2, 3, 3]
    assert all("train_loss" in line for line in lines)
    measured = [line for line in lines if "validation_loss" in line]
    best = max(line["average_accuracy"] for line in measured)
    assert done["best_accuracy"] == pytest.approx(best) and done["best_step"] in (3, 6, 9, 10)


@pytest.mark.parametrize("ranks, more", [(1, ["validation.every=3 steps"]), (2, [CLOCK]),
                                         (1, ["checkpoint.every=0.000001 s", "validation.every=0"])])
def test_watching_changes_no_bits(recipe, every_epoch, scratch, ranks, more):
    done = train(ranks, recipe, f"{scratch}/a", *settings(*more))
    assert done["digest"] == every_epoch["digest"]
    assert done["average_digest"] == every_epoch["average_digest"]


def test_clock_saves(recipe, scratch):
    train(1, recipe, f"{scratch}/a", *settings("checkpoint.every=0.000001 s", "validation.every=0"))
    steps = sorted(int(name[5:14]) for name in os.listdir(f"{scratch}/a/checkpoints") if name.startswith("step-"))
    # Each after a step before which time has passed since the one before; that one may still be in work for a step.
    assert steps[0] == 0 and steps[-1] == 10
    assert all(later - earlier in (2, 3) for earlier, later in zip(steps[:-1], steps[1:]))


@pytest.mark.parametrize("every", ["validation.every=3 steps", CLOCK])
def test_resumed_after_a_validation(recipe, every_epoch, scratch, every):
    more = settings(every)
    train(1, recipe, f"{scratch}/a", *more, "--stop-after", 6)
    done = train(2, recipe, f"{scratch}/a", *more, "--resume")
    assert done["digest"] == every_epoch["digest"]
    lines = [line["step"] for line in done.metrics("validation")]
    assert lines == sorted(set(lines)) and 6 in lines


def test_followers_of_the_clock_are_refused(recipe, scratch):
    for follower, name in (("schedule=plateau: {patience: 2}", "plateau"),
                           ("early_stopping.patience=3", "early_stopping")):
        done = start(1, "train", recipe, "--out", f"{scratch}/a", *settings(CLOCK, follower))
        assert done.returncode == RUN_FILE and f"makes {name} depend on the clock" in done.stderr
