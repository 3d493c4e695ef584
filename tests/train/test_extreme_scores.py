"""Figures of models that are very sure: scores so far apart that probabilities in single precision are 0 and 1.
Validation, eval, ensembles, test-time views and the average of weights against NumPy in double precision."""
import pytest

from support.program import DATA, refusal, result, run
from support.runs import arrays, copy_data, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

CLASSES, SIZE, SAMPLES = 7, 4, 301
WEIGHTS = (2, 1, 0.5)


def write_data(path, **targets):
    """A data set of two splits with values from -1 to 1, the second of an odd number of samples."""
    random = np.random.default_rng(5)
    with h5py.File(path, "w") as file:
        for split, count in (("train", 64), ("validation", SAMPLES)):
            file[f"{split}/images"] = random.uniform(-1, 1, (count, SIZE, SIZE, 1)).astype(np.float32)
            for name, draw in targets.items():
                file[f"{split}/{name}"] = draw(random, count)
    return path


def write_recipe(path, data, donor, loss, outputs, more=""):
    return write(path, f"""data: {{file: {data}}}
preprocess: {{center: none, scale: none}}
model:
  - flatten
  - linear: {{out: {outputs}}}
start_from: {{checkpoint: {donor}}}
loss: {loss}
optimizer: {{sgd: {{rate: 1.0e-30}}}}
train: {{batch: 64, length: 3 steps, shards: 1}}
{more}
""")


def start(folder, name, data, weight, bias, loss="cross_entropy", more=""):
    """A run whose model is x -> weight x + bias; returns the report of train and the checkpoint."""
    with h5py.File(f"{folder}/{name}.donor.h5", "w") as file:
        file["model/1.weight"], file["model/1.bias"] = weight.astype(np.float32), bias.astype(np.float32)
    recipe = write_recipe(f"{folder}/{name}.yaml", data, f"{folder}/{name}.donor.h5", loss, len(bias), more)
    return train(1, recipe, f"{folder}/{name}")


@pytest.fixture(scope="module")
def data(folder):
    return write_data(f"{folder}/data.h5", labels=lambda random, count: random.integers(0, CLASSES, count))


@pytest.fixture(scope="module")
def truth(data):
    return arrays(data, "validation")


MODELS = {scale: (np.random.default_rng(scale).normal(0, scale, (CLASSES, SIZE * SIZE)),
                  np.random.default_rng(scale + 1).normal(0, scale, CLASSES)) for scale in (1, 60, 3000)}


@pytest.fixture(scope="module")
def runs(folder, data):
    return {scale: start(folder, f"scale{scale}", data, *model) for scale, model in MODELS.items()}


def log_softmax(scores):
    shifted = scores - scores.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def log_probabilities(scale, images):
    weight, bias = (values.astype(np.float32).astype(float) for values in MODELS[scale])
    return log_softmax(images.reshape(len(images), -1).astype(float) @ weight.T + bias)


def log_mean(logs, weights=None):
    """The log of the arithmetic mean of probabilities."""
    weights = np.array(weights or [1] * len(logs), float) / sum(weights or [1] * len(logs))
    largest = np.max(logs, 0)
    return largest + np.log(sum(w * np.exp(log - largest) for w, log in zip(weights, logs)))


def loss_of(logs, labels):
    return -logs[np.arange(len(labels)), labels].mean()


def top5_of(logs, labels):
    return ((logs > logs[np.arange(len(labels)), labels][:, None]).sum(1) < 5).mean()


def about(value):
    return pytest.approx(value, rel=2e-5)


@pytest.mark.parametrize("scale", MODELS)
class TestOneModel:
    def test_has_the_validation_loss_of_its_scores(self, runs, truth, scale):
        expected = loss_of(log_probabilities(scale, truth["images"]), truth["labels"])
        assert runs[scale]["validation_loss"] == about(expected)

    def test_has_the_same_loss_in_eval(self, runs, scale):
        found = result(2, "eval", runs[scale].checkpoint(), "--split", "validation")["members"][0]
        assert found["loss"] == pytest.approx(runs[scale]["validation_loss"], rel=1e-9)

    def test_has_the_top5_accuracy_of_its_scores(self, runs, truth, scale):
        found = result(1, "eval", runs[scale].checkpoint(), "--split", "validation")["members"][0]
        logs = log_probabilities(scale, truth["images"])
        assert abs(found["top5"] - top5_of(logs, truth["labels"])) < 0.5 / SAMPLES

    def test_has_the_loss_of_the_mean_over_views(self, runs, truth, scale):
        found = result(1, "eval", runs[scale].checkpoint(), "--split", "validation", "--views", "mirror")
        logs = [log_probabilities(scale, truth["images"][:, :, ::way]) for way in (1, -1)]
        assert found["members"][0]["loss"] == about(loss_of(log_mean(logs), truth["labels"]))


def test_two_of_the_models_lose_more_than_a_float_can_say(runs):
    assert all(runs[scale]["validation_loss"] > 104 for scale in (60, 3000))


@pytest.mark.parametrize("weights", (None, WEIGHTS))
@pytest.mark.parametrize("mean", ("arithmetic", "geometric"))
class TestEnsemble:
    @pytest.fixture
    def found(self, runs, mean, weights):
        words = ["--weights", ",".join(map(str, weights))] if weights else []
        paths = [runs[scale].checkpoint() for scale in MODELS]
        return result(2, "eval", *paths, "--split", "validation", "--mean", mean, *words)["ensemble"]

    @pytest.fixture
    def logs(self, truth, mean, weights):
        members = [log_probabilities(scale, truth["images"]) for scale in MODELS]
        if mean == "arithmetic":
            return log_mean(members, weights)
        shares = np.array(weights or (1, 1, 1)) / sum(weights or (1, 1, 1))
        return log_softmax(sum(w * log for w, log in zip(shares, members)))

    def test_has_the_loss_of_its_mean(self, found, logs, truth):
        assert found["loss"] == about(loss_of(logs, truth["labels"]))

    def test_has_the_top5_accuracy_of_its_mean(self, found, logs, truth):
        assert abs(found["top5"] - top5_of(logs, truth["labels"])) < 0.5 / SAMPLES

    def test_has_the_accuracy_of_its_mean(self, found, logs, truth):
        assert abs(found["top1"] - (logs.argmax(1) == truth["labels"]).mean()) < 0.5 / SAMPLES


def test_the_average_of_weights_has_the_loss_of_its_scores(folder, data, truth):
    report = start(folder, "averaged", data, *MODELS[60], more="average: {ema: {decay: 0.5}}")
    expected = loss_of(log_probabilities(60, truth["images"]), truth["labels"])
    assert report["average_loss"] == about(expected)


def test_the_class_that_predict_writes_is_the_one_that_eval_counts(folder, runs, truth):
    run(2, "predict", runs[3000].checkpoint(), "--split", "validation", "-o", f"{folder}/p.h5")
    found = arrays(f"{folder}/p.h5", "/")["predictions"]
    assert (found == log_probabilities(3000, truth["images"]).argmax(1)).all()


def test_a_sample_whose_values_overflow_is_blamed_and_not_the_model(folder, runs, data):
    path = copy_data(f"{folder}/huge.h5", data)
    with h5py.File(path, "r+") as file:
        file["validation/images"][7] = 3e38
    line = refusal(DATA, "eval", runs[3000].checkpoint(), "--data", path, "--split", "validation")
    assert f"for sample 7 of split validation of {path}, which holds 3e+38, once preprocessed" in line


def test_values_of_large_mean_and_small_deviation_keep_their_digits(folder):
    """In single precision, 1,000,000.05 is 1,000,000.06: the error of a perfect model would be of that size."""
    mean, deviation = 1e6, 0.25
    weight = np.random.default_rng(8).normal(0, 1, (1, SIZE * SIZE)).astype(np.float32)
    values = write_data(f"{folder}/values.h5", targets=lambda random, count: np.zeros((count, 1), np.float32))
    with h5py.File(values, "r+") as file:
        for split in ("train", "validation"):
            x = file[f"{split}/images"][()].reshape(-1, SIZE * SIZE).astype(float)
            file[f"{split}/targets"][...] = mean + deviation * np.round(x @ weight.T)
    report = start(folder, "values", values, weight, np.zeros(1), loss="mse")
    there, train_targets = arrays(values, "validation"), arrays(values, "train")["targets"].astype(float)
    scores = there["images"].reshape(SAMPLES, -1).astype(float) @ weight.astype(float).T
    predictions = train_targets.mean(0) + train_targets.std(0) * scores
    errors = predictions - there["targets"].astype(float)
    assert report["validation_rmse"] == pytest.approx(np.sqrt((errors ** 2).mean()), rel=1e-6)
    assert report["validation_loss"] == pytest.approx(((errors / train_targets.std(0)) ** 2).mean(), rel=1e-6)
