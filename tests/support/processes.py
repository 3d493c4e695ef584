"""The processes of a program that mpirun started: which is which rank, what state they are in, which are left."""
import contextlib
import os
import signal
import subprocess
import time

from .program import command, environment
from .runs import children


def rank_of(pid):
    """The rank of a process that mpirun started, -1 if it has none (yet)."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/environ", "rb") as file:
            for word in file.read().split(b"\0"):
                if word.startswith(b"OMPI_COMM_WORLD_RANK="):
                    return int(word.split(b"=")[1])
    return -1


def ranks_of(pids):
    """Those of the processes that are ranks, in their order. Between fork and exec a process is none yet."""
    ranks = {rank_of(pid): pid for pid in pids}
    return [ranks[rank] for rank in sorted(ranks) if rank >= 0]


def state_of(pid):
    """(state, session) of a process, of /proc/PID/stat; (None, None) if there is none."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            return fields[0], int(fields[3])
    return None, None


def threads_of(pid):
    """The states of a process's threads; none if it has ended."""
    states = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            states.append(state_of(f"{pid}/task/{thread}")[0])
    return states


def stop(pid, seconds=60):
    """Sends SIGSTOP and waits until each thread of the process has stopped: one that is inside the kernel first ends
    its call there."""
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + seconds
    while not all(state in ("T", "Z", None) for state in threads_of(pid)):
        assert time.monotonic() < end, f"process {pid} does not stop: {threads_of(pid)}"
        time.sleep(0.001)


@contextlib.contextmanager
def stopped(*pids):
    """Holds processes for as long as the block lasts."""
    try:
        for pid in pids:
            stop(pid)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def members(session):
    """The processes of a session that are alive."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            state, of = state_of(int(name))
            if of == session and state not in ("Z", "X", None):
                found.append(int(name))
    return found


def left_after(session, seconds):
    """The processes of a session that are still alive after so many seconds; none as soon as all have ended."""
    end = time.monotonic() + seconds
    while (found := members(session)) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class Session:
    """The program on some ranks, in a session of its own, so that all its processes can be found."""

    def __init__(self, ranks, *words, **more):
        self.ranks = ranks
        more = {"env": environment(), "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE, **more}
        self.process = subprocess.Popen(command(ranks, *words), start_new_session=True, text=True, **more)
        self.stdout = self.stderr = None

    def runs(self):
        return self.process.poll() is None

    def left_after(self, seconds):
        """The processes that are left so long after the end; they are killed."""
        left = left_after(self.process.pid, seconds)
        for pid in left:
            self.kill(pid)
        return left

    def kill(self, pid, number=signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def destroy(self):
        for pid in members(self.process.pid):
            self.kill(pid)
        self.stdout, self.stderr = self.process.communicate()

    def lines(self):
        """The lines on stderr that are the program's own."""
        return [line for line in self.stderr.splitlines() if line.startswith("trainer: ")]


class Launched(Session):
    """A program under mpirun all of whose ranks have started. `end` gives its code, what it wrote, and how long that
    took."""

    def __init__(self, ranks, *words, **more):
        super().__init__(ranks, *words, env=environment(**more))
        self.pids = self._find(30)
        self.code = self.seconds = None

    def _find(self, seconds):
        end = time.monotonic() + seconds
        while self.runs() and time.monotonic() < end:
            found = ranks_of(children(self.process.pid))
            if len(found) == self.ranks:
                return found
            time.sleep(0.005)
        self.destroy()
        raise AssertionError(f"{self.ranks} ranks did not start")

    def wait_until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while self.runs() and not condition():
            assert time.monotonic() < end, "what the test waits for did not happen"
            time.sleep(0.01)
        assert self.runs(), f"the program ended too early: {self.process.communicate()}"

    def signal(self, number, *ranks):
        """Sends a signal to ranks, or to all."""
        for rank in ranks or range(self.ranks):
            self.kill(self.pids[rank], number)

    def end(self, seconds=60):
        """Waits for the end."""
        start = time.monotonic()
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.destroy()
            raise AssertionError(f"still running after {seconds} s: {self.stderr}") from None
        self.code, self.seconds = self.process.returncode, time.monotonic() - start
        return self


def shared_memory(pids):
    """The files in /dev/shm that processes have mapped."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/maps") as file:
                found.update(line.split(maxsplit=5)[5].strip() for line in file if " /dev/shm/" in line)
    return {path for path in found if os.path.exists(path)}
