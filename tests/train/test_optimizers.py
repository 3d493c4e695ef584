"""Every optimiser with clipping, lookahead and rules by name at once: killed on two ranks and resumed on one,
the same bits as one rank's run that nobody disturbed; all their state is in the checkpoint. Also: the
gradient's norm in the metrics, frozen rows, refusals."""
import os

import pytest

from support.program import RUN_FILE, refusal, result, run, settings
from support.runs import metrics, newest_step, start_and_kill, synthesize, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

STEPS = 24
OPTIMIZERS = {  # options, and the names of the state
    "sgd": ("{rate: 0.05, weight_decay: 0.01}", []),
    "momentum": ("{rate: 0.05, weight_decay: 0.01}", ["momentum"]),
    "nesterov": ("{rate: 0.05, weight_decay: 0.01}", ["momentum"]),
    "adagrad": ("{rate: 0.05, weight_decay: 0.01, rate_decay: 0.01, initial: 0.1}", ["square_sum"]),
    "rmsprop": ("{rate: 0.005, momentum: 0.9, centered: true}", ["gradient_mean", "momentum", "square_mean"]),
    "adam": ("{rate: 0.01, weight_decay: 0.01, amsgrad: true}",
             ["first_moment", "largest_second_moment", "second_moment"]),
    "adamw": ("{rate: 0.01}", ["first_moment", "second_moment"]),
    "lars": ("{rate: 0.5, trust: 0.02, weight_decay: 0.01}", ["momentum"]),
    "lamb": ("{rate: 0.02, weight_decay: 0.01}", ["first_moment", "second_moment"]),
}
AROUND = """
clip: {norm: 0.6, value: 0.1}
lookahead: {every: 3, share: 0.6}
parameters:
  - weights: {l1: 1.0e-4, max_norm: 0.5}
  - biases: {rate: 2}
  - normalisations: {name: 1.*, frozen: true}
"""
MAX_NORM = 0.500001


def write_run_file(folder, data, optimizer, options, around=AROUND, name=None):
    return write(f"{folder}/{name or optimizer}.yaml", f"""data: {{file: {data}, validation: none}}
model:
  - conv: {{out: 4, kernel: 3, stride: 2}}
  - batchnorm
  - relu
  - flatten
  - linear: {{out: 10}}
optimizer: {{{optimizer}: {options}}}
schedule: {{cosine: {{warmup: 3 steps}}}}
train: {{batch: 20, shards: 4, length: {STEPS} steps, seed: 3}}
checkpoint: {{every: 1 steps, keep: 4}}
{around}""")


def longest(out):
    """The norm of the longest vector of weights in each checkpoint: of the model, the slow weights and the
    average."""
    found = {}
    for name in sorted(os.listdir(f"{out}/checkpoints")):
        with h5py.File(f"{out}/checkpoints/{name}") as file:
            groups = [group for group in ("model", "optimizer/slow_weights", "average") if group in file]
            rows = [file[f"{group}/{row}"][()].astype(float) for group in groups for row in ("0.weight", "4.weight")]
        found[name] = max(np.sqrt((row.reshape(len(row), -1)**2).sum(axis=1)).max() for row in rows)
    return found


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=90, test=10, validation=0, more=("--size", 16))


def test_every_optimizer_is_in_the_table():
    assert {kind["name"] for kind in result(1, "keys")["kinds"]["optimizer"]} == set(OPTIMIZERS)


@pytest.fixture(scope="module", params=OPTIMIZERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def recipe(folder, data, name):
    return write_run_file(folder, data, name, OPTIMIZERS[name][0])


@pytest.fixture(scope="module")
def trained(folder, recipe, name):
    return train(1, recipe, f"{folder}/{name}")


@pytest.fixture(scope="module")
def killed(folder, recipe, name):
    """Killed on two ranks and resumed on one: (the step when it was killed, the run)."""
    out = f"{folder}/{name}-killed"
    start_and_kill(2, 5, out, "train", recipe, "--quiet")
    step = newest_step(out)
    return step, train(1, recipe, out, "--resume")


@pytest.fixture(scope="module")
def state(trained):
    """The names of the rows in each part of the optimiser's state."""
    with h5py.File(trained.checkpoint()) as file:
        return {part: sorted(file["optimizer"][part]) for part in file.get("optimizer", {})}


class TestOptimizer:
    def test_is_killed_before_the_run_ends(self, killed):
        assert 5 <= killed[0] < STEPS

    def test_makes_all_steps_when_resumed(self, killed):
        assert killed[1]["step"] == STEPS

    def test_has_the_same_bits_when_killed_and_resumed(self, killed, trained):
        assert killed[1]["digest"] == trained["digest"]

    def test_has_its_state_in_the_checkpoint(self, state, name):
        assert sorted(state) == sorted(OPTIMIZERS[name][1] + ["slow_weights"])

    def test_has_state_for_every_parameter(self, state):
        assert {part: len(rows) for part, rows in state.items()} == dict.fromkeys(state, 6)

    def test_keeps_weights_within_max_norm(self, trained):
        assert max(longest(trained.out).values()) < MAX_NORM

    def test_reports_the_norm_of_each_gradient(self, trained):
        norms = [line["gradient_norm"] for line in trained.metrics("step")]
        assert len(norms) == STEPS and min(norms) > 0

    def test_leaves_frozen_rows_as_they_began(self, killed):
        with h5py.File(killed[1].checkpoint()) as file:
            assert (file["model/1.weight"][()] == 1).all() and (file["model/1.bias"][()] == 0).all()


@pytest.mark.parametrize("average", ("ema", "{polyak: {start: 0}}"))
def test_max_norm_holds_for_slow_weights_and_averages_from_the_first_step(scratch, data, average):
    recipe = write_run_file(scratch, data, "adamw", OPTIMIZERS["adamw"][0])
    found = train(1, recipe, f"{scratch}/out", "--stop-after", 4, *settings(f"average={average}"))
    norms = longest(found.out)
    assert len(norms) >= 4 and max(norms.values()) < MAX_NORM, norms


@pytest.fixture(scope="module")
def plain_recipe(folder, data):
    return write_run_file(folder, data, "momentum", "{rate: 0.05}", around="", name="plain")


@pytest.fixture(scope="module")
def plain(folder, plain_recipe):
    """A run without any of the sections around the optimiser."""
    return train(1, plain_recipe, f"{folder}/plain")


@pytest.fixture(scope="module")
def reported(folder, plain_recipe):
    return train(1, plain_recipe, f"{folder}/reported", *settings("clip.report=true"))


def test_no_norm_is_reported_unless_it_is_asked_for(plain):
    assert "gradient_norm" not in plain.metrics("step")[0]


def test_clip_report_reports_the_norm(reported):
    assert reported.metrics("step")[0]["gradient_norm"] > 0


def test_clip_report_changes_no_bits(plain, reported):
    assert reported["digest"] == plain["digest"]


def test_clip_report_may_differ_when_a_run_resumes(plain, plain_recipe):
    again = train(1, plain_recipe, plain.out, "--resume", *settings("clip.report=true"))
    assert again["digest"] == plain["digest"]


@pytest.fixture(scope="module", params=("shard", "batch"))
def head_only(request, folder, data):
    """Only the last layer is trained, so that the backward pass ends there: on 1 and on 2 ranks."""
    recipe = write_run_file(folder, data, "adam", "{rate: 0.01}",
                            'parameters: [all: {name: "[01].*", frozen: true}]', name="head")
    statistics = settings(f"model.1.statistics={request.param}")
    return [train(ranks, recipe, f"{folder}/head{ranks}{request.param}", *statistics) for ranks in (1, 2)]


def test_training_the_head_alone_gives_the_same_bits_on_2_ranks(head_only):
    assert head_only[0]["digest"] == head_only[1]["digest"]


def test_training_the_head_alone_learns(head_only):
    assert head_only[0]["train_loss"] < 2.3


@pytest.mark.parametrize("assignment, words", (
    ("parameters=[all: {name: '4.wieght', frozen: true}]", "nearest is '4.weight'"),
    ("parameters=[all: {frozen: true}]", "nothing is left to train"),
    ("clip.norm=0", "expected a number above 0"),
    ("lookahead.share=2", "expected a number above 0 up to 1"),
))
def test_refused_before_anything_is_written(scratch, plain_recipe, assignment, words):
    out = f"{scratch}/refused"
    line = refusal(RUN_FILE, "train", plain_recipe, "--out", out, "--quiet", *settings(assignment), ranks=2)
    assert words in line
    assert not os.path.exists(out)


def said(folder, data, *more):
    """What a run on two ranks says at its start."""
    recipe = write_run_file(folder, data, "sgd", "{rate: 0.1}")
    return run(2, "train", recipe, "--out", f"{folder}/said", "--stop-after", 1, *more)[1]


@pytest.fixture(scope="module")
def start_of_a_run(folder, data):
    return said(folder, data)


def test_the_start_says_how_many_shards_a_rank_accumulates(start_of_a_run):
    assert "in 4 shards of 5 on 2 ranks x 1 thread, each accumulates 2;" in start_of_a_run


def test_the_start_says_how_many_parameters_are_frozen(start_of_a_run):
    assert "(8 frozen)" in start_of_a_run


def test_the_start_says_nothing_of_shards_that_the_run_file_gives(start_of_a_run):
    assert "train.shards is auto" not in start_of_a_run


def test_the_start_says_what_keeps_the_bits_if_the_shards_are_auto(scratch, data):
    words = said(scratch, data, *settings("train.shards=auto"))
    assert "train.shards is auto, here 2" in words and "train.shards=2" in words


def test_the_penalty_beside_the_loss(folder, data):
    """lambda2/2 sum of w^2 + lambda1 sum of |w| of the weights that a step begins with; frozen rows have none."""
    recipe = write_run_file(folder, data, "sgd", "{rate: 0.05, weight_decay: 0.01, decay: weights}", name="penalty")
    out = f"{folder}/penalty"
    train(1, recipe, out, *settings("checkpoint.keep=0", "data.validation=train",
                                    "parameters.0.weight_decay=0.02"))
    steps = {line["step"]: line for line in metrics(out, "step")}
    assert [step for step, line in steps.items() if "penalty" in line] == [1, 11, 21]

    def by_hand(step):
        with h5py.File(f"{out}/checkpoints/step-{step:09}.h5") as file:
            rows = [file[f"model/{row}"][()].astype(float) for row in ("0.weight", "4.weight")]
        return sum(0.01 * (row**2).sum() + 1e-4 * np.abs(row).sum() for row in rows)

    for step in (1, 11, 21):
        assert steps[step]["penalty"] == pytest.approx(by_hand(step - 1), rel=1e-6)
        assert steps[step]["objective"] == pytest.approx(steps[step]["loss"] + steps[step]["penalty"], rel=1e-6)
    for line in metrics(out, "epoch"):
        assert line["penalty"] == pytest.approx(by_hand(line["step"]), rel=1e-6)
    without = f"{folder}/without"
    train(1, recipe, without, "--stop-after", 1, *settings("optimizer.weight_decay=0", "parameters="))
    assert "penalty" not in metrics(without, "step")[0]
