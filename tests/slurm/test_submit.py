"""launch/submit: the sbatch line that it makes, and the mistakes that it refuses. Needs no Slurm."""
import os
import shlex
import stat
import subprocess

import pytest

from support.program import RUN_FILE, SOURCE, TRAINER, USAGE, environment
from support.runs import synthesize, write, write_run_file

SUBMIT = f"{SOURCE}/launch/submit"
TRAIN = f"{SOURCE}/launch/slurm/train.sbatch"
ENSEMBLE = f"{SOURCE}/launch/slurm/ensemble.sbatch"


def submit(*words, **more):
    return subprocess.run([SUBMIT, *words], capture_output=True, text=True, **{"env": environment(), **more})


def lines(*words):
    """What would be submitted: a list of lists of words."""
    done = submit("--dry-run", *words)
    assert done.returncode == 0, done.stderr
    found = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("sbatch ")]
    return [shlex.split(line) for line in found]


def test_a_run_is_one_line():
    assert lines("run.yaml") == [["sbatch", "--job-name=run", TRAIN, "run.yaml", "runs/run"]]


def test_options_become_those_of_sbatch():
    found = lines("--nodes", "2", "-n", "8", "--ranks-per-node=4", "--threads=3", "--time", "2:00:00", "-A", "our own",
                  "-p", "long", "--name", "x", "--sbatch", "--exclusive", "--sbatch=--mem=0", "a/run.yaml", "out")
    options = ["--nodes=2", "--ntasks=8", "--ntasks-per-node=4", "--cpus-per-task=3", "--time=2:00:00",
               "--account=our own", "--partition=long", "--exclusive", "--mem=0", "--job-name=x"]
    assert found == [["sbatch", *options, TRAIN, "a/run.yaml", "out"]]


@pytest.mark.parametrize("limit, signal", [("2", 30), ("0:05:59", 89), ("5:00", 75), ("6", None), ("1-0", None),
                                           ("UNLIMITED", None)])
def test_a_short_limit_leaves_time_to_train(limit, signal):
    found = [word for word in lines("--time", limit, "run.yaml")[0] if word.startswith("--signal=")]
    assert found == ([f"--signal=B:USR2@{signal}"] if signal else [])


def test_settings_go_to_the_program():
    found = lines("run.yaml", "out", "--set", "train.seed=2", "--set=optimizer.rate=0.1")
    assert found[0][-4:] == ["--set", "train.seed=2", "--set", "optimizer.rate=0.1"]


def test_seeds_are_an_array_and_its_evaluation():
    members, evaluation = lines("--seeds", "3", "--split", "test", "--time=9:00:00", "--set", "a=b c", "run.yaml",
                                "out")
    both = ["sbatch", "--parsable", "--time=9:00:00", "--job-name=run"]
    assert members == [*both, "--array=1-3", "--output=%x-%A_%a.log", TRAIN, "run.yaml", "out/seed-%a",
                       "--set", "a=b c", "--set", "train.seed=%a"]
    assert evaluation == [*both, "--dependency=afterok:JOB", "--kill-on-invalid-dep=yes", ENSEMBLE, "--evaluate",
                          "run.yaml", "out", "3", "--split", "test"]


@pytest.mark.parametrize("words, says", (
    (("--ranks", "0", "run.yaml"), "--ranks 0: expected a whole number"),
    (("--ranks=two", "run.yaml"), "--ranks two: expected a whole number"),
    (("run.yaml", "--time"), "--time needs a value"),
    (("--rank", "2", "run.yaml"), "unknown option --rank"),
    (("--launcher", "rsh", "run.yaml"), "expected mpirun or srun"),
    (("--split", "test", "run.yaml"), "--split belongs to --seeds"),
    (("run.yaml", "/dev/null"), "/dev/null: is a file, expected the folder of a run"),
    (("--nodes", "5", "run.yaml"), "--nodes 5: more nodes than ranks (2)"),
    (("--threads", "2", "--set", "train.threads=1", "run.yaml"), "--set train.threads=1: --threads sets it"),
    ((), "usage: launch/submit"),
    (("a.yaml", "b", "c"), "usage: launch/submit"),
))
def test_mistakes_are_refused(words, says):
    done = submit("--dry-run", *words)
    assert done.returncode == USAGE and says in done.stderr and not done.stdout


def test_help_names_every_option():
    done = submit("--help")
    assert done.returncode == 0
    for option in ("--nodes", "--ranks", "--threads", "--time", "--account", "--seeds", "--dry-run"):
        assert option in done.stdout


@pytest.fixture
def with_sbatch(scratch):
    """The environment in which sbatch notes its words in the file `words`."""
    sbatch = write(f"{scratch}/sbatch", '#!/bin/sh\nprintf "%s\\n" "$@" >words\n')
    os.chmod(sbatch, stat.S_IRWXU)
    return {"env": environment(PATH=f"{scratch}:{os.environ['PATH']}", TRAINER=TRAINER), "cwd": scratch}


def test_a_good_run_is_submitted(scratch, with_sbatch):
    run = write_run_file(scratch, synthesize(scratch))
    done = submit("--ranks", "2", run, "out", **with_sbatch)
    assert done.returncode == 0, done.stderr
    with open(f"{scratch}/words") as file:
        assert file.read().split() == ["--ntasks=2", "--job-name=run", TRAIN, run, "out"]


@pytest.mark.parametrize("words, says", (
    (("--set", "train.bach=3"), "unknown key"),
    (("--ranks", "3"), "cannot be dealt out equally to 3 ranks"),
))
def test_a_mistake_in_the_run_file_is_told_before_the_job_waits(scratch, with_sbatch, words, says):
    run = write_run_file(scratch, synthesize(scratch))
    done = submit(run, "out", *words, **with_sbatch)
    assert done.returncode == RUN_FILE and says in done.stderr
    assert not os.path.exists(f"{scratch}/words")


def test_a_missing_program_is_named(scratch, with_sbatch):
    run = write(f"{scratch}/run.yaml", "")
    with_sbatch["env"]["TRAINER"] = "build/absent"
    done = submit(run, **with_sbatch)
    assert done.returncode == USAGE and "build/absent: not built" in done.stderr
