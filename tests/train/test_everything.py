"""The same bits with everything random switched on at once, for every optimiser and every average: on 1, 2
and 4 ranks, and killed and resumed on another number of ranks."""
import pytest

from support.program import result
from support.runs import newest_step, start_and_kill, synthesize, train, train_on_ranks, write

RUN = """data: {{file: {data}, train: train, validation: validation}}
augment:
  - flip: {{alternate: true}}
  - crop: {{pad: 2, fill: reflect}}
  - resized_crop
  - translate
  - rotate
  - shear
  - brightness
  - contrast
  - saturation
  - hue
  - lighting
  - greyscale
  - cutout
mix:
  - mixup: {{probability: 0.5}}
  - cutmix: {{probability: 0.5}}
model:
  - conv: {{out: 8, kernel: 3, padding: 1, dropconnect: 0.1}}
  - batchnorm: {{statistics: batch}}
  - prelu
  - fractional_maxpool: {{sequence: random}}
  - residual: {{drop: 0.3, body: [{{conv: {{out: 8, kernel: 3, padding: 1}}}}, batchnorm, gelu]}}
  - dropout: {{rate: 0.1, drops: channels}}
  - branches:
      paths: [[{{conv: {{out: 4, kernel: 1}}}}],
              [{{conv: {{out: 4, kernel: 5, padding: 2}}}}, {{groupnorm: {{groups: 2}}}}]]
  - residual: {{drop: 0.3, body: [{{conv: {{out: 8, kernel: 3, padding: 1, groups: 8}}}}, selu]}}
  - fractional_maxpool: {{overlapping: false}}
  - maxpool: {{kernel: 3, stride: 2, padding: 1}}
  - flatten
  - linear: {{out: 16, dropconnect: 0.2}}
  - alpha_dropout
  - maxout
  - dropout: {{rate: 0.2, form: plain}}
  - linear: {{out: 10}}
loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
optimizer: {optimizer}
parameters:
  - weights: {{l1: 1.0e-5, weight_decay: 1.0e-4, max_norm: 2}}
  - all: {{name: "0.*", rate: 0.5}}
clip: {{norm: 1, value: 0.5}}
lookahead: {{every: 3}}
schedule: {schedule}
average: {average}
train: {{batch: 24, shards: 4, length: 12 steps, seed: 5}}
checkpoint: {{every: 1 steps, keep: 0}}
"""
RATES = {"sgd": 0.05, "momentum": 0.05, "nesterov": 0.05, "adagrad": 0.02, "rmsprop": 0.002, "adam": 0.002,
         "adamw": 0.002, "lars": 1, "lamb": 0.002}
AVERAGES = {
    "ema": "{ema: {decay: 0.9}}",
    "polyak": "{polyak: {start: 2 steps, batches: 2}}",
    "swa": "{swa: {start: 2 steps, every: 3 steps, batches: 2}}",
}
SCHEDULES = ["constant", "plateau", "one_cycle", "{cosine_restarts: {period: 5 steps}}"]


@pytest.fixture(scope="module")
def kinds():
    """The names of each table of `trainer keys`."""
    tables = result(1, "keys")["kinds"]
    return {table: {kind["name"] for kind in tables[table]} for table in ("optimizer", "average")}


def test_every_optimizer_is_in_the_table(kinds):
    assert kinds["optimizer"] == set(RATES)


def test_every_average_is_in_the_table(kinds):
    assert kinds["average"] == set(AVERAGES)


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=67, test=10, validation=21)


@pytest.fixture(scope="module", params=enumerate(RATES), ids=lambda param: param[1])
def recipe(request, folder, data):
    """A run file with one of the optimisers; the averages and the schedules take turns."""
    number, name = request.param
    return write(f"{folder}/{name}.yaml", RUN.format(
        data=data, optimizer=f"{{{name}: {{rate: {RATES[name]}}}}}",
        average=list(AVERAGES.values())[number % len(AVERAGES)], schedule=SCHEDULES[number % len(SCHEDULES)]))


@pytest.fixture(scope="module")
def trained(recipe):
    return train_on_ranks((1, 2, 4), recipe, recipe.removesuffix(".yaml"))


def loss_of_the_average(ranks, run):
    return result(ranks, "eval", run.checkpoint(), "--split", "validation")["members"][0]["loss"]


def test_any_number_of_ranks_gives_the_same_bits(trained):
    assert len({run["digest"] for run in trained}) == 1


def test_any_number_of_ranks_gives_the_same_average(trained):
    assert len({run["average_digest"] for run in trained}) == 1


def test_eval_of_the_average_is_the_same_on_2_ranks(trained):
    assert loss_of_the_average(2, trained[1]) == loss_of_the_average(1, trained[0])


def test_killed_and_resumed_on_other_ranks_gives_the_same_bits_and_average(recipe, trained, rng):
    step, (first, second) = rng.randint(1, 9), rng.choice([(1, 2), (2, 4), (4, 1)])
    out = recipe.replace(".yaml", "-killed")
    start_and_kill(first, step, out, "train", recipe, "--quiet")
    print(f"killed after step {newest_step(out)} of 12 on {first} ranks, resumed on {second}")
    resumed = train(second, recipe, out, "--resume")
    assert resumed["digest"] == trained[0]["digest"]
    assert resumed["average_digest"] == trained[0]["average_digest"]
