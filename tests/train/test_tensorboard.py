"""--tensorboard: the event files, read back by TensorBoard itself, hold what metrics.jsonl and monitor.jsonl say;
a run that resumes goes on in a file of its own, and no step is told twice."""
import json
import os
import struct

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from support.program import SYSTEM, USAGE, refusal
from support.runs import read, synthesize, train, write

ALL = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
MORE = ("--set", "monitor.every=4")


@pytest.fixture(scope="module")
def recipe(folder):
    data = synthesize(folder, train=60, test=20, validation=20)
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, train: train, validation: validation}}
model: [{{conv: {{out: 6, kernel: 5}}}}, relu, global_avgpool, flatten, {{linear: {{out: 10}}}}]
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 20, shards: 1, length: 9 steps, warnings: false}}
checkpoint: {{every: 1 epoch}}
""")


@pytest.fixture(scope="module")
def whole(recipe, folder):
    return train(1, recipe, f"{folder}/whole", *MORE, "--tensorboard", f"{folder}/whole/events")


def load(folder):
    events = EventAccumulator(folder, size_guidance=ALL)
    events.Reload()
    return events


def values(events, tag):
    """{step: value} of a scalar, whether TensorBoard keeps it as one or as a tensor."""
    if tag in events.Tags()["scalars"]:
        return {event.step: event.value for event in events.Scalars(tag)}
    return {event.step: float(tensor_util.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)}


@pytest.fixture(scope="module")
def events(whole):
    return load(f"{whole.out}/events")


@pytest.mark.parametrize("tag, key", [("step/loss", "loss"), ("step/accuracy", "accuracy"), ("step/rate", "rate")])
def test_figures_of_steps(events, whole, tag, key):
    assert values(events, tag) == pytest.approx({line["step"]: line[key] for line in whole.metrics("step")}, rel=1e-6)


def test_figures_of_validations(events, whole):
    expected = {line["step"]: line["validation_loss"] for line in whole.metrics("epoch")}
    assert values(events, "validation/loss") == pytest.approx(expected, rel=1e-6)


def lines_of(whole, **wanted):
    lines = [json.loads(line) for line in read(f"{whole.out}/monitor.jsonl").splitlines()]
    return [line for line in lines if all(line.get(key) == value for key, value in wanted.items())]


def test_norms_of_gradients(events, whole):
    expected = {line["step"]: line["gradient"] for line in lines_of(whole, name="0.weight")}
    assert values(events, "gradient/0.weight") == pytest.approx(expected, rel=1e-6)


def test_histograms(events, whole):
    found = {event.step: event.histogram_value for event in events.Histograms("activations/1")}
    for line in lines_of(whole, kind="layer", layer="1"):
        histogram = found.pop(line["step"])
        assert list(histogram.bucket) == line["counts"]
        assert list(histogram.bucket_limit) == pytest.approx(line["edges"][1:], rel=1e-5)
        assert histogram.num == sum(line["counts"])
        assert histogram.min == pytest.approx(line["min"])
        assert histogram.sum / histogram.num == pytest.approx(line["mean"])
    assert not found


def test_images(events, whole):
    images = events.Images("filters/0.weight")
    assert [image.step for image in images] == [line["step"] for line in whole.metrics("epoch")]
    for image in images:  # 3 x 2 filters of 5 x 5, with lines between them
        assert (image.height, image.width) == (2 * 6 + 1, 3 * 6 + 1)
        assert struct.unpack(">II", image.encoded_image_string[16:24]) == (image.width, image.height)


def test_a_resumed_run_appends_a_file(whole, recipe, folder, events):
    out = f"{folder}/resumed"
    words = (*MORE, "--tensorboard", f"{out}/events")
    train(1, recipe, out, *words, "--stop-after", 5)
    os.remove(f"{out}/checkpoints/step-000000005.h5")  # the next process goes on after step 3
    assert train(1, recipe, out, "--resume", *words)["digest"] == whole["digest"]
    assert len(os.listdir(f"{out}/events")) == 2
    again = load(f"{out}/events")
    for tag in ("step/loss", "validation/loss", "gradient/0.weight"):
        assert values(again, tag) == values(events, tag)
    assert len(again.Histograms("activations/1")) == len(events.Histograms("activations/1"))


def test_changes_no_bit(whole, recipe, folder):
    assert train(1, recipe, f"{folder}/plain")["digest"] == whole["digest"]


def test_refusals(recipe, folder):
    write(f"{folder}/file", "")
    words = ("train", recipe, "--out", f"{folder}/no", "--quiet", "--tensorboard")
    assert "--folds" in refusal(USAGE, *words, f"{folder}/events", "--folds", 2)
    assert f"{folder}/file" in refusal(SYSTEM, *words, f"{folder}/file/events")
    assert not os.path.exists(f"{folder}/no")
