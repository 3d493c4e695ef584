"""Which checkpoint is best.h5: the metric that checkpoint.best names, and of equal figures the lower loss. Classes
without samples have no accuracy."""
import os

import pytest

from support.program import RUN_FILE, refusal, result, run, settings
from support.runs import train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

CLASSES = ("near", "far", "absent")
CENTRES = np.array(((4, 0), (-4, 0), (0, 4)))


@pytest.fixture(scope="module")
def data(folder):
    """Two classes that are easy to tell apart, and a third that only the training split has."""
    random = np.random.default_rng(4)
    with h5py.File(f"{folder}/data.h5", "w") as file:
        for split, count, classes in (("train", 90, 3), ("validation", 40, 2)):
            labels = np.arange(count) % classes
            images = random.normal(0, 0.5, (count, 1, 1, 2)) + CENTRES[labels][:, None, None]
            file[f"{split}/images"], file[f"{split}/labels"] = images.astype(np.float32), labels
        file["classes"] = np.array(CLASSES, dtype="S")
    return f"{folder}/data.h5"


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}}}
preprocess: {{center: none, scale: none}}
model:
  - flatten
  - linear: {{out: 3}}
optimizer: {{sgd: {{rate: 0.1}}}}
train: {{batch: 30, length: 25 epochs}}
checkpoint: {{keep: 0}}
""")


@pytest.fixture(scope="module")
def trained(folder, recipe):
    """A function: the run by a choice of checkpoint.best."""
    runs = {}

    def by(best):
        if best not in runs:
            runs[best] = train(1, recipe, f"{folder}/{best}", *settings(f"checkpoint.best={best}"))
        return runs[best]
    return by


def validations(of):
    """(step, accuracy, loss) of each."""
    return [(line["step"], line["validation_accuracy"], line["validation_loss"]) for line in of.metrics("epoch")]


def step_of(link):
    return int(os.path.basename(os.path.realpath(link))[5:14])


def test_many_validations_are_equal(trained):
    accuracies = [accuracy for _, accuracy, _ in validations(trained("auto"))]
    assert accuracies.count(max(accuracies)) > 5


@pytest.mark.parametrize("best", ("auto", "accuracy"))
def test_equal_figures_are_decided_by_loss(trained, best):
    ranked = validations(trained(best))
    expected = min(ranked, key=lambda line: (-line[1], line[2]))[0]
    assert step_of(trained(best).checkpoint("best.h5")) == trained(best)["best_step"] == expected


def test_the_loss_alone_decides_if_it_is_the_metric(trained):
    expected = min(validations(trained("loss")), key=lambda line: line[2])
    assert step_of(trained("loss").checkpoint("best.h5")) == expected[0]
    assert trained("loss")["best_loss"] == pytest.approx(expected[2], rel=1e-6)


def test_inspect_names_the_metric(trained):
    assert result(1, "inspect", trained("loss").checkpoint())["progress"]["best_figure"] == "loss"


def test_a_resumed_run_goes_on_comparing(folder, recipe, trained):
    words = ["train", recipe, "--out", f"{folder}/parts", "--quiet", *settings("checkpoint.best=loss")]
    run(1, *words, "--stop-after", 40)
    again = result(1, *words, "--resume")
    assert (again["best_step"], again["best_loss"]) == (trained("loss")["best_step"], trained("loss")["best_loss"])


def test_another_metric_is_refused_when_a_run_resumes(recipe, trained):
    line = refusal(RUN_FILE, "train", recipe, "--out", trained("auto").out, "--resume",
                   *settings("checkpoint.best=loss"))
    assert "checkpoint.best" in line


def test_top5_is_not_measured_with_few_classes(scratch, recipe, trained):
    line = refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", *settings("checkpoint.best=top5"))
    assert "checkpoint.best=top5: top5 needs at least 6 classes" in line and "has 3" in line
    assert not any("validation_top5" in epoch for epoch in trained("auto").metrics("epoch"))


@pytest.mark.parametrize("key", (
    ["checkpoint.best=r2"],
    ["early_stopping.metric=rmse", "early_stopping.patience=3"],
    ["schedule={plateau: {metric: r2}}"],
), ids=lambda key: key[0])
def test_a_metric_of_values_is_refused_for_classes(scratch, recipe, key):
    line = refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", *settings(*key))
    assert "the targets of" in line


def test_a_metric_needs_a_validation(scratch, recipe):
    line = refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out",
                   *settings("checkpoint.best=loss", "data.validation=none"))
    assert "data.validation is none" in line


@pytest.mark.parametrize("metric", ("roc_auc", "pr_auc", "f1_macro", "balanced_accuracy", "log_loss"))
def test_metrics_for_classes_of_unequal_size_decide_too(trained, metric):
    lines = [(line["step"], line[f"validation_{metric}"], line["validation_loss"])
             for line in trained(metric).metrics("epoch")]
    sign = 1 if metric == "log_loss" else -1
    assert trained(metric)["best_step"] == min(lines, key=lambda line: (sign * line[1], line[2]))[0]


def test_areas_are_measured_only_if_something_follows_them(trained):
    assert "validation_roc_auc" not in trained("loss").metrics("epoch")[0]


class TestClassWithoutSamples:
    def test_has_no_accuracy_in_json(self, trained):
        found = result(1, "eval", trained("auto").checkpoint(), "--split", "validation")["members"][0]
        assert found["class_accuracy"] == {"near": 1, "far": 1, "absent": None}

    def test_has_a_dash_in_words(self, trained):
        said = run(1, "eval", trained("auto").checkpoint(), "--split", "validation")[0]
        assert [line.split() for line in said.splitlines() if line.endswith("absent")] == [
            ["-", "of", "0", "absent"], ["-"] * 5 + ["absent"]]
