"""Several hosts on one machine: network namespaces joined by a bridge (tests/hosts/network.sh)."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

from .program import TESTS, TRAINER, environment

SCRIPTS = os.path.join(TESTS, "hosts")
SUBNET = "10.77.0.0/24"
SPACES = ["--net", "--mount", "--pid", "--ipc", "--uts"]
OUTER = ["unshare", *SPACES, "--fork", "--kill-child", "--mount-proc"]
ROOT = os.geteuid() == 0
# Waits until each of the named hosts answers: nobody listens on the port, so that a host that can be reached refuses.
REACH = """
import socket, sys, time
end = time.monotonic() + 20
for name in sys.argv[1:]:
    while True:
        try:
            socket.create_connection((name, 9), timeout=1).close()
        except ConnectionRefusedError:
            break
        except OSError:
            if time.monotonic() > end:
                sys.exit(f"{name} does not answer")
            time.sleep(0.05)
"""


def outer_words():
    """The words that start a command in namespaces of its own; skips the test if this machine has none."""
    for program in ("unshare", "nsenter", "ip", "mpirun"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    words = OUTER if ROOT else [*OUTER, "--map-root-user"]
    probe = subprocess.run([*words, "ip", "link", "add", "probe", "type", "veth"], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"this user cannot make network namespaces here: {probe.stderr.strip()}")
    return words


class Hosts:
    """host1 … hostN, until stop(). All see the folder `shared`; /tmp and /dev/shm are each host's own."""

    def __init__(self, count, shared):
        self.names = [f"host{k}" for k in range(1, count + 1)]
        self.folder = tempfile.mkdtemp(prefix="hosts-", dir=shared)
        kept = [shared, os.path.dirname(TRAINER), os.path.dirname(TESTS)]
        self.log = open(f"{self.folder}/log", "w+")
        self.outer = subprocess.Popen([*outer_words(), f"{SCRIPTS}/network.sh", self.folder, str(count), *kept],
                                      stdin=subprocess.PIPE, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while not os.path.exists(f"{self.folder}/ready"):
            if self.outer.poll() is not None or time.monotonic() > end:
                self.stop()
                self.log.seek(0)
                raise AssertionError(f"the hosts could not be set up: {self.log.read()}")
            time.sleep(0.02)
        self.wait_for_answers()

    def wait_for_answers(self):
        """Until all hosts reach one another: the network takes a moment after a cable is plugged in."""
        for name in self.names:
            subprocess.run(self.on(name, sys.executable, "-c", REACH, *self.names), check=True)

    def stop(self):
        """Ends every process of every host, and with them the namespaces."""
        self.outer.kill()  # --kill-child takes the first process of the namespaces along
        self.outer.wait()

    def switch(self, *words):
        """The words that run a command where the bridge is."""
        with open(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children") as file:
            first = file.read().split()[0]
        spaces = SPACES if ROOT else [*SPACES, "--user", "--preserve-credentials"]
        return ["nsenter", "--target", first, *spaces, *map(str, words)]

    def on(self, host, *words):
        """The words that run a command on a host."""
        with open(f"{self.folder}/{host}.pid") as file:
            pid = file.read().strip()
        return self.switch("nsenter", "--target", pid, "--net", "--uts", "--mount", "--ipc", *words)

    def mpirun(self, names, ranks_per_host, *words):
        """The words that start a program on some hosts. mpirun itself runs on the first of them."""
        flags = ["--mca", "plm_rsh_agent", f"{SCRIPTS}/agent.sh", "--mca", "btl_tcp_if_include", SUBNET,
                 "--mca", "oob_tcp_if_include", SUBNET, "--bind-to", "none", "-x", "OMP_NUM_THREADS",
                 "-x", f"TRAINER_TEST_HOSTS={len(names)}",
                 "--host", ",".join(f"{name}:{ranks_per_host}" for name in names)]
        return self.on(names[0], "mpirun", *flags, *words)

    def environment(self):
        return environment(TRAINER_HOSTS=self.folder)

    def start(self, names, ranks_per_host, *words, timeout=120, program=TRAINER):
        """Runs the program to its end, however it ends: a CompletedProcess."""
        return subprocess.run(self.mpirun(names, ranks_per_host, program, *map(str, words)), timeout=timeout,
                              env=self.environment(), capture_output=True, text=True)

    def cut(self, host):
        """Pulls the host's cable."""
        subprocess.run(self.switch("ip", "link", "set", f"cable{host[len('host'):]}", "down"), check=True)

    def connect(self, host):
        subprocess.run(self.switch("ip", "link", "set", f"cable{host[len('host'):]}", "up"), check=True)
        self.wait_for_answers()

    def received(self, host):
        """How many bytes have come to the host through its cable."""
        done = subprocess.run(self.switch("ip", "-json", "-statistics", "link", "show", f"cable{host[len('host'):]}"),
                              capture_output=True, check=True)
        return json.loads(done.stdout)[0]["stats64"]["tx"]["bytes"]  # what the switch sent

    def processes(self, name):
        """The processes called `name` on all hosts: {process id (as the hosts see it): host}."""
        script = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = "$0" ] && ' \
                 'echo ${p#/proc/} $(nsenter --target ${p#/proc/} --uts hostname); done; true'
        done = subprocess.run(self.switch("sh", "-c", script, name), capture_output=True, text=True, check=True)
        pairs = (line.split() for line in done.stdout.splitlines())
        return {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2}

    def says(self, pid, *words):
        """Whether these words stand one after the other in the process's command line."""
        done = subprocess.run(self.switch("cat", f"/proc/{pid}/cmdline"), capture_output=True, text=True)
        return "\0".join(words) in done.stdout

    def signal(self, number, pid):
        subprocess.run(self.switch("kill", f"-{number}", pid), check=True)


@contextlib.contextmanager
def hosts(count, shared):
    found = Hosts(count, shared)
    try:
        yield found
    finally:
        found.stop()
