"""Batch normalisation in shards of one sample without pixels: one value a channel has no variance, so that running
statistics leave it out. Against NumPy, shard by shard, over two epochs with a short last batch."""
import pytest

from support.program import run, settings
from support.runs import arrays, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

SIZE, FEATURES, MOMENTUM, EPOCHS = 3, 4, 0.25, 2
LAYERS = {
    "features": "flatten\n  - linear: {{out: {features}}}\n  - batchnorm: {{{norm}}}\n  - linear: {{out: 2}}",
    "a map of 1x1": "conv: {{out: {features}, kernel: 3}}\n  - batchnorm: {{{norm}}}\n  - flatten"
                    "\n  - linear: {{out: 2}}",
}
CUTS = {  # samples, batch, shards
    "a last batch of one": (129, 64, 1),
    "one sample a shard": (129, 126, 3),
    "one sample or none": (129, 125, 5),
    "one sample or two": (67, 64, 2),
    "whole batches": (128, 64, 2),
}


@pytest.fixture(params=LAYERS)
def layers(request):
    return request.param


@pytest.fixture(params=("shard", "batch"))
def statistics(request):
    return request.param


@pytest.fixture(params=CUTS)
def cut(request):
    return CUTS[request.param]


@pytest.fixture
def data(scratch, cut):
    random = np.random.default_rng(2)
    with h5py.File(f"{scratch}/data.h5", "w") as file:
        for split, count in (("train", cut[0]), ("validation", 8)):
            file[f"{split}/images"] = random.normal(0, 2, (count, SIZE, SIZE, 1)).astype(np.float32)
            file[f"{split}/labels"] = random.integers(0, 2, count)
    return f"{scratch}/data.h5"


@pytest.fixture
def recipe(scratch, data, layers, statistics, cut):
    norm = f"momentum: {MOMENTUM}, statistics: {statistics}"
    return write(f"{scratch}/run.yaml", f"""data: {{file: {data}}}
preprocess: {{center: none, scale: none}}
model:
  - {LAYERS[layers].format(features=FEATURES, norm=norm)}
optimizer: {{sgd: {{rate: 0}}}}
train: {{batch: {cut[1]}, shards: {cut[2]}, length: {EPOCHS} epochs, shuffle: false}}
""")


def sets_of(values, batch, shards, statistics):
    """For each step: the sets of values that are normalised together."""
    steps = [values[i:i + batch] for i in range(0, len(values), batch)]
    if statistics == "batch":
        return [[step] for step in steps]
    return [[step[k * len(step) // shards:(k + 1) * len(step) // shards] for k in range(shards)] for step in steps]


def batch_statistics(sets):
    """Mean and unbiased variance over the sets that have one; None if none has."""
    sets = [values for values in sets if len(values) > 1]
    if not sets:
        return None
    weights = np.array([len(values) for values in sets]) / sum(map(len, sets))
    return (sum(w * values.mean(0) for w, values in zip(weights, sets)),
            sum(w * values.var(0, ddof=1) for w, values in zip(weights, sets)))


@pytest.fixture
def steps(data, cut, statistics, layers):
    """A function of a run's arrays: the statistics of each step."""
    def of(model):
        prefix = "1" if layers == "features" else "0"
        x = arrays(data, "train")["images"].reshape(cut[0], -1).astype(float)
        weight = model[f"{prefix}.weight"].reshape(FEATURES, -1).astype(float)
        values = x @ weight.T + model[f"{prefix}.bias"]
        return [batch_statistics(sets) for sets in sets_of(values, *cut[1:], statistics)]
    return of


def norm_of(model):
    name = next(name[:-len("running_var")] for name in model if name.endswith("running_var"))
    return model[name + "running_mean"], model[name + "running_var"]


def test_running_statistics_leave_out_single_values(scratch, recipe, steps):
    model = arrays(train(1, recipe, f"{scratch}/run").checkpoint())
    mean, variance = np.zeros(FEATURES), np.ones(FEATURES)
    for measured in steps(model) * EPOCHS:
        if measured:
            mean += MOMENTUM * (measured[0] - mean)
            variance += MOMENTUM * (measured[1] - variance)
    found = norm_of(model)
    assert found[0] == pytest.approx(mean, rel=1e-4, abs=1e-4)
    assert found[1] == pytest.approx(variance, rel=1e-4)


def test_so_do_the_statistics_of_an_average_of_weights(scratch, recipe, steps):
    averaged = train(1, recipe, f"{scratch}/run", *settings("average={polyak: {start: 0, batches: all}}"))
    measured = [found for found in steps(arrays(averaged.checkpoint())) if found]
    found = norm_of(arrays(averaged.checkpoint(), "average"))
    assert found[0] == pytest.approx(np.mean([mean for mean, _ in measured], 0), rel=1e-4, abs=1e-4)
    assert found[1] == pytest.approx(np.mean([variance for _, variance in measured], 0), rel=1e-4)


@pytest.mark.parametrize("last_batch", ("keep", "drop"))
def test_a_note_says_so_at_the_start(scratch, recipe, cut, statistics, last_batch):
    said = run(1, "train", recipe, "--out", f"{scratch}/run", *settings(f"train.last_batch={last_batch}"))[1]
    rest = cut[0] % cut[1]
    lone = rest == 1 if statistics == "batch" else rest < 2 * cut[2]
    assert ("one value a channel" in said) == bool(rest and lone and last_batch == "keep")
