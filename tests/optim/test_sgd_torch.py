"""SGD with its momenta, and schedules, against PyTorch's, 100 steps each, to 1e-5 relative."""
import pytest

torch = pytest.importorskip("torch")

from trajectories import ELEMENTS, STEPS, TOLERANCE, difference_of_walks, later

SCHEDULERS = torch.optim.lr_scheduler


@later
def theirs(scheduler, decay=(0.0, 0.0), **options):
    i = torch.arange(ELEMENTS)
    curve, pull = (i % 5 + 1).float() / 8, (i % 3).float() / 4
    x = (i - 20).float() / 16
    halves = [torch.nn.Parameter(x[:32].clone()), torch.nn.Parameter(x[32:].clone())]
    groups = [dict(params=[half], weight_decay=d) for half, d in zip(halves, decay)]
    optimizer = torch.optim.SGD(groups, **options)
    scheduler = scheduler(optimizer)
    path = []
    for _ in range(STEPS):
        for half, c, p in zip(halves, curve.split(32), pull.split(32)):
            half.grad = c * half.detach() - p
        optimizer.step()
        scheduler.step()
        path.append(torch.cat([half.detach().clone() for half in halves]))
    return torch.stack(path)


def warm(steps, then):
    """A linear warm-up before another scheduler: factor (step + 1)/steps."""
    def build(optimizer):
        first = SCHEDULERS.LambdaLR(optimizer, lambda step: (step + 1) / steps)
        return SCHEDULERS.SequentialLR(optimizer, [first, then(optimizer)], [steps])
    return build


def constant(optimizer):
    return SCHEDULERS.ConstantLR(optimizer, factor=1.0)


def cosine(optimizer):
    return SCHEDULERS.CosineAnnealingLR(optimizer, STEPS)


def linear(optimizer):
    return SCHEDULERS.LinearLR(optimizer, 1.0, 0.1, STEPS)


def stairs(optimizer):
    return SCHEDULERS.StepLR(optimizer, 30, 0.3)


CASES = [
    ("optimizer: {sgd: {rate: 0.1}}", theirs(constant, lr=0.1)),
    ("optimizer: {sgd: {rate: 0.1, weight_decay: 0.05}}", theirs(constant, (0.05, 0), lr=0.1)),
    ("optimizer: {sgd: {rate: 0.1, weight_decay: 0.05, decay: all}}\nschedule: cosine",
     theirs(cosine, (0.05, 0.05), lr=0.1)),
    ("optimizer: {momentum: {rate: 0.02, form: pytorch}}\nschedule: {linear: {final: 0.1}}",
     theirs(linear, lr=0.02, momentum=0.9)),
    ("optimizer: {momentum: {rate: 0.02, form: course, momentum: 0.8, weight_decay: 0.01}}",
     theirs(constant, (0.01, 0), lr=0.02, momentum=0.8)),
    ("optimizer: {nesterov: {rate: 0.02, form: course, weight_decay: 0.01, decay: all}}",
     theirs(constant, (0.01, 0.01), lr=0.02, momentum=0.9, nesterov=True)),
    ("optimizer: {nesterov: {rate: 0.02, form: pytorch, weight_decay: 0.01}}\n"
     "schedule: {step: {every: 3 epochs, factor: 0.3}}",
     theirs(stairs, (0.01, 0), lr=0.02, momentum=0.9, nesterov=True)),
    ("optimizer: {nesterov: {rate: 0.02, form: pytorch, momentum: 0.7}}\n"
     "schedule: {cosine: {warmup: 2 epochs}}",
     theirs(warm(20, lambda o: SCHEDULERS.CosineAnnealingLR(o, STEPS - 20)), lr=0.02, momentum=0.7,
            nesterov=True)),
]


@pytest.mark.parametrize("text, expected", CASES, ids=[text.replace("\n", "; ") for text, _ in CASES])
def test_the_walk_is_pytorchs(text, expected):
    assert difference_of_walks(text, expected()) <= TOLERANCE
