"""Batch normalisation over the global batch, in training: the same bits on 1, 2 and 4 ranks, after kills,
with a last batch that leaves shards uneven and some empty; and, whatever the shards, what one shard with
the whole batch gives, to 1e-5."""
import pytest

from support.program import NUMERIC, run, settings
from support.runs import (MODEL, arrays, copy_data, forget_digests, newest_step, start_and_kill, synthesize, train,
                          train_on_ranks, write_run_file)

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

SYNCHRONISED = MODEL.replace("- batchnorm", "- batchnorm: {statistics: batch}")
# Without kinks, which turn a difference of rounding into one of gradients; and without the bias
# before a batch normalisation, which the loss does not depend on.
SMOOTH = SYNCHRONISED.replace("relu", "tanh").replace("maxpool", "avgpool").replace(
    "conv: {out: 12, kernel: 3, padding: 1}", "conv: {out: 12, kernel: 3, padding: 1, bias: false}")


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=603)  # the 11th step of an epoch has 3 samples for 4 shards


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, model=SYNCHRONISED, length="24 steps")


@pytest.fixture(scope="module")
def whole(folder, recipe):
    return train(1, recipe, f"{folder}/n1")


@pytest.mark.parametrize("ranks", (2, 4))
def test_more_ranks_give_the_same_bits(folder, recipe, whole, ranks):
    assert train(ranks, recipe, f"{folder}/n{ranks}")["digest"] == whole["digest"]


def test_statistics_of_the_shard_give_other_bits(folder, data, whole):
    recipe = write_run_file(folder, data, name="shard.yaml", length="24 steps")
    assert train(1, recipe, f"{folder}/shard")["digest"] != whole["digest"]


@pytest.fixture(scope="module")
def averaged(folder, recipe):
    """On 1, 2 and 4 ranks, with an average of weights whose statistics are measured anew."""
    average = settings("average={swa: {start: 12 steps, every: 3 steps, batches: all}}")
    return train_on_ranks((1, 2, 4), recipe, f"{folder}/average", *average)


def test_an_average_does_not_change_the_model(averaged, whole):
    assert averaged[0]["digest"] == whole["digest"]


def test_an_average_has_the_same_bits_on_any_ranks(averaged):
    assert len({run["average_digest"] for run in averaged}) == 1


def test_a_run_that_is_killed_three_times_has_the_same_bits(folder, data):
    recipe = write_run_file(folder, data, model=SYNCHRONISED, name="longer.yaml", length="80 steps", every="1 steps")
    out = f"{folder}/killed"
    for ranks, step in ((2, 11), (4, 30), (1, 51)):
        code = start_and_kill(ranks, step, out, "train", recipe, "--resume", "--quiet")
        print(f"killed on {ranks} ranks after step {newest_step(out)}")
        assert code != 0, "the run was not killed"
        assert newest_step(out) < 80, "the run was killed too late"
    resumed, straight = train(4, recipe, out, "--resume"), train(2, recipe, f"{folder}/straight")
    assert resumed["digest"] == straight["digest"]


def smooth_run_file(folder, data, shards):
    return write_run_file(folder, data, model=SMOOTH, name="smooth.yaml", shards=shards, length="12 steps",
                          warmup="0 steps")


def smooth_model(folder, data, shards):
    run = train(1, smooth_run_file(folder, data, shards), f"{folder}/shards{shards}")
    return {name: values.astype(float) for name, values in arrays(run.checkpoint()).items()}


@pytest.fixture(scope="module")
def one_shard(folder, data):
    return smooth_model(folder, data, 1)


@pytest.mark.parametrize("shards", (3, 12))
def test_shards_give_the_model_of_one_shard(folder, data, one_shard, shards):
    model = smooth_model(folder, data, shards)
    differences = {name: np.linalg.norm(values - one_shard[name]) / np.linalg.norm(one_shard[name])
                   for name, values in model.items()}
    assert max(differences.values()) < 1e-5, differences


@pytest.fixture(scope="module")
def poisoned(folder, data):
    """The data set with NaN in one image."""
    path = copy_data(f"{folder}/poisoned.h5", data)
    with h5py.File(path, "r+") as file:
        images = file["train/images"][()].astype(np.float32)
        images[77] = np.nan
        del file["train/images"]
        forget_digests(file["train"])
        file["train/images"] = images
    return path


@pytest.mark.parametrize("ranks, rank", ((1, 0), (4, 2)))
def test_a_nan_is_reported_where_it_began(folder, data, poisoned, ranks, rank):
    """One rank's NaN is everyone's after the next synchronised layer."""
    recipe = smooth_run_file(folder, data, 12)
    line = run(ranks, "train", recipe, "--out", f"{folder}/nan{ranks}", "--quiet",
               *settings(f"data.file={poisoned}"), code=NUMERIC)[1]
    assert f"rank {rank} in the input: sample 77 of split train" in line
