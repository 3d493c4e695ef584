"""Targets that are values: trained, resumed and evaluated with the same bits on any number of ranks; R2 and RMSE
against NumPy; distributions over classes; what does not go together is refused by name."""
import csv

import pytest

from support.program import CHECKPOINT, DATA, RUN_FILE, USAGE, refusal, result, run, settings
from support.runs import arrays, train
from support.runs import write as write_text

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

NAMES = ["mass, kg", "drift"]


def write_data(path, splits, **names):
    """A data set of the arrays of each split; `names`: classes or target_names."""
    with h5py.File(path, "w") as file:
        for split, arrays_of in splits.items():
            for name, values in arrays_of.items():
                file[f"{split}/{name}"] = values
        for name, texts in names.items():
            file[name] = np.array([text.encode() for text in texts])
    return path


def write_run_file(path, data, loss="mse", outputs=2, preprocess=""):
    return write_text(path, f"""data: {{file: {data}}}
preprocess: {{center: none, scale: none{preprocess}}}
model:
  - flatten
  - linear: {{out: 24}}
  - relu
  - linear: {{out: {outputs}}}
loss: {loss}
optimizer: {{nesterov: {{rate: 0.05, momentum: 0.9}}}}
schedule: cosine
train: {{batch: 60, shards: 4, length: 20 epochs, seed: 3}}
checkpoint: {{every: 10 steps, keep: 0}}
""")


def draw_samples(rng, count):
    """Two targets of a non-linear function, of very different units."""
    x = rng.normal(size=(count, 2, 3, 1)).astype(np.float32)
    z = x.reshape(count, 6)
    y = np.stack([5000 + 300 * z[:, 0] - 200 * np.abs(z[:, 1]), 0.01 * z[:, 2] * (z[:, 3] > 0) - 0.3], 1)
    return {"images": x, "targets": (y + rng.normal(size=y.shape) * [20, 0.0005]).astype(np.float32)}


def rmse_and_r2(predictions, truth):
    """Both figures of each target."""
    errors = ((predictions.astype(float) - truth) ** 2).mean(0)
    return np.sqrt(errors), 1 - errors / truth.astype(float).var(0)


@pytest.fixture(scope="module")
def sets(seed):
    rng = np.random.default_rng(seed + 4)
    return {"train": draw_samples(rng, 1030), "validation": draw_samples(rng, 211), "test": draw_samples(rng, 431)}


@pytest.fixture(scope="module")
def data(folder, sets):
    return write_data(f"{folder}/values.h5", sets, target_names=NAMES)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(f"{folder}/run.yaml", data)


@pytest.fixture(scope="module")
def whole(folder, recipe):
    return train(1, recipe, f"{folder}/n1")


class TestTraining:
    @pytest.mark.parametrize("ranks", (2, 4))
    def test_gives_the_same_bits_on_more_ranks(self, folder, recipe, whole, ranks):
        assert train(ranks, recipe, f"{folder}/n{ranks}")["digest"] == whole["digest"]

    @pytest.fixture(scope="class")
    def resumed(self, folder, recipe):
        """Stopped in the middle of an epoch on 2 ranks and resumed on 4."""
        run(2, "train", recipe, "--out", f"{folder}/resumed", "--quiet", "--stop-after", 35)
        return train(4, recipe, f"{folder}/resumed", "--resume")

    @pytest.mark.parametrize("key", ("digest", "train_loss", "train_rmse", "validation_loss", "validation_rmse",
                                     "validation_r2", "best_loss", "best_step"))
    def test_gives_the_same_figures_when_resumed(self, whole, resumed, key):
        assert resumed[key] == whole[key]

    def test_learns(self, whole):
        assert whole["validation_r2"] > 0.9

    @pytest.mark.parametrize("key", ("train_accuracy", "validation_accuracy"))
    def test_reports_no_accuracy(self, whole, key):
        assert key not in whole

    def test_has_the_rmse_of_each_step_in_the_metrics(self, whole):
        assert all("rmse" in line and "accuracy" not in line for line in whole.metrics("step"))

    def test_has_the_rmse_of_an_epochs_steps_in_the_metrics(self, whole):
        """18 steps an epoch, the last of 10 samples."""
        squares = sum(line["rmse"] ** 2 * (60 if number < 17 else 10)
                      for number, line in enumerate(whole.metrics("step")[:18]))
        assert whole.metrics("epoch")[0]["train_rmse"] == pytest.approx(np.sqrt(squares / 1030), rel=1e-5)

    @pytest.fixture(scope="class")
    def best(self, whole):
        """The record of the epoch with the lowest validation loss."""
        return min(whole.metrics("epoch"), key=lambda line: line["validation_loss"])

    def test_has_the_lowest_validation_loss_in_the_best_checkpoint(self, whole, best):
        assert (best["step"], best["validation_loss"]) == (whole["best_step"],
                                                           pytest.approx(whole["best_loss"], rel=1e-6))

    @pytest.fixture(scope="class")
    def best_figures(self, folder, whole, sets):
        run(1, "predict", whole.checkpoint("best.h5"), "--split", "validation", "-o", f"{folder}/v.h5")
        return rmse_and_r2(arrays(f"{folder}/v.h5", "/")["predictions"], sets["validation"]["targets"])

    def test_validates_with_the_r2_of_its_predictions(self, best, best_figures):
        assert best["validation_r2"] == pytest.approx(best_figures[1].mean(), rel=1e-6)

    def test_validates_with_the_rmse_of_its_predictions(self, best, best_figures):
        rmse = np.sqrt((best_figures[0]**2).mean())
        assert best["validation_rmse"] == pytest.approx(rmse, rel=1e-6)

    @pytest.mark.parametrize("metric, words", (("accuracy", "on the R2"), ("loss", "on the loss")))
    def test_stops_early_by_r2_or_loss(self, scratch, recipe, metric, words):
        said = run(1, "train", recipe, "--out", f"{scratch}/early", *settings(
            "early_stopping.patience=1", "early_stopping.minimum_improvement=0.5",
            f"early_stopping.metric={metric}"))[1]
        assert "stopped early" in said and words in said


class TestSingleValidationSample:
    @pytest.fixture(scope="class")
    def recipe(self, folder, sets):
        one = dict(sets, validation={name: values[:1] for name, values in sets["validation"].items()})
        return write_run_file(f"{folder}/single.yaml", write_data(f"{folder}/single.h5", one))

    def test_has_no_r2(self, scratch, recipe):
        trained = train(1, recipe, f"{scratch}/single", *settings("train.length=1 epochs"))
        assert trained["validation_r2"] is None and trained["validation_rmse"] > 0
        assert all(epoch["validation_r2"] is None for epoch in trained.metrics("epoch"))
        assert "R2 -" in run(1, "inspect", trained.checkpoint())[0]

    def test_says_nothing_of_a_single_sample_that_is_learnt_by_heart(self, scratch, recipe):
        out, more = f"{scratch}/one", settings("train.length=2 steps", "train.shards=1")
        assert "overfit     not known: R2 needs" in run(1, "train", recipe, "--out", out, "--overfit", 1, *more)[0]
        assert train(1, recipe, f"{scratch}/two", "--overfit", 1, *more).report["overfit"] is None

    def test_says_nothing_of_targets_that_are_the_same(self, scratch, sets):
        same = {split: dict(values, targets=np.full_like(values["targets"], 3.5)) for split, values in sets.items()}
        recipe = write_run_file(f"{scratch}/same.yaml", write_data(f"{scratch}/same.h5", same))
        words = ("train", recipe, "--overfit", 10, *settings("train.length=2 steps", "train.shards=1"))
        assert "overfit     not known: R2 needs" in run(1, *words, "--out", f"{scratch}/a")[0]
        assert result(1, *words, "--out", f"{scratch}/b")["overfit"] is None

    @pytest.mark.parametrize("key", ("checkpoint.best=r2", "early_stopping={patience: 2}",
                                     "schedule={plateau: {metric: r2}}"))
    def test_cannot_be_followed_by_r2(self, scratch, recipe, key):
        line = refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", *settings(key))
        assert "r2 needs at least 2 samples; split validation of " in line


@pytest.fixture(scope="module")
def members(folder, data, whole):
    """Checkpoints of three losses."""
    found = [whole.checkpoint("best.h5")]
    for number, loss in enumerate(("mae", "{huber: {delta: 0.5}}")):
        recipe = write_run_file(f"{folder}/{number}.yaml", data, loss)
        found.append(train(2, recipe, f"{folder}/{number}", *settings(f"train.seed={number}")).checkpoint())
    return found


@pytest.fixture(scope="module")
def predicted(folder, members):
    """What predict writes of each member."""
    for number, member in enumerate(members):
        run(2, "predict", member, "--split", "test", "-o", f"{folder}/p{number}.h5")
    return [arrays(f"{folder}/p{number}.h5", "/") for number in range(len(members))]


@pytest.fixture(scope="module")
def truth(sets):
    return sets["test"]["targets"]


@pytest.fixture(scope="module")
def reports(members):
    """What eval reports on 1, 2 and 3 ranks."""
    return [result(ranks, "eval", *members, "--weights", "2,1,1") for ranks in (1, 2, 3)]


def test_eval_gives_the_same_figures_on_any_ranks(reports):
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize("member", range(3))
class TestPredictionsOfOneMember:
    def test_come_with_the_truth_in_the_order_of_the_split(self, predicted, truth, member):
        assert (predicted[member]["targets"] == truth).all()

    def test_come_with_the_names_of_the_targets(self, predicted, member):
        assert [name.decode() for name in predicted[member]["target_names"]] == NAMES

    def test_have_the_loss_in_the_units_that_it_was_trained_in(self, predicted, truth, reports, sets, member):
        scale = sets["train"]["targets"].astype(float).std(0)
        difference = np.abs(predicted[member]["predictions"].astype(float) - truth) / scale
        huber = np.where(difference <= 0.5, difference**2 / 2, 0.5 * (difference - 0.25))
        loss = (difference**2, difference, huber)[member].mean()
        assert reports[0]["members"][member]["loss"] == pytest.approx(loss, rel=1e-4)


@pytest.fixture(scope="module", params=(0, 1, 2, "ensemble"))
def evaluated(request, reports, predicted):
    """What eval reports of a member or of the ensemble, and the predictions."""
    predictions = [there["predictions"] for there in predicted]
    if request.param == "ensemble":
        together = (2 * predictions[0].astype(float) + predictions[1] + predictions[2]) / 4
        return reports[0]["ensemble"], together.astype(np.float32)
    return reports[0]["members"][request.param], predictions[request.param]


class TestEvaluation:
    def test_reports_the_rmse_of_each_target(self, evaluated, truth):
        report, predictions = evaluated
        rmse, _ = rmse_and_r2(predictions, truth)
        assert [report["targets"][name]["rmse"] for name in NAMES] == pytest.approx(list(rmse), rel=1e-5)

    def test_reports_the_r2_of_each_target(self, evaluated, truth):
        report, predictions = evaluated
        _, r2 = rmse_and_r2(predictions, truth)
        assert [report["targets"][name]["r2"] for name in NAMES] == pytest.approx(list(r2), rel=1e-5)

    def test_reports_the_rmse_over_all_targets(self, evaluated, truth):
        report, predictions = evaluated
        rmse, _ = rmse_and_r2(predictions, truth)
        assert report["rmse"] == pytest.approx(np.sqrt((rmse**2).mean()), rel=1e-5)

    def test_reports_the_mean_r2(self, evaluated, truth):
        report, predictions = evaluated
        _, r2 = rmse_and_r2(predictions, truth)
        assert report["r2"] == pytest.approx(r2.mean(), rel=1e-5)


@pytest.fixture(scope="module")
def table(folder, members):
    """The rows of the ensemble's predictions as CSV."""
    run(2, "predict", *members, "-o", f"{folder}/all.csv")
    with open(f"{folder}/all.csv") as file:
        return list(csv.reader(file))


def columns(table, first, last):
    return np.array([[float(field) for field in row[first:last]] for row in table[1:]], np.float32)


def test_a_csv_names_its_columns(table):
    assert table[0] == ["sample", "source", "true mass, kg", "true drift", "mass, kg", "drift"]


def test_a_csv_has_the_truth(table, truth):
    assert (columns(table, 2, 4) == truth).all()


def test_a_csv_has_the_predictions_of_the_ensemble(table, predicted):
    expected = sum(there["predictions"].astype(float) for there in predicted) / 3
    assert np.allclose(columns(table, 4, 6), expected, rtol=1e-6)


class TestConstantTarget:
    """A target that never varies has no variance to explain."""

    @pytest.fixture(scope="class")
    def data(self, folder, sets):
        flat = {split: dict(there, targets=np.stack([there["targets"][:, 1],
                                                     np.full(len(there["targets"]), 0.1, np.float32)], 1))
                for split, there in sets.items()}
        return write_data(f"{folder}/flat.h5", flat, target_names=["a", "b"])

    @pytest.fixture(scope="class")
    def trained(self, folder, data):
        return train(1, write_run_file(f"{folder}/flat.yaml", data), f"{folder}/flat")

    def test_is_trained(self, trained):
        assert np.isfinite(trained["train_rmse"])

    @pytest.fixture(scope="class")
    def report(self, trained):
        return result(1, "eval", trained.checkpoint())["members"][0]["targets"]["b"]

    def test_has_an_r2_of_0_or_1(self, report):
        assert report["r2"] in (0, 1)

    def test_is_learned(self, report):
        assert report["rmse"] < 0.1

    def test_has_the_squared_rmse_as_loss_if_targets_are_not_scaled(self, folder, data):
        raw = train(1, write_run_file(f"{folder}/raw.yaml", data, preprocess=", targets: none"), f"{folder}/raw")
        assert raw["validation_loss"] == pytest.approx(raw["validation_rmse"] ** 2, rel=1e-5)


CLASSES = ["dark", "grey", "light"]


class TestClasses:
    """Labels, and distributions over classes: one-hot ones are labels, to the bit."""

    @pytest.fixture(scope="class")
    def images(self, seed):
        return np.random.default_rng(seed + 5).integers(0, 255, size=(600, 4, 4, 1), dtype=np.uint8)

    @pytest.fixture(scope="class")
    def labels(self, images):
        return (images[:, 0, 0, 0] // 86).astype(np.int32)

    @pytest.fixture(scope="class")
    def soft(self, labels):
        return (0.8 * np.eye(3)[labels] + 0.2 / 3).astype(np.float32)

    @pytest.fixture(scope="class")
    def files(self, folder, images, labels, soft):
        parts = {"train": slice(0, 400), "validation": slice(400, 500), "test": slice(500, 600)}
        targets = {"hard": ("labels", labels), "one-hot": ("targets", np.eye(3, dtype=np.float32)[labels]),
                   "soft": ("targets", soft)}
        return {kind: write_data(f"{folder}/{kind}.h5", {split: {"images": images[part], name: values[part]}
                                                         for split, part in parts.items()}, classes=CLASSES)
                for kind, (name, values) in targets.items()}

    @pytest.fixture(scope="class")
    def trained(self, folder, files):
        return {kind: train(2, write_run_file(f"{folder}/{kind}.yaml", path, "cross_entropy", 3), f"{folder}/{kind}",
                            *settings("preprocess.scale=range")) for kind, path in files.items()}

    def test_one_hot_distributions_train_as_labels_do_to_the_bit(self, trained):
        assert trained["hard"]["digest"] == trained["one-hot"]["digest"]

    def test_soft_labels_train_otherwise(self, trained):
        assert trained["soft"]["digest"] != trained["hard"]["digest"]

    def test_soft_labels_have_an_accuracy_by_their_largest_class(self, trained):
        assert trained["soft"]["validation_accuracy"] > 0.6

    @pytest.mark.parametrize("kind, expected", (("hard", False), ("soft", True)))
    def test_info_says_which_labels_are_soft(self, files, kind, expected):
        assert ("soft labels, digest" in run(1, "dataset", "info", files[kind])[0]) == expected

    @pytest.mark.parametrize("kind, expected", (("hard", False), ("soft", True)))
    def test_info_says_in_json_which_labels_are_soft(self, files, kind, expected):
        assert result(1, "dataset", "info", files[kind])["splits"]["train"]["soft_labels"] == expected

    def test_inspect_shows_the_accuracy_of_classes_and_no_r2(self, trained):
        progress = result(1, "inspect", trained["hard"].checkpoint())["progress"]
        assert "validation_accuracy" in progress and "validation_r2" not in progress

    def test_inspect_shows_the_r2_of_values_and_no_accuracy(self, whole):
        progress = result(1, "inspect", whole.checkpoint())["progress"]
        assert "validation_r2" in progress and "validation_accuracy" not in progress

    @pytest.fixture(scope="class")
    def predicted(self, folder, trained):
        run(1, "predict", trained["soft"].checkpoint(), "-o", f"{folder}/soft-p.h5")
        return arrays(f"{folder}/soft-p.h5", "/")

    def test_the_label_of_a_distribution_is_its_largest_class(self, predicted, labels):
        assert (predicted["labels"] == labels[500:]).all()

    def test_eval_finds_the_loss_on_distributions(self, predicted, trained, soft):
        report = result(2, "eval", trained["soft"].checkpoint())["members"][0]
        loss = -(soft[500:] * np.log(predicted["probabilities"].astype(float))).sum(1).mean()
        assert report["loss"] == pytest.approx(loss, rel=1e-6)

    @pytest.fixture(scope="class")
    def train_with(self, folder, files):
        """A function that trains on labels with a loss."""
        def train_it(loss, name):
            recipe = write_run_file(f"{folder}/{name}.yaml", files["hard"], loss, 3)
            return train(2, recipe, f"{folder}/{name}", *settings("preprocess.scale=range"))
        return train_it

    @pytest.fixture(scope="class")
    def svm(self, train_with):
        return train_with("svm", "svm")

    def test_svm_learns(self, svm):
        assert svm["validation_accuracy"] > 0.6

    @pytest.mark.parametrize("loss, name", (("{svm: {squared: true}}", "squared"), ("mse", "mse")))
    def test_other_losses_learn(self, train_with, loss, name):
        assert train_with(loss, name)["validation_accuracy"] > 0.6

    def test_svm_has_the_loss_of_the_scores_that_predict_writes(self, scratch, svm, labels):
        run(1, "predict", svm.checkpoint(), "-o", f"{scratch}/svm.h5")
        scores = arrays(f"{scratch}/svm.h5", "/")["scores"].astype(float)
        of_label = scores[np.arange(100), labels[500:]][:, None]
        margins = np.maximum(0, scores - of_label + 1).sum(1) - 1
        assert result(1, "eval", svm.checkpoint())["members"][0]["loss"] == pytest.approx(margins.mean(), rel=1e-6)

    def test_scores_and_probabilities_are_no_ensemble(self, trained, svm):
        line = refusal(CHECKPOINT, "eval", trained["hard"].checkpoint("best.h5"), svm.checkpoint("best.h5"))
        assert "predicts scores (loss svm)" in line


@pytest.mark.parametrize("words, options", (
    ("loss: cross_entropy needs classes, the targets of", dict(loss="cross_entropy")),
    ("expected one of mse, mae, huber", dict(loss="svm")),
    ("the model has 3 outputs", dict(outputs=3)),
))
def test_run_files_that_do_not_fit_the_targets_are_refused(scratch, data, words, options):
    recipe = write_run_file(f"{scratch}/run.yaml", data, **options)
    assert words in refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", alone=False)


@pytest.mark.parametrize("words, arguments", (
    ("--confusion: needs classes", ["eval", "{model}", "--confusion"]),
    ("--mean geometric: averages probabilities", ["eval", "{model}", "{model}", "--mean", "geometric"]),
    ("--mean arithmetic: needs several checkpoints, found one", ["eval", "{model}", "--mean", "arithmetic"]),
    ("--weights 2: needs several checkpoints, found one", ["predict", "{model}", "--weights", "2", "-o", "{out}"]),
))
def test_flags_that_do_not_fit_the_model_are_refused(scratch, whole, words, arguments):
    names = dict(model=whole.checkpoint("best.h5"), out=f"{scratch}/one.h5")
    assert words in refusal(USAGE, *(word.format(**names) for word in arguments))


@pytest.mark.parametrize("words, values, names", (
    ("its target 1 is 'drift', in ", {"targets": [[1, 1]] * 9}, {"target_names": ["mass, kg", "drifts"]}),
    ("predicts values, the targets of", {"labels": [0, 1, 2] * 3}, {"classes": ["x", "y", "z"]}),
))
def test_a_data_set_with_other_targets_is_refused(scratch, whole, words, values, names):
    kinds = {"targets": np.float32, "labels": np.int64}
    split = {name: np.array(rows, kinds[name]) for name, rows in values.items()}
    split["images"] = np.zeros((9, 2, 3, 1), np.float32)
    other = write_data(f"{scratch}/other.h5", {"test": split}, **names)
    assert words in refusal(CHECKPOINT, "eval", whole.checkpoint("best.h5"), "--data", other)


def floats(values):
    return np.array(values, np.float32)


BAD_TARGETS = [
    ("has labels as well as targets", {"labels": [0, 1, 0, 1], "targets": np.ones((4, 2), "f4")}, {}),
    ("row 2, 'speed': is nan, expected a number", {"targets": floats([0, 1, np.nan, 3])}, {"target_names": ["speed"]}),
    ("row 1, 'target 0': is inf", {"targets": floats([[0], [np.inf], [2], [3]])}, {}),
    ("has 3 rows for 4 images", {"targets": np.ones((3, 2), "f4")}, {}),
    ("has 3 dimensions, expected 2: (N, outputs)", {"targets": np.ones((4, 2, 2), "f4")}, {}),
    ("has 2 columns, expected 3: one for each target", {"targets": np.ones((4, 2), "f4")},
     {"target_names": ["a", "b", "c"]}),
    ("has 2 columns, expected 3: one for each class", {"targets": np.ones((4, 2), "f4")},
     {"classes": ["a", "b", "c"]}),
    ("row 0 sums to 2, expected 1", {"targets": np.ones((4, 2), "f4")}, {"classes": ["a", "b"]}),
    ("row 0, 'a': is -1, expected a probability", {"targets": floats([[-1, 2]] * 4)}, {"classes": ["a", "b"]}),
    ("both /classes and /target_names", {"targets": np.ones((4, 1), "f4")}, {"classes": ["a"], "target_names": ["a"]}),
    ("has labels, but the file has /target_names", {"labels": [0, 1, 0, 1]}, {"target_names": ["a"]}),
    ("holds", {"targets": np.array([b"a", b"b", b"c", b"d"])}, {}),
]
IMAGES = np.ones((4, 1, 1, 1), np.float32)


@pytest.mark.parametrize("words, split, names", BAD_TARGETS, ids=[case[0] for case in BAD_TARGETS])
def test_bad_targets_are_refused(scratch, words, split, names):
    bad = write_data(f"{scratch}/bad.h5", {"train": dict(split, images=IMAGES)}, **names)
    assert words in refusal(DATA, "dataset", "info", bad)


def test_splits_with_targets_of_two_kinds_are_refused(scratch):
    bad = write_data(f"{scratch}/bad.h5", {"train": {"images": IMAGES, "targets": np.ones((4, 1), "f4")},
                                           "test": {"images": IMAGES, "labels": [0, 0, 1, 1]}})
    assert "/test: has labels" in refusal(DATA, "dataset", "info", bad)
