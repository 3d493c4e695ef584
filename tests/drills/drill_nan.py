"""NaN put into the input, an activation, a gradient, or a weight of one rank: the run ends with a line that names the
rank, and no checkpoint holds a NaN; --resume goes on to the bits of an undisturbed run."""
import os

import h5py
import numpy as np
from common import Rehearsal
from debugger import disturb, need_debugger
from drill import expect

NAN, NUMERIC = 0x7FC00000, 7
PLACES = {"input": ("plan_forward", "plan_input(plan)", 3000),
          "activation": ("plan_backward_telling", "plan_scores(plan)", 60),
          "gradient": ("exchange_shard_done", "exchange_shard_buffer(exchange)", 500),
          "weight": ("trainer__step", "trainer->state", 500)}


def run(drill):
    need_debugger()
    rehearsal = Rehearsal(drill, "average={ema: {decay: 0.9}}", length=200)
    for number in range(drill.count):
        place = list(PLACES)[number % len(PLACES)]
        drill.trial(number, place, one, rehearsal, place)


def expect_finite(name, item):
    if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
        expect(np.isfinite(item[()]).all(), f"{name}: {item.name} holds a NaN")


def one(rng, out, rehearsal, place):
    function, array, elements = PLACES[place]
    ranks = rng.choice((2, 4))
    step, rank = rng.randint(1, 20), rng.randrange(ranks)
    program, code, _ = disturb(rehearsal, out, ranks, rank, step, function,
                               f"set var ((unsigned *){array})[{rng.randrange(elements)}] = {NAN}")
    lines = program.lines()
    expect(code == NUMERIC, f"NaN in the {place} of rank {rank}: the exit code is", code, program.stderr)
    named = lines and (f"rank {rank}" in lines[0] or rank == 0)  # a line without a rank is of rank 0
    expect(len(lines) == 1 and named,
           f"NaN in the {place} of rank {rank}: expected one line that names the rank, found", lines or program.stderr)
    folder = os.path.join(out, "checkpoints")
    for name in os.listdir(folder):
        if name.endswith(".h5"):
            with h5py.File(os.path.join(folder, name)) as file:
                file.visititems(lambda _, item: expect_finite(name, item))
    rehearsal.drill.note(place)
    rehearsal.finish(rng.choice((1, 2, 4)), out)
