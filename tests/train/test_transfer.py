"""Transfer learning: what start_from takes, what it leaves and why; a head for other classes; the donor's
preprocessing kept or replaced; weights written by h5py; the same bits on any number of ranks."""
import os
import shutil

import pytest

from support.program import CHECKPOINT, RECIPES, RUN_FILE, refusal, run, settings
from support.runs import Run, arrays, read, synthesize, train, train_on_ranks, write_run_file

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

MODEL = """
  - conv: {out: 6, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - maxpool: {kernel: 4}
  - flatten
  - linear: {out: %d}
"""
SHORT = settings("train.length=1 steps", "schedule.warmup=0")


def first_model(run):
    """The parameters before the first step."""
    return arrays(run.checkpoint("step-000000000.h5"))


def start_from(checkpoint):
    return settings(f"start_from.checkpoint={checkpoint}")


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=300, test=60, validation=60)


@pytest.fixture(scope="module")
def few(folder, data):
    """A data set of four of the classes, with statistics of its own."""
    path = f"{folder}/few.h5"
    with h5py.File(data) as old, h5py.File(path, "w") as new:
        for split in ("train", "validation", "test"):
            labels = old[f"{split}/labels"][()]
            new[f"{split}/images"] = old[f"{split}/images"][()][labels < 4] // 2
            new[f"{split}/labels"] = labels[labels < 4]
        new["classes"] = [f"kind {i}" for i in range(4)]
        images = new["train/images"][()].reshape(-1, 3).astype(float)
        new["statistics/channel_mean"] = images.mean(0)
        new["statistics/channel_std"] = images.std(0)
        new.attrs["format_version"] = old.attrs["format_version"]
    return path


@pytest.fixture(scope="module")
def donor_recipe(folder, data):
    return write_run_file(folder, data, model=MODEL % 10, name="donor.yaml", length="12 steps")


@pytest.fixture(scope="module")
def donor(folder, donor_recipe):
    return train(2, donor_recipe, f"{folder}/donor").checkpoint()


@pytest.fixture(scope="module")
def donors(donor):
    """The donor's parameters."""
    return arrays(donor)


@pytest.fixture(scope="module")
def student_recipe(folder, few):
    return write_run_file(folder, few, model=MODEL % 4, name="student.yaml", length="8 steps", every="4 steps")


def test_everything_is_taken_for_the_same_model(scratch, donor_recipe, donor, donors):
    found = first_model(train(1, donor_recipe, f"{scratch}/same", *start_from(donor), *SHORT))
    assert all(np.array_equal(found[name], donors[name]) for name in donors)


@pytest.fixture(scope="module")
def averaged(folder, donor_recipe):
    """A donor with an average of weights."""
    return train(1, donor_recipe, f"{folder}/averaged", *settings("average={ema: {decay: 0.9}}")).checkpoint()


@pytest.mark.parametrize("choice, group", (("auto", "average"), ("model", "model"), ("average", "average")))
def test_parameters_chooses_the_donors_model_or_average(scratch, donor_recipe, averaged, choice, group):
    found = first_model(train(1, donor_recipe, f"{scratch}/out", *start_from(averaged), *SHORT,
                              *settings(f"start_from.parameters={choice}")))
    assert np.array_equal(found["0.weight"], arrays(averaged, group)["0.weight"])


@pytest.fixture(scope="module")
def student(folder, student_recipe, donor):
    """A run of the student, and what it says at its start."""
    out = f"{folder}/student"
    said = run(1, "train", student_recipe, "--out", out, *start_from(donor))[1]
    return Run(out, {"said": said})


class TestHeadOfAnotherSize:
    def test_starts_fresh_as_the_table_says(self, student):
        assert "5.weight: the donor's is (10,384), the model's (4,384)" in student["said"]
        assert "5.bias: the donor's is (10), the model's (4)" in student["said"]

    def test_has_its_own_shape(self, student):
        assert first_model(student)["5.weight"].shape == (4, 384)

    def test_leaves_the_rest_to_the_donor_as_the_table_says(self, student):
        assert "\n  taken    0.weight ... 1.running_var (5 arrays, " in student["said"]

    def test_leaves_the_rest_to_the_donor(self, student, donors):
        found = first_model(student)
        assert all(np.array_equal(found[name], donors[name]) for name in donors if name[0] != "5")


@pytest.fixture(scope="module")
def on_ranks(folder, student_recipe, donor):
    return train_on_ranks((1, 2, 4), student_recipe, f"{folder}/n", *start_from(donor), *settings("train.shards=4"))


def test_any_number_of_ranks_gives_the_same_bits(on_ranks):
    assert len({run["digest"] for run in on_ranks}) == 1


@pytest.fixture(scope="module")
def resumed(folder, student_recipe, donor):
    """Stopped on 2 ranks and resumed on 1 without the donor."""
    copy = shutil.copy(donor, f"{folder}/away.h5")
    more = (*start_from(copy), *settings("train.shards=4"))
    train(2, student_recipe, f"{folder}/part", *more, "--stop-after", 3)
    os.unlink(copy)
    return train(1, student_recipe, f"{folder}/part", *more, "--resume")


def test_a_run_resumes_without_its_donor_to_the_same_bits(resumed, on_ranks):
    assert resumed["digest"] == on_ranks[0]["digest"]


def mean_of(run):
    """The mean that the run's preprocessing subtracts."""
    return arrays(run.checkpoint(), "preprocessing")["mean"]


def mean_of_data(data):
    return arrays(data, "statistics")["channel_mean"]


def test_the_donors_preprocessing_is_kept(student, data):
    assert np.allclose(mean_of(student), mean_of_data(data))


def test_the_donors_preprocessing_is_kept_when_resumed(resumed, data):
    assert np.allclose(mean_of(resumed), mean_of_data(data))


def test_the_donors_preprocessing_is_replaced_on_request(scratch, student_recipe, donor, few):
    found = train(1, student_recipe, f"{scratch}/own", *start_from(donor), *settings("start_from.preprocess=own"))
    assert np.allclose(mean_of(found), mean_of_data(few))


@pytest.fixture(scope="module")
def by_patterns(folder, student_recipe, donor):
    patterns = settings('start_from.take=["0.*", "1.*"]', 'start_from.fresh=["*.running_*"]')
    return first_model(train(1, student_recipe, f"{folder}/patterns", *start_from(donor), *patterns))


@pytest.mark.parametrize("name", ("0.weight", "1.bias"))
def test_patterns_say_what_is_taken(by_patterns, donors, name):
    assert np.array_equal(by_patterns[name], donors[name])


def test_patterns_say_what_is_fresh(by_patterns):
    assert not by_patterns["1.running_mean"].any()


class TestWeightsAlone:
    """A donor that h5py wrote: no preprocessing, doubles, and arrays that fit nothing."""

    @pytest.fixture(scope="class")
    def plain(self, folder, donors):
        path = f"{folder}/plain.h5"
        with h5py.File(path, "w") as file:
            for name in ("0.weight", "1.weight"):
                file[f"model/{name}"] = donors[name].astype(np.float64) * 2
            file["model/1.num_batches_tracked"] = 7  # of PyTorch's batch normalisation
            file["model/5.bias"] = np.arange(4)
        return path

    @pytest.fixture(scope="class")
    def alone(self, folder, student_recipe, plain):
        """A run that stops and is resumed with a preprocessing of its own, and what it says at its start."""
        words = ["train", student_recipe, "--out", f"{folder}/alone", *start_from(plain),
                 *settings("preprocess.scale=range")]
        said = run(2, *words, "--stop-after", 2)[1]
        run(1, *words, "--resume", "--quiet")
        return Run(f"{folder}/alone", {"said": said})

    def test_are_taken(self, scratch, student_recipe, plain, donors):
        found = train(1, student_recipe, f"{scratch}/plain", *start_from(plain),
                      *settings("start_from.preprocess=own"))
        assert np.array_equal(first_model(found)["0.weight"], donors["0.weight"] * 2)

    def test_come_with_the_runs_own_preprocessing(self, alone):
        assert "plain.h5, weights alone, the preprocessing the run's own:" in alone["said"]

    def test_that_the_model_has_not_are_named(self, alone):
        assert "unused   1.num_batches_tracked:" in alone["said"]

    def test_that_are_no_floats_are_named(self, alone):
        assert "skipped  5.bias: the donor's holds no floats" in alone["said"]

    def test_leave_their_preprocessing_in_the_run_file(self, alone):
        assert "preprocess: own" in read(f"{alone.out}/run.yaml")

    def test_leave_the_preprocessing_when_resumed(self, alone, few):
        assert np.allclose(mean_of(alone), mean_of_data(few))

    def test_have_no_preprocessing_to_keep(self, refused, plain):
        assert "--set start_from.preprocess=donor:" in refused(
            RUN_FILE, *start_from(plain), *settings("start_from.preprocess=donor"))


FROZEN_BODY = settings('parameters=[{all: {name: "*", frozen: true}}, {all: {name: "5.*", frozen: false}}]')


def test_a_fresh_head_that_learns_is_not_warned_about(scratch, student_recipe, donor):
    assert "warning" not in run(1, "train", student_recipe, "--out", f"{scratch}/out", *start_from(donor),
                                *FROZEN_BODY, *settings('start_from.fresh=["5.*"]'))[1]


def test_arrays_of_another_shape_are_warned_about_even_if_quiet(scratch, student_recipe, donor):
    said = run(1, "train", student_recipe, "--out", f"{scratch}/out", "--quiet", *start_from(donor))[1]
    line, = [line for line in said.splitlines() if "warning" in line]
    assert "2 arrays of another shape are not taken, as 5.weight: the donor's is (10,384), the model's (4,384)" in line


def test_what_is_frozen_as_it_was_drawn_is_warned_about(scratch, student_recipe, donor):
    said = run(1, "train", student_recipe, "--out", f"{scratch}/out", "--quiet", *start_from(donor),
               *FROZEN_BODY, *settings('start_from.fresh=["0.*"]'))[1]
    assert "warning: 1 array starts fresh and is frozen, as 0.weight" in said


class TestRecipes:
    HEAD = {"23.weight", "23.bias"}

    @pytest.fixture(scope="class")
    def small(self, few):
        return settings(f"data.file={few}", "train.batch=16", "train.shards=2", "train.length=2 steps",
                        "schedule.warmup=0", "model.23.out=4")

    @pytest.fixture(scope="class")
    def donor(self, folder, small):
        return train(2, f"{RECIPES}/cifar10-smallcnn.yaml", f"{folder}/big", *small).checkpoint("best.h5")

    @pytest.fixture(scope="class")
    def transferred(self, folder, small, donor):
        """A function that runs a recipe: (parameters at its start, at its end)."""
        def run_recipe(name):
            found = train(2, f"{RECIPES}/{name}.yaml", f"{folder}/{name}", *small, *start_from(donor))
            return first_model(found), arrays(found.checkpoint())
        return run_recipe

    @pytest.fixture(scope="class")
    def head(self, transferred):
        return transferred("transfer-head")

    @pytest.fixture(scope="class")
    def finetuned(self, transferred):
        return transferred("transfer-finetune")

    @staticmethod
    def learned(first, last):
        return {name for name in last if "running" not in name and not np.array_equal(first[name], last[name])}

    @staticmethod
    def statistics(model):
        return {name: values for name, values in model.items() if "running" in name}

    def test_transfer_head_trains_the_head_alone(self, head):
        assert self.learned(*head) == self.HEAD

    def test_transfer_head_keeps_the_donors_running_statistics(self, head, donor):
        kept = self.statistics(head[1])
        assert len(kept) == 12
        assert all(np.array_equal(values, arrays(donor)[name]) for name, values in kept.items())

    def test_transfer_finetune_trains_everything(self, finetuned):
        assert self.learned(*finetuned) == {name for name in finetuned[1] if "running" not in name}

    def test_transfer_finetune_moves_the_running_statistics_on(self, finetuned, donor):
        moved = self.statistics(finetuned[1])
        assert len(moved) == 12
        assert not any(np.array_equal(values, arrays(donor)[name]) for name, values in moved.items())

    def test_transfer_finetune_starts_at_the_donors_layers(self, finetuned, donor):
        assert np.array_equal(finetuned[0]["0.weight"], arrays(donor)["0.weight"])


@pytest.fixture
def refused(scratch, student_recipe):
    """A function: the line with which a training on two ranks is refused; it must write nothing."""
    def line(code, *more):
        found = refusal(code, "train", student_recipe, "--out", f"{scratch}/refused", *more, ranks=2)
        assert not os.path.exists(f"{scratch}/refused")
        return found
    return line


@pytest.mark.parametrize("code, words, assignments", (
    (RUN_FILE, "'5.weigth' matches no array of the model; the nearest is '5.weight'",
     ['start_from.fresh=["5.weigth"]']),
    (CHECKPOINT, "is taken", ['start_from.take=["5.*"]']),
    (CHECKPOINT, "holds no average of weights", ["start_from.parameters=average"]),
    (RUN_FILE, "would be overruled", ["preprocess.center=mean_image"]),
    (RUN_FILE, "preprocess.scale=range: is overruled by start_from.preprocess: donor",
     ["preprocess.scale=range", "start_from.preprocess=donor"]),
), ids=("pattern for nothing", "nothing fits", "no average", "two preprocessings", "overruled"))
def test_what_does_not_fit_the_donor_is_refused(refused, donor, code, words, assignments):
    assert words in refused(code, *start_from(donor), *settings(*assignments))


@pytest.mark.parametrize("code, words, assignment", (
    (RUN_FILE, "missing key 'checkpoint'", 'start_from.fresh=["0.*"]'),
    (RUN_FILE, "missing key 'every'", "lookahead.share=0.3"),
    (CHECKPOINT, "nowhere.h5", "start_from.checkpoint=nowhere.h5"),
), ids=("start_from without a checkpoint", "section that nothing switches on", "no such donor"))
def test_what_names_no_donor_is_refused(refused, code, words, assignment):
    assert words in refused(code, *settings(assignment))


def test_a_data_set_is_no_donor(refused, data):
    assert "no group /model" in refused(CHECKPOINT, *start_from(data))
