"""16 ranks on few cores, which write a checkpoint after each of 200 steps: memory must not grow by 1 % from the
fortieth checkpoint to the last, no descriptor may be leaked, and nothing may be left in /dev/shm."""
import os
import time

from common import Rehearsal, abandoned, wait_for_step
from drill import expect
from support.runs import last_step

RANKS, STEPS, WARM = 16, 200, 40
LAST = STEPS - 30  # the run must not end while it is measured


def run(drill):
    rehearsal = Rehearsal(drill, "checkpoint.keep=2", length=STEPS, every=1, shards=16, batch=32, warmup="2 steps")
    for number in range(drill.count):
        drill.trial(number, f"{RANKS} ranks", one, rehearsal)


def memory(pid):
    """Resident kilobytes, without what is only mapped from files."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssShmem"))


def descriptors(pids):
    """Of several looks the least of each: a save in progress has files open."""
    looks = []
    for _ in range(5):
        looks.append([len(os.listdir(f"/proc/{pid}/fd")) for pid in pids])
        time.sleep(0.01)
    return [min(counts) for counts in zip(*looks)]


def measure(pids):
    return [memory(pid) for pid in pids], descriptors(pids)


def one(rng, out, rehearsal):
    shared = set(os.listdir("/dev/shm"))
    program = rehearsal.start(RANKS, out)
    pids = program.ranks_pids(60)
    expect(len(pids) == RANKS and wait_for_step(program, out, WARM, 600), "the run did not reach step", WARM)
    first, open_first = measure(pids)
    expect(wait_for_step(program, out, LAST, 900), "the run did not reach step", LAST)
    last, open_last = measure(pids)
    expect(program.end(120) == 0, "the run failed:", program.stderr)
    growth = max(after / before - 1 for before, after in zip(first, last))
    rehearsal.drill.note(f"memory of the rank that grew most {100 * growth:+.2f} % from step {WARM} to {LAST};"
                         " checkpoints", last_step(out))
    expect(growth < 0.01, f"a rank's memory grew by {100 * growth:.2f} %: from {first} to {last} KiB")
    expect(max(after - before for before, after in zip(open_first, open_last)) <= 0,
           f"descriptors: {open_first} before, {open_last} after")
    left = abandoned(set(os.listdir("/dev/shm")) - shared)
    expect(not left, "left in /dev/shm:", left)
    program.expect_all_gone(5)
    rehearsal.finish(2, out)
