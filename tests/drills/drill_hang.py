"""SIGSTOP, SIGKILL, and SIGSEGV to a random rank at a random moment: one line names the rank, the job ends within a
minute, no process and nothing in /dev/shm is left, and --resume goes on to the bits of an undisturbed run."""
import os
import signal
import time

from common import Rehearsal, abandoned, wait_for_step
from drill import expect

SIGNALS = (signal.SIGSTOP, signal.SIGKILL, signal.SIGSEGV)
SECONDS, PATIENCE = 60, 10  # all must be over in so many; the watchdog's time in this drill


def run(drill):
    rehearsal = Rehearsal(drill, f"train.watchdog={PATIENCE} s", length=400)
    for number in range(len(SIGNALS) * drill.count):
        sent = SIGNALS[number % len(SIGNALS)]
        drill.trial(number, sent.name, one, rehearsal, sent)


def one(rng, out, rehearsal, sent):
    shared = set(os.listdir("/dev/shm"))
    ranks = rng.choice((2, 4))
    program = rehearsal.start(ranks, out)
    wait_for_step(program, out, rng.randint(0, rehearsal.length // 2))
    time.sleep(rng.uniform(0, 0.05))
    pids = program.ranks_pids(1)
    expect(len(pids) == ranks, "the run ended too early", program.stderr)
    rank = rng.randrange(ranks)
    program.kill(pids[rank], sent)
    start = time.monotonic()
    code = program.end(SECONDS)
    rehearsal.drill.note_most(f"longest from {sent.name} to the end, in seconds", time.monotonic() - start)
    program.expect_all_gone(5)
    expect(code != 0, "the job ended with 0")
    named = [line for line in program.lines() if f"rank {rank} " in line]
    expect(len(named) == 1, f"rank {rank} of {ranks} got {sent.name}; expected one line that names it, found",
           program.lines() or program.stderr)
    left = abandoned(set(os.listdir("/dev/shm")) - shared)
    expect(not left, "left in /dev/shm:", left)
    rehearsal.finish(rng.choice((1, 2, 4)), out)
