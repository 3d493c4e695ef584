"""SIGKILL to a random rank, or to mpirun, at a random moment; then the same command again, until the run ends. No more
than one interval between checkpoints may be lost, no file has to be removed by hand, and the end has the bits of an
undisturbed run."""
import signal
import time

from common import EVERY, Rehearsal, wait_for_step
from drill import expect
from support.runs import last_step, newest_step

KILLS = 5  # of one run


def run(drill):
    rehearsal = Rehearsal(drill, "average={ema: {decay: 0.9}}", length=300)
    for number in range(-(-drill.count // KILLS)):
        kills = min(KILLS, drill.count - number * KILLS)
        drill.trial(number, f"{kills} kills", one, rehearsal, kills)


def wait_for_a_moment(rng, program, out, length):
    """Half of them at a random step, in the middle of it or of a save; the others at a random time from the start, so
    that they meet the opening of the data, the first checkpoint, and the first steps."""
    if rng.random() < 0.5:
        wait_for_step(program, out, rng.randint(newest_step(out), length))
        time.sleep(rng.uniform(0, 0.05))
    else:
        time.sleep(rng.uniform(0, 1.2))


def one(rng, out, rehearsal, kills):
    note = rehearsal.drill.note
    for _ in range(kills):
        program = rehearsal.start(rng.choice((1, 2, 4)), out)
        wait_for_a_moment(rng, program, out, rehearsal.length)
        victims = program.ranks_pids(0.5) or [program.pid]
        if rng.random() < 0.1:
            victims = [program.pid]  # mpirun itself
        program.kill(rng.choice(victims), signal.SIGKILL)
        code = program.end(60)
        program.expect_all_gone(10)
        note("runs that had ended before" if code == 0 else "runs killed")
        reached, saved = last_step(out), newest_step(out)
        expect(reached - saved <= EVERY,
               f"killed after step {reached}, the newest checkpoint is of step {saved}; expected at most {EVERY} less")
    rehearsal.finish(rng.choice((1, 2, 4)), out)
