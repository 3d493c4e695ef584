"""The C programs of tests/fuzz, which damage files and read them thousands of times a second."""
import functools
import os
import re
import subprocess
import tempfile

from drill import expect
from specimens import every
from support.program import TRAINER


def program(target):
    return os.path.join(os.path.dirname(TRAINER), "tests", "fuzz", f"fuzz_{target}")


@functools.cache
def specimens():
    """The good files, made once for all drills of this process, and the folder that keeps them until its end."""
    folder = tempfile.TemporaryDirectory(prefix="trainer-specimens-", ignore_cleanup_errors=True)
    return every(folder.name), folder


def kinds():
    return specimens()[0]


PORTION = 4000  # mutants after which an interrupted drill can go on


def fuzz(drill, kind, count, number, words):
    """Counts the mutants as trials of the drill, and what came of them."""
    key = f"{number} {kind.target}"
    for first in range(drill.reached.get(key, 0), count, PORTION):
        portion = min(PORTION, count - first)
        fuzz_portion(drill, kind, [program(kind.target), "--first", str(first), "--count", str(portion), "--seed",
                                   str(drill.seed * 1000 + number), *words])
        drill.done += portion
        drill.reached[key] = first + portion
        drill.save()


def fuzz_portion(drill, kind, command):
    if drill.keep:
        command += ["--keep", drill.keep]
    done = subprocess.run([*command, *kind.files], capture_output=True, text=True, errors="replace",
                          env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    lines = done.stdout.splitlines()
    expect(lines and done.returncode in (0, 1), kind.target, "cannot be tried:", done.stdout, done.stderr)
    for line in lines[:-1]:
        drill.broken.append(f"{kind.target}: {line.removeprefix('BROKEN ')}")
        print(f"BROKEN {drill.broken[-1]}", flush=True)
    for what, times in re.findall(r", ([a-z ]+) (\d+)", lines[-1]):
        if what != "broken" and int(times):
            drill.note(what, int(times))
