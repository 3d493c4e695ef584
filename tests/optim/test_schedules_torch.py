"""Every schedule against PyTorch's scheduler, 1,000 steps each, to 1e-5 relative."""
import math
import random
import subprocess

import pytest

torch = pytest.importorskip("torch")
from torch.optim import lr_scheduler as S

from support.program import built
from trajectories import later

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # SequentialLR gives a deprecated epoch
STEPS, PER_EPOCH, RATE = 1000, 10, 0.25
DRAW = random.Random(5)
# A loss that falls in jumps with noise on it, and an accuracy that rises like it.
VALIDATIONS = [(2.3 * 0.7 ** (i // 17) + DRAW.uniform(0, 0.2), 0.9 - 0.7 * 0.75 ** (i // 13) - DRAW.uniform(0, 0.05))
               for i in range(STEPS // PER_EPOCH)]


def ours(text):
    """The factor of each step of a schedule."""
    words = [built("optim/optim_schedule_factors"), str(STEPS), str(PER_EPOCH), f"schedule: {text}"]
    figures = "\n".join(f"{loss!r} {accuracy!r}" for loss, accuracy in VALIDATIONS)
    done = subprocess.run(words, check=True, input=figures, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


@later
def theirs(build, figure=None):
    """The rate of each step; `figure`: which of the validations the scheduler is told."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE)
    scheduler = build(optimizer)
    rates = []
    for step in range(STEPS):
        if figure is not None and step and step % PER_EPOCH == 0:
            scheduler.step(VALIDATIONS[step // PER_EPOCH - 1][figure])
        rates.append(optimizer.param_groups[0]["lr"] / RATE)
        optimizer.step()
        if figure is None and step + 1 < STEPS:
            scheduler.step()
    return rates


def warm(steps, then):
    """A linear warm-up before another scheduler: factor (step + 1)/steps."""
    def build(optimizer):
        first = S.LambdaLR(optimizer, lambda step: (step + 1) / steps)
        return S.SequentialLR(optimizer, [first, then(optimizer)], [steps])
    return build


def one_cycle(steps=STEPS, **options):
    return lambda o: S.OneCycleLR(o, max_lr=RATE, total_steps=steps, cycle_momentum=False, **options)


restarts = S.CosineAnnealingWarmRestarts


def plateau(optimizer, **options):
    """eps=0: PyTorch's would leave a rate below 1e-8 as it is; ours falls on."""
    return S.ReduceLROnPlateau(optimizer, eps=0, **options)


CASES = [
    ("constant", theirs(lambda o: S.ConstantLR(o, factor=1.0))),
    ("{constant: {warmup: 4 epochs}}", theirs(warm(40, lambda o: S.ConstantLR(o, factor=1.0)))),
    ("{step: {every: 30 steps, factor: 0.8}}", theirs(lambda o: S.StepLR(o, 30, 0.8))),
    ("{step: {every: 9 epochs, factor: 0.5, warmup: 10 steps}}", theirs(warm(10, lambda o: S.StepLR(o, 90, 0.5)))),
    ("{multi_step: {at: [30 epochs, 60.5 epochs, 800 steps]}}",
     theirs(lambda o: S.MultiStepLR(o, [300, 605, 800], 0.1))),
    # Times count from the run's start; in SequentialLR, from the end of the warm-up.
    ("{multi_step: {at: [25 epochs, 500 steps], factor: 0.3, warmup: 5 epochs}}",
     theirs(warm(50, lambda o: S.MultiStepLR(o, [200, 450], 0.3)))),
    ("{exponential: {every: 1 step, factor: 0.995}}", theirs(lambda o: S.ExponentialLR(o, 0.995))),
    ("{exponential: {warmup: 3 epochs}}", theirs(warm(30, lambda o: S.ExponentialLR(o, 0.95 ** 0.1)))),
    ("cosine", theirs(lambda o: S.CosineAnnealingLR(o, STEPS))),
    ("{cosine: {final: 0.2, warmup: 100 steps}}",
     theirs(warm(100, lambda o: S.CosineAnnealingLR(o, STEPS - 100, 0.2 * RATE)))),
    ("{cosine_restarts: {period: 12 epochs}}", theirs(lambda o: restarts(o, 120))),
    ("{cosine_restarts: {period: 50 steps, growth: 2, final: 0.01}}",
     theirs(lambda o: restarts(o, 50, 2, 0.01 * RATE))),
    ("{cosine_restarts: {period: 7 epochs, growth: 3, warmup: 20 steps}}",
     theirs(warm(20, lambda o: restarts(o, 70, 3)))),
    ("{linear: {final: 0.1}}", theirs(lambda o: S.LinearLR(o, 1.0, 0.1, STEPS))),
    ("{linear: {warmup: 10 epochs}}", theirs(warm(100, lambda o: S.PolynomialLR(o, STEPS - 100, 1.0)))),
    ("{inverse_sqrt: {scale: 100 steps}}", theirs(lambda o: S.LambdaLR(o, lambda t: 1 / math.sqrt(1 + t / 100)))),
    ("{inverse_sqrt: {warmup: 50 steps}}",
     theirs(warm(50, lambda o: S.LambdaLR(o, lambda t: 1 / math.sqrt(1 + t / PER_EPOCH))))),
    ("one_cycle", theirs(one_cycle())),
    ("{one_cycle: {rise: 0.25, anneal: linear, initial: 0.1, final: 0.001}}",
     theirs(one_cycle(pct_start=0.25, anneal_strategy="linear", div_factor=10, final_div_factor=100))),
    ("{one_cycle: {rise: 0.45, three_phase: true}}", theirs(one_cycle(pct_start=0.45, three_phase=True))),
    ("{one_cycle: {rise: 0.2, three_phase: true, anneal: linear}}",
     theirs(one_cycle(pct_start=0.2, three_phase=True, anneal_strategy="linear"))),
    ("{plateau: {patience: 3}}", theirs(lambda o: plateau(o, patience=3), 0)),
    ("{plateau: {patience: 0, factor: 0.7, minimum: 0.05}}",
     theirs(lambda o: plateau(o, patience=0, factor=0.7, min_lr=0.05 * RATE), 0)),
    ("{plateau: {patience: 2, factor: 0.5, cooldown: 4, threshold: 0.02}}",
     theirs(lambda o: plateau(o, patience=2, factor=0.5, cooldown=4, threshold=0.02), 0)),
    ("{plateau: {metric: accuracy, patience: 4, factor: 0.6}}",
     theirs(lambda o: plateau(o, mode="max", patience=4, factor=0.6), 1)),
    ("{plateau: {metric: accuracy, patience: 1, factor: 0.9, cooldown: 1, threshold: 0.01, threshold_mode: absolute}}",
     theirs(lambda o: plateau(o, mode="max", patience=1, factor=0.9, cooldown=1, threshold=0.01,
                              threshold_mode="abs"), 1)),
    ("{plateau: {patience: 5, threshold: 0.1, threshold_mode: absolute}}",
     theirs(lambda o: plateau(o, patience=5, threshold=0.1, threshold_mode="abs"), 0)),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[0])
def case(request):
    """The text of a schedule, our factors and PyTorch's."""
    text, expected = request.param
    return text, ours(text), expected()


def test_every_step_has_a_factor(case):
    assert len(case[1]) == STEPS


def test_the_factors_are_pytorchs(case):
    _, found, expected = case
    assert max(abs(a - b) / max(abs(b), 1e-6) for a, b in zip(found, expected)) <= 1e-5


def test_the_factor_changes_unless_it_is_constant(case):
    text, found, _ = case
    assert (len(set(found)) > 1) == (text != "constant")
