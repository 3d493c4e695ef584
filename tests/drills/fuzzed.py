"""The C programs of tests/fuzz, which damage files and read them thousands of times a second."""
import os
import re
import subprocess

from drill import expect
from support.program import TRAINER


def program(target):
    return os.path.join(os.path.dirname(TRAINER), "tests", "fuzz", f"fuzz_{target}")


def fuzz(drill, kind, count, number, words):
    """Counts the mutants as trials of the drill, and what came of them."""
    command = [program(kind.target), "--count", str(count), "--seed", str(drill.seed * 1000 + number), *words]
    if drill.keep:
        command += ["--keep", drill.keep]
    done = subprocess.run([*command, *kind.files], capture_output=True, text=True, errors="replace",
                          env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    lines = done.stdout.splitlines()
    expect(lines and done.returncode in (0, 1), kind.target, "cannot be tried:", done.stdout, done.stderr)
    for line in lines[:-1]:
        drill.broken.append(f"{kind.target}: {line.removeprefix('BROKEN ')}")
        print(f"BROKEN {drill.broken[-1]}", flush=True)
    drill.done += count
    for what, times in re.findall(r", ([a-z ]+) (\d+)", lines[-1]):
        if what != "broken" and int(times):
            drill.note(what, int(times))
