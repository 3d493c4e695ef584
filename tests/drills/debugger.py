"""Changes in the memory of a running rank, by gdb, which needs the debugging symbols of the program."""
import os
import shutil
import subprocess

from common import wait_for_step
from drill import Skipped, expect
from support.program import TRAINER

SECONDS = 60
TRIES = 4


def need_debugger():
    if not shutil.which("gdb"):
        raise Skipped("gdb is not installed")
    found = subprocess.run(["gdb", "-batch", "-ex", "print sizeof(struct Trainer)", TRAINER], capture_output=True,
                           text=True, timeout=SECONDS)
    if "$1 = " not in found.stdout:
        raise Skipped("the program has no debugging symbols: build it with -DCMAKE_BUILD_TYPE=Debug")


def change(pid, function, *commands, skip=0):
    """Stops the process at the next call of `function` (after `skip` more of them), carries gdb's commands out, and
    lets it go on. Returns what gdb printed; None if the process was gone."""
    words = ["gdb", "-batch", "-nx", "-iex", "set auto-solib-add off", "-iex", "set debuginfod enabled off",
             "-p", str(pid), "-ex", "set pagination off", "-ex", "set confirm off",
             "-ex", "handle SIGUSR1 SIGUSR2 SIGTERM nostop noprint pass", "-ex", f"break {function}"]
    if skip:
        words += ["-ex", f"ignore 1 {skip}"]
    for command in ("continue", *commands, "detach"):
        words += ["-ex", command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    return done.stdout if "Breakpoint 1," in done.stdout else None


def disturb(rehearsal, out, ranks, rank, step, function, *commands):
    """Starts a run and carries gdb's commands out in one of its ranks, at a call of `function` after `step` steps or
    more; starts again if gdb comes when the run has ended. Returns the program, which has ended, its exit code, and
    what gdb printed."""
    for number in range(TRIES):
        if number:
            shutil.rmtree(out)
            os.makedirs(out)
        program = rehearsal.start(ranks, out)
        wait_for_step(program, out, step)
        pids = program.ranks_pids(1)
        printed = change(pids[rank], function, *commands) if len(pids) == ranks else None
        code = program.end(120)
        program.expect_all_gone(10)
        if printed is not None:
            break
    expect(printed is not None, f"gdb came too late {TRIES} times:", program.stderr)
    return program, code, printed
