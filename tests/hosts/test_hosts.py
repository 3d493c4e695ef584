"""Training on two and four hosts (network namespaces, support/hosts.py), started by mpirun through its rsh agent:
the same bits as on one host, and runs that go on elsewhere."""
import json
import subprocess
import time

import pytest

from support.hosts import hosts
from support.program import RUN_FILE, TRAINER, USAGE, built, settings
from support.runs import Run, arrays, newest_step, synthesize, train, write_run_file


@pytest.fixture(scope="module")
def cluster(folder):
    with hosts(4, folder) as found:
        yield found


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, batch=64, shards=8, length="12 steps", every="4 steps")


@pytest.fixture(scope="module")
def whole(folder, recipe):
    """The run on one rank of one host."""
    return train(1, recipe, f"{folder}/whole")


def train_on(cluster, count, per_host, recipe, out, *more):
    """A training on the first `count` hosts."""
    done = cluster.start(cluster.names[:count], per_host, "train", recipe, "--out", out, "--quiet", "--json", *more)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return Run(out, json.loads(done.stdout))


def test_hosts_share_neither_name_nor_memory_nor_tmp(cluster):
    script = "hostname; touch /dev/shm/mine-$(hostname) /tmp/mine-$(hostname); sleep 0.5; ls /dev/shm /tmp"
    done = cluster.start(cluster.names, 1, "-c", script, program="sh")
    words = done.stdout.split()
    assert sorted(word for word in words if word.startswith("host")) == cluster.names
    assert sorted(word for word in words if word.startswith("mine-host")) == [f"mine-{name}" for name in cluster.names
                                                                             for _ in ("/dev/shm", "/tmp")]


def test_gradients_travel_through_the_cable(cluster, folder, recipe, whole):
    before = cluster.received("host2")
    train_on(cluster, 2, 1, recipe, f"{folder}/counted")
    parameters = sum(array.nbytes for array in arrays(whole.checkpoint()).values())
    assert cluster.received("host2") - before > whole["step"] * parameters / 2


@pytest.mark.parametrize("exchange", ("auto", "halving", "direct"))
@pytest.mark.parametrize("count, per_host", ((2, 1), (2, 2), (4, 1), (4, 2)))
def test_several_hosts_give_the_same_bits(cluster, folder, recipe, whole, count, per_host, exchange):
    out = f"{folder}/{exchange}-{count}x{per_host}"
    found = train_on(cluster, count, per_host, recipe, out, *settings(f"train.exchange={exchange}"))
    assert found["digest"] == whole["digest"]
    assert found.metrics() == whole.metrics()


def test_three_hosts_give_the_same_bits(cluster, folder, data):
    recipe = write_run_file(folder, data, name="six.yaml", shards=6, length="6 steps")
    alone = train(1, recipe, f"{folder}/six-1")
    assert train_on(cluster, 3, 1, recipe, f"{folder}/six-3")["digest"] == alone["digest"]


def test_a_shared_window_on_two_hosts_is_refused(cluster, folder, recipe):
    done = cluster.start(cluster.names[:2], 1, "train", recipe, "--out", f"{folder}/window", "--quiet",
                         *settings("train.exchange=window"))
    lines = [line for line in done.stderr.splitlines() if line.startswith("trainer: ")]
    assert done.returncode == RUN_FILE and len(lines) == 1, done.stderr
    assert "window" in lines[0] and "host" in lines[0]


def test_layers_that_synchronise_give_the_same_bits(cluster, folder, data):
    model = """
  - conv: {out: 8, kernel: 3, stride: 2, padding: 1}
  - batchnorm: {statistics: batch}
  - relu
  - global_avgpool
  - flatten
  - linear: {out: 10}
"""
    recipe = write_run_file(folder, data, model=model, name="sync.yaml", length="6 steps")
    alone = train(1, recipe, f"{folder}/sync-1")
    assert train_on(cluster, 2, 2, recipe, f"{folder}/sync-4")["digest"] == alone["digest"]


def test_a_run_goes_on_with_other_hosts(cluster, folder, recipe, whole):
    out = f"{folder}/moves"
    for count, per_host, stop in ((2, 1, 3), (4, 2, 7), (1, 2, 9)):
        found = train_on(cluster, count, per_host, recipe, out, "--resume", "--stop-after", str(stop))
        assert (found["step"], found["finished"]) == (stop, False)
    found = train_on(cluster, 4, 1, recipe, out, "--resume")
    assert found["digest"] == whole["digest"]
    assert found.metrics() == whole.metrics()


def test_an_evaluation_on_several_hosts_finds_the_same_figures(cluster, whole):
    def evaluated(count, per_host):
        done = cluster.start(cluster.names[:count], per_host, "eval", whole.checkpoint(), "--split", "test", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    assert evaluated(4, 2) == evaluated(1, 1)


@pytest.mark.parametrize("count, per_host", ((2, 1), (3, 1), (2, 2), (3, 2)))
@pytest.mark.parametrize("program", ("test_comm_ranks", "test_comm_exchange"))
def test_messages_between_hosts(cluster, program, count, per_host):
    """The C tests of the module comm, across hosts."""
    done = cluster.start(cluster.names[:count], per_host, program=built(f"comm/{program}"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def bereaved(cluster, folder, data):
    """A run of three hosts that lost a rank to SIGKILL on one that mpirun does not run on."""
    recipe = write_run_file(folder, data, name="long.yaml", batch=48, shards=12, length="400 steps", every="5 steps")
    out = f"{folder}/bereaved"
    words = cluster.mpirun(cluster.names[:3], 1, TRAINER, "train", recipe, "--out", out, "--quiet")
    process = subprocess.Popen(words, env=cluster.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    while process.poll() is None and newest_step(out) < 10:
        time.sleep(0.01)
    victims = [pid for pid, host in cluster.processes("trainer").items() if host == "host2"]
    cluster.signal(9, victims[0])
    stderr = process.communicate(timeout=60)[1]
    return recipe, out, process.returncode, stderr


def test_a_rank_killed_on_another_host_ends_the_job(bereaved):
    _, out, code, stderr = bereaved
    assert code == 128 + 9 and "host2" in stderr
    assert 10 <= newest_step(out) < 400


def test_no_process_is_left_on_any_host(bereaved, cluster):
    end = time.monotonic() + 10
    while cluster.processes("trainer") or cluster.processes("orted"):
        assert time.monotonic() < end, (cluster.processes("trainer"), cluster.processes("orted"))
        time.sleep(0.1)


def test_a_run_that_lost_a_rank_goes_on_without_that_host(bereaved, cluster, folder):
    recipe, out, _, _ = bereaved
    stop = str(newest_step(out) + 7)
    words = cluster.start(["host1", "host3"], 2, "train", recipe, "--out", out, "--quiet", "--json", "--resume",
                          "--stop-after", stop)
    assert words.returncode == 0, words.stderr
    straight = train(1, recipe, f"{folder}/straight", "--stop-after", stop)
    assert json.loads(words.stdout)["digest"] == straight["digest"]


# tests/watch/test_hosts.py has the program's own watchdog; here it is off.
KEEPALIVE = {"OMPI_MCA_oob_tcp_keepalive_time": "3", "OMPI_MCA_oob_tcp_keepalive_intvl": "1",
             "OMPI_MCA_oob_tcp_keepalive_probes": "3"}


def test_mpirun_ends_a_job_whose_host_is_cut_off(folder, data):
    """With the parameters that docs/cluster.md names, and shorter times."""
    recipe = write_run_file(folder, data, name="cut.yaml", batch=48, shards=12, length="100000 steps",
                            every="5 steps", keep=3)
    out = f"{folder}/cut"
    with hosts(4, folder) as cluster:
        words = cluster.mpirun(cluster.names, 1, TRAINER, "train", recipe, "--out", out, "--quiet",
                               *settings("train.watchdog=0"))
        process = subprocess.Popen(words, env={**cluster.environment(), **KEEPALIVE}, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while process.poll() is None and newest_step(out) < 10:
            time.sleep(0.01)
        start = time.monotonic()
        cluster.cut("host2")
        stderr = process.communicate(timeout=90)[1]
        seconds = time.monotonic() - start
        while time.monotonic() < start + 60 and any(map(cluster.processes, ("trainer", "orted", "mpirun"))):
            time.sleep(0.2)
        left = {name: cluster.processes(name) for name in ("trainer", "orted", "mpirun")}
    print(f"{seconds:.1f} s until mpirun ended")
    assert "host2" in stderr and process.returncode != 0
    assert seconds < 30 and not any(left.values()), (seconds, left)


def test_the_host_of_a_rank_that_differs_is_named(cluster, folder, recipe):
    out = f"{folder}/differs"
    script = f"exec {TRAINER} train {recipe} --out {out} $(test $(hostname) = host2 && echo --resume)"
    done = cluster.start(cluster.names[:2], 1, "-c", script, program="sh")
    assert done.returncode == USAGE, done.stderr
    assert ("rank 1 on host2 differs from rank 0 on host1 in the command line: --resume instead of nothing"
            in done.stderr)


def test_doctor_examines_several_hosts(cluster, folder, recipe):
    done = cluster.start(cluster.names[:2], 1, "doctor", recipe, "--out", folder, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {check["check"]: check for check in report["checks"]}
    assert report["nodes"] == 2
    assert found["transports"]["verdict"] == "note" and "the nodes talk by TCP" in found["transports"]["found"]
    assert found["clocks"]["verdict"] == "ok" and found["agreement"]["verdict"] == "ok"
    assert found["locks"]["found"].endswith("files can be locked, and all nodes see it")
    private = cluster.start(cluster.names[:2], 1, "doctor", "--out", "/dev/shm", "--json")
    locks = {check["check"]: check for check in json.loads(private.stdout)["checks"]}["locks"]
    assert locks["verdict"] == "note" and "not the same folder on host2" in locks["found"]
