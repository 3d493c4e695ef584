"""One bit flipped in one replica's parameters, optimiser state, or average: the ranks find it within
train.check_every steps and name the rank; no checkpoint of the broken state is left; the run goes on from the last
good one to the bits of an undisturbed run."""
from common import Rehearsal
from debugger import disturb, need_debugger
from drill import expect
from support.runs import last_step, newest_step

CHECK = 5  # steps between two comparisons
ARRAYS = {"parameters": "trainer->state",
          "optimiser state": "updater_slot(trainer->parts.updater, 0)",
          "average": "callbacks__weights(trainer)"}
NUMERIC = 7


def run(drill):
    need_debugger()
    rehearsal = Rehearsal(drill, "average={ema: {decay: 0.9}}", f"train.check_every={CHECK}", length=300)
    for number in range(drill.count):
        what = list(ARRAYS)[number % len(ARRAYS)]
        drill.trial(number, what, one, rehearsal, what)


def one(rng, out, rehearsal, what):
    ranks = rng.choice((2, 4))
    step, rank, element, bit = rng.randint(2, 40), rng.randrange(ranks), rng.randrange(500), rng.randrange(31)
    where = f"bit {bit} of element {element} of the {what} of rank {rank} of {ranks}"
    program, code, printed = disturb(rehearsal, out, ranks, rank, step, "trainer__step",
                                     f"set var ((unsigned *){ARRAYS[what]})[{element}] ^= 1u << {bit}",
                                     "print trainer->saved.progress.step")
    expect("$1 = " in printed, "gdb could not change", where, printed)
    flipped = int(printed.split("$1 = ")[1].split()[0])
    lines = program.lines()
    expect(code == NUMERIC, where, "after step", flipped, "was not found; code", code, program.stderr)
    expect(len(lines) == 1 and f"rank {rank} " in lines[0], where, "expected one line that names the rank, found",
           lines or program.stderr)
    reached, saved = last_step(out), newest_step(out)
    expect(reached - flipped <= CHECK, where, f"after step {flipped} was found after step {reached}")
    expect(saved <= flipped, where, f"after step {flipped}; a checkpoint of step {saved} was written")
    rehearsal.drill.note(what)
    rehearsal.finish(rng.choice((1, 2, 4)), out)
