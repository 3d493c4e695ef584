"""Tables of refusals: command lines that have to end with an exit code and one line that holds some words.

mpirun sleeps for a second or two after a rank has failed, so the lines of a table run side by side."""
import concurrent.futures
import os
from typing import NamedTuple

from .program import settings, start


class Refusal(NamedTuple):
    name: str
    code: int
    says: tuple  # what has to stand in the one line
    words: tuple  # the command line
    writes: bool = False  # whether it may begin to write before it fails


class Ending(NamedTuple):
    code: int
    lines: list  # those on stderr that are the program's
    stderr: str
    wrote: bool  # whether the folder of --out exists


def refuses_to_train(name, code, says, *assignments, recipe="{folder}/run.yaml", writes=False):
    """The refusal of a training into a folder of its own."""
    return Refusal(name, code, tuple(says), ("train", recipe, "--out", "{out}", "--quiet", *settings(*assignments)),
                   writes)


def end(refusal, ranks, folder):
    out = f"{folder}/out-{refusal.name}-{ranks}"
    words = [word.replace("{folder}", folder).replace("{out}", out) for word in refusal.words]
    done = start(ranks, *words)
    lines = [line for line in done.stderr.splitlines() if line.startswith("trainer: ")]
    return Ending(done.returncode, lines, done.stderr, os.path.exists(out))


def endings(table, folder, counts=(1, 2)):
    """How each refusal of the table ends on each number of ranks: {(name, ranks): Ending}."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = {(refusal.name, ranks): pool.submit(end, refusal, ranks, folder)
                   for refusal in table for ranks in counts}
        return {key: future.result() for key, future in running.items()}
