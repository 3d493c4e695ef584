"""Evaluation, ensembles and predictions against a recomputation with NumPy; the same figures on any number
of ranks; members that do not fit together are refused by name."""
import csv

import pytest

from support.program import CHECKPOINT, DATA, refusal, result, run, settings
from support.runs import MODEL, arrays, copy_data, synthesize, train, write_run_file

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

SAMPLES = 431
ENSEMBLES = (("arithmetic", None), ("geometric", None), ("arithmetic", (2, 1, 0.5)), ("geometric", (0, 1, 3)))


def approximately(expected, tolerance=1e-6):
    return pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=400, test=SAMPLES, validation=50)


@pytest.fixture(scope="module")
def members(folder, data):
    """The checkpoints of three runs that differ in their seed."""
    recipe = write_run_file(folder, data, length="30 steps")
    return [train(2, recipe, f"{folder}/{seed}", *settings(f"train.seed={seed}", "train.shards=2")).checkpoint()
            for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def labels(data):
    return arrays(data, "test")["labels"]


@pytest.fixture(scope="module")
def predicted(folder, members):
    """What predict writes of each member."""
    for number, member in enumerate(members):
        run(1, "predict", member, "--split", "test", "-o", f"{folder}/p{number}.h5")
    return [arrays(f"{folder}/p{number}.h5", "/") for number in range(len(members))]


@pytest.fixture(scope="module")
def probabilities(predicted):
    return [there["probabilities"].astype(float) for there in predicted]


@pytest.mark.parametrize("member", range(3))
class TestPredictionsOfOneMember:
    def test_keep_the_order_of_the_samples(self, predicted, labels, member):
        assert (predicted[member]["labels"] == labels).all()

    def test_are_the_most_probable_classes(self, predicted, member):
        assert (predicted[member]["predictions"] == predicted[member]["probabilities"].argmax(1)).all()

    def test_have_probabilities_that_sum_to_one(self, predicted, member):
        assert predicted[member]["probabilities"].sum(1) == approximately(1, 1e-5)


def join(probabilities, mean, weights):
    """The ensemble's probabilities."""
    weights = np.array(weights or (1, 1, 1), float)
    weights /= weights.sum()
    if mean == "arithmetic":
        return sum(weight * p for weight, p in zip(weights, probabilities))
    joined = np.exp(sum(weight * np.log(np.maximum(p, 1e-300)) for weight, p in zip(weights, probabilities)))
    return joined / joined.sum(1, keepdims=True)


@pytest.fixture(scope="module", params=ENSEMBLES, ids=lambda p: f"{p[0]} {p[1] or 'equal'}")
def ensemble(request, members, probabilities):
    """What eval reports on 1, 2 and 3 ranks, and the probabilities that it has to find."""
    mean, weights = request.param
    words = ["--mean", mean] + (["--weights", ",".join(map(str, weights))] if weights else [])
    reports = [result(ranks, "eval", *members, "--split", "test", *words) for ranks in (1, 2, 3)]
    return reports, join(probabilities, mean, weights)


class TestEvaluationOfAnEnsemble:
    def test_is_the_same_on_any_ranks(self, ensemble):
        reports, _ = ensemble
        assert reports[0] == reports[1] == reports[2]

    def test_counts_every_sample_once(self, ensemble):
        assert ensemble[0][0]["samples"] == SAMPLES

    def test_reports_the_accuracy_of_each_member(self, ensemble, probabilities, labels):
        found = [member["top1"] for member in ensemble[0][0]["members"]]
        assert found == approximately([(p.argmax(1) == labels).mean() for p in probabilities])

    def test_reports_the_loss_of_each_member(self, ensemble, probabilities, labels):
        found = [member["loss"] for member in ensemble[0][0]["members"]]
        expected = [-np.log(p[np.arange(SAMPLES), labels]).mean() for p in probabilities]
        assert found == approximately(expected, 1e-5)

    def test_reports_its_loss(self, ensemble, labels):
        reports, expected = ensemble
        loss = -np.log(expected[np.arange(SAMPLES), labels]).mean()
        assert reports[0]["ensemble"]["loss"] == approximately(loss, 1e-5)

    def test_reports_its_accuracy(self, ensemble, labels):
        reports, expected = ensemble
        assert abs(reports[0]["ensemble"]["top1"] - (expected.argmax(1) == labels).mean()) < 0.5 / SAMPLES

    def test_reports_its_top5_accuracy(self, ensemble, labels):
        reports, expected = ensemble
        rank = (expected > expected[np.arange(SAMPLES), labels][:, None]).sum(1)
        assert abs(reports[0]["ensemble"]["top5"] - (rank < 5).mean()) < 0.5 / SAMPLES

    def test_reports_its_confusion_matrix(self, ensemble, labels):
        reports, expected = ensemble
        assert (np.array(reports[0]["ensemble"]["confusion"]) == confusion(labels, expected)).all()

    def test_reports_its_accuracy_of_each_class(self, ensemble, labels):
        reports, expected = ensemble
        counts = confusion(labels, expected)
        found = list(reports[0]["ensemble"]["class_accuracy"].values())
        assert found == approximately(list(np.diag(counts) / counts.sum(1)))


def test_a_split_that_does_not_exist_is_answered_with_those_that_do(members):
    line = refusal(DATA, "eval", members[0], "--split", "tset")
    assert line.endswith("has no split 'tset'; it has test, train, validation; did you mean 'test'?")


def test_data_with_a_fault_are_not_looked_for_elsewhere(scratch, data):
    own = copy_data(f"{scratch}/own.h5", data)
    recipe = write_run_file(scratch, own, model="\n  - flatten\n  - linear: {out: 10}", length="2 steps", warmup="0")
    out = train(1, recipe, f"{scratch}/out").out
    with h5py.File(own, "r+") as file:
        file["test/labels"][3] = 77
    line = refusal(DATA, "eval", out, "--split", "test", alone=False)
    assert "own.h5:/test/labels: row 3 is 77" in line and "--data" not in line
    line = refusal(DATA, "predict", out, "--split", "test", "-o", f"{scratch}/p.csv", alone=False)
    assert line.endswith(f"; without its labels: trainer predict RUN {own}:/test/images -o FILE.csv")
    run(1, "predict", out, f"{own}:/test/images", "-o", f"{scratch}/p.csv")


def confusion(labels, probabilities):
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, probabilities.argmax(1)), 1)
    return counts


@pytest.fixture(scope="module")
def table(folder, members):
    """The rows of the ensemble's predictions as CSV."""
    run(2, "predict", *members, "--split", "test", "-o", f"{folder}/all.csv")
    with open(f"{folder}/all.csv") as file:
        return list(csv.reader(file))


def test_a_csv_has_a_head_and_a_row_for_each_sample(table):
    assert len(table) == 1 + SAMPLES


def test_a_csv_has_the_probabilities_of_the_ensemble(table, probabilities):
    found = np.array([[float(field) for field in row[6:]] for row in table[1:]])
    assert found == approximately(sum(probabilities) / 3)


def test_a_data_set_whose_classes_have_other_names_is_refused(folder, data, members):
    other = copy_data(f"{folder}/other.h5", data, ["classes"])
    with h5py.File(other, "r+") as file:
        file["classes"] = np.array([b"x%d" % i for i in range(10)], dtype="S4")
    line = refusal(CHECKPOINT, "eval", *members, "--data", other, ranks=2)
    assert "/1/checkpoints/" in line and "class 0" in line


def test_members_may_have_different_architectures(folder, data, members):
    small = write_run_file(folder, data, name="b.yaml", model=MODEL.replace("out: 32", "out: 16"), length="10 steps")
    other = train(1, small, f"{folder}/b").checkpoint()
    assert len(result(1, "eval", members[0], other)["members"]) == 2
