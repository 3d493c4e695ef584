"""trainer activations: a checkpoint's layers against numpy, the first weights of a run file, the same bits on two
ranks, and what is refused."""
import numpy
import pytest

from support.program import USAGE, refusal, result, run, settings
from support.runs import arrays, synthesize, train, write

DEEP = ", ".join("{linear: {out: 50, weight_init: INIT}}, tanh" for _ in range(6))


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=70, test=40, validation=20)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, train: train, validation: validation}}
model: [flatten, {{linear: {{out: 30}}}}, relu, {{linear: {{out: 10}}}}]
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 35, shards: 1, length: 4 steps, warnings: false}}
""")


@pytest.fixture(scope="module")
def trained(recipe, folder):
    return train(1, recipe, f"{folder}/run")


@pytest.fixture(scope="module")
def found(trained):
    return result(1, "activations", trained.out, "--split", "test")


def test_layers_are_those_of_numpy(found, trained, data):
    import h5py

    with h5py.File(data) as file:
        train_images, images = file["train/images"][()].astype(float), file["test/images"][()].astype(float)
    images = (images - train_images.mean((0, 1, 2))) / train_images.std((0, 1, 2))
    weights = {name: value.astype(float) for name, value in arrays(trained.checkpoint("best.h5")).items()}
    hidden = images.transpose(0, 3, 1, 2).reshape(len(images), -1) @ weights["1.weight"].T + weights["1.bias"]
    outputs = numpy.maximum(hidden, 0) @ weights["3.weight"].T + weights["3.bias"]
    assert [layer["type"] for layer in found["layers"]] == ["linear", "relu", "linear"]
    for layer, value in zip(found["layers"], (hidden, numpy.maximum(hidden, 0), outputs)):
        assert layer["mean"] == pytest.approx(value.mean(), rel=1e-3, abs=1e-3 * value.std())
        assert layer["std"] == pytest.approx(value.std(), rel=1e-3)
        assert layer["zeros"] == pytest.approx((value == 0).mean(), abs=0.002)
        assert layer["dead"] == (value == 0).all(axis=0).sum()
        assert sum(layer["counts"]) == layer["count"] == value.size


def test_gradients_arrive_and_add_up(found):
    """The gradient of the last bias is the sum of what arrives at the last layer."""
    last, bias = found["layers"][-1], found["parameters"][-1]
    assert bias["name"] == "3.bias"
    assert abs(last["gradient"]["mean"]) * last["gradient"]["count"] <= bias["gradient"] * 10 ** 0.5 + 1e-6
    assert all(layer["gradient"]["std"] > 0 for layer in found["layers"])


def test_two_ranks_find_the_same(found, trained):
    assert result(2, "activations", trained.out, "--split", "test") == found


@pytest.mark.parametrize("init, least, most", [
    ("{normal: {std: 0.01}}", 0, 0.05), ("xavier", 0.3, 3), ("{normal: {std: 1}}", 0.9, 1.1)],
    ids=("too small", "xavier", "too large"))
def test_first_weights_of_a_run_file(recipe, init, least, most):
    """The course's figures: activations that vanish, last, or saturate with depth."""
    model = settings(f"model=[flatten, {DEEP.replace('INIT', init)}, {{linear: {{out: 10}}}}]")
    layers = [layer for layer in result(1, "activations", recipe, *model)["layers"] if layer["type"] == "tanh"]
    assert least < layers[-1]["std"] / layers[0]["std"] < most
    assert (layers[-1]["saturated"] > 0.5) == (init == "{normal: {std: 1}}")


def test_words_have_a_line_for_each_layer_and_parameter(trained):
    words = run(1, "activations", trained.checkpoint("best.h5"), "--samples", 5)[0].splitlines()
    assert [line.split()[:2] for line in words if line.startswith(("1 ", "2 ", "3 "))] == [
        ["1", "linear"], ["2", "relu"], ["3", "linear"]]
    verdict = next(i for i, line in enumerate(words) if line.startswith("verdict "))
    assert [line.split()[0] for line in words[verdict - 5:verdict - 1]] == ["1.weight", "1.bias", "3.weight", "3.bias"]
    assert words[verdict].startswith("verdict  as expected") and max(map(len, words[1:])) <= 80


@pytest.mark.parametrize("keys, verdict", [
    (["model.1.linear.bias_init={constant: {value: -100}}"], "100 % of the units of layer 2 (relu) are dead"),
    (["model.2=tanh", "model.1.linear.weight_init={normal: {std: 1}}"], "of layer 2 (tanh) are saturated"),
    (["model.2=tanh", "model.1.linear.weight_init={normal: {std: 1.0e-5}}"], "hardly vary"),
    (["initialise.weights=zeros"], "all of 1.weight are the same")],
    ids=("dead", "saturated", "collapsed", "zeros"))
def test_the_verdict_names_what_is_worst(recipe, keys, verdict):
    """Without blaming the rate, as nothing was trained."""
    said = " ".join(run(1, "activations", recipe, *settings(*keys))[0].split())
    said, advice = said.split("verdict ")[1].split(" advice ")
    assert verdict in said and "rate" not in advice


def test_a_long_name_keeps_the_columns(recipe):
    deep = "model.1={residual: {body: [residual: {body: [residual: {body: [residual: {body: [batchnorm]}]}]}]}}"
    lines = run(1, "activations", recipe, *settings(deep))[0].split("\n\n")[2].splitlines()
    assert any(line.startswith("1.body.0.body.0.body.0.body.0.weight ") for line in lines)
    assert len({len(line) for line in lines}) == 1


def test_a_last_layer_of_zeros_is_no_fault(recipe):
    said = run(1, "activations", recipe, *settings("model.3.linear.weight_init=zeros"))[0]
    assert "verdict  as expected" in said


def test_refusals(trained, recipe):
    assert "--set" in refusal(USAGE, "activations", trained.checkpoint("best.h5"), *settings("train.seed=2"))
    assert "--split" in refusal(USAGE, "activations", recipe, "--split", "test")
