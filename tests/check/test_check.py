"""trainer check: what each item says of a run that is fit, and of data that are made wrong."""
import json
import shutil

import h5py
import numpy as np
import pytest

from support import broken_runs
from support.png import png_size
from support.program import USAGE, result, run, settings, start
from support.runs import forget_digests, synthesize, write

FOUND = 9  # the exit code if something is bad
ITEMS = "settings,data,loss,gradients,activations,overfit,rates,trial"
SIZE = 16
MODEL = """
  - conv: {out: 8, kernel: 3, padding: 1}
  - relu
  - maxpool: {kernel: 2}
  - flatten
  - linear: {out: 10}
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("check")


@pytest.fixture(scope="module")
def shapes(scratch):
    return synthesize(scratch, train=600, test=100, validation=100, more=("--size", SIZE))


@pytest.fixture(scope="module")
def recipe(scratch, shapes):
    return write_recipe(scratch, shapes)


def write_recipe(folder, data, model=MODEL, more=""):
    name = f"run-{len(list(folder.glob('run-*')))}.yaml"
    return write(str(folder / name), f"""data: {{file: {data}, train: train, validation: validation}}
model:{model}
optimizer: {{nesterov: {{rate: 0.02, momentum: 0.9, weight_decay: 1.0e-3}}}}
train: {{batch: 60, shards: 2, length: 10 epochs, seed: 3}}
{more}""")


@pytest.fixture
def damaged(scratch, shapes):
    """A copy of the data set, changed by a function of the open file; its run file."""
    def make(change):
        path = str(scratch / f"damaged-{len(list(scratch.glob('damaged-*')))}.h5")
        shutil.copy(shapes, path)
        with h5py.File(path, "r+") as file:
            forget_digests(*(file[name] for name in ("train", "test", "validation")))
            change(file)
        return write_recipe(scratch, path)
    return make


def check(recipe, items, *more, ranks=1, code=0):
    return result(ranks, "check", recipe, "--only", items, *more, code=code)


def finding(report, name):
    """The first of that name that is not good, or the first."""
    found = [row for row in report["findings"] if row["name"] == name]
    assert found, f"no finding {name} in {[row['name'] for row in report['findings']]}"
    return next((row for row in found if row["verdict"] != "good"), found[0])


def causes(report):
    return {row["name"]: row["cause"] for row in report["findings"] if row["verdict"] != "good"}


@pytest.fixture(scope="module")
def fit(recipe):
    return check(recipe, "data,loss,gradients")


def test_a_fit_run_raises_nothing(fit):
    assert causes(fit) == {} and fit["verdict"] == "good"


class TestData:
    def test_counts_each_class(self, fit):
        assert finding(fit, "class_counts")["figures"] == {
            "samples": 600, "classes": 10, "least": 60, "most": 60, "missing": 0}

    def test_figures_are_those_of_numpy(self, fit, shapes):
        with h5py.File(shapes) as file:
            images = file["train/images"][()].astype(float)
        pixels = (images - images.mean((0, 1, 2))) / images.std((0, 1, 2))
        covariance = np.cov(pixels.reshape(-1, 3).T, bias=True)
        values = np.linalg.eigvalsh(covariance)
        assert finding(fit, "condition")["figures"]["condition_number"] == pytest.approx(
            values[-1] / values[0], rel=1e-4)
        assert finding(fit, "range")["figures"]["most"] == pytest.approx(pixels.max(), rel=1e-5)
        assert finding(fit, "deviation")["figures"]["deviation"] == pytest.approx(1, abs=1e-4)

    def test_a_class_without_samples(self, damaged):
        def drop(file):
            labels = file["train/labels"][()]
            file["train/labels"][...] = np.where(labels == 4, 5, labels)
        report = check(damaged(drop), "data", code=FOUND)
        assert "class is missing" in report["cause"]

    def test_validation_with_the_training_split(self, recipe):
        found = finding(check(recipe, "settings", *settings("data.validation=train")), "validation_split")
        assert found["verdict"] == "doubtful" and "overfitting stays unseen" in found["cause"]

    def test_first_samples_of_sorted_ones(self, damaged):
        def sort(file):
            for split in ("train", "validation"):
                file[f"{split}/labels"][...] = np.sort(file[f"{split}/labels"][()])
        recipe, limit = damaged(sort), settings("data.limit={train: 120, validation: 20}")
        report = check(recipe, "data", *limit, code=FOUND)
        counts = [row for row in report["findings"] if row["name"] == "class_counts"]
        assert len(counts) == 2 and all("data.limit keeps the first samples" in row["cause"] for row in counts)
        assert "statistics of other data" not in causes(report).get("mean", "")
        spread = check(recipe, "data", *limit, *settings("data.limit.choose=spread"))
        assert "class_counts" not in causes(spread)

    def test_one_class_of_several(self, damaged):
        def only(file):
            file["train/labels"][...] = 4
        assert "all samples are of one class" in check(damaged(only), "data", code=FOUND)["cause"]

    @pytest.mark.parametrize("wrong", [0, 0.2])
    def test_wrong_labels_of_the_training_split(self, scratch, wrong):
        def change(split, images, labels, random):
            drawn = random.integers(0, broken_runs.CLASSES, len(labels))
            return images, np.where((split == "train") & (random.random(len(labels)) < wrong), drawn, labels)
        data = broken_runs.write_data(str(scratch / f"wrong-{wrong}.h5"), change, train=3000, validation=1000)
        report = check(broken_runs.write_recipe(str(scratch / f"wrong-{wrong}.yaml"), data), "data")
        figures = finding(report, "similar_samples")["figures"]
        assert figures.get("wrong_labels", 0) == pytest.approx(wrong, abs=0.08)
        assert causes(report).keys() == ({"similar_samples"} if wrong else set())
        if wrong:
            assert "many labels of the training split" in report["cause"]

    def test_agreement_of_similar_samples_is_that_of_numpy(self, scratch):
        data = broken_runs.write_data(str(scratch / "agreement.h5"))
        figures = finding(check(broken_runs.write_recipe(str(scratch / "agreement.yaml"), data), "data"),
                          "similar_samples")["figures"]
        with h5py.File(data) as file:
            images, labels = file["train/images"][()].astype(float), file["train/labels"][()]
            others, truths = file["validation/images"][()].astype(float), file["validation/labels"][()]
        mean, std = images.mean((0, 1, 2)), images.std((0, 1, 2))
        cells = [((part - mean) / std).reshape(-1, 4, 2, 4, 2, 3).sum((2, 4)).reshape(len(part), -1)
                 for part in (images, others)]

        def right(points, truths, alone):
            apart = ((points[:, None] - cells[0]) ** 2).sum(2)
            if alone:
                np.fill_diagonal(apart, np.inf)
            nearest = labels[np.argsort(apart, 1)[:, :10]]
            votes = (nearest[:, :, None] == nearest[:, None]).sum(2)
            return np.mean(nearest[np.arange(len(votes)), votes.argmax(1)] == truths)
        assert figures["agree"] == pytest.approx(right(cells[0], labels, True), abs=0.004)
        assert figures["agree_in_validation"] == pytest.approx(right(cells[1], truths, False), abs=0.01)

    def test_labels_that_begin_at_1(self, damaged):
        def shift(file):
            for split in ("train", "validation", "test"):
                labels = file[f"{split}/labels"][()]
                file[f"{split}/labels"][...] = np.minimum(labels + 1, 9)
        assert "begin at 1" in check(damaged(shift), "data", code=FOUND)["cause"]

    def test_a_first_class_that_another_split_has_is_missing(self, damaged):
        def drop(file):
            labels = file["train/labels"][()]
            file["train/labels"][...] = np.where(labels == 0, 5, labels)
        assert "class is missing: the network" in check(damaged(drop), "data", code=FOUND)["cause"]

    def test_few_samples_of_a_class(self, damaged):
        def thin(file):
            labels = file["train/labels"][()]
            labels[np.flatnonzero(labels == 4)[3:]] = 5
            file["train/labels"][...] = labels
        recipe = damaged(thin)
        assert "balanced" in check(recipe, "data")["cause"]
        assert causes(check(recipe, "data", *settings("train.sampling=balanced"))) == {}

    def test_duplicates_within_the_split(self, damaged):
        def copy(file):
            file["train/images"][100:110] = file["train/images"][200:210]
        report = check(damaged(copy), "data", code=0)
        found = finding(report, "duplicates_within")
        assert found["figures"]["duplicates"] == 10 and "twice" in report["cause"]
        assert found["figures"]["with_other_label"] == 0  # labels repeat every ten samples

    def test_one_image_under_two_labels(self, damaged):
        def copy(file):
            file["train/images"][100:150] = file["train/images"][201:251]
        report = check(damaged(copy), "data", code=FOUND)
        assert "same image has two labels" in report["cause"]

    def test_samples_of_the_test_split_in_the_training_split(self, damaged):
        def leak(file):
            file["train/images"][:20] = file["test/images"][:20]
        report = check(damaged(leak), "data", code=FOUND)
        found = finding(report, "duplicates_between")
        assert found["figures"] == {"worst_count": 20, "worst_part": 0.2}
        assert "in the training split" in report["cause"]

    def test_images_of_the_test_split_that_are_nearly_in_the_training_split(self, damaged):
        def save_anew(file):
            images = file["train/images"][:40].astype(int)
            images[:20] += np.random.default_rng(1).integers(-6, 7, images[:20].shape)
            images[20:] = np.roll(images[20:], 1, axis=2)
            file["test/images"][:40] = images.clip(0, 255)
        report = check(damaged(save_anew), "data")
        figures = finding(report, "near_duplicates")["figures"]
        assert 0.25 < figures["worst_part"] <= 0.4 and figures["within_training"] < 0.01
        assert "nearly in the training split" in report["cause"]

    def test_empty_images(self, damaged):
        def empty(file):
            file["train/images"][5] = 128
        report = check(damaged(empty), "data")
        assert finding(report, "constant_images")["figures"]["constant"] == 1
        assert "empty" in report["cause"]

    def test_grey_pictures_in_three_channels(self, damaged):
        def grey(file):
            for name in ("train", "validation"):
                images = file[f"{name}/images"]
                images[...] = np.repeat(images[..., :1], 3, axis=-1)
            del file["statistics"], file.attrs["arrays"]
        assert "mixture of the others" in check(damaged(grey), "data")["cause"]

    @pytest.mark.parametrize("keys, code, words", (
        (["preprocess.center=none"], 0, "mean is not subtracted"),
        (["preprocess.center=none", "preprocess.scale=none"], FOUND, "mean is not subtracted"),
        (["preprocess.scale=none"], FOUND, "not scaled")))
    def test_preprocessing_that_is_missing(self, recipe, keys, code, words):
        assert words in check(recipe, "data", *settings(*keys), code=code)["cause"]

    def test_a_target_that_never_varies(self, scratch):
        path = synthesize(scratch, train=60, test=0, validation=20, name="places.h5", more=("--targets",))
        with h5py.File(path, "r+") as file:
            forget_digests(file["train"], file["validation"])
            file["train/targets"][:, 1] = 7
        recipe = write_recipe(scratch, path, "\n  - flatten\n  - linear: {out: 3}", "loss: mse")
        report = check(recipe, "data", code=FOUND)
        assert "never varies" in report["cause"]
        assert "; y is the same in all" in finding(report, "target_values")["found"]

    def test_the_contact_sheet(self, recipe, scratch):
        path = scratch / "new" / "folder" / "seen.png"
        check(recipe, "data", "--sheet", path)
        assert min(png_size(path)) > 100


class TestLoss:
    def test_is_that_of_chance(self, fit):
        figures = finding(fit, "initial_loss")["figures"]
        assert figures["chance"] == pytest.approx(np.log(10))
        assert figures["loss"] == pytest.approx(np.log(10), rel=0.6)

    def test_rises_by_the_penalty(self, fit):
        figures = finding(fit, "penalty")["figures"]
        assert figures["penalty"] == pytest.approx(figures["rise_expected"], rel=1e-6)
        assert figures["objective"] - finding(fit, "initial_loss")["figures"]["loss"] == pytest.approx(
            figures["penalty"], rel=1e-6)

    @pytest.mark.parametrize("loss, chance", (
        ("svm", 9), ("{cross_entropy: {label_smoothing: 0.2}}", np.log(10)), ("binary_cross_entropy", np.log(2)),
        ("{cross_entropy: {class_weights: [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]}}", np.log(10))))
    def test_of_chance_is_the_loss_s_own(self, recipe, loss, chance):
        report = check(recipe, "loss", *settings(f"loss={loss}", "model.4.linear.weight_init={normal: {std: 0.001}}"))
        figures = finding(report, "initial_loss")["figures"]
        assert figures["chance"] == pytest.approx(chance) and figures["loss"] == pytest.approx(chance, rel=0.02)

    @pytest.mark.parametrize("keys, code, words", (
        (["model.4.linear.weight_init={normal: {std: 1}}"], FOUND, "too large, above all 4.weight"),
        (["optimizer.weight_decay=5"], 0, "regularisation outweighs")))
    def test_that_is_not_chance_s(self, recipe, keys, code, words):
        assert words in check(recipe, "loss", *settings(*keys), code=code)["cause"]

    def test_that_overflows(self, scratch, shapes):
        recipe = write_recipe(scratch, shapes, "\n  - flatten" + 8 * "\n  - linear: {out: 10}")
        more = settings("initialise.weights={normal: {std: 1000000}}")
        assert "overflow" in check(recipe, "loss", *more, code=FOUND)["cause"]

    @pytest.mark.parametrize("layer", ("relu", "sigmoid", "tanh"))
    def test_an_activation_after_the_scores(self, scratch, shapes, layer):
        recipe = write_recipe(scratch, shapes, f"{MODEL}  - {layer}\n")
        assert "wrong last layer" in check(recipe, "loss", code=FOUND)["cause"]


    def test_of_small_batches_is_that_of_several(self, recipe):
        of = lambda batch: finding(check(recipe, "loss", *settings(f"train.batch={batch}")), "initial_loss")["figures"]
        assert of(2)["loss"] == pytest.approx(of(32)["loss"], rel=1e-5)


class TestGradients:
    def test_are_compared_in_every_layer(self, fit):
        figures = finding(fit, "gradient_check")["figures"]
        assert figures["elements_compared"] >= 9 and figures["worst_relative_error"] < 1e-6
        assert figures["parameters_unchecked"] == figures["elements_wrong"] == 0

    def test_that_are_0_in_both_are_named(self, scratch, shapes):
        model = MODEL.replace("- relu", "- relu\n  - conv: {out: 4, kernel: 1, bias_init: {constant: {value: -1000}}}"
                                        "\n  - relu")
        found = finding(check(write_recipe(scratch, shapes, model), "gradients"), "gradient_check")
        assert found["verdict"] == "doubtful" and "0.weight (0 in both)" in found["found"]


@pytest.fixture(scope="module")
def easy(scratch):
    """The whole report of a run that is fit, on data that is easy to learn."""
    words = broken_runs.set_up(broken_runs.Broken("fit", ""), scratch)
    return result(1, *words)


class TestOfTheWholeSequence:
    def test_a_fit_run_raises_nothing(self, easy):
        assert causes(easy) == {}
        assert list(easy["seconds"]) == ITEMS.split(",")

    def test_a_large_model_with_no_time_to_learn_is_not_blamed(self, scratch):
        """40 steps, in which the weights hardly move, and not a whole epoch."""
        data = synthesize(scratch, train=12000, test=10, validation=100, name="large.h5", more=("--size", SIZE))
        model = """
  - flatten
  - linear: {out: 256}
  - relu
  - linear: {out: 128}
  - batchnorm
  - relu
  - linear: {out: 10, weight_init: {normal: {std: 0.001}}}
"""
        changes = settings("train.batch=256", "optimizer={sgd: {rate: 0.01}}")
        report = result(1, "check", write_recipe(scratch, data, model), "--only", "rates,trial", "--seconds", 0.1,
                        *changes)
        learning = finding(report, "learning")
        assert learning["figures"]["steps"] < 100 and learning["figures"]["last_loss"] > 2.2
        assert "so few steps that nothing follows" in learning["found"] and causes(report) == {}

    def test_a_table_with_equal_rows_of_different_classes_is_fit(self, scratch):
        random = np.random.default_rng(1)
        path = str(scratch / "table.h5")
        with h5py.File(path, "w") as file:
            for split, count in (("train", 300), ("validation", 100)):
                rows = random.integers(0, 2, (count, 4)).astype(np.float32)
                file[f"{split}/images"] = rows
                file[f"{split}/labels"] = (rows.sum(1) + random.integers(0, 2, count) > 2).astype(np.int32)
        report = result(1, "check", write_recipe(scratch, path, "\n  - linear: {out: 16}\n  - relu\n"
                                                                "  - linear: {out: 2}"))
        assert causes(report) == {}
        assert "equal and have different labels" in finding(report, "learnt_by_heart")["found"]

    def test_activations_are_those_of_every_layer(self, easy):
        layers = {layer["layer"]: layer for layer in easy["layers"]}
        assert list(layers) == ["0 conv", "1 relu", "2 maxpool", "4 linear", "5 relu", "6 linear"]
        assert 0.3 < layers["1 relu"]["zeros"] < 0.7 and layers["0 conv"]["std"] == pytest.approx(1.4, rel=0.3)
        for layer in layers.values():
            assert len(layer["edges"]) == len(layer["counts"]) + 1

    def test_the_rate_rises_until_the_loss_explodes(self, easy):
        rates = [step["rate"] for step in easy["rates"]]
        figures = finding(easy, "range_test")["figures"]
        assert rates == sorted(rates) and rates[0] == pytest.approx(1e-5)
        assert figures["least"] < figures["suggested"] < figures["most"]

    def test_a_rate_that_only_looks_too_high_is_tried(self, scratch):
        path = synthesize(scratch, train=1000, test=0, validation=100, name="tried.h5")
        recipe = write_recipe(scratch, path, "\n  - conv: {out: 8, kernel: 3, stride: 2, padding: 1}\n  - relu"
                                             "\n  - flatten\n  - linear: {out: 10}")
        more = settings("train.seed=1", "train.batch=50", "optimizer.rate=0.03")
        found = finding(check(recipe, "rates", *more), "range_test")
        figures = found["figures"]
        assert figures["most"] < figures["rate"] and found["verdict"] == "good"
        assert 0.5 < figures["suggested"] / figures["rate"] < 2  # a higher rate was tried than the curve suggests

    @pytest.mark.parametrize("rate, verdict", [(0.01, "good"), (300, "bad")])
    def test_rates_above_the_one_at_which_the_samples_are_learnt_are_tried(self, scratch, rate, verdict):
        random = np.random.default_rng(2)
        path = str(scratch / "bars.h5")
        with h5py.File(path, "w") as file:
            for split, count in (("train", 400), ("validation", 100)):
                labels = random.integers(0, 4, count)
                images = random.integers(0, 40, (count, 8, 8, 1))
                for image, label in zip(images, labels, strict=True):
                    image[2 * label:2 * label + 2] += 200
                file[f"{split}/labels"], file[f"{split}/images"] = labels, images.astype(np.uint8)
        recipe = write_recipe(scratch, path, "\n  - flatten\n  - linear: {out: 32}\n  - relu\n  - linear: {out: 4}")
        report = check(recipe, "rates", *settings(f"optimizer.rate={rate}"), code=FOUND if verdict == "bad" else 0)
        found = finding(report, "range_test")
        assert "the samples are learnt" in found["found"] and found["verdict"] == verdict

    @pytest.mark.parametrize("batch, rate, seed", [(4, 0.005, 3), (10, 0.01, 1)])
    def test_the_noise_of_small_batches_is_no_fault(self, scratch, batch, rate, seed):
        path = synthesize(scratch, train=1000, test=0, validation=100, name="noisy.h5", more=("--size", 16))
        more = settings(f"optimizer={{momentum: {{rate: {rate}}}}}", f"train.batch={batch}", f"train.seed={seed}")
        found = finding(check(write_recipe(scratch, path), "rates", *more), "range_test")
        if batch == 4:  # the loss seems to rise at far lower rates
            assert found["figures"]["most"] < rate / 10
        else:
            assert "the loss does not fall" in found["found"] and "it does in as many steps" in found["found"]
        assert found["verdict"] == "good"

    def test_a_long_warm_up_is_not_followed_to_rates_at_which_the_loss_rises(self, scratch):
        normalised = next(fit for fit in broken_runs.FIT if fit.name == "normalised")
        report = check(broken_runs.set_up(normalised, scratch)[1], "rates,trial",
                       *settings("schedule={cosine: {warmup: 15 epochs}}", "optimizer.rate=1"))
        lowest = min(report["rates"], key=lambda step: step["smooth"])["rate"]
        assert finding(report, "learning")["figures"]["rate"] <= lowest < 100 / 300  # that of step 100 of the run
        assert causes(report) == {}

    @pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed")
    @pytest.mark.parametrize("kind, start", (("png", b"\x89PNG"), ("svg", b"<?xml")))
    def test_the_curve_is_drawn(self, scratch, kind, start):
        words = broken_runs.set_up(broken_runs.Broken("fit", ""), scratch)
        path = scratch / f"a 'curve'.{kind}"
        for _ in range(2):  # an older picture may be replaced
            run(1, *words, "--only", "rates", "--picture", path)
        assert path.read_bytes().startswith(start)

    def test_a_handful_is_learnt(self, easy):
        figures = finding(easy, "learnt_by_heart")["figures"]
        assert figures["accuracy"] == 1 and figures["loss"] < 0.2 and figures["samples"] == 20

    def test_update_ratios_and_time(self, easy):
        assert 1e-4 < finding(easy, "update_ratio")["figures"]["median"] < 1e-1
        figures = finding(easy, "run_time")["figures"]
        assert figures["run_seconds"] == pytest.approx(400 * figures["step_seconds"])

    def test_two_ranks_say_the_same(self, scratch, easy):
        words = broken_runs.set_up(broken_runs.Broken("fit", ""), scratch)
        other = result(2, *words, "--only", "activations,overfit")
        same = [row for row in easy["findings"] if row["item"] in ("activations", "overfit")]
        assert other["findings"] == same and other["layers"] == easy["layers"]


class TestTables:
    """Rows of measured numbers are judged like images, rows of few different values are not."""

    def check(self, scratch, copies=0, leaked=0, digits=8, other_label=False):
        random = np.random.default_rng(1)
        rows = random.normal(5, 1, (1500, 3)).round(digits).astype(np.float32)
        labels = (rows[:, 0] > 5).astype(np.int32)
        rows[:copies], labels[:copies] = rows[500:500 + copies], labels[500:500 + copies] ^ other_label
        rows[1000:1000 + leaked], labels[1000:1000 + leaked] = rows[600:600 + leaked], labels[600:600 + leaked]
        path = str(scratch / f"table-{len(list(scratch.glob('table-*')))}.h5")
        with h5py.File(path, "w") as file:
            for split, part in (("train", slice(1000)), ("validation", slice(1000, None))):
                file[f"{split}/images"], file[f"{split}/labels"] = rows[part], labels[part]
        done = start(1, "check", write_recipe(scratch, path, "\n  - linear: {out: 2}"), "--only", "data", "--json")
        return causes(json.loads(done.stdout))

    def test_measured_numbers(self, scratch):
        assert self.check(scratch) == {}
        assert "there twice" in self.check(scratch, copies=50)["duplicates_within"]
        assert "two labels" in self.check(scratch, copies=20, other_label=True)["duplicates_within"]
        assert "in the training split" in self.check(scratch, leaked=10)["duplicates_between"]

    @pytest.mark.parametrize("span, verdict", ((2000, "bad"), (86400, "doubtful"), (10**9, "good")))
    def test_times_that_float32_rounds(self, scratch, span, verdict):
        random = np.random.default_rng(1)
        path = str(scratch / f"times-{span}.h5")
        with h5py.File(path, "w") as file:
            for split in ("train", "validation"):
                times = 1_700_000_000 + random.integers(0, span, (300, 1))
                file[f"{split}/images"] = np.concatenate((random.integers(0, 9, (300, 2)), times), 1)
                file[f"{split}/labels"] = random.integers(0, 2, 300)
        recipe = write_recipe(scratch, path, "\n  - linear: {out: 2}")
        done = start(1, "check", recipe, "--only", "data", "--json")
        found = finding(json.loads(done.stdout), "rounding")
        assert found["verdict"] == verdict and "feature 2" in found["found"]
        warned = "float32" in run(1, "train", recipe, "--out", scratch / f"times-{span}", "--dry-run")[1]
        assert warned == (verdict != "good")

    def test_few_different_values(self, scratch):
        assert self.check(scratch, digits=0) == {} == self.check(scratch, copies=50, digits=1)


class TestCommand:
    def test_says_the_same_on_two_ranks(self, recipe, fit):
        other = check(recipe, "data,loss", ranks=2)
        assert other["findings"] == [row for row in fit["findings"] if row["item"] != "gradients"]

    def test_says_it_in_words(self, recipe):
        words = run(1, "check", recipe, "--only", "loss", "--set", "optimizer.weight_decay=5")[0]
        for part in ("1 doubtful", "expected  a rise by", "cause     regularisation", "advice    lower weight_decay"):
            assert part in words

    @pytest.mark.parametrize("locale, sign", (("C.UTF-8", "\u2713"), ("C", "ok")))
    def test_has_signs_for_the_terminal(self, recipe, locale, sign):
        from support.program import environment
        done = start(1, "check", recipe, "--only", "loss", env=environment(LC_ALL=locale))
        assert f"  {sign}  initial loss" in done.stdout

    def test_is_strict_if_asked(self, recipe):
        assert check(recipe, "loss", "--strict", *settings("optimizer.weight_decay=5"),
                     code=FOUND)["verdict"] == "doubtful"

    @pytest.mark.parametrize("words", (["--only", "lost"], ["--only", ""], ["--skip", ITEMS]))
    def test_refuses_items_that_do_not_exist(self, recipe, words):
        run(1, "check", recipe, *words, code=USAGE)
