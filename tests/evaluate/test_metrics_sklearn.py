"""The metrics of eval against scikit-learn's, on 50 random splits: balanced and not, with classes that have no sample,
that are never predicted, and with equal scores."""
import pytest

from support.program import result, run
from support.runs import train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
judge = pytest.importorskip("sklearn.metrics")

SIZE, CLASSES, ROUNDS = 8, (2, 3, 5, 12), range(50)


def eighths(random, least, most, shape):
    """Numbers whose products and sums single precision holds exactly, so that scores have the same ties here."""
    return (random.integers(8 * least, 8 * most + 1, shape) / 8).astype(np.float32)


def write_data(path, random, classes, count, weights):
    with h5py.File(path, "w") as file:
        for split, samples in (("train", 20), ("test", count)):
            file[f"{split}/images"] = eighths(random, -1, 1, (samples, 1, 1, SIZE))
            file[f"{split}/labels"] = random.choice(classes, samples, p=weights)
        file["classes"] = np.array([f"c{k}" for k in range(classes)], dtype="S")
    return path


@pytest.fixture(scope="module")
def models(folder):
    """For each number of classes: a checkpoint and its weights."""
    made = {}
    for classes in CLASSES:
        random = np.random.default_rng(classes)
        weight = eighths(random, -2, 2, (classes, SIZE))
        weight[-1, :] -= 4 * (classes == 12)  # a class that is hardly ever predicted
        data = write_data(f"{folder}/d{classes}.h5", random, classes, 20, None)
        with h5py.File(f"{folder}/w{classes}.h5", "w") as file:
            file["model/1.weight"], file["model/1.bias"] = weight, np.zeros(classes, np.float32)
        recipe = write(f"{folder}/r{classes}.yaml", f"""data: {{file: {data}, validation: test}}
preprocess: {{center: none, scale: none}}
model: [flatten, linear: {{out: {classes}}}]
start_from: {{checkpoint: {folder}/w{classes}.h5}}
optimizer: {{sgd: {{rate: 0}}}}
train: {{batch: 20, length: 1 steps, shards: 1}}
""")
        made[classes] = (train(1, recipe, f"{folder}/run{classes}").checkpoint(), weight)
    return made


@pytest.fixture(scope="module", params=ROUNDS)
def case(request, folder, models):
    """(what eval reports, labels, log probabilities)."""
    random = np.random.default_rng(1000 + request.param)
    classes = CLASSES[request.param % len(CLASSES)]
    weights = random.dirichlet(np.full(classes, (0.3, 1, 10)[request.param % 3]))
    data = write_data(f"{folder}/case.h5", random, classes, int(random.integers(1, 700)), weights)
    checkpoint, weight = models[classes]
    report = result(1 + request.param % 5 // 4, "eval", checkpoint, "--data", data, "--split", "test")["members"][0]
    with h5py.File(data) as file:
        images, labels = file["test/images"][()], file["test/labels"][()]
    scores = images.reshape(len(labels), -1).astype(float) @ weight.T.astype(float)
    shifted = scores - scores.max(1, keepdims=True)
    return report, labels, shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def same(found, expected):
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def present(labels):
    return sorted(set(labels.tolist()))


def test_precision_recall_and_f1_of_each_class(case):
    report, labels, logs = case
    expected = judge.precision_recall_fscore_support(labels, logs.argmax(1), labels=range(logs.shape[1]),
                                                     zero_division=0)
    for k in range(logs.shape[1]):
        found = report["classes"][f"c{k}"]
        assert found["samples"] == expected[3][k]
        if found["samples"]:
            same([found[name] for name in ("precision", "recall", "f1")], [values[k] for values in expected[:3]])
        else:
            assert [found[name] for name in ("precision", "recall", "f1", "roc_auc", "pr_auc")] == [None] * 5


@pytest.mark.parametrize("average", ("macro", "weighted"))
def test_means(case, average):
    report, labels, logs = case
    expected = judge.precision_recall_fscore_support(labels, logs.argmax(1), labels=present(labels), average=average,
                                                     zero_division=0)
    same([report[f"{name}_{average}"] for name in ("precision", "recall", "f1")], list(expected[:3]))


@pytest.mark.filterwarnings("ignore")
def test_balanced_accuracy(case):
    report, labels, logs = case
    same(report["balanced_accuracy"], judge.balanced_accuracy_score(labels, logs.argmax(1)))


def test_log_loss(case):
    report, labels, logs = case
    same(report["log_loss"], judge.log_loss(labels, np.exp(logs), labels=range(logs.shape[1])))


def test_areas_of_each_class(case):
    report, labels, logs = case
    roc, pr = [], []
    for k in present(labels):
        found, truth = report["classes"][f"c{k}"], labels == k
        pr.append(judge.average_precision_score(truth, logs[:, k]))
        same(found["pr_auc"], pr[-1])
        if truth.all():
            assert found["roc_auc"] is None
        else:
            roc.append(judge.roc_auc_score(truth, logs[:, k]))
            same(found["roc_auc"], roc[-1])
    if roc:
        same(report["roc_auc"], np.mean(roc))
    else:
        assert report["roc_auc"] is None
    if logs.shape[1] > 2:
        same(report["pr_auc"], np.mean(pr))
    elif 1 in labels:
        same(report["pr_auc"], judge.average_precision_score(labels, logs[:, 1]))
    else:
        assert report["pr_auc"] is None


def test_words_name_every_figure(models, folder):
    said = run(1, "eval", models[3][0], "--split", "test")[0]
    for word in ("balanced accuracy", "precision, macro", "F1, weighted", "ROC-AUC", "PR-AUC", "log loss"):
        assert word in said
