"""Averages of weights against torch.optim.swa_utils, 1,000 steps each, to 1e-5 relative."""
import math

import pytest

torch = pytest.importorskip("torch")
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trajectories import ELEMENTS, PER_EPOCH, TOLERANCE, difference, later, walk_of

STEPS = 1000


class State(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.values = torch.nn.Parameter(torch.zeros(ELEMENTS))


@later
def theirs(takes, **options):
    """takes(step): is this step's state taken into the average?"""
    state = State()
    average = AveragedModel(state, **options)
    i, path, begun = torch.arange(ELEMENTS, dtype=torch.float64), [], False
    for step in range(1, STEPS + 1):
        with torch.no_grad():
            state.values.copy_(torch.cos(i + step * (i % 7 + 1) / 10))
        if takes(step):
            average.update_parameters(state)
            begun = True
        path.append(average.module.values.detach().clone() if begun else torch.zeros(ELEMENTS))
    return torch.stack(path)


@later
def ema_with_warmup(decay):
    """timm's and TensorFlow's rule, by hand in double: min(decay, (1 + n)/(10 + n)) after n updates."""
    path, average = [], [0.0] * ELEMENTS
    for step in range(1, STEPS + 1):
        state = [math.cos(i + step * (i % 7 + 1) / 10) for i in range(ELEMENTS)]
        d = 0 if step == 1 else min(decay, step / (9 + step))
        average = [d * a + (1 - d) * s for a, s in zip(average, state)]
        path.append(average)
    return torch.tensor(path)


CASES = [
    ("{ema: {decay: 0.9, decay_warmup: false}}", theirs(lambda step: True, multi_avg_fn=get_ema_multi_avg_fn(0.9))),
    ("{ema: {decay_warmup: false}}", theirs(lambda step: True, multi_avg_fn=get_ema_multi_avg_fn(0.999))),
    ("{ema: {decay: 0.99}}", ema_with_warmup(0.99)),
    ("{polyak: {start: 0}}", theirs(lambda step: True)),
    ("{polyak: {start: 30 epochs}}", theirs(lambda step: step >= 300)),
    ("{swa: {start: 50 epochs}}", theirs(lambda step: step >= 500 and step % PER_EPOCH == 0)),
    ("{swa: {start: 0, every: 7 steps}}", theirs(lambda step: step % 7 == 0)),
    ("{swa: {start: 25 steps, every: 3 epochs}}", theirs(lambda step: step >= 25 and (step - 25) % 30 == 0)),
]


@pytest.mark.parametrize("text, expected", CASES, ids=[text for text, _ in CASES])
def test_the_average_is_pytorchs(text, expected):
    assert difference(walk_of("optim_average_trajectory", STEPS, f"average: {text}"), expected()) <= TOLERANCE
