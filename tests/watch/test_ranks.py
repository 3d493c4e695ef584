"""Ranks that die, hang, or are slow, under mpirun: who is named, and that nothing is left."""
import os
import re
import select
import signal
import socket
import time

import pytest
from support.processes import Launched, shared_memory
from support.program import settings
from support.runs import last_step, newest_step, synthesize, train, write_endless_run

RANKS_DIED = 8  # the exit code: a rank died, hangs or cannot be reached
LIMIT = 3  # seconds, of the watchdog
HERE = socket.gethostname()
COSTLY = "[{conv: {out: 16, kernel: 3}}, relu, flatten, {linear: {out: 10}}]"


@pytest.fixture(scope="module")
def recipe(folder):
    return write_endless_run(folder, LIMIT)


def start(recipe, out, ranks, *more):
    """A training on some ranks that has made some steps and a checkpoint."""
    launched = Launched(ranks, "train", recipe, "--out", out, "--quiet", *more)
    launched.wait_until(lambda: newest_step(out) >= 20)
    return launched


def disturb(recipe, out, ranks, number, rank):
    launched = start(recipe, out, ranks)
    files = shared_memory(launched.pids)
    launched.signal(number, rank)
    launched.end()
    assert [path for path in files if os.path.exists(path)] == []
    return launched


def only_line(launched):
    lines = launched.lines()
    assert len(lines) == 1, launched.stderr
    return lines[0]


@pytest.mark.parametrize("rank", (0, 2))
def test_a_stopped_rank_is_named_and_the_job_ends_within_the_limit(scratch, recipe, rank):
    launched = disturb(recipe, f"{scratch}/out", 3, signal.SIGSTOP, rank)
    line = only_line(launched)
    assert re.match(rf"trainer: rank {rank} on {HERE} hangs: stopped by a signal, no sign of life for \d+ s "
                    rf".*, process {launched.pids[rank]}; the job ends, and --resume goes on from its last checkpoint",
                    line)
    assert launched.code == RANKS_DIED
    assert launched.seconds < LIMIT + 3  # on a machine with other work
    assert not launched.left_after(5)


@pytest.mark.parametrize("number, code", ((signal.SIGKILL, 137), (signal.SIGSEGV, 139)))
@pytest.mark.parametrize("rank", (0, 1))
def test_a_rank_that_dies_is_named_and_the_job_ends_at_once(scratch, recipe, number, code, rank):
    launched = disturb(recipe, f"{scratch}/out", 3, number, rank)
    assert re.match(rf"trainer: rank {rank} on {HERE} died .*, process {launched.pids[rank]}; the job ends, "
                    "and --resume", only_line(launched))
    assert launched.code in (code, RANKS_DIED)  # mpirun's choice: of the first rank that it saw end
    assert launched.seconds < 5
    assert not launched.left_after(5)


def test_a_run_goes_on_after_a_rank_died(scratch, recipe):
    disturb(recipe, f"{scratch}/out", 3, signal.SIGKILL, 1)
    assert newest_step(f"{scratch}/out") >= 20
    more = settings(f"train.length={newest_step(f'{scratch}/out') + 10} steps")
    assert train(2, recipe, f"{scratch}/out", "--resume", *more)["finished"]


def test_two_stopped_ranks_are_both_named(scratch, recipe):
    launched = start(recipe, f"{scratch}/out", 4)
    launched.signal(signal.SIGSTOP, 1, 3)
    line = only_line(launched.end())
    assert f"rank 1 on {HERE} hangs" in line and f"the same holds for rank 3 on {HERE}" in line
    assert launched.code == RANKS_DIED
    assert not launched.left_after(5)


def test_ranks_do_not_outlive_mpirun(scratch, recipe):
    launched = start(recipe, f"{scratch}/out", 3)
    files = shared_memory(launched.pids)
    assert files
    launched.signal(signal.SIGSTOP, 1)  # this one cannot notice
    os.kill(launched.process.pid, signal.SIGKILL)
    assert launched.end().code == -signal.SIGKILL
    assert not launched.left_after(15)
    assert [path for path in files if os.path.exists(path)] == []


def test_a_rank_that_is_stopped_before_mpi_has_started_is_named(scratch, recipe):
    launched = Launched(2, "train", recipe, "--out", f"{scratch}/out", "--quiet", TRAINER_START_SECONDS="6")
    launched.signal(signal.SIGSTOP, 1)
    line = only_line(launched.end())
    assert re.match(rf"trainer: rank 1 on {HERE} hangs: stopped by a signal, no sign of life for \d+ s", line)
    assert launched.code == RANKS_DIED
    assert not launched.left_after(5)


@pytest.mark.parametrize("seconds", (1.5 * LIMIT,))
def test_a_job_that_was_suspended_as_a_whole_goes_on(scratch, recipe, seconds):
    out = f"{scratch}/out"
    launched = start(recipe, out, 3)
    launched.signal(signal.SIGSTOP)
    time.sleep(seconds)
    before = last_step(out)
    launched.signal(signal.SIGCONT)
    launched.wait_until(lambda: last_step(out) > before)
    time.sleep(LIMIT)
    assert launched.runs()
    launched.destroy()
    assert launched.lines() == []


def test_without_a_limit_a_stopped_rank_is_waited_for(scratch, recipe):
    out = f"{scratch}/out"
    launched = start(recipe, out, 2, *settings("train.watchdog=0"))
    launched.signal(signal.SIGSTOP, 1)
    time.sleep(1.5 * LIMIT)
    before = last_step(out)
    launched.signal(signal.SIGCONT, 1)
    launched.wait_until(lambda: last_step(out) > before)
    launched.destroy()
    assert launched.lines() == []


def test_a_slow_rank_is_named_and_not_ended(scratch, recipe):
    """Rank 1 is stopped most of the time, in pieces that are shorter than any limit."""
    out = f"{scratch}/out"
    launched = start(recipe, out, 2, *settings("train.batch=600", "model=" + COSTLY))
    end = time.monotonic() + 30
    named = False
    while not named and time.monotonic() < end:
        launched.signal(signal.SIGSTOP, 1)
        time.sleep(0.2)
        launched.signal(signal.SIGCONT, 1)
        named = bool(select.select([launched.process.stderr], [], [], 0.02)[0])
    assert launched.runs()
    launched.destroy()
    assert re.match(rf"trainer: warning: rank 1 on {HERE} takes \d+\.\d times as long as the median of the ranks: "
                    r"it computes \S+ ms a step, the median is \S+ ms", only_line(launched))


def test_an_evaluation_is_watched_too(scratch, recipe, folder):
    out = f"{scratch}/out"
    train(1, recipe, out, "--stop-after", 1)
    data = synthesize(folder, test=20000, name="big.h5")
    members = [f"{out}/checkpoints/latest.h5"] * 16  # so that it takes many seconds
    launched = Launched(2, "eval", *members, "--data", data, "--views", "ten_crop")
    time.sleep(1.5)
    launched.signal(signal.SIGKILL, 1)
    launched.end()
    assert re.match(rf"trainer: rank 1 on {HERE} died .*; the job ends$", only_line(launched))
