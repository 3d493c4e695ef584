"""Weights of classes and samples, and balanced sampling: steps of a softmax regression against NumPy, and against
PyTorch where it is there; the same bits on any number of ranks and after a resume; refusals."""
import pytest

from support.program import DATA, RUN_FILE, settings
from support.refusals import endings, refuses_to_train
from support.runs import arrays, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

COUNT, CLASSES, SIZE, STEPS = 60, 3, 5, 4
WEIGHTED = "loss.cross_entropy.class_weights=balanced"


@pytest.fixture(scope="module")
def data(folder):
    random = np.random.default_rng(3)
    with h5py.File(f"{folder}/d.h5", "w") as file:
        for split in ("train", "validation"):
            labels = np.minimum(random.geometric(0.7, COUNT) - 1, CLASSES - 1)
            images = random.normal(size=(COUNT, 1, 1, SIZE)).astype(np.float32)
            images[np.arange(COUNT), 0, 0, labels] += 1
            file[f"{split}/images"], file[f"{split}/labels"] = images, labels
        file["train/weights"] = random.integers(0, 4, COUNT) / 2.0
        file["classes"] = np.array(list("abc"), dtype="S")
        for place, values in (("/none", np.zeros(COUNT)), ("/short", np.ones(COUNT - 1)),
                              ("/negative", np.full(COUNT, -1.0))):
            file[place] = values
    with h5py.File(f"{folder}/start.h5", "w") as file:
        file["model/1.weight"] = random.normal(size=(CLASSES, SIZE)).astype(np.float32)
        file["model/1.bias"] = np.zeros(CLASSES, np.float32)
    return f"{folder}/d.h5"


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write(f"{folder}/run.yaml", f"""data: {{file: {data}}}
preprocess: {{center: none, scale: none}}
model: [flatten, linear: {{out: {CLASSES}}}]
start_from: {{checkpoint: {folder}/start.h5}}
loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
optimizer: {{sgd: {{rate: 0.5}}}}
train: {{batch: {COUNT}, length: {STEPS} steps, shards: 4}}
checkpoint: {{every: 3 steps, keep: 0}}
""")


@pytest.fixture(scope="module")
def samples(data):
    """x, y, the weights of samples, and the balanced ones of classes."""
    with h5py.File(data) as file:
        x, y = file["train/images"][()].reshape(COUNT, SIZE).astype(float), file["train/labels"][()]
        return x, y, file["train/weights"][()], COUNT / (CLASSES * np.bincount(y))


def softmax_steps(folder, samples, class_weights):
    """The losses of the steps and the weight at their end: means weighted by sample and by class."""
    x, y, own, _ = samples
    weight, bias = (arrays(f"{folder}/start.h5")[name].astype(float) for name in ("1.weight", "1.bias"))
    aim = (0.9 * np.eye(CLASSES)[y] + 0.1 / CLASSES) * class_weights
    share = own[:, None] / (own * class_weights[y]).sum()
    losses = []
    for _ in range(STEPS):
        scores = x @ weight.T + bias
        logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        losses.append(-(share * aim * logs).sum())
        slope = share * (np.exp(logs) * aim.sum(1, keepdims=True) - aim)
        weight, bias = weight - 0.5 * slope.T @ x, bias - 0.5 * slope.sum(0)
    return losses, weight


def assert_follows(run, losses, weight):
    assert [step["loss"] for step in run.metrics("step")] == pytest.approx(losses, rel=1e-5)
    assert np.abs(arrays(run.checkpoint())["1.weight"] - weight).max() < 1e-5


@pytest.mark.parametrize("change, weights", ((WEIGHTED, None),
                                             ("loss.cross_entropy.class_weights=[0.5, 2, 0]", np.array((0.5, 2, 0)))))
def test_steps_are_weighted_means(folder, recipe, samples, change, weights):
    run = train(2, recipe, f"{folder}/{len(change)}", *settings(change))
    assert_follows(run, *softmax_steps(folder, samples, samples[3] if weights is None else weights))


def test_steps_are_pytorchs(folder, recipe, data, samples):
    """Without weights of samples, which PyTorch's loss does not have."""
    torch = pytest.importorskip("torch")
    x, y, _, balanced = samples
    model, before = torch.nn.Linear(SIZE, CLASSES).double(), arrays(f"{folder}/start.h5")
    with torch.no_grad():
        model.weight.copy_(torch.tensor(before["1.weight"])), model.bias.zero_()
    loss_of = torch.nn.CrossEntropyLoss(weight=torch.tensor(balanced), label_smoothing=0.1)
    optimizer, losses = torch.optim.SGD(model.parameters(), 0.5), []
    for _ in range(STEPS):
        loss = loss_of(model(torch.tensor(x)), torch.tensor(y))
        losses.append(loss.item())
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    split = f"data.splits={{train: {{images: {data}:/train/images, labels: {data}:/train/labels}}}}"
    run = train(1, recipe, f"{folder}/torch", *settings(split, WEIGHTED))
    assert_follows(run, losses, model.weight.detach().numpy())


def test_bits_do_not_depend_on_ranks_or_resumes(folder, recipe):
    more = settings(WEIGHTED, "train.batch=16", "train.sampling=balanced", "mix=[mixup]", "augment=[flip]",
                    "train.length=11 steps", "clip.norm=0.3", "start_from=")
    runs = [train(ranks, recipe, f"{folder}/bits{ranks}", *more) for ranks in (1, 4)]
    train(2, recipe, f"{folder}/cut", *more, "--stop-after", 6)  # in the second epoch
    runs.append(train(1, recipe, f"{folder}/cut", *more, "--resume"))
    assert len({run["digest"] for run in runs}) == 1
    assert runs[0].metrics() == runs[1].metrics() == runs[2].metrics()


def test_what_does_not_fit_is_refused(folder, recipe, data):
    def split(weights):
        return f"data.splits={{train: {{images: /train/images, labels: /train/labels, weights: {weights}}}}}"

    table = [
        refuses_to_train("count", RUN_FILE, ("class_weights", "has 2 numbers", "3 classes"),
                         "loss.cross_entropy.class_weights=[1, 2]"),
        refuses_to_train("word", RUN_FILE, ("class_weights", "'x'", "not a weight"),
                         "loss.cross_entropy.class_weights=[1, 2, x]"),
        refuses_to_train("tiny", RUN_FILE, ("'1e-40' is not a weight (too small for float32)", "from 0 to 1e+12"),
                         "loss.cross_entropy.class_weights=[1, 2, 1e-40]"),
        refuses_to_train("zero", RUN_FILE, ("class_weights", "all 0"), "loss.cross_entropy.class_weights=[0, 0, 0]"),
        refuses_to_train("order", RUN_FILE, ("train.sampling", "shuffle"), "train.sampling=balanced",
                         "train.shuffle=false"),
        refuses_to_train("none", DATA, ("weights of all samples are 0",), split("/none")),
        refuses_to_train("short", DATA, ("/short", "(59)", "60 images"), split("/short")),
        refuses_to_train("negative", DATA, ("/negative", "row 0 is -1"), split("/negative")),
    ]
    for refusal, ending in zip(table, endings(table, folder, (1,)).values()):
        assert (ending.code, len(ending.lines), ending.wrote) == (refusal.code, 1, False), ending.stderr
        assert all(word in ending.lines[0] for word in refusal.says), ending.stderr
