"""trainer doctor, and what train says of crowded processors."""
import json
import os
import re
import subprocess

import pytest
from support.program import SYSTEM, TRAINER, environment, result, run, start
from support.runs import synthesize, write

RUN = """data: {file: shapes.h5}
model:
  - flatten
  - linear: {out: 100}
  - relu
  - linear: {out: 10}
loss: cross_entropy
optimizer:
  momentum: {rate: 0.05}
train: {batch: 16, shards: 2, length: 10 epochs, seed: 1}
"""
PROCESSORS = os.cpu_count()
ALONE = {"launcher", "mpi", "processors", "threads", "cpu", "openblas", "onednn", "shared memory", "folder", "locks"}
WITH_RANKS = ALONE | {"transports", "agreement", "exchange"}
AVX512 = "avx512bw" in open("/proc/cpuinfo").read()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("doctor")
    synthesize(path, train=64, test=20, validation=20)
    write(path / "run.yaml", RUN)
    return path


def checks(report):
    return {check["check"]: check for check in report["checks"]}


def examine(ranks, *words, code=0, **more):
    """The report, and its checks by name."""
    report = json.loads(run(ranks, "doctor", *words, "--json", code=code, **more)[0])
    return report, checks(report)


def test_alone(folder):
    report, found = examine(1, cwd=folder)
    assert set(found) == ALONE
    assert report["ranks"] == report["nodes"] == report["threads"] == 1
    assert "step" not in report and "exchange" not in report
    assert found["launcher"]["found"].startswith("none: one rank on ")


def test_a_line_each(folder):
    lines = run(1, "doctor", cwd=folder)[0].splitlines()
    assert len(lines) == len(ALONE)
    for line in lines:
        assert re.match(r"(ok|note|problem) +(\w+ ?)+  +\S", line)


def test_a_run_on_two_ranks(folder):
    out = folder / "out"
    report, found = examine(2, "run.yaml", "--out", out, cwd=folder)
    assert set(found) == WITH_RANKS | {"run", "exchange share"}
    assert report["ranks"] == 2 and report["nodes"] == 1
    assert found["launcher"]["found"] == "mpirun, 2 ranks on 1 node"
    assert re.match(r"pml \w+, btl .*(vader|sm)", found["transports"]["found"])
    parameters = 32 * 32 * 3 * 100 + 100 + 100 * 10 + 10
    assert parameters * 4 <= report["exchange"]["bytes"] <= parameters * 4 + 4096
    assert 0 < report["exchange"]["latency_seconds"] < 1
    step = report["step"]
    assert 0 < step["exchange_seconds"] < 1
    assert step["images_per_second"] == pytest.approx(16 / step["seconds"], rel=1e-3)
    assert not out.exists() and sorted(os.listdir(folder)) == ["run.yaml", "shapes.h5"]


def test_a_run_can_begin_afterwards_as_before(folder):
    """A trial leaves nothing behind, and a folder that holds a run does not disturb it."""
    out = folder.parent / "run-after-doctor"
    words = ("train", "run.yaml", "--out", out, "--quiet", "--stop-after", 5)
    digest = result(1, *words, cwd=folder)["digest"]
    before = sorted(os.listdir(out))
    examine(1, "run.yaml", "--out", out, cwd=folder)
    assert sorted(os.listdir(out)) == before
    assert result(1, *words, "--resume", cwd=folder)["digest"] == digest


def test_more_threads_than_processors(folder):
    threads = PROCESSORS
    _, found = examine(2, "--threads", threads, cwd=folder)  # not bound to any
    assert found["processors"]["verdict"] == "note"
    assert f"{PROCESSORS} processor" in found["processors"]["found"]
    assert f"{2 * threads} threads" in found["processors"]["found"]


def test_threads_that_are_not_given(folder):
    report, found = examine(1, "--threads", 2, code=SYSTEM, cwd=folder,
                            env=dict(os.environ, OMP_THREAD_LIMIT="1"))
    assert report["verdict"] == found["threads"]["verdict"] == "problem"
    assert "asks for 2 threads and gets 1" in found["threads"]["found"]
    assert "OMP_THREAD_LIMIT" in found["threads"]["advice"]


@pytest.mark.skipif(not AVX512, reason="this processor has no AVX-512")
def test_slow_kernels_of_openblas(folder):
    _, found = examine(1, cwd=folder, env=dict(os.environ, OPENBLAS_CORETYPE="Haswell"))
    assert found["openblas"]["verdict"] == "note"
    assert "Haswell" in found["openblas"]["found"] and "OPENBLAS_CORETYPE" in found["openblas"]["advice"]


@pytest.mark.parametrize("words, check, says", [
    (("nowhere.yaml",), "run", "nowhere.yaml: cannot open"),
    (("run.yaml", "--set", "train.shards=3"), "run", "cannot be cut into 3 equal shards"),
    (("run.yaml", "--set", "data.file=nowhere.h5"), "run", "nowhere.h5: cannot be opened"),
    (("--out", "/proc/run"), "locks", "/proc: no file can be made"),
])
def test_problems(folder, words, check, says):
    done = start(1, "doctor", *words, "--json", cwd=folder)
    found = checks(json.loads(done.stdout))[check]
    assert done.returncode == SYSTEM
    assert found["verdict"] == "problem" and says in found["found"]
    assert done.stderr == "trainer: doctor: found 1 problem\n"


def test_kernels_of_one_rank_alone(folder):
    mpirun = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", "1", TRAINER, "doctor", "--json", ":", "-np",
              "1", "env", "OPENBLAS_CORETYPE=Prescott", TRAINER, "doctor", "--json"]
    done = subprocess.run(mpirun, env=environment(), capture_output=True, text=True, timeout=60)
    found = checks(json.loads(done.stdout))["agreement"]
    assert done.returncode == SYSTEM
    assert found["verdict"] == "problem" and "rank 1 on " in found["found"] and "Prescott" in found["found"]


def test_train_counts_all_ranks_of_a_host(folder):
    """Without binding, each rank may run everywhere, but all of them share the host."""
    threads = max(2, PROCESSORS)
    words = ("train", "run.yaml", "--threads", threads, "--set", "train.length=1 steps")
    stderr = run(2, *words, "--out", folder.parent / "crowded", cwd=folder)[1]
    line = next(line for line in stderr.splitlines() if "threads a rank share" in line)
    assert f"2 ranks with {threads} threads a rank share {PROCESSORS} processor" in line
    assert f"for {2 * threads} threads" in line


@pytest.mark.skipif(PROCESSORS < 2, reason="one processor is too few for two threads")
def test_train_is_silent_if_each_thread_has_a_processor(folder):
    stderr = run(1, "train", "run.yaml", "--threads", 2, "--set", "train.length=1 steps", "--out",
                 folder.parent / "fitting", cwd=folder)[1]
    assert "share" not in stderr
