"""16 ranks on few cores, which write a checkpoint after each of 200 steps: memory must not grow by 1 % from the
fortieth checkpoint to one of the last, no descriptor may be leaked, and nothing may be left in /dev/shm."""
import os
import time

from common import Rehearsal, abandoned, wait_for_step
from drill import expect
from support.runs import last_step

RANKS, STEPS = 16, 200
WARM, LATE, LOOKED = 40, 150, 12  # measured from these steps on, for LOOKED steps; the run ends later


def run(drill):
    rehearsal = Rehearsal(drill, "checkpoint.keep=2", length=STEPS, every=1, shards=16, batch=32, warmup="2 steps")
    for number in range(drill.count):
        drill.trial(number, f"{RANKS} ranks", one, rehearsal)


def memory(pid):
    """Resident kilobytes, without what is only mapped from files."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def measure(program, out, pids, step):
    """The least memory and the fewest descriptors of each rank while LOOKED steps are made from `step` on: during a
    save, rank 0 holds a copy of the state and has files open."""
    expect(wait_for_step(program, out, step, 900), "the run did not reach step", step)
    end, looks = last_step(out) + LOOKED, []
    while not looks or last_step(out) < end:
        expect(program.runs(), "the run ended while it was measured:", program.stderr)
        looks.append([(memory(pid), descriptors(pid)) for pid in pids])
        time.sleep(0.005)
    return [[min(values) for values in zip(*rank)] for rank in zip(*looks)]


def one(rng, out, rehearsal):
    shared = set(os.listdir("/dev/shm"))
    program = rehearsal.start(RANKS, out)
    pids = program.ranks_pids(60)
    expect(len(pids) == RANKS, "ranks that were started:", len(pids))
    first, last = (measure(program, out, pids, step) for step in (WARM, LATE))
    expect(program.end(120) == 0, "the run failed:", program.stderr)
    growth = max(after[0] / before[0] - 1 for before, after in zip(first, last))
    rehearsal.drill.note(f"memory of the rank that grew most {100 * growth:+.2f} % from step {WARM} to {LATE};"
                         " checkpoints", last_step(out))
    numbers = f"from {first} to {last} (KiB and descriptors of each rank)"
    expect(growth < 0.01, f"a rank's memory grew by {100 * growth:.2f} %: {numbers}")
    expect(all(after[1] <= before[1] for before, after in zip(first, last)), f"descriptors grew: {numbers}")
    left = abandoned(set(os.listdir("/dev/shm")) - shared)
    expect(not left, "left in /dev/shm:", left)
    program.expect_all_gone(5)
    rehearsal.finish(2, out)
