"""Multi-label targets: rows of 0 and 1 as booleans, integers or floats, in place or imported; trained and evaluated
with the same bits on any number of ranks; predictions; what a run follows by one key; refusals."""
import pytest

from support.program import DATA, RUN_FILE, result, run, settings
from support.refusals import endings, refuses_to_train
from support.runs import train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

NAMES = ["cat", "dog", "bird", "none"]


def draw(random, count):
    """Class k shows in feature k; nobody has the last class."""
    images = random.normal(size=(count, 1, 1, 6)).astype(np.float32)
    return images, images[:, 0, 0, :4] + 0.3 * random.normal(size=(count, 4)) > (0.2, 0.8, 1.5, 99)


@pytest.fixture(scope="module")
def data(folder):
    random = np.random.default_rng(4)
    with h5py.File(f"{folder}/sets.h5", "w") as file:
        for split, count, kind in (("train", 150, bool), ("validation", 70, np.int16), ("test", 300, np.float64)):
            file[f"{split}/images"], sets = draw(random, count)
            file[f"{split}/labels"] = sets.astype(kind)
        file["classes"] = np.array(NAMES, dtype="S")
        file["train/twos"] = np.full((150, 4), 2)
    return f"{folder}/sets.h5"


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}, multi_label: true}}
preprocess: {{center: none, scale: none}}
model: [flatten, linear: {{out: 4}}]
loss: {{binary_cross_entropy: {{class_weights: balanced}}}}
optimizer: {{sgd: {{rate: 2}}}}
schedule: {{plateau: {{patience: 0, threshold: 0}}}}
train: {{batch: 48, shards: 4, length: 8 epochs}}
early_stopping: {{patience: 6}}
checkpoint: {{best: f1_macro}}
""")


@pytest.fixture(scope="module")
def runs(folder, recipe):
    return [train(ranks, recipe, f"{folder}/o{ranks}") for ranks in (1, 2)]


def test_bits_do_not_depend_on_ranks(runs):
    assert runs[0]["digest"] == runs[1]["digest"]
    assert runs[0].metrics() == runs[1].metrics()


def test_everything_follows_one_key(runs):
    """The best is the epoch of the highest F1; what names no metric of its own follows it too."""
    epochs, text = runs[0].metrics("epoch"), open(f"{runs[0].out}/run.yaml").read()
    best = max(epochs, key=lambda epoch: (epoch["validation_f1_macro"], -epoch["validation_loss"]))
    assert runs[0]["best_f1_macro"] == pytest.approx(best["validation_f1_macro"])
    assert runs[0]["best_step"] == best["step"]
    assert text.count("metric: f1_macro") == 2


@pytest.fixture(scope="module")
def predictions(folder, runs):
    """(truth, probabilities) of the test split."""
    run(1, "predict", runs[0].out, "--split", "test", "-o", f"{folder}/p.h5")
    with h5py.File(f"{folder}/p.h5") as file:
        return file["targets"][()] > 0.5, file["probabilities"][()].astype(float)


@pytest.mark.parametrize("ranks, threshold", ((1, None), (3, 0.3)))
def test_evaluation_is_that_of_the_predictions(folder, runs, predictions, data, ranks, threshold):
    truth, probabilities = predictions
    more = ("--threshold", threshold) if threshold else ()
    report = result(ranks, "eval", runs[0].out, "--split", "test", *more)["members"][0]
    predicted = probabilities >= (threshold or 0.5)
    hits, both = (truth & predicted).sum(0), truth.sum(0) + predicted.sum(0)
    assert report["top1"] == pytest.approx((truth == predicted).all(1).mean())
    assert report["hamming_loss"] == pytest.approx((truth != predicted).mean())
    assert report["f1_micro"] == pytest.approx(2 * hits.sum() / both.sum())
    assert report["f1_macro"] == pytest.approx((2 * hits[:3] / both[:3]).mean())
    assert report["log_loss"] == pytest.approx(-np.log(np.where(truth, probabilities, 1 - probabilities)).mean(),
                                               rel=1e-5)
    false = int(predicted[:, 3].sum())
    assert report["classes"]["none"] == {**dict.fromkeys(("precision", "recall", "f1", "balanced_accuracy", "roc_auc",
                                                          "pr_auc")), "samples": 0,
                                         "confusion": [[300 - false, false], [0, 0]]}
    assert report["classes"]["cat"]["roc_auc"] > 0.9


def test_ensemble_averages_probabilities(folder, recipe, runs, predictions):
    other = train(1, recipe, f"{folder}/other", *settings("train.seed=9", "train.length=3 steps"))
    outputs = []
    for name, members in (("one", [other.out]), ("both", [runs[0].out, other.out])):
        run(1, "predict", *members, "--split", "test", "-o", f"{folder}/{name}.h5")
        with h5py.File(f"{folder}/{name}.h5") as file:
            outputs.append(file["probabilities"][()])
            assert (file["targets"][()] == predictions[0]).all()
            assert (file["predictions"][()] == (outputs[-1] >= 0.5)).all()
    assert np.abs(outputs[1] - (predictions[1] + outputs[0]) / 2).max() < 1e-6


def test_import_keeps_the_sets(folder, recipe, runs):
    run(1, "dataset", "import", "--format", "hdf5", recipe, "-o", f"{folder}/own.h5")
    plain = write(f"{folder}/own.yaml", open(recipe).read().replace("multi_label: true", "multi_label: false")
                  .replace("sets.h5", "own.h5"))
    assert train(1, plain, f"{folder}/own")["digest"] == runs[0]["digest"]


def test_what_does_not_fit_is_refused(folder, recipe, data, runs):
    twos = "data.splits={train: {images: /train/images, labels: /train/twos}}"
    table = [
        refuses_to_train("loss", RUN_FILE, ("cross_entropy needs one class", "binary_cross_entropy"),
                         "loss=cross_entropy"),
        refuses_to_train("metric", RUN_FILE, ("checkpoint.best", "top5 is for classes", "sets of classes"),
                         "checkpoint.best=top5"),
        refuses_to_train("sampling", RUN_FILE, ("train.sampling", "sets of classes"), "train.sampling=balanced"),
        refuses_to_train("flag", DATA, ("not one-hot", "data.multi_label"), "data.multi_label=false",
                         "loss=cross_entropy", "checkpoint.best="),
        refuses_to_train("twos", DATA, ("/train/twos", "is 2", "data.multi_label"), twos),
    ]
    for refusal_of, ending in zip(table, endings(table, folder, (1,)).values()):
        assert (ending.code, len(ending.lines), ending.wrote) == (refusal_of.code, 1, False), ending.stderr
        assert all(word in ending.lines[0] for word in refusal_of.says), ending.stderr
