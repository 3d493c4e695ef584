"""Short last batches against numpy: the losses of each step and epoch, and the parameters after two epochs, of a
softmax regression and of a linear regression. The model is written out here, with the gradient of a mean over the
samples that a batch really has, so that an error that all ranks and shards share is found too."""
import pytest

from support.program import settings
from support.runs import arrays, metrics, synthesize, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

SAMPLES, BATCH, EPOCHS, RATE, DECAY = 103, 30, 2, 0.002, 0.1  # batches of 30, 30, 30 and 13
RECIPE = """data: {{file: {data}, train: train, validation: validation}}
preprocess: {{center: none, scale: range, targets: none}}
model: [flatten, {{linear: {{out: {outputs}, weight_init: zeros, bias_init: zeros}}}}]
loss: {loss}
optimizer: {{sgd: {{rate: {rate}, weight_decay: {decay}}}}}
schedule: constant
train: {{batch: {batch}, shards: 2, length: {epochs} epochs, shuffle: false, last_batch: {last_batch}}}
"""


def softmax(scores):
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def cross_entropy(scores, labels):
    """The samples' losses, and the slope of their sum."""
    hot = np.eye(scores.shape[1])[labels]
    probabilities = softmax(scores)
    return -np.log((probabilities * hot).sum(1)), probabilities - hot


def squared_error(scores, targets):
    return ((scores - targets) ** 2).mean(1), 2 * (scores - targets) / scores.shape[1]


def descend(images, targets, outputs, loss, drop):
    """Plain gradient descent: (losses of the steps, losses of the epochs, weights, biases)."""
    # PyTorch's order of features is channels, rows, columns.
    x = images.transpose(0, 3, 1, 2).reshape(len(images), -1).astype(np.float64) / 255
    weights, biases = np.zeros((outputs, x.shape[1])), np.zeros(outputs)
    steps, epochs = [], []
    for _ in range(EPOCHS):
        sums, seen = 0, 0
        for first in range(0, len(x) - (BATCH - 1 if drop else 0), BATCH):
            batch = slice(first, first + BATCH)
            count = len(x[batch])
            losses, slope = loss(x[batch] @ weights.T + biases, targets[batch])
            steps.append(losses.mean())
            sums, seen = sums + losses.sum(), seen + count
            weights -= RATE * (slope.T @ x[batch] / count + DECAY * weights)
            biases -= RATE * slope.sum(0) / count
        epochs.append(sums / seen)
    return steps, epochs, weights, biases


CASES = {
    "classes": ((), "labels", 10, "cross_entropy", cross_entropy),
    "values": (("--targets",), "targets", None, "mse", squared_error),
}


@pytest.mark.parametrize("last_batch", ("keep", "drop"))
@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("case", CASES)
class TestAgainstNumpy:
    @pytest.fixture
    def both(self, scratch, case, ranks, last_batch):
        more, truth, outputs, name, loss = CASES[case]
        data = synthesize(scratch, train=SAMPLES, more=more)
        with h5py.File(data) as file:
            images, targets = file["train/images"][()], file[f"train/{truth}"][()]
        outputs = outputs or targets.shape[1]
        expected = descend(images, targets, outputs, loss, last_batch == "drop")
        recipe = write(f"{scratch}/run.yaml", RECIPE.format(
            data=data, outputs=outputs, loss=name, rate=RATE, decay=DECAY, batch=BATCH, epochs=EPOCHS,
            last_batch=last_batch))
        return train(ranks, recipe, f"{scratch}/run", *settings("train.backend=openblas")), expected

    def test_losses_of_steps_and_epochs(self, both):
        run, (steps, epochs, _, _) = both
        found = metrics(run.out, "step"), metrics(run.out, "epoch")
        assert [record["loss"] for record in found[0]] == pytest.approx(steps, rel=1e-5)
        assert [record["train_loss"] for record in found[1]] == pytest.approx(epochs, rel=1e-5)

    def test_parameters(self, both):
        run, (_, _, weights, biases) = both
        found = arrays(run.checkpoint())
        assert np.abs(found["1.weight"] - weights).max() <= 1e-5 * np.abs(weights).max()
        assert np.abs(found["1.bias"] - biases).max() <= 1e-5 * np.abs(biases).max()
