"""Running the program: alone or under mpirun, and what it says when it refuses."""
import json
import os
import subprocess

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.abspath(os.environ.get("TRAINER_SOURCE", os.path.dirname(TESTS)))
TRAINER = os.path.abspath(os.environ.get("TRAINER", os.path.join(SOURCE, "build", "trainer")))
RECIPES = os.path.join(SOURCE, "launch", "recipes")

# The exit codes: of the command line, run files, data, checkpoints, the system, and numbers.
USAGE, RUN_FILE, DATA, CHECKPOINT, SYSTEM, NUMERIC = 2, 3, 4, 5, 6, 7
STOPPED = 75  # asked to stop, and saved


def built(name):
    """The path of a program that the build made for the tests: built("nn/print_net"). ctest says where it is."""
    there = os.environ.get(f"TRAINER_PROGRAM_{os.path.basename(name)}")
    return there or os.path.join(os.path.dirname(TRAINER), "tests", name)


def environment(**more):
    found = dict(os.environ, OMP_NUM_THREADS="1", OMPI_MCA_mpi_yield_when_idle="1")
    if os.geteuid() == 0:
        found.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return {**found, **more}


def command(ranks, *words):
    """The words that start the program; one rank needs no mpirun."""
    words = [TRAINER, *map(str, words)]
    if ranks == 1:
        return words
    return ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks), *words]


def start(ranks, *words, timeout=300, **more):
    """Runs the program to its end, however it ends: a CompletedProcess."""
    more = {"env": environment(), "capture_output": True, "text": True, **more}
    return subprocess.run(command(ranks, *words), timeout=timeout, **more)


def run(ranks, *words, code=0, **more):
    """(stdout, stderr) of a run that has to end with `code`."""
    done = start(ranks, *words, **more)
    line = " ".join(command(ranks, *words))
    assert done.returncode == code, (
        f"{line}\nexit code {done.returncode}, expected {code}\n{done.stdout}\n{done.stderr}")
    return done.stdout, done.stderr


def result(ranks, *words, **more):
    """What --json prints."""
    return json.loads(run(ranks, *words, "--json", **more)[0])


def refusal(code, *words, ranks=1, alone=True, **more):
    """The one line that the program says when it ends with `code`; `alone`: nothing else is on stderr."""
    stderr = run(ranks, *words, code=code, **more)[1]
    lines = [line for line in stderr.splitlines() if line.startswith("trainer: ")]
    if alone and ranks == 1:  # mpirun adds lines of its own
        assert stderr.splitlines() == lines, f"lines that do not begin with 'trainer: ': {stderr!r}"
    assert len(lines) == 1, f"expected one line, found {lines or stderr!r}"
    return lines[0]


def settings(*assignments):
    """settings("train.seed=4", ...): the flags that set keys of the run file."""
    return [word for assignment in assignments for word in ("--set", assignment)]
