"""The program while it runs, and the signals that it gets: to the process that was started (mpirun, or the program
itself) or to one of its ranks."""
import os
import signal
import subprocess
import time

from .processes import Session
from .runs import children

STOPPED = 75  # the exit code of a run that was asked to stop
# What stops a run. mpirun turns its own SIGTERM, SIGINT and SIGHUP into a SIGTERM of its ranks, a SIGKILL a second
# later, and exit code 1.
STOPS = ("SIGTERM", "SIGINT", "SIGUSR2", "SIGHUP")
MPIRUN_KILLS = ("SIGTERM", "SIGINT", "SIGHUP")


class Signalled(Session):
    """The program while it runs. `whom`: 0 is what was started, from 1 on the ranks."""

    def pid(self, whom):
        end = time.monotonic() + 20
        while whom and self.ranks > 1 and self.runs() and time.monotonic() < end:
            found = sorted(children(self.process.pid))
            if len(found) == self.ranks:
                return found[whom - 1]
            time.sleep(0.002)
        return self.process.pid

    def send(self, whom, name):
        self.kill(self.pid(whom), getattr(signal, name))

    def wait_for(self, holds, seconds=60):
        """Waits until holds() is true, or the program has ended: then the answer is False."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds():
                return True
            if not self.runs():
                return holds()
            time.sleep(0.002)
        return False

    def end(self, seconds=60):
        """Waits for the end: (exit code, what is on stdout, lines of stderr, seconds that it took)."""
        start = time.monotonic()
        try:
            stdout, stderr = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return Ending(self.process.returncode, stdout, stderr.splitlines(), time.monotonic() - start)


class Ending:
    def __init__(self, code, stdout, stderr, seconds):
        self.code, self.stdout, self.stderr, self.seconds = code, stdout, stderr, seconds

    def says(self, words):
        return [line for line in self.stderr if words in line]


def expected_code(ranks, whom, name):
    """The exit code of a run that `name` stops."""
    return 1 if ranks > 1 and whom == 0 and name in MPIRUN_KILLS else STOPPED
