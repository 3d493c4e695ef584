"""The optimisers with every hyperparameter, and what surrounds them, against PyTorch's, 100 steps each, to 1e-5
relative; LARS, LAMB, Lookahead and L1 against the papers' formulas in double."""
import pytest

torch = pytest.importorskip("torch")
from torch import optim

from trajectories import ELEMENTS, STEPS, TOLERANCE, difference_of_walks, later



def walk(build, before=None, after=None, kind=torch.float32):
    """100 steps of build([weight, bias]) down the bowl of trajectory.c; `before` and `after` each
    step see the two parameters and the step's number."""
    i = torch.arange(ELEMENTS)
    curves = ((i % 5 + 1).to(kind) / 8).split(32)
    pulls = ((i % 3).to(kind) / 4).split(32)
    halves = [torch.nn.Parameter(half.clone()) for half in ((i - 20).to(kind) / 16).split(32)]
    optimizer = build(halves)
    path = []
    for step in range(1, STEPS + 1):
        for half, curve, pull in zip(halves, curves, pulls):
            half.grad = curve * half.detach() - pull
        if before:
            before(halves, step)
        optimizer.step()
        if after:
            with torch.no_grad():
                after(halves, step)
        path.append(torch.cat([half.detach().clone() for half in halves]))
    return torch.stack(path).float()


@later
def theirs(kind, decay=(0.0, 0.0), before=None, after=None, rates=None, **options):
    """A torch.optim class, the two halves with a weight decay (and a rate) each."""
    def build(halves):
        groups = [dict(params=[half], weight_decay=d) for half, d in zip(halves, decay)]
        for group, rate in zip(groups, rates or ()):
            group["lr"] = rate
        return kind(groups, **options)
    return walk(build, before, after)


class Formula:
    """A paper's optimiser: `step` of it is called for each half with its own memory."""
    def __init__(self, halves, *decay):
        self.halves, self.decay, self.number = halves, decay, 0
        self.memory = [{}, {}]

    def step(self):
        self.number += 1
        with torch.no_grad():
            for index, (x, decay, memory) in enumerate(zip(self.halves, self.decay, self.memory)):
                x -= self.move(x, x.grad, decay, memory, index == 0)


class Lars(Formula):
    """You, Gitman and Ginsburg 2017, algorithm 1; biases take the plain step."""
    rate, momentum, trust, epsilon, every_row = 0.5, 0.9, 0.001, 1e-8, False

    def move(self, x, g, decay, memory, weight):
        local = 1
        if weight or self.every_row:
            local = self.trust * x.norm() / (g.norm() + decay * x.norm() + self.epsilon)
        v = memory.get("v", torch.zeros_like(x))
        memory["v"] = self.momentum * v + self.rate * local * (g + decay * x)
        return memory["v"]


class LarsPlain(Lars):
    rate = 0.02


class LarsAll(Lars):
    momentum, trust, epsilon, every_row = 0.7, 0.02, 0.1, True


class Lamb(Formula):
    """You et al. 2020, algorithm 2."""
    rate, beta1, beta2, epsilon, every_row = 0.01, 0.9, 0.999, 1e-6, False

    def move(self, x, g, decay, memory, weight):
        m = memory["m"] = self.beta1 * memory.get("m", torch.zeros_like(x)) + (1 - self.beta1) * g
        v = memory["v"] = self.beta2 * memory.get("v", torch.zeros_like(x)) + (1 - self.beta2) * g**2
        m, v = m / (1 - self.beta1**self.number), v / (1 - self.beta2**self.number)
        u = m / (v.sqrt() + self.epsilon) + decay * x
        return self.rate * (x.norm() / u.norm() if weight or self.every_row else 1) * u


class LambAll(Lamb):
    # At a higher rate it gets to the bottom, where rounding alone decides which way |u| points.
    rate, beta1, beta2, epsilon, every_row = 0.005, 0.8, 0.98, 1e-3, True


@later
def formula(kind, *decay):
    """The walk of a paper's optimiser, in double."""
    return walk(lambda halves: kind(halves, *decay), kind=torch.float64)


def lookahead(every, share):
    """Zhang et al. 2019, algorithm 1: what to do before and after each step."""
    slow = []

    def before(halves, step):
        if step == 1:
            slow[:] = [half.detach().clone() for half in halves]

    def after(halves, step):
        if step % every == 0:
            for s, half in zip(slow, halves):
                s += share * (half - s)
                half.copy_(s)
    return dict(before=before, after=after)


def l1(weight, bias):
    def before(halves, step):
        for half, penalty in zip(halves, (weight, bias)):
            half.grad += penalty * half.detach().sign()
    return before


def max_norm(limit):
    def after(halves, step):
        halves[0].copy_(torch.renorm(halves[0].view(4, 8), 2, 0, limit).view(-1))
    return after


def clip_norm(limit, value=None):
    def before(halves, step):
        torch.nn.utils.clip_grad_norm_(halves, limit)
        if value:
            torch.nn.utils.clip_grad_value_(halves, value)
    return before


def clip_value(value):
    return lambda halves, step: torch.nn.utils.clip_grad_value_(halves, value)


def freeze_bias(halves, step):
    halves[1].grad = None


CASES = [
    ("optimizer: {adagrad: {rate: 0.1}}", theirs(optim.Adagrad, lr=0.1)),
    ("optimizer: {adagrad: {rate: 0.1, weight_decay: 0.1, rate_decay: 0.02, initial: 0.3, epsilon: 0.01}}",
     theirs(optim.Adagrad, (0.1, 0), lr=0.1, lr_decay=0.02, initial_accumulator_value=0.3, eps=0.01)),
    ("optimizer: {rmsprop: {rate: 0.01}}", theirs(optim.RMSprop, lr=0.01)),
    ("optimizer: {rmsprop: {rate: 0.003, weight_decay: 0.1, decay: all, alpha: 0.9, epsilon: 0.001}}",
     theirs(optim.RMSprop, (0.1, 0.1), lr=0.003, alpha=0.9, eps=0.001)),
    ("optimizer: {rmsprop: {rate: 0.002, momentum: 0.9}}", theirs(optim.RMSprop, lr=0.002, momentum=0.9)),
    ("optimizer: {rmsprop: {rate: 0.002, centered: true, epsilon: 0.1}}",
     theirs(optim.RMSprop, lr=0.002, centered=True, eps=0.1)),
    ("optimizer: {rmsprop: {rate: 0.001, centered: true, momentum: 0.8, alpha: 0.95, epsilon: 0.1, "
     "weight_decay: 0.05}}",
     theirs(optim.RMSprop, (0.05, 0), lr=0.001, centered=True, momentum=0.8, alpha=0.95, eps=0.1)),
    ("optimizer: {adam: {rate: 0.01}}", theirs(optim.Adam, lr=0.01)),
    ("optimizer: {adam: {rate: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 0.001, weight_decay: 0.2}}",
     theirs(optim.Adam, (0.2, 0), lr=0.02, betas=(0.8, 0.99), eps=0.001)),
    ("optimizer: {adam: {rate: 0.05, beta2: 0.9, amsgrad: true}}",
     theirs(optim.Adam, lr=0.05, betas=(0.9, 0.9), amsgrad=True)),
    ("optimizer: {adamw: {rate: 0.01}}", theirs(optim.AdamW, (0.01, 0), lr=0.01)),
    ("optimizer: {adamw: {rate: 0.02, beta1: 0.8, beta2: 0.99, epsilon: 0.001, weight_decay: 0.3, decay: all}}",
     theirs(optim.AdamW, (0.3, 0.3), lr=0.02, betas=(0.8, 0.99), eps=0.001)),
    ("optimizer: {adamw: {rate: 0.05, weight_decay: 0.1, beta2: 0.9, amsgrad: true}}",
     theirs(optim.AdamW, (0.1, 0), lr=0.05, betas=(0.9, 0.9), amsgrad=True)),

    ("optimizer: {lars: {rate: 0.02, weight_decay: 0.01}}", formula(LarsPlain, 0.01, 0)),
    ("optimizer: {lars: {rate: 0.5, momentum: 0.7, trust: 0.02, epsilon: 0.1, adapt: all, weight_decay: 0.05, "
     "decay: all}}",
     formula(LarsAll, 0.05, 0.05)),
    ("optimizer: {lamb: {rate: 0.01}}", formula(Lamb, 0, 0)),
    ("optimizer: {lamb: {rate: 0.01, weight_decay: 0.1}}", formula(Lamb, 0.1, 0)),
    ("optimizer: {lamb: {rate: 0.005, beta1: 0.8, beta2: 0.98, epsilon: 0.001, adapt: all, weight_decay: 0.1, "
     "decay: all}}",
     formula(LambAll, 0.1, 0.1)),

    ("optimizer: {momentum: {rate: 0.02}}\nlookahead: {every: 5}",
     theirs(optim.SGD, lr=0.02, momentum=0.9, **lookahead(5, 0.5))),
    ("optimizer: {adam: {rate: 0.05}}\nlookahead: {every: 7, share: 0.8}",
     theirs(optim.Adam, lr=0.05, **lookahead(7, 0.8))),

    ("optimizer: {sgd: {rate: 0.1}}\nclip: {norm: 0.7}", theirs(optim.SGD, lr=0.1, before=clip_norm(0.7))),
    ("optimizer: {sgd: {rate: 0.1, weight_decay: 0.1}}\nclip: {value: 0.2}",
     theirs(optim.SGD, (0.1, 0), lr=0.1, before=clip_value(0.2))),
    ("optimizer: {adamw: {rate: 0.02}}\nclip: {norm: 1.0, value: 0.1}",
     theirs(optim.AdamW, (0.01, 0), lr=0.02, before=clip_norm(1.0, 0.1))),

    ("optimizer: {momentum: {rate: 0.02}}\nparameters: [weights: {l1: 0.1}, biases: {l1: 0.02}]",
     theirs(optim.SGD, lr=0.02, momentum=0.9, before=l1(0.1, 0.02))),
    ("optimizer: {sgd: {rate: 0.1}}\nparameters: [all: {name: 0.weight, weight_decay: 0.1, l1: 0.05}]",
     theirs(optim.SGD, (0.1, 0), lr=0.1, before=l1(0.05, 0))),
    ("optimizer: {sgd: {rate: 0.1}}\nparameters: [all: {max_norm: 1.5}]",
     theirs(optim.SGD, lr=0.1, after=max_norm(1.5))),
    ("optimizer: {sgd: {rate: 0.1}}\nparameters: [biases: {rate: 0.1}]", theirs(optim.SGD, rates=(0.1, 0.01))),
    ("optimizer: {adam: {rate: 0.01}}\nparameters: [biases: {rate: 0.1, weight_decay: 0.2}]",
     theirs(optim.Adam, (0, 0.2), lr=0.01, rates=(0.01, 0.001))),
    ("optimizer: {nesterov: {rate: 0.02, form: pytorch, weight_decay: 0.1, decay: all}}\n"
     "parameters: [all: {frozen: true}, weights: {frozen: false}]",
     theirs(optim.SGD, (0.1, 0), lr=0.02, momentum=0.9, nesterov=True, before=freeze_bias)),
]


@pytest.mark.parametrize("text, expected", CASES, ids=[text.replace("\n", "; ") for text, _ in CASES])
def test_the_walk_is_pytorchs_or_the_papers(text, expected):
    assert difference_of_walks(text, expected()) <= TOLERANCE
