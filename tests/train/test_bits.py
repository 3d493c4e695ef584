"""The same bits on 1, 2 and 4 ranks, for every exact exchange, after a stop in the middle of an epoch
and after kills at random moments, each resumed on another number of ranks."""
import pytest

from support.program import result, run, settings
from support.runs import MODEL, newest_step, start_and_kill, synthesize, train, train_on_ranks, write_run_file

PERCEPTRON = """
  - flatten
  - linear: {out: 64, bias: false}
  - batchnorm
  - relu
  - dropout: {rate: 0.3}
  - linear: {out: 10}
"""
WIDE = MODEL.replace("out: 12", "out: 16")  # channels that Winograd's kernels serve


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, WIDE)


@pytest.fixture(scope="module")
def whole(folder, recipe):
    """20 steps on one rank, which nothing disturbs."""
    return train(1, recipe, f"{folder}/n1")


@pytest.fixture(scope="module", params=(2, 4))
def on_ranks(request, folder, recipe):
    return train(request.param, recipe, f"{folder}/n{request.param}")


def test_a_run_makes_all_its_steps(whole):
    assert (whole["finished"], whole["step"]) == (True, 20)


def test_more_ranks_give_the_same_bits(on_ranks, whole):
    assert on_ranks["digest"] == whole["digest"]


def test_more_ranks_give_the_same_metrics(on_ranks, whole):
    assert on_ranks.metrics() == whole.metrics()


@pytest.mark.parametrize("exchange", ("window", "levels", "halving", "direct"))
def test_each_exact_exchange_gives_the_same_bits(folder, recipe, whole, exchange):
    found = train(4, recipe, f"{folder}/{exchange}", *settings(f"train.exchange={exchange}"))
    assert found["digest"] == whole["digest"]


@pytest.fixture(scope="module")
def perceptron(folder, data):
    """A perceptron whose small shards a rank computes in pairs; the last batch has 3 samples for its 4 shards."""
    return write_run_file(folder, data, PERCEPTRON, name="perceptron.yaml", batch=64)


def test_shards_that_run_in_pairs_have_the_bits_of_single_ones(folder, perceptron):
    pairs = run(1, "train", perceptron, "--out", f"{folder}/log", "--stop-after", 1, "--log", "debug")[1]
    alone = run(4, "train", perceptron, "--out", f"{folder}/log4", "--stop-after", 1, "--log", "debug")[1]
    assert "2 shards at a time" in pairs and "2 shards at a time" not in alone
    runs = train_on_ranks((1, 2, 4), perceptron, f"{folder}/perceptron")
    assert len({run["digest"] for run in runs}) == 1
    assert runs[0].metrics() == runs[1].metrics() == runs[2].metrics()


@pytest.mark.parametrize("choice", ("always", "never"))
def test_samples_that_are_made_ahead_give_the_same_bits(folder, recipe, whole, choice):
    found = train(2, recipe, f"{folder}/ahead-{choice}", *settings(f"train.prepare_ahead={choice}"))
    assert found["digest"] == whole["digest"]
    assert found.metrics() == whole.metrics()


@pytest.fixture(scope="module")
def bf16(folder, recipe):
    return train(1, recipe, f"{folder}/bf16", *settings("train.precision=bf16"))


def test_bf16_activations_give_the_same_bits_on_more_ranks_and_after_a_stop(folder, recipe, bf16):
    out, precision = f"{folder}/bf16_ranks", settings("train.precision=bf16")
    train(4, recipe, out, "--stop-after", 7, *precision)
    assert train(2, recipe, out, "--resume", *precision)["digest"] == bf16["digest"]


def test_bf16_activations_learn_as_fp32_does(whole, bf16):
    assert bf16["digest"] != whole["digest"]
    assert bf16["train_loss"] == pytest.approx(whole["train_loss"], rel=0.01)


def test_a_resumed_run_says_that_its_precision_changes(folder, recipe, bf16):
    errors = run(1, "train", recipe, "--out", bf16.out, "--resume", *settings("train.length=21 steps"))[1]
    assert "by train.precision: bf16 so far and goes on with fp32" in errors


def test_another_seed_gives_other_bits(folder, recipe, whole):
    assert train(1, recipe, f"{folder}/seed", *settings("train.seed=4"))["digest"] != whole["digest"]


@pytest.fixture(scope="module", params=((7, 1, 2), (10, 2, 1), (13, 4, 2)),
                ids="after step {0[0]} from {0[1]} to {0[2]} ranks".format)
def stopped(request, folder, recipe):
    """A run that stops after a step, and goes on with other ranks: (step, before, after)."""
    step, first, second = request.param
    out = f"{folder}/stop{step}"
    before = train(first, recipe, out, "--stop-after", step)
    return step, before, train(second, recipe, out, "--resume")


def test_stop_after_ends_the_run_at_that_step(stopped):
    step, before, _ = stopped
    assert (before["step"], before["finished"]) == (step, False)


def test_a_resumed_run_has_the_same_bits(stopped, whole):
    assert stopped[2]["digest"] == whole["digest"]


def test_a_resumed_run_has_the_same_metrics(stopped, whole):
    assert stopped[2].metrics() == whole.metrics()


def test_resuming_a_finished_run_changes_nothing(folder, recipe, whole):
    again = train(2, recipe, whole.out, "--resume")
    assert (again["digest"], again["step"]) == (whole["digest"], 20)


def test_a_run_that_is_killed_three_times_has_the_same_bits(folder, data, rng):
    recipe = write_run_file(folder, data, WIDE, name="longer.yaml", length="150 steps", every="1 steps")
    out, step = f"{folder}/killed", 0
    for ranks in (2, 1, 4):
        step += rng.randint(1, 45)
        code = start_and_kill(ranks, step, out, "train", recipe, "--resume", "--quiet")
        print(f"killed on {ranks} ranks after step {newest_step(out)}")
        assert code != 0, "the run was not killed"
        assert newest_step(out) < 150, "the run was killed too late"
    resumed, straight = train(2, recipe, out, "--resume"), train(2, recipe, f"{folder}/straight")
    assert resumed["digest"] == straight["digest"]


def test_the_saved_run_file_reproduces_the_run(folder, whole):
    assert train(1, f"{whole.out}/run.yaml", f"{folder}/again")["digest"] == whole["digest"]


def test_the_kernels_of_every_kind_are_in_these_runs(recipe):
    layers = result(1, "describe", recipe)["layers"]
    found = {kernels for layer in layers for kernels in layer.get("kernels", {}).values()}
    assert {"winograd", "strips", None} < found


@pytest.fixture(scope="module")
def direct(folder, recipe):
    """Stopped by a run file that says how convolutions are computed, continued by one that does not."""
    out = f"{folder}/library"
    train(2, recipe, out, "--stop-after", 7, *settings("train.convolution=direct"))
    return train(1, recipe, out, "--resume")


def test_a_resumed_run_computes_its_convolutions_as_it_began(folder, recipe, whole, direct):
    straight = train(1, recipe, f"{folder}/straight_library", *settings("train.convolution=direct"))
    assert direct["digest"] == straight["digest"] != whole["digest"]


def test_a_resumed_run_says_that_its_convolutions_change(folder, recipe):
    out = f"{folder}/changed"
    train(1, recipe, out, "--stop-after", 1)
    errors = run(1, "train", recipe, "--out", out, "--resume", "--stop-after", 2,
                 *settings("train.convolution=direct"))[1]
    assert "by train.convolution: fastest-5 so far and goes on with direct" in errors
