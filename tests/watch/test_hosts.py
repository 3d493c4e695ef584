"""Hosts that cannot be reached, and ranks on other hosts that die or hang (network namespaces, support/hosts.py)."""
import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest
from support.hosts import hosts
from support.program import TRAINER, settings
from support.runs import newest_step, train, write, write_endless_run

RANKS_DIED = 8
LIMIT = 4


@pytest.fixture(scope="module")
def cluster(folder):
    with hosts(3, folder) as found:
        yield found


@pytest.fixture(scope="module")
def recipe(folder):
    return write_endless_run(folder, LIMIT)


class Job:
    """A training on some hosts that goes on; mpirun runs on the first."""

    def __init__(self, cluster, count, per_host, recipe, out, preload=None):
        self.cluster, self.per_host = cluster, per_host
        self.errors = tempfile.TemporaryFile("w+", dir=os.path.dirname(recipe))
        words = [TRAINER, "train", recipe, "--out", out, "--quiet"]
        if preload:
            words = ["env", f"LD_PRELOAD={preload}", *words]
        self.process = subprocess.Popen(cluster.mpirun(cluster.names[:count], per_host, *words),
                                        env=cluster.environment(), stdin=subprocess.DEVNULL,
                                        stdout=self.errors, stderr=self.errors)
        end = time.monotonic() + 40
        while newest_step(out) < 20:
            assert self.process.poll() is None and time.monotonic() < end, self.text()
            time.sleep(0.02)

    def text(self):
        self.errors.seek(0)
        return self.errors.read()

    def on(self, host):
        return [pid for pid, name in self.cluster.processes("trainer").items() if name == host]

    def end(self, seconds=40):
        start = time.monotonic()
        code = self.process.wait(seconds)
        self.seconds = time.monotonic() - start
        self.lines = [line for line in self.text().splitlines() if line.startswith("trainer: ")]
        return code

    def left_after(self, seconds):
        end = time.monotonic() + seconds
        while self.cluster.processes("trainer") and time.monotonic() < end:
            time.sleep(0.1)
        return self.cluster.processes("trainer")


@contextlib.contextmanager
def job(*words, **more):
    found = Job(*words, **more)
    try:
        yield found
    finally:
        for pid in found.cluster.processes("trainer"):
            with contextlib.suppress(subprocess.CalledProcessError):  # it has ended meanwhile
                found.cluster.signal(9, pid)
        found.process.kill()
        found.process.wait()


@pytest.mark.parametrize("count, host", ((2, "host2"), (3, "host3")))
def test_a_host_that_is_cut_off_is_named_and_all_ends(cluster, folder, recipe, count, host):
    with job(cluster, count, 2, recipe, f"{folder}/cut-{count}") as found:
        try:
            time.sleep(1)  # the hosts have told one another of a step
            cluster.cut(host)
            assert found.end(25) != 0, found.text()
            assert len(found.lines) == 1, found.text()
            assert re.match(rf"trainer: host {host} \(rank {2 * count - 2} and others\) cannot be reached: nothing "
                            r"heard of it for \d+ s, last .* step \d+ .*; the job ends", found.lines[0])
            assert found.seconds < LIMIT + 8  # mpirun waits for the lost host, until it is killed
            assert not found.left_after(10)
        finally:
            cluster.connect(host)


@pytest.mark.parametrize("number, per_host, words", (
    (signal.SIGSTOP, 2, "hangs: stopped by a signal"),
    (signal.SIGKILL, 2, "died"),
    (signal.SIGSTOP, 1, "hangs, or its host cannot be reached"),
    (signal.SIGKILL, 1, "died")))
def test_a_rank_on_another_host_is_named_once(cluster, folder, recipe, number, per_host, words):
    with job(cluster, 3, per_host, recipe, f"{folder}/signal-{number}-{per_host}") as found:
        cluster.signal(int(number), found.on("host3")[0])
        code = found.end()
        assert len(found.lines) == 1, found.text()
        assert re.match(rf"trainer: rank [2345] on host3 {words}.*; the job ends", found.lines[0])
        assert code in (RANKS_DIED, 137), found.text()
        assert found.seconds < LIMIT + 8  # mpirun waits for the lost host, until it is killed
        assert not found.left_after(10)


NO_UDP = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
ssize_t sendto(int file, const void *data, size_t bytes, int flags, const struct sockaddr *to, socklen_t length) {
    int type = 0;
    socklen_t size = sizeof type;
    getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &size);
    if (type == SOCK_DGRAM)
        return (ssize_t)bytes; /* and a firewall drops it */
    return ((ssize_t (*)(int, const void *, size_t, int, const struct sockaddr *, socklen_t))
            dlsym(RTLD_NEXT, "sendto"))(file, data, bytes, flags, to, length);
}
"""


def test_behind_a_firewall_each_host_is_watched_for_itself(cluster, folder, recipe):
    source = write(f"{folder}/no_udp.c", NO_UDP)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", f"{folder}/no_udp.so", source, "-ldl"], check=True)
    with job(cluster, 2, 2, recipe, f"{folder}/wall", preload=f"{folder}/no_udp.so") as found:
        cluster.signal(int(signal.SIGSTOP), found.on("host2")[0])
        assert found.end() in (RANKS_DIED, 137)
        assert len(found.lines) == 2, found.text()
        assert re.match(r"trainer: warning: watchdog: no UDP messages pass between host1 \(rank 0\) and host2 "
                        r"\(rank 2\); each host is watched for itself", found.lines[0])
        assert re.match("trainer: rank [23] on host2 hangs: stopped by a signal", found.lines[1])
        assert not found.left_after(10)


def test_a_run_goes_on_after_a_host_was_lost(cluster, folder, recipe):
    out = f"{folder}/lost"
    with job(cluster, 2, 1, recipe, out) as found:
        cluster.signal(9, found.on("host2")[0])
        found.end()
    assert train(1, recipe, out, "--resume", *settings(f"train.length={newest_step(out) + 5} steps"))["finished"]
