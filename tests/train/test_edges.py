"""Where counts are small or do not divide: empty shards on some ranks, batches of one sample, averages measured
over more batches than there are, fewer validation samples than ranks, stops inside a warm-up; values and
decorrelated images killed and resumed, and predictions for a file of another program; the svm's bits."""
import os

import pytest

from support.program import result, run, settings
from support.runs import arrays, kill_midway, read, synthesize, train, train_on_ranks, write_run_file

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

MODEL = """
  - conv: {out: 8, kernel: 3, padding: 1, bias: false}
  - batchnorm: {statistics: STATISTICS}
  - relu
  - maxpool: {kernel: 4}
  - flatten
  - linear: {out: OUTPUTS}
"""


def model(statistics, outputs=10):
    return MODEL.replace("STATISTICS", statistics).replace("OUTPUTS", str(outputs))


def swa(batches):
    return settings(f"average={{swa: {{start: 2 steps, every: 2 steps, batches: {batches}}}}}")


def digests(runs, key="digest"):
    return {run[key] for run in runs}


class TestOneSampleForEightShards:
    """An epoch's third batch has one sample."""

    @pytest.fixture(scope="class")
    def data(self, folder):
        return synthesize(folder, train=49, test=10, validation=3)

    @pytest.fixture(scope="class", params=("batch", "shard"))
    def statistics(self, request):
        return request.param

    @pytest.fixture(scope="class")
    def recipe(self, folder, data, statistics):
        return write_run_file(folder, data, model(statistics), f"{statistics}.yaml", batch=24, shards=8,
                              length="8 steps", every="1 steps", warmup="6 steps")

    @pytest.fixture(scope="class")
    def plain(self, folder, recipe, statistics):
        return train_on_ranks((1, 2, 4, 8), recipe, f"{folder}/{statistics}")

    def test_gives_the_same_bits_on_any_ranks(self, plain):
        assert len(digests(plain)) == 1

    @pytest.mark.parametrize("batches", (50, 10**12, "all"))
    def test_gives_the_same_average_on_any_ranks_and_the_model_without_one(self, scratch, recipe, plain, batches):
        """The average is measured over more batches than the three that there are."""
        averaged = train_on_ranks((1, 4), recipe, f"{scratch}/out", *swa(batches))
        assert len(digests(averaged, "average_digest")) == 1
        assert digests(averaged) == digests(plain)


class TestFewSamples:
    @pytest.fixture(scope="class")
    def recipe(self, folder):
        data = synthesize(folder, train=49, test=10, validation=3, name="few.h5")
        return write_run_file(folder, data, model("shard"), "few.yaml", batch=24, shards=8, length="8 steps",
                              every="1 steps", warmup="6 steps")

    @pytest.mark.parametrize("schedule", ("{cosine: {warmup: 6 steps}}", "one_cycle",
                                          "{plateau: {warmup: 6 steps, patience: 0}}"))
    def test_a_stop_inside_the_warmup_changes_no_bits(self, scratch, recipe, schedule):
        more = settings(f"schedule={schedule}")
        straight = train(1, recipe, f"{scratch}/straight", *more)
        train(2, recipe, f"{scratch}/stopped", "--stop-after", 3, *more)
        assert train(4, recipe, f"{scratch}/stopped", "--resume", *more)["digest"] == straight["digest"]

    @pytest.fixture(scope="class")
    def early(self, folder, recipe):
        """Early stopping at the first validation that may stop."""
        return train_on_ranks((1, 2, 4), recipe, f"{folder}/early",
                              *settings("early_stopping.patience=1", "early_stopping.minimum_improvement=1000"))

    def test_stops_early_with_the_same_bits_on_any_ranks(self, early):
        assert len(digests(early)) == 1

    def test_stops_early_at_the_second_validation(self, early):
        """The first has nothing to beat."""
        assert (early[0]["stopped_early"], early[0]["step"]) == (True, 6)

    @pytest.fixture(scope="class")
    def kept(self, folder, recipe):
        """A run that keeps one checkpoint beside its snapshots."""
        return train(2, recipe, f"{folder}/kept", *settings(
            "schedule={cosine_restarts: {period: 2 steps}}", "checkpoint.snapshots=true", "checkpoint.keep=1"))

    def test_has_a_snapshot_of_each_cycle(self, kept):
        names = os.listdir(f"{kept.out}/checkpoints")
        assert {f"snapshot-{number:03d}.h5" for number in (1, 2, 3, 4)} <= set(names)

    def test_keeps_the_checkpoints_that_links_point_at_and_no_other(self, kept):
        names = os.listdir(f"{kept.out}/checkpoints")
        links = {os.readlink(kept.checkpoint(name)) for name in names if not name.startswith("step-")}
        assert {name for name in names if name.startswith("step-")} == links

    def test_evaluates_3_samples_the_same_on_8_ranks(self, kept):
        reports = [result(ranks, "eval", kept.checkpoint(), "--split", "validation") for ranks in (1, 4, 8)]
        assert reports[0] == reports[1] == reports[2]

    def test_predicts_3_samples_the_same_on_8_ranks(self, scratch, kept):
        for ranks in (1, 8):
            run(ranks, "predict", kept.checkpoint(), "--split", "validation", "-o", f"{scratch}/{ranks}.csv")
        assert read(f"{scratch}/1.csv") == read(f"{scratch}/8.csv")


def kill_and_resume(recipe, out, *more):
    """Killed on 2 ranks, resumed on 4."""
    kill_midway(2, 3, 40, out, "train", recipe, "--quiet", *more)
    return train(4, recipe, out, "--resume", *more)


class TestDecorrelatedImages:
    MORE = settings("data.validation=none", "preprocess={decorrelate: zca, epsilon: 0.1}")

    @pytest.fixture(scope="class")
    def data(self, folder):
        path = synthesize(folder, train=200, test=61, validation=0, name="small.h5", more=("--size", 16))
        run(1, "dataset", "statistics", path, "--pca")
        return path

    @pytest.fixture(scope="class")
    def recipe(self, folder, data):
        return write_run_file(folder, data, model("batch"), "zca.yaml", length="40 steps", every="1 steps")

    @pytest.fixture(scope="class")
    def trained(self, folder, recipe):
        return train_on_ranks((1, 2, 4), recipe, f"{folder}/zca", *self.MORE)

    def test_give_the_same_bits_on_any_ranks(self, trained):
        assert len(digests(trained)) == 1

    def test_give_the_same_bits_when_killed_and_resumed(self, folder, recipe, trained):
        assert kill_and_resume(recipe, f"{folder}/zca-killed", *self.MORE)["digest"] == trained[0]["digest"]

    def test_give_the_same_bits_with_the_svm_loss(self, folder, recipe):
        assert len(digests(train_on_ranks((1, 2, 4), recipe, f"{folder}/svm", *self.MORE, *settings("loss=svm")))) == 1

    @pytest.fixture(scope="class")
    def predicted(self, folder, data, trained):
        """Predictions for the test images in a file of another program, without statistics and components."""
        with h5py.File(data) as file, h5py.File(f"{folder}/other.h5", "w") as other:
            for name in ("classes", "test/images", "test/labels"):
                other[name] = file[name][()]
        run(2, "predict", trained[0].checkpoint(), "--data", f"{folder}/other.h5", "--split", "test",
            "-o", f"{folder}/p.h5")
        return arrays(f"{folder}/p.h5", "/")["probabilities"].astype(float), arrays(data, "test")["labels"]

    @pytest.fixture(scope="class")
    def report(self, trained):
        return result(2, "eval", trained[0].checkpoint(), "--split", "test")["members"][0]

    def test_of_another_program_have_the_loss_that_eval_finds(self, predicted, report):
        probabilities, labels = predicted
        assert np.isclose(-np.log(probabilities[np.arange(61), labels]).mean(), report["loss"], rtol=1e-5)

    def test_of_another_program_have_the_accuracy_that_eval_finds(self, predicted, report):
        probabilities, labels = predicted
        assert np.isclose((probabilities.argmax(1) == labels).mean(), report["top1"])


class TestValuesWithAnAverage:
    MORE = settings("loss=huber", "augment=[]") + swa(3)

    @pytest.fixture(scope="class")
    def recipe(self, folder):
        data = synthesize(folder, train=130, test=40, validation=3, name="places.h5", more=("--targets", "--size", 16))
        return write_run_file(folder, data, model("batch", 3), "values.yaml", length="40 steps", every="1 steps")

    @pytest.fixture(scope="class")
    def trained(self, folder, recipe):
        return train_on_ranks((1, 2, 4), recipe, f"{folder}/values", *self.MORE)

    def test_give_the_same_bits_on_any_ranks(self, trained):
        assert len(digests(trained)) == 1

    def test_give_the_same_bits_when_killed_and_resumed(self, folder, recipe, trained):
        assert kill_and_resume(recipe, f"{folder}/values-killed", *self.MORE)["digest"] == trained[0]["digest"]
