"""Losses against PyTorch: the loss of every sample and the gradient of the mean."""
import json
import subprocess

import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F

from support.program import built

TOLERANCE = 1e-5  # relative to the largest


def cross_entropy(smoothing, labels):
    return lambda scores, target: F.cross_entropy(scores, target.argmax(1) if labels else target,
                                                  label_smoothing=smoothing, reduction="none")


def class_weights(outputs):
    """As weight_classes of losses.h."""
    return torch.tensor([0.25 * (1 + k * 5 % 7) for k in range(outputs)], dtype=torch.float64)


def weighted_cross_entropy(smoothing, labels):
    return lambda scores, target: F.cross_entropy(scores, target.argmax(1) if labels else target,
                                                  weight=class_weights(scores.shape[1]), label_smoothing=smoothing,
                                                  reduction="none")


def binary(weighted):
    return lambda scores, target: F.binary_cross_entropy_with_logits(
        scores, target, pos_weight=class_weights(scores.shape[1]) if weighted else None, reduction="none").mean(1)


def focal(gamma):
    """The formula; autograd differentiates it."""
    def loss(scores, target):
        logs = F.log_softmax(scores, 1)
        return -(target * (1 - logs.exp()) ** gamma * logs).sum(1)
    return loss


def binary_focal(gamma, alpha):
    """As torchvision's sigmoid_focal_loss, of targets that are 0 or 1."""
    def loss(scores, target):
        p = scores.sigmoid()
        right = p * target + (1 - p) * (1 - target)
        share = alpha * target + (1 - alpha) * (1 - target)
        entropy = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
        return (share * (1 - right) ** gamma * entropy).mean(1)
    return loss


def margin_loss(power, margin):
    """PyTorch divides by the number of classes; the svm's usual formula does not."""
    return lambda scores, target: scores.shape[1] * F.multi_margin_loss(
        scores, target.argmax(1), p=power, margin=margin, reduction="none")


def mean_over_outputs(function, **options):
    return lambda scores, target: function(scores, target, reduction="none", **options).mean(1)


LOSSES = [
    ("cross_entropy", "indices", cross_entropy(0, True)),
    ("cross_entropy", "distributions", cross_entropy(0, False)),
    ("{cross_entropy: {label_smoothing: 0.1}}", "indices", cross_entropy(0.1, True)),
    ("{cross_entropy: {label_smoothing: 0.25}}", "distributions", cross_entropy(0.25, False)),
    ("{cross_entropy: {class_weights: balanced}}", "indices", weighted_cross_entropy(0, True)),
    ("{cross_entropy: {class_weights: balanced, label_smoothing: 0.1}}", "indices", weighted_cross_entropy(0.1, True)),
    ("{cross_entropy: {class_weights: balanced}}", "distributions", weighted_cross_entropy(0, False)),
    ("{focal: {gamma: 0}}", "indices", cross_entropy(0, True)),
    ("focal", "distributions", focal(2)),
    ("{focal: {gamma: 1.5}}", "indices", focal(1.5)),
    ("binary_cross_entropy", "distributions", binary(False)),
    ("{binary_cross_entropy: {class_weights: balanced}}", "indices", binary(True)),
    ("{binary_focal: {alpha: 0.25}}", "indices", binary_focal(2, 0.25)),
    ("svm", "indices", margin_loss(1, 1)),
    ("{svm: {margin: 0.5}}", "indices", margin_loss(1, 0.5)),
    ("{svm: {squared: true, margin: 2}}", "indices", margin_loss(2, 2)),
    ("mse", "values", mean_over_outputs(F.mse_loss)),
    ("mse", "indices", mean_over_outputs(F.mse_loss)),
    ("mae", "values", mean_over_outputs(F.l1_loss)),
    ("huber", "values", mean_over_outputs(F.huber_loss)),
    ("{huber: {delta: 0.3}}", "values", mean_over_outputs(F.huber_loss, delta=0.3)),
]


def run_loss(text, kind, samples, outputs):
    """The tensors that print_loss prints, by name."""
    words = [built("nn/print_loss"), text, kind, str(samples), str(outputs)]
    found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    shapes = {"losses": (samples,), "scores": (samples, outputs), "target": (samples, outputs),
              "gradient": (samples, outputs)}
    return {name: torch.tensor(found[name], dtype=torch.float64).reshape(shape) for name, shape in shapes.items()}


def difference(ours, theirs):
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-4)).item()


@pytest.fixture(scope="module", params=LOSSES, ids=lambda loss: f"{loss[0]} of {loss[1]}")
def loss(request):
    return request.param


@pytest.fixture(scope="module", params=((1, 1), (1, 10), (7, 3), (64, 37)), ids="{0[0]}x{0[1]}".format)
def compared(request, loss):
    """What we find, and PyTorch's losses and gradient."""
    text, kind, function = loss
    ours = run_loss(text, kind, *request.param)
    scores = ours["scores"].requires_grad_()
    losses = function(scores, ours["target"])
    losses.mean().backward()
    return ours, losses.detach(), scores.grad


def test_the_loss_of_each_sample_is_pytorchs(compared):
    ours, losses, _ = compared
    assert difference(ours["losses"], losses) <= TOLERANCE


def test_the_gradient_of_the_mean_is_pytorchs(compared):
    ours, _, gradient = compared
    assert difference(ours["gradient"], gradient) <= TOLERANCE
