"""Averages of weights: the same bits on 1, 2 and 4 ranks, and killed and resumed on another number; the saved
average is what NumPy makes of the saved weights; validated, evaluated and predicted with, shown, refused."""
import json

import pytest

from support.program import CHECKPOINT, RUN_FILE, USAGE, refusal, result, run, settings
from support.runs import MODEL, arrays, kill_midway, synthesize, train, train_on_ranks, write, write_run_file

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

AVERAGES = {
    "ema": "{ema: {decay: 0.9}}",
    "polyak": "{polyak: {start: 7 steps, batches: 3}}",
    "swa": "{swa: {start: 5 steps, every: 5 steps, batches: all}}",
}
KILLS = {"ema": (4, 4, 2), "polyak": (1, 9, 4), "swa": (2, 11, 1)}  # ranks, first step, ranks that resume


def doubles(path, group):
    return {name: values.astype(float) for name, values in arrays(path, group).items()}


def weight_of_step(name, step):
    """The weight with which the state after a step enters the average."""
    if name == "ema":
        return 1 if step == 1 else 1 - min(0.9, step / (9 + step))
    if name == "polyak":
        return 1 / (step - 6) if step >= 7 else 0
    return 5 / step if step % 5 == 0 else 0


def expected_average(run, name):
    """From the checkpoints of every step."""
    mean = None
    for step in range(1, 21):
        state, weight = doubles(run.checkpoint(f"step-{step:09d}.h5"), "model"), weight_of_step(name, step)
        if weight == 1:
            mean = state
        elif weight:
            mean = {key: value + weight * (state[key] - value) for key, value in mean.items()}
    return mean


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=300, test=210, validation=100)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, every="1 steps")


@pytest.fixture(scope="module")
def plain(folder, recipe):
    """A run without an average."""
    return train(1, recipe, f"{folder}/plain")


@pytest.fixture(scope="module", params=AVERAGES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def on_one_rank(folder, recipe):
    """The run with each average."""
    return {name: train(1, recipe, f"{folder}/{name}", *settings(f"average={average}"))
            for name, average in AVERAGES.items()}


@pytest.fixture(scope="module")
def whole(on_one_rank, name):
    return on_one_rank[name]


@pytest.fixture(scope="module")
def polyak(on_one_rank):
    return on_one_rank["polyak"]


@pytest.fixture(scope="module", params=(2, 4, "killed"))
def other(request, folder, recipe, name):
    """The same run on other ranks, and killed and resumed."""
    out, more = f"{folder}/{name}-{request.param}", settings(f"average={AVERAGES[name]}")
    if request.param != "killed":
        return train(request.param, recipe, out, *more)
    first, step, second = KILLS[name]
    kill_midway(first, step, 20, out, "train", recipe, "--quiet", *more)
    return train(second, recipe, out, "--resume", *more)


@pytest.fixture(scope="module")
def saved(whole):
    return doubles(whole.checkpoint(), "average")


@pytest.fixture(scope="module")
def expected(whole, name):
    return expected_average(whole, name)


@pytest.fixture(scope="module")
def evaluated(whole):
    """What eval finds of the average on 1 and on 2 ranks, and of the model."""
    words = ("eval", whole.checkpoint(), "--split", "validation")
    average = [result(ranks, *words)["members"][0] for ranks in (1, 2)]
    return average, result(1, *words, "--parameters", "model")["members"][0]


@pytest.fixture(scope="module")
def summary(recipe, whole, name):
    """The lines that a finished run says when it is resumed."""
    return run(1, "train", recipe, "--out", whole.out, "--resume", "--quiet",
               *settings(f"average={AVERAGES[name]}"))[0].splitlines()


def running(name):
    return "running_" in name


class TestAverage:
    def test_is_not_the_model(self, whole):
        assert whole["average_digest"] != whole["digest"]

    def test_has_a_digest(self, whole):
        assert len(whole["average_digest"]) == 32

    def test_leaves_the_model_as_it_would_be_without(self, whole, plain):
        assert whole["digest"] == plain["digest"]

    def test_has_the_same_bits_on_other_ranks_and_when_resumed(self, whole, other):
        assert other["average_digest"] == whole["average_digest"]

    def test_leaves_the_model_the_same_on_other_ranks_and_when_resumed(self, whole, other):
        assert other["digest"] == whole["digest"]

    def test_has_the_same_figures_on_other_ranks_and_when_resumed(self, whole, other):
        assert other.metrics("epoch") == whole.metrics("epoch")

    def test_is_saved_under_the_names_of_the_model(self, saved, expected):
        assert saved.keys() == expected.keys()

    def test_is_what_numpy_makes_of_the_saved_weights(self, saved, expected, name):
        keys = [key for key in expected if name == "ema" or not running(key)]
        assert [key for key in keys if not np.allclose(saved[key], expected[key], rtol=1e-4, atol=1e-6)] == []

    def test_has_running_statistics_that_were_measured(self, saved, expected, name):
        """All but an exponential average, which averages the statistics too."""
        statistics = [key for key in expected if running(key)]
        differ = any(not np.allclose(saved[key], expected[key], rtol=1e-3) for key in statistics)
        assert differ == (name != "ema")

    def test_is_evaluated_the_same_on_2_ranks(self, evaluated):
        assert evaluated[0][0] == evaluated[0][1]

    def test_is_what_eval_takes_as_it_says(self, evaluated):
        average, model = evaluated
        assert (average[0]["parameters"], model["parameters"]) == ("average", "model")

    def test_has_its_loss_in_the_validation(self, whole, evaluated):
        assert whole.metrics("epoch")[-1]["average_loss"] == pytest.approx(evaluated[0][0]["loss"], rel=1e-6)

    def test_has_its_accuracy_in_the_validation(self, whole, evaluated):
        assert whole.metrics("epoch")[-1]["average_accuracy"] == pytest.approx(evaluated[0][0]["top1"], rel=1e-6)

    def test_leaves_the_models_loss_in_the_validation(self, whole, evaluated):
        assert whole.metrics("epoch")[-1]["validation_loss"] == pytest.approx(evaluated[1]["loss"], rel=1e-6)

    def test_has_another_loss_than_the_model(self, evaluated):
        assert evaluated[0][0]["loss"] != pytest.approx(evaluated[1]["loss"], rel=1e-6)

    def test_chooses_the_best_checkpoint(self, whole):
        accuracies = [line.get("average_accuracy", line["validation_accuracy"]) for line in whole.metrics("epoch")]
        assert whole["best_accuracy"] == pytest.approx(max(accuracies), rel=1e-6)

    def test_has_the_best_figure_on_its_line_of_the_summary(self, summary):
        assert [line.split()[0] for line in summary if "(best " in line] == ["average"]

    def test_has_its_digest_after_the_models_in_the_summary(self, summary, whole):
        at = next(number for number, line in enumerate(summary) if line.startswith("digest "))
        assert [line.split() for line in summary[at:at + 2]] == [
            ["digest", whole["digest"]], [whole["average_digest"], "(average)"]]


class TestMeasuredStatistics:
    """A batch normalisation of known inputs: of a linear layer's outputs, with the averaged weights."""

    @pytest.fixture(scope="class")
    def latest(self, folder, data):
        recipe = write(f"{folder}/first.yaml", f"""data: {{file: {data}, validation: none}}
model: [flatten, {{linear: {{out: 6}}}}, batchnorm, relu, {{linear: {{out: 10}}}}]
optimizer: {{sgd: {{rate: 0.3}}}}
average: {{swa: {{start: 1 step, every: 1 step, batches: 4}}}}
train: {{batch: 50, shards: 1, length: 3 steps, shuffle: false}}
""")
        return train(1, recipe, f"{folder}/first").checkpoint()

    @pytest.fixture(scope="class")
    def average(self, latest):
        return doubles(latest, "average")

    @pytest.fixture(scope="class")
    def outputs(self, data, latest, average):
        """The linear layer's, of four batches of 50."""
        preprocessing = arrays(latest, "preprocessing")
        pixels = (arrays(data, "train")["images"][:200] - preprocessing.get("mean", 0)) * preprocessing["factor"]
        x = pixels.transpose(0, 3, 1, 2).reshape(4, 50, -1)
        return x @ average["1.weight"].T + average["1.bias"]

    def test_belong_to_weights_that_are_not_the_models(self, latest, average):
        assert np.abs(average["1.weight"] - doubles(latest, "model")["1.weight"]).max() > 1e-3

    def test_have_the_mean_over_the_batches(self, average, outputs):
        assert np.allclose(average["2.running_mean"], outputs.mean(1).mean(0), rtol=1e-4, atol=1e-4)

    def test_have_the_variance_over_the_batches(self, average, outputs):
        assert np.allclose(average["2.running_var"], outputs.var(1).mean(0) * 50 / 49, rtol=1e-3)


@pytest.fixture(scope="module")
def joined(folder, data):
    """Shards whose statistics are joined run together when an average is measured, as in a step."""
    model = MODEL.replace("  - batchnorm\n", "  - batchnorm: {statistics: batch}\n")
    recipe = write_run_file(folder, data, model, "joined.yaml", length="8 steps")
    return train_on_ranks((1, 2), recipe, f"{folder}/joined", *settings("average={polyak: {start: 2 steps}}"))


@pytest.mark.parametrize("key", ("digest", "average_digest"))
def test_joined_statistics_give_the_same_bits_on_2_ranks(joined, key):
    assert joined[0][key] == joined[1][key]


class TestBeforeItsFirstStep:
    """polyak begins after step 7."""

    @pytest.fixture(scope="class")
    def early(self, polyak):
        return polyak.checkpoint("step-000000006.h5")

    @pytest.fixture(scope="class")
    def late(self, polyak):
        return polyak.checkpoint("step-000000007.h5")

    def test_inspect_shows_no_average(self, early):
        assert "\naverage/ " not in run(1, "inspect", early)[0]

    def test_inspect_shows_the_average_from_then_on(self, late):
        assert "\naverage/ " in run(1, "inspect", late)[0]

    def test_eval_takes_the_model(self, early):
        assert result(1, "eval", early)["members"][0]["parameters"] == "model"

    def test_an_average_that_is_not_there_is_refused_by_name(self, early):
        line = refusal(CHECKPOINT, "eval", early, "--parameters", "average")
        assert "step-000000006.h5" in line and "average" in line

    def test_unknown_parameters_are_refused(self, late):
        assert "expected one of auto, model, average" in refusal(USAGE, "eval", late, "--parameters", "mean")

    @pytest.mark.parametrize("more, shown", (([], True), (["--parameters", "model"], False)))
    def test_eval_says_in_words_what_it_took(self, late, more, shown):
        assert ("(average)" in run(1, "eval", late, *more)[0]) == shown

    def test_inspect_prints_the_arrays_of_the_average_as_json(self, late):
        names = [array["name"] for array in json.loads(run(1, "inspect", late, "--json")[0])["arrays"]]
        assert "average/0.weight" in names

    def test_inspect_prints_the_schedules_scale_as_json(self, late):
        assert json.loads(run(1, "inspect", late, "--json")[0])["progress"]["schedule_scale"] == 1

    def test_predict_takes_the_average(self, scratch, late):
        found = []
        for parameters in ("auto", "model"):
            run(1, "predict", late, "-o", f"{scratch}/{parameters}.h5", "--parameters", parameters)
            found.append(arrays(f"{scratch}/{parameters}.h5", "/")["probabilities"])
        assert not np.allclose(*found)


@pytest.fixture(scope="module")
def memory(recipe):
    """The memory that describe counts, without and with an average."""
    return [result(1, "describe", recipe, *more)["memory_bytes"] for more in ((), settings("average=ema"))]


def test_describe_counts_no_memory_without_an_average(memory):
    assert memory[0]["average"] == 0


def test_describe_counts_the_memory_of_an_average(memory):
    assert memory[1]["average"] == memory[1]["parameters"] == memory[1]["total"] - memory[0]["total"]


@pytest.mark.parametrize("average, words", (
    ("{polyak: {start: 21 steps}}", "begins at step 21"),
    ("{swa: {start: 1 epoch, every: 0}}", "at least one step"),
    ("{ema: {decay: 1}}", "below 1"),
    ("median", "unknown average"),
))
def test_an_average_that_cannot_be_is_refused(scratch, recipe, average, words):
    assert words in refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", *settings(f"average={average}"))


def test_a_run_with_an_average_is_not_resumed_without(recipe, polyak):
    assert "average" in refusal(RUN_FILE, "train", recipe, "--out", polyak.out, "--resume")


def test_a_run_without_an_average_has_no_digest_of_one(plain):
    assert "average_digest" not in plain


def test_resuming_a_finished_run_changes_nothing(recipe, whole, name):
    again = train(1, recipe, whole.out, "--resume", *settings(f"average={AVERAGES[name]}"))
    assert again["average_digest"] == whole["average_digest"]
