"""Every signal, to mpirun or to one rank, at a random moment, once or twice, also during a save: the run writes a
checkpoint and ends with exit code 75 (after SIGUSR1 it goes on), and all its processes are gone in time. Whatever
happened, --resume goes on to the bits of an undisturbed run."""
import os
import signal
import time

from common import Rehearsal, wait_for_step
from drill import expect
from support.runs import last_step, newest_step

STOPPED = 75
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGUSR1)
MPIRUNS_OWN = (signal.SIGTERM, signal.SIGINT)  # after which mpirun returns 1, whatever the ranks do
SECONDS = 20  # for all processes to be gone


def run(drill):
    rehearsal = Rehearsal(drill, "average={ema: {decay: 0.9}}", length=500, every=500)
    saving = Rehearsal(drill, "average={ema: {decay: 0.9}}", length=60, every=1)
    for number in range(drill.count):
        number_of_signal = SIGNALS[number % len(SIGNALS)]
        drill.trial(number, number_of_signal.name, one, rehearsal, saving, number_of_signal)


def one(rng, out, rehearsal, saving, number):
    note = rehearsal.drill.note
    during_saves = rng.random() < 0.3
    case = saving if during_saves else rehearsal
    ranks, twice = rng.choice((1, 2, 2, 4)), rng.random() < 0.25
    program = case.start(ranks, out)
    if rng.random() < 0.7:  # at a step, or at a time that may come before the first
        wait_for_step(program, out, rng.randint(1, case.length * 9 // 10))
        time.sleep(rng.uniform(0, 0.05))
    else:
        program.ranks_pids()
        time.sleep(rng.uniform(0, 1))
    pids = program.ranks_pids(0.5) or [program.pid]
    to_mpirun = ranks > 1 and rng.random() < 0.5
    target = program.pid if to_mpirun else rng.choice(pids)
    program.kill(target, number)
    if twice:
        time.sleep(rng.uniform(0, 0.1))
        program.kill(target, number)
    sent = time.monotonic()
    where = f"{number.name}{' twice' if twice else ''} to {'mpirun' if to_mpirun else 'a rank'} of {ranks}"
    code = program.end(60)
    seconds = time.monotonic() - sent
    program.expect_all_gone(5)
    if code == 0:
        note("ran to the end")
        expect(number == signal.SIGUSR1 or last_step(out) == case.length, where, "was ignored")
    elif twice and number != signal.SIGUSR1:
        note("left at once or stopped, after two signals")
    elif code in (128 + number, 1) and not os.path.exists(os.path.join(out, "checkpoints")):
        note("ended before the program had begun")
    else:
        note("stopped")
        expect(number != signal.SIGUSR1, where, "ended the run with", code, program.stderr)
        known = (STOPPED, 1) if to_mpirun and number in MPIRUNS_OWN else (STOPPED,)
        expect(code in known, where, "ended with", code, "at step", last_step(out), program.stderr)
        expect(seconds < SECONDS, where, "took", f"{seconds:.1f} s")
        said = [line for line in program.lines() if f"stopped by {number.name}" in line or "stopped by" in line]
        if code == STOPPED:  # mpirun forwards no line after it has given up
            expect(len(said) == 1, where, "expected one line, found", program.stderr)
        expect(newest_step(out) == last_step(out), f"the newest checkpoint is of step {newest_step(out)}, the run had "
               f"done {last_step(out)}")
    case.finish(rng.choice((1, 2, 4)), out)
