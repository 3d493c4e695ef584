"""train.warnings: each thing that looks wrong is provoked alone, and named; a sound run raises none."""
import h5py
import numpy as np
import pytest

from support.program import run, settings
from support.runs import metrics, synthesize, write

MODEL = "[flatten, {linear: {out: 32}}, relu, {linear: {out: 10}}]"


@pytest.fixture(scope="module")
def recipe(folder):
    data = synthesize(folder, train=640, test=20, validation=100)
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, train: train, validation: none}}
model: {MODEL}
optimizer: {{sgd: {{rate: 0.03}}}}
train: {{batch: 32, length: 220 steps, seed: 3}}
checkpoint: {{every: 0}}
""")


def warnings_of(recipe, out, *assignments):
    """The names of the warnings in metrics.jsonl, which are those on stderr."""
    words = run(1, "train", recipe, "--out", out, "--quiet", *settings(*assignments))[1]
    found = metrics(out, "warning")
    for line in found:
        assert words.count(f"warning: step {line['step']}: {line['text']}") == 1
    assert words.count("warning: step ") == len(found)
    return [line["name"] for line in found]


@pytest.mark.parametrize("names, assignments", [
    ([], []),
    (["initial_loss"], [f"model={MODEL.replace('out: 10', 'out: 10, weight_init: {normal: {std: 3}}')}",
                        "train.length=1 steps"]),
    (["loss_rising"], ["optimizer.sgd.rate=0.4", "train.length=30 steps"]),
    (["loss_flat"], ["optimizer.sgd.rate=1e-6"]),
    (["loss_flat"], ["optimizer.sgd.rate=1e-6", "train.length=5 epochs", "data.validation=train", "train.batch=128"]),
    (["initial_loss", "loss_flat"], [f"model={MODEL.replace('out: 10', 'out: 10, weight_init: {normal: {std: 3}}')}",
                                     "optimizer.sgd.rate=1e-6"]),
    (["weights_equal"], ["initialise={weights: zeros}", "train.length=12 steps"]),
    (["weights_equal"], [f"model={MODEL.replace('32', '64')}", "initialise.weights={constant: {value: 0.01}}",
                         "train.length=12 steps", "optimizer.sgd.rate=0.001"]),
    (["weights_still"], ["clip.norm=1e-30", "train.length=12 steps"]),
    (["overfitting"], ["data.validation=validation", "train.batch=20", "data.train=test", "train.length=200 steps"]),
    (["no_gap"], ["data.validation=train", f"model={MODEL.replace('out: 32', 'out: 2')}"]),
], ids=["a sound run", "initial loss", "rising", "flat", "at chance in the end", "too slow", "equal weights",
        "nearly equal weights", "weights that stay", "overfitting", "no gap"])
def test_names_what_is_wrong(request, recipe, folder, names, assignments):
    assert warnings_of(recipe, f"{folder}/{request.node.callspec.id}", *assignments) == names


def test_a_loss_of_nearly_0_may_rise(folder):
    """Weight decay makes it rise when all samples are right."""
    random = np.random.default_rng(1)
    with h5py.File(f"{folder}/bright.h5", "w") as file:
        for split, count in (("train", 200), ("validation", 50)):
            labels = np.arange(count) % 2
            bright = 150 * labels[:, None, None, None]
            file[f"{split}/labels"] = labels
            file[f"{split}/images"] = (random.integers(0, 60, (count, 4, 4, 1)) + bright).astype(np.uint8)
    recipe = write(f"{folder}/bright.yaml", f"""data: {{file: {folder}/bright.h5, validation: validation}}
model: [flatten, {{linear: {{out: 8}}}}, relu, {{linear: {{out: 2}}}}]
optimizer: {{momentum: {{rate: 0.5, weight_decay: 0.002}}}}
train: {{batch: 20, length: 12 epochs, seed: 3}}
""")
    assert warnings_of(recipe, f"{folder}/bright") == []
    losses = [line["validation_loss"] for line in metrics(f"{folder}/bright", "epoch")]
    assert 1.3 * min(losses[:-3]) < losses[-1] < 0.005


def test_a_single_class_has_nothing_to_warn_of(folder):
    """Its losses are 0 from the start; only the data are warned of."""
    with h5py.File(f"{folder}/one.h5", "w") as file:
        for split in ("train", "validation"):
            file[f"{split}/labels"] = np.zeros(40, np.int64)
            file[f"{split}/images"] = np.random.default_rng(1).integers(0, 256, (40, 4, 4, 1)).astype(np.uint8)
    recipe = write(f"{folder}/one.yaml", f"""data: {{file: {folder}/one.h5, validation: validation}}
model: [flatten, {{linear: {{out: 1}}}}]
optimizer: {{sgd: {{rate: 0.1}}}}
train: {{batch: 20, length: 8 epochs}}
""")
    words = run(1, "train", recipe, "--out", f"{folder}/one", "--quiet")[1]
    assert metrics(f"{folder}/one", "warning") == [] and words.count("are of one class") == 2


def test_can_be_turned_off(recipe, folder):
    assert warnings_of(recipe, f"{folder}/off", "initialise={weights: zeros}", "train.length=12 steps",
                       "train.warnings=false") == []


def test_a_resumed_run_says_nothing_twice_and_forgets_nothing(recipe, folder):
    whole, out = f"{folder}/whole", f"{folder}/again"
    flat = settings("optimizer.sgd.rate=1e-6")
    run(1, "train", recipe, "--out", whole, "--quiet", *flat)
    for more in (("--stop-after", 90), ("--resume", "--stop-after", 210), ("--resume",)):
        words = run(1, "train", recipe, "--out", out, "--quiet", *flat, *more)[1]
        assert words.count("stays flat") == (210 in more)
    assert metrics(out, "warning") == metrics(whole, "warning")
