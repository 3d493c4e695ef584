"""What --profile measures: all of a step, by layer and pass; and its trace of single steps."""
import collections
import json
import os

import pytest

from support.program import USAGE, refusal, run, settings, start
from support.runs import synthesize, train, write_run_file

MODEL = """
  - conv: {out: 16, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - residual:
      shortcut: identity
      body:
        - conv: {out: 16, kernel: 3, padding: 1}
        - batchnorm
  - relu
  - global_avgpool
  - flatten
  - dropout: {rate: 0.3}
  - linear: {out: 10}
"""
CONVOLUTIONS = {("0", "forward"), ("0", "backward weights"), ("2.body.0", "forward"),
                ("2.body.0", "backward weights"), ("2.body.0", "backward data")}
PHASES = {"prepare", "input wait", "forward", "loss", "backward", "sum of shards", "exchange", "update", "other",
          "validation", "checkpoint"}


@pytest.fixture(scope="module")
def recipe(folder):
    return write_run_file(folder, synthesize(folder), model=MODEL, length="12 steps", every="6 steps")


@pytest.fixture(scope="module")
def profiled(folder, recipe):
    """A run on two ranks, and its profile."""
    return train(2, recipe, f"{folder}/profiled", "--profile", *settings("train.convolution=direct"))


@pytest.fixture(scope="module")
def profile(profiled):
    return profiled["profile"]


@pytest.fixture(scope="module")
def events(profiled, profile):
    assert profile["trace"] == f"{profiled.out}/trace.json"
    with open(profile["trace"]) as file:
        return json.load(file)["traceEvents"]


def test_a_profile_changes_no_bits(folder, recipe, profiled):
    plain = train(1, recipe, f"{folder}/plain", *settings("train.convolution=direct"))
    assert plain["digest"] == profiled["digest"]


def test_the_rows_are_the_step(profile):
    assert (profile["ranks"], profile["steps"], profile["warm_up_steps"]) == (2, 10, 2)
    assert profile["samples"] == pytest.approx(30, rel=0.1)  # a batch of 60, the epoch's last one of 43
    assert sum(row["seconds"] for row in profile["rows"]) == pytest.approx(profile["step_seconds"], rel=1e-6)
    for row in profile["rows"]:
        assert row["seconds"] == row["rank_seconds"][0] and len(row["rank_seconds"]) == 2


def test_the_steps_and_what_is_between_them_are_the_run(profiled, profile):
    """Beside the run's own measurement of its training time, which leaves out what is between steps."""
    steps = profile["step_seconds"] * profile["steps"]
    between = profile["validations"]["seconds"] + profile["checkpoints"]["seconds"]
    assert steps + between < profile["wall_seconds"] < profiled["seconds"] + between + 0.2
    assert steps < profiled["seconds"] + 0.1
    assert profile["checkpoints"]["count"] >= 3 and profile["validations"]["count"] >= 2


def test_each_layer_and_pass_has_a_row(profile):
    rows = {(row["layer"], row["pass"]): row for row in profile["rows"] if "layer" in row}
    assert {key for key, row in rows.items() if row["operation"] == "conv"} - {("0", "prepare"),
                                                                              ("2.body.0", "prepare")} == CONVOLUTIONS
    for key in CONVOLUTIONS:
        pixels, channels = 32 * 32, 3 if key[0] == "0" else 16
        assert rows[key]["flops"] == pytest.approx(2 * 9 * channels * 16 * pixels * profile["samples"])
        assert rows[key]["kernel"]
    # The first layer's input has no gradient.
    assert rows["0", "forward"]["bytes"] == pytest.approx(
        4 * 32 * 32 * (3 + 16) * profile["samples"] + 2 * 4 * 9 * 3 * 16, rel=1e-6)
    assert {row["operation"] for row in profile["rows"] if "layer" not in row} == {
        "input wait", "loss", "early exchange", "sum of shards", "exchange", "update", "other"}


def test_a_kernel_that_makes_both_gradients_has_one_pass(folder, recipe):
    """Winograd's, whose floor is that of its own multiplications: a quarter, as tiles of 4x4 fill the image."""
    done = train(1, recipe, f"{folder}/winograd", "--profile", "--stop-after", "2",
                 *settings("train.convolution=winograd", "train.shards=1"))
    rows = {row["pass"]: row for row in done["profile"]["rows"] if row.get("layer") == "2.body.0"}
    assert set(rows) == {"prepare", "forward", "backward"}
    assert {rows[key]["kernel"] for key in ("forward", "backward")} == {"winograd"}
    assert rows["backward"]["flops"] == pytest.approx(2 * rows["forward"]["flops"])
    for row in rows["forward"], rows["backward"]:
        computing, moving = row["flops"] / 4 / done["profile"]["peak_flops"], row["bytes"] / done["profile"][
            "peak_bandwidth"]
        assert row["floor_seconds"] == pytest.approx(max(computing, moving), rel=1e-6)


def test_floors_follow_from_the_limits(profile):
    peak, bandwidth = profile["peak_flops"], profile["peak_bandwidth"]
    for row in profile["rows"]:
        if "floor_seconds" in row:
            floor = max(row.get("flops", 0) / peak, row["bytes"] / bandwidth)
            assert row["floor_seconds"] == pytest.approx(floor, rel=1e-6)


def test_each_rank_is_a_process_of_the_trace(events):
    names = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    assert [name.split(" on ")[0] for name in names] == ["rank 0", "rank 1"]
    assert {event["pid"] for event in events} == {0, 1}


def test_events_of_the_trace_nest(events):
    """In the order in which they stand, each lies within the last one that has not ended, or after it."""
    for rank in 0, 1:
        open_until = []
        for event in events:
            if event["ph"] != "X" or event["pid"] != rank:
                continue
            begin, end = round(1e3 * event["ts"]), round(1e3 * event["ts"]) + round(1e3 * event["dur"])
            assert 0 <= begin <= end
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            assert not open_until or end <= open_until[-1], event
            open_until.append(end)


def test_events_of_the_trace_are_steps_phases_and_layers(profile, events):
    spans = [event for event in events if event["ph"] == "X" and event["pid"] == 1]
    layers = {" ".join((row["layer"], row["operation"], row["pass"])) for row in profile["rows"] if "layer" in row}
    found = collections.defaultdict(set)
    for event in spans:
        found[event["cat"]].add(event["name"])
    assert set(found) == {"step", "phase", "layer"}
    assert found["layer"] == layers
    assert found["phase"] == PHASES
    assert {"step 1", "step 2", "step 12"} <= found["step"]


def test_a_table_for_people(folder, recipe):
    """In the result of a run of one rank that stops early; the trace where it was asked for."""
    trace = f"{folder}/new/folder/trace.json"
    lines = run(1, "train", recipe, "--out", f"{folder}/words", "--quiet", "--stop-after", "2",
                f"--profile={trace}")[0].splitlines()
    assert any(line.split()[:2] == ["2.body.0", "conv"] for line in lines)
    assert any(line.startswith("the whole step") for line in lines)
    assert any(line.startswith("profile     2 steps of") for line in lines)
    assert f"trace       {trace}" in lines
    assert os.path.getsize(trace) and not os.path.exists(f"{folder}/words/trace.json")


@pytest.mark.parametrize("code, says, more", (
    (6, "shapes.h5 is a file, expected a folder", ("--profile={folder}/shapes.h5/trace.json",)),
    (2, "--profile: is for one run", ("--profile", "--folds", "2")),
    (2, "--profile: is of no use with --dry-run", ("--profile", "--dry-run")),
    (2, "--profile is given twice", ("--profile", "--profile=x.json")),
))
def test_refusals(folder, recipe, code, says, more):
    done = start(1, "train", recipe, "--out", f"{folder}/refused", *(word.format(folder=folder) for word in more))
    assert done.returncode == code and says in done.stderr
    assert not os.path.exists(f"{folder}/refused/checkpoints/latest.h5")


@pytest.mark.parametrize("what, words", (
    ("recipe", "would overwrite the input"), ("data", "would overwrite a data set"), ("folder", "is a folder"),
    ("pipe", "is a device or a pipe"), ("", "--profile is empty; expected FILE")))
def test_a_trace_takes_the_place_of_nothing_else(folder, scratch, recipe, what, words):
    os.mkfifo(f"{scratch}/pipe")
    path = {"recipe": recipe, "data": f"{folder}/shapes.h5", "folder": folder, "pipe": f"{scratch}/pipe"}.get(what, "")
    before = os.stat(path).st_ino if path else None
    assert words in refusal(USAGE, "train", recipe, "--out", f"{scratch}/out", f"--profile={path}")
    assert not path or os.stat(path).st_ino == before
    assert not os.path.exists(f"{scratch}/out")
