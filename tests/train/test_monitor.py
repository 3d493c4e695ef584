"""monitor.jsonl: what it holds, against numpy; that it changes no bit, does not depend on the ranks, and
resumes exactly."""
import json
import shutil

import numpy
import pytest

from support.program import RUN_FILE, refusal, run, settings
from support.runs import arrays, read, synthesize, train, write

EVERY = settings("monitor.every=5")
MODEL = "[flatten, {linear: {out: 40}}, relu, {linear: {out: 20}}, tanh, {linear: {out: 10}}]"


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=70, test=20, validation=20)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, train: train, validation: validation}}
augment: [flip]
model: {MODEL}
optimizer: {{nesterov: {{rate: 0.01, momentum: 0.9}}}}
train: {{batch: 32, shards: 2, length: 12 steps, seed: 3, warnings: false}}
checkpoint: {{every: 1 steps, keep: 0}}
monitor: {{probe: 70}}
""".replace("monitor: {probe: 70}\n", ""))


@pytest.fixture(scope="module")
def whole(recipe, folder):
    return train(1, recipe, f"{folder}/whole", *EVERY, *settings("monitor.probe=70"))


def lines_of(out, **wanted):
    lines = [json.loads(line) for line in read(f"{out.out}/monitor.jsonl").splitlines()]
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]


def test_changes_no_bit(whole, recipe, folder):
    assert train(1, recipe, f"{folder}/plain")["digest"] == whole["digest"]


def test_records_the_first_and_every_fifth_step(whole):
    assert sorted({line["step"] for line in lines_of(whole)}) == [1, 5, 10]


def test_has_a_line_for_each_parameter_and_layer(whole):
    assert [line["name"] for line in lines_of(whole, kind="parameter", step=5)] == [
        "1.weight", "1.bias", "3.weight", "3.bias", "5.weight", "5.bias"]
    assert [line["type"] for line in lines_of(whole, kind="layer", step=5)] == [
        "linear", "relu", "linear", "tanh", "linear"]


@pytest.mark.parametrize("name", ("1.weight", "3.bias"))
def test_norms_are_those_of_the_checkpoints(whole, name):
    before = arrays(whole.checkpoint("step-000000009.h5"))[name].astype(float)
    after = arrays(whole.checkpoint("step-000000010.h5"))[name].astype(float)
    line, = lines_of(whole, step=10, name=name)
    assert line["weight"] == pytest.approx(numpy.linalg.norm(after), rel=1e-6)
    assert line["update"] == pytest.approx(numpy.linalg.norm(after - before), rel=1e-4)
    assert line["ratio"] == pytest.approx(numpy.linalg.norm(after - before) / numpy.linalg.norm(before), rel=1e-4)
    assert line["std"] == pytest.approx(after.std(), rel=1e-5)
    edges = numpy.array(line["edges"])
    # The edges are printed with nine digits: a value on one of them may be counted on its other side.
    on_edges = sum(numpy.isclose(after, edge, rtol=1e-7, atol=0).sum() for edge in edges)
    moved = numpy.cumsum(line["counts"]) - numpy.cumsum(numpy.histogram(after, edges)[0])
    assert numpy.abs(moved).max() <= on_edges < 5


def test_gradient_of_the_first_step(recipe, folder, whole):
    """A plain step of rate 1 subtracts the gradient."""
    plain = train(1, recipe, f"{folder}/sgd", *settings(
        "optimizer={sgd: {rate: 1}}", "train.length=1 steps", "monitor.every=5", "monitor.probe=0"))
    for name in ("1.weight", "5.bias"):
        here, = lines_of(plain, step=1, name=name)
        there, = lines_of(whole, step=1, name=name)
        assert here["gradient"] == there["gradient"] == pytest.approx(here["update"], rel=1e-4)


def activations(data, checkpoint):
    """The outputs of the layers for all images of the training split, by numpy."""
    import h5py

    with h5py.File(data) as file:
        images = file["train/images"][()].astype(float)
    images = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
    weights = arrays(checkpoint)
    value = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    for layer in (1, 3, 5):
        value = value @ weights[f"{layer}.weight"].astype(float).T + weights[f"{layer}.bias"]
        yield value
        value = numpy.maximum(value, 0) if layer == 1 else numpy.tanh(value)
        if layer < 5:
            yield value


def test_activations_are_those_of_numpy(whole, data):
    lines = lines_of(whole, kind="layer", step=10)
    for line, value in zip(lines, activations(data, whole.checkpoint("step-000000010.h5")), strict=True):
        assert line["mean"] == pytest.approx(value.mean(), rel=1e-3, abs=1e-3 * value.std())
        assert line["std"] == pytest.approx(value.std(), rel=1e-3)
        assert line["zeros"] == pytest.approx((value == 0).mean(), abs=0.002)
        assert line["units"] == value.shape[1]
        assert line["dead"] == (value == 0).all(axis=0).sum()
        assert sum(line["counts"]) == value.size
        if line["type"] == "tanh":
            assert line["saturated"] == pytest.approx((1 - value ** 2 <= 0.05).mean(), abs=0.002)


def test_is_the_same_on_two_ranks_stopped_and_resumed(whole, recipe, folder):
    """Resumed from a step before some of the lines, which are cut back."""
    out = f"{folder}/resumed"
    more = (*EVERY, *settings("monitor.probe=70"))
    train(2, recipe, out, *more, "--stop-after", 7)
    with open(f"{out}/monitor.jsonl", "a") as file:
        file.write('{"kind":"layer","step":9,"epoch":1}\n{"kind":"layer","st')
    again = train(1, recipe, out, "--resume", *more)
    assert again["digest"] == whole["digest"]
    assert read(f"{out}/monitor.jsonl") == read(f"{whole.out}/monitor.jsonl")


def test_goes_without_histograms_and_activations(recipe, folder):
    bare = train(1, recipe, f"{folder}/bare", *EVERY, *settings("monitor.probe=0", "monitor.histograms=false",
                                                               "train.length=1 steps"))
    lines = lines_of(bare)
    assert {line["kind"] for line in lines} == {"parameter"}
    assert not any("counts" in line for line in lines)


def test_the_file_of_an_earlier_run_goes(recipe, folder):
    out, short = f"{folder}/twice", settings("train.length=1 steps", "monitor.probe=0")
    train(1, recipe, out, *short, *EVERY)
    shutil.rmtree(f"{out}/checkpoints")
    train(1, recipe, out, "--set", "train.length=1 steps")
    with pytest.raises(FileNotFoundError):
        read(f"{out}/monitor.jsonl")


def test_keys_without_the_switch_are_refused(recipe, folder):
    assert "missing key 'every'" in refusal(RUN_FILE, "train", recipe, "--out", f"{folder}/no",
                                            *settings("monitor.probe=4"))


DYING = "[flatten, {linear: {out: 40, bias_init: {constant: {value: -1.0e4}}}}, relu, {linear: {out: 10}}]"


def test_dead_units_are_warned_of_once(recipe, folder):
    words = run(1, "train", recipe, "--out", f"{folder}/dead", *EVERY,
                *settings(f"model={DYING}", "train.warnings=true"))[1]
    assert words.count("40 of 40 units of layer 2 (relu) are dead") == 1
