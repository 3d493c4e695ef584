"""Ranks that were started differently, or open other data: refused at the start, with rank, host and key."""
import concurrent.futures
import ctypes.util
import os
import shutil
import socket
import subprocess
from typing import NamedTuple

import h5py
import pytest
from support.program import DATA, RUN_FILE, SYSTEM, TRAINER, USAGE, environment, refusal, run
from support.runs import synthesize, write

RUN = """data: {file: shapes.h5}
model:
  - flatten
  - linear: {out: 10}
loss: cross_entropy
optimizer:
  sgd: {rate: 0.05}
train: {batch: 16, shards: 2, length: 2 epochs, seed: 1}
checkpoint: {every: 4 steps}
"""
TRAIN = ("train", "run.yaml", "--out", "{out}", "--quiet")
TRAIN_WORDS = (TRAINER, *TRAIN)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Two folders that stand for two nodes' own disks, with the same files; a function that makes more."""
    folder = tmp_path_factory.mktemp("nodes")

    def make(name, text=RUN):
        os.mkdir(folder / name)
        write(folder / name / "run.yaml", text)
        if os.path.exists(folder / "shapes.h5"):
            shutil.copy(folder / "shapes.h5", folder / name)
        return folder / name
    synthesize(folder, train=64, test=20, validation=20)
    make("a")
    make("b")
    make.folder = folder
    return make


def start(nodes, name, case):
    """Rank 0 runs in node a."""
    out = str(nodes.folder / f"out-{name}")
    line = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "1", "-wdir", nodes.folder / "a", TRAINER,
            *case.words, *case.first, ":", "-np", "1", "-wdir", nodes.folder / case.node, *case.second]
    line = [str(word).replace("{out}", out).replace("{copy}", str(nodes.folder / "trainer")) for word in line]
    return subprocess.run(line, env=environment(**case.more), capture_output=True, text=True, timeout=60), out


def make_files(nodes):
    """The nodes whose files differ."""
    for name, text in {"seed": RUN.replace("seed: 1", "seed: 2"), "batch": RUN.replace("batch: 16", "batch: 32"),
                       "rate": RUN.replace("rate: 0.05", "rate: 0.07"), "every": RUN.replace("4 steps", "2 steps"),
                       "layers": RUN.replace("  - flatten\n", "  - flatten\n  - relu\n"),
                       "broken": RUN.replace("sgd", "sdg")}.items():
        nodes(name, text)
    os.remove(nodes("no-run-file") / "run.yaml")
    os.remove(nodes("no-data") / "shapes.h5")
    for name, seed, train in ("other-data", 2, 64), ("longer", 1, 70):
        os.remove(nodes(name) / "shapes.h5")
        synthesize(nodes.folder / name, train=train, test=20, validation=20, seed=seed)
    with h5py.File(nodes("half-copied") / "shapes.h5", "r+") as file:
        file["train/images"][40:] = 0  # the digest in the file stays
    with h5py.File(nodes("label") / "shapes.h5", "r+") as file:
        file["train/labels"][3] = (file["train/labels"][3] + 1) % 10
    with h5py.File(nodes("statistics") / "shapes.h5", "r+") as file:
        file["statistics/channel_mean"][0] += 1
    copied = nodes.folder / "trainer"
    shutil.copy(TRAINER, copied)
    with open(copied, "ab") as file:
        file.write(b"another build")


class Case(NamedTuple):
    code: int
    says: str  # in the one line
    second: tuple = TRAIN_WORDS  # rank 1's words
    first: tuple = ()  # more words of rank 0
    node: str = "b"  # rank 1's
    words: tuple = TRAIN
    more: dict = {}  # in the environment


def key(node, name, odd, other):
    return Case(RUN_FILE, f" in {name}: {odd} instead of {other};", node=node)


def words(odd, other, *second, **more):
    instead = f" instead of {other}" if other else ""
    return Case(USAGE, f" in the command line: {odd}{instead}", (TRAINER, *second), **more)


CASES = {
    "set": words("--set train.seed=7", "nothing", *TRAIN, "--set", "train.seed=7"),
    "stop-after": words("--stop-after 3", "--stop-after 4", *TRAIN, "--stop-after", "3", first=("--stop-after", "4")),
    "resume": words("--resume", "nothing", *TRAIN, "--resume"),
    "not-resume": words("nothing", "--resume", *TRAIN, first=("--resume",)),
    "out": words("--out elsewhere", "--out {out}", "train", "run.yaml", "--out", "elsewhere", "--quiet"),
    "unknown-flag": words("--reusme", "nothing", *TRAIN, "--reusme"),
    "command": words("eval", "train", "eval", *TRAIN[1:]),
    "command-of-one-rank": words("describe run.yaml", "train run.yaml", "describe", "run.yaml"),
    "one-rank-trains": words("train run.yaml", "", *TRAIN, words=("describe", "run.yaml")),
    "help": words("--help", "nothing", *TRAIN, "--help"),
    "nothing": words("nothing", "train run.yaml"),
    "in-a-script": Case(USAGE, "rank 1: train: unknown flag --reusme",
                        ("sh", "-c", f"{TRAINER} train --reusme; exit $?")),
    "seed": key("seed", "train.seed", 2, 1),
    "batch": key("batch", "train.batch", 32, 16),
    "rate": key("rate", "optimizer.rate", 0.07, 0.05),
    "every": key("every", "checkpoint.every", "2 steps", "4 steps"),
    "layers": Case(RUN_FILE, " in model: ", node="layers"),
    "broken": Case(RUN_FILE, "run.yaml:7: ", node="broken"),
    "no-run-file": Case(SYSTEM, "run.yaml: cannot open", node="no-run-file"),
    "no-data": Case(DATA, "shapes.h5: cannot be opened", node="no-data"),
    "other-data": Case(DATA, "run.yaml:1: data.file: rank 1 on ", node="other-data"),
    "longer": Case(DATA, "split train: the number of samples: 70 instead of 64", node="longer"),
    "half-copied": Case(DATA, "pixels or labels are damaged", node="half-copied"),
    "label": Case(DATA, "pixels or labels are damaged", node="label"),
    "statistics": Case(DATA, "statistics: channel_mean: the digest", node="statistics"),
    "program": Case(SYSTEM, " in the program: trainer ", ("{copy}", *TRAIN)),
    "openblas": Case(SYSTEM, " Prescott, ", ("env", "OPENBLAS_CORETYPE=Prescott", *TRAIN_WORDS)),
    "threads": Case(SYSTEM, "OMP_DYNAMIC): 1 instead of 2",
                    ("env", "OMP_THREAD_LIMIT=1", *TRAIN_WORDS, "--threads", "2"), ("--threads", "2")),
    "no-mpi": Case(SYSTEM, "rank 0 on", ("true",), more={"TRAINER_START_SECONDS": "3"}),
}


@pytest.fixture(scope="module")
def endings(nodes):
    """What each pair of ranks came to. mpirun sleeps after a rank has failed, so they run side by side."""
    make_files(nodes)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        started = {name: pool.submit(start, nodes, name, case) for name, case in CASES.items()}
        return {name: future.result() for name, future in started.items()}


@pytest.mark.parametrize("name", CASES)
def test_refused(endings, name):
    done, out = endings[name]
    lines = [line for line in done.stderr.splitlines() if line.startswith("trainer: ")]
    assert done.returncode == CASES[name].code, done.stderr
    assert len(lines) == 1, done.stderr
    assert CASES[name].says.replace("{out}", out) in lines[0]
    assert "rank 1" in lines[0] or name == "no-mpi"
    assert f" on {socket.gethostname()}" in lines[0] or name == "in-a-script"
    assert not os.path.exists(f"{out}/checkpoints")


def test_the_same_files_elsewhere(nodes):
    """The nodes' own copies may lie anywhere, as long as they are the same; libraries are loaded in any order."""
    library = ctypes.util.find_library("m")
    done, out = start(nodes, "same", Case(0, "", ("env", f"LD_PRELOAD={library}", *TRAIN_WORDS)))
    assert done.returncode == 0, done.stderr
    assert os.path.exists(f"{out}/checkpoints/latest.h5")


@pytest.fixture(scope="module")
def trained(nodes):
    """A checkpoint that eval and predict can use."""
    out = nodes.folder / "trained"
    run(1, "train", nodes.folder / "a" / "run.yaml", "--out", out, "--quiet", "--set",
        f"data.file={nodes.folder}/shapes.h5", "--set", "train.shards=1")
    return out / "checkpoints" / "latest.h5"


@pytest.mark.parametrize("command", [("eval",), ("predict", "-o", "{out}.csv")])
def test_other_data_to_evaluate(nodes, endings, trained, command):
    words = (*command, str(trained), "--data", "shapes.h5")
    for node, says in (("b", ""), ("other-data", "in shapes.h5, split test: the digest in the file")):
        done, _ = start(nodes, f"{command[0]}-{node}", Case(0, "", (TRAINER, *words), words=words, node=node))
        assert done.returncode == (DATA if says else 0), done.stderr
        assert says in done.stderr


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_command_for_one_rank(nodes, ranks):
    """It runs once, and no rank waits for it."""
    assert run(ranks, "describe", nodes.folder / "a" / "run.yaml", cwd=nodes.folder / "a") == run(
        1, "describe", nodes.folder / "a" / "run.yaml", cwd=nodes.folder / "a")


LAUNCHERS = {
    "srun": ({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"}, "srun started 4 processes without PMIx"),
    "hydra": ({"PMI_RANK": "0", "PMI_SIZE": "4"}, "mpiexec of MPICH or Intel MPI"),
    "other-open-mpi": ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "4"}, "another installation of Open MPI"),
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_of_another_mpi(nodes, name):
    """Each of its processes would train alone, into the same folder."""
    variables, says = LAUNCHERS[name]
    out = nodes.folder / f"launcher-{name}"
    line = refusal(SYSTEM, "train", "run.yaml", "--out", out, cwd=nodes.folder / "a", env=environment(**variables))
    assert says in line and "4 processes" in line
    assert not out.exists()


def test_more_ranks_than_slurm_granted(nodes):
    line = refusal(SYSTEM, "train", "run.yaml", "--out", nodes.folder / "granted", ranks=2, cwd=nodes.folder / "a",
                   env=environment(SLURM_NTASKS="1"))
    assert "2 ranks, but Slurm granted 1 processor to this job" in line


def test_fewer_ranks_than_slurm_granted(nodes):
    line = refusal(0, "train", "run.yaml", "--out", nodes.folder / "fewer", "--quiet", cwd=nodes.folder / "a",
                   env=environment(SLURM_NTASKS="4"))
    assert line.startswith("trainer: warning: Slurm granted 4 tasks, but only 1 rank started")
