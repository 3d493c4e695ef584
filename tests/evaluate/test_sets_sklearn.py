"""The metrics of multi-label targets against scikit-learn's, on 50 random cases: with classes that no sample or every
sample has, equal scores, and thresholds other than one half."""
import json
import struct
import subprocess

import pytest

from support.program import built

np = pytest.importorskip("numpy")
judge = pytest.importorskip("sklearn.metrics")


def draw(round_number):
    """(log odds, truth, threshold) of a case."""
    random = np.random.default_rng(round_number)
    samples, classes = int(random.integers(1, 300)), int(random.integers(1, 9))
    truth = random.random((samples, classes)) < random.choice([0, 0.05, 0.3, 0.6, 1], classes)
    scores = random.normal(size=truth.shape) + truth
    if round_number % 3 == 0:
        scores = np.round(2 * scores) / 2  # ties
    return scores, truth.astype(int), (0.0, 0.0, -1.5, 0.5)[round_number % 4]


@pytest.fixture(scope="module")
def cases():
    drawn = [draw(i) for i in range(50)]
    text = b"".join(struct.pack("<qqd", *scores.shape, threshold) + scores.tobytes()
                    + truth.astype(np.float32).tobytes() for scores, truth, threshold in drawn)
    lines = subprocess.run([built("evaluate/print_metrics")], input=text, check=True, capture_output=True).stdout
    found = [json.loads(line) for line in lines.splitlines()]
    assert len(found) == 50
    return list(zip(found, drawn))


def same(found, expected):
    assert found == (None if expected is None or np.isnan(expected) else pytest.approx(expected, rel=1e-6, abs=1e-6))


@pytest.mark.filterwarnings("ignore")
def test_each_class(cases):
    for found, (scores, truth, threshold) in cases:
        for k, figures in enumerate(found["classes"]):
            y, predicted = truth[:, k], scores[:, k] >= threshold
            if not y.any():
                assert set(figures.values()) == {None}
                continue
            expected = judge.precision_recall_fscore_support(y, predicted, average="binary", zero_division=0)
            for name, value in zip(("precision_macro", "recall_macro", "f1_macro"), expected):
                same(figures[name], value)
            same(figures["balanced_accuracy"], judge.balanced_accuracy_score(y, predicted))
            same(figures["roc_auc"], None if y.all() else judge.roc_auc_score(y, scores[:, k]))
            same(figures["pr_auc"], judge.average_precision_score(y, scores[:, k]))


@pytest.mark.filterwarnings("ignore")
def test_means(cases):
    for found, (scores, truth, threshold) in cases:
        predicted, present, figures = (scores >= threshold).astype(int), truth.any(0), found["all"]
        for average, kept in (("macro", present), ("weighted", present), ("micro", np.full(truth.shape[1], True))):
            values = [None] * 3
            if present.any():
                columns = (truth[:, kept], predicted[:, kept]) if kept.sum() > 1 else (truth[:, kept].ravel(),
                                                                                        predicted[:, kept].ravel())
                kind = {"average": average} if kept.sum() > 1 else {"average": "binary"}
                values = judge.precision_recall_fscore_support(*columns, zero_division=0, **kind)[:3]
            for name, value in zip(("precision", "recall", "f1"), values):
                same(figures[f"{name}_{average}"], value)


@pytest.mark.filterwarnings("ignore")
def test_decisions_and_log_loss(cases):
    for found, (scores, truth, threshold) in cases:
        predicted, figures = (scores >= threshold).astype(int), found["all"]
        same(figures["accuracy"], (predicted == truth).all(1).mean())
        if truth.shape[1] > 1:
            same(figures["accuracy"], judge.accuracy_score(truth, predicted))
        same(figures["hamming_loss"], judge.hamming_loss(truth, predicted))
        same(figures["log_loss"], np.mean([judge.log_loss(truth[:, k], 1 / (1 + np.exp(-scores[:, k])), labels=(0, 1))
                                           for k in range(truth.shape[1])]))


@pytest.mark.filterwarnings("ignore")
def test_areas(cases):
    for found, (scores, truth, threshold) in cases:
        present = [k for k in range(truth.shape[1]) if truth[:, k].any()]
        mixed = [k for k in present if not truth[:, k].all()]
        same(found["all"]["roc_auc"],
             np.mean([judge.roc_auc_score(truth[:, k], scores[:, k]) for k in mixed]) if mixed else None)
        same(found["all"]["pr_auc"],
             np.mean([judge.average_precision_score(truth[:, k], scores[:, k]) for k in present]) if present else None)
