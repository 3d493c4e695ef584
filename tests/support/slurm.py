"""A real Slurm on hosts of its own (support/hosts.py): a munge key, a controller on host1, and a node on each host."""
import contextlib
import glob
import os
import shutil
import subprocess
import tempfile
import time

import pytest

from .hosts import Hosts
from .program import TRAINER

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "scontrol", "squeue", "scancel")
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "BOOT_FAIL",
        "DEADLINE")

# Two partitions: a job in `high` preempts those in `low`, which get a minute to leave.
CONF = """ClusterName=test
SlurmctldHost=host1
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=10000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdTimeout=20
SlurmdParameters=config_overrides
MinJobAge=3600
KillWait=10
MpiDefault=none
NodeName=host[1-{count}] CPUs={cpus} RealMemory=2000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
PartitionName=low Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
"""


class Slurm:
    """Until stop(). Jobs are submitted from host1, in `shared`."""

    def __init__(self, shared, count=2, cpus=2, conf=CONF):
        path = f"{os.environ['PATH']}:{SYSTEM_PATH}"
        for program in (*DAEMONS, *COMMANDS):
            if not shutil.which(program, path=path):
                pytest.skip(f"{program} is not installed (slurm-wlm, munge)")
        if os.geteuid() != 0:
            pytest.skip("a Slurm of our own needs root")
        if not os.path.ismount("/sys/fs/cgroup"):
            pytest.skip("slurmd does not start if /sys/fs/cgroup is not mounted")
        self.shared = shared
        self.folder = tempfile.mkdtemp(prefix="slurm-", dir=shared)
        self.hosts = Hosts(count, shared)
        kept = {name: value for name, value in self.hosts.environment().items()
                if not name.startswith(("SLURM_", "SBATCH_", "OMPI_MCA_"))}
        self.environment = {**kept, "PATH": path, "SLURM_CONF": f"{self.folder}/slurm.conf", "TRAINER": TRAINER,
                            "OMPI_MCA_odls_base_sigkill_timeout": "1"}  # mpirun ends faster after a rank has ended
        try:
            self.bring_up(count, cpus, conf)
        except BaseException:
            self.stop()
            raise

    def bring_up(self, count, cpus, conf):
        for name in ("munge", "state", "spool"):
            os.mkdir(f"{self.folder}/{name}", 0o755)
        os.chmod(self.folder, 0o755)
        with open(f"{self.folder}/munge/key", "wb", opener=lambda name, flags: os.open(name, flags, 0o400)) as file:
            file.write(os.urandom(128))
        with open(f"{self.folder}/slurm.conf", "w") as file:
            file.write(conf.format(folder=self.folder, count=count, cpus=cpus))
        self.daemon("host1", "munged", "--foreground", "--force", "--key-file", f"{self.folder}/munge/key",
                    "--socket", f"{self.folder}/munge/socket", "--pid-file", f"{self.folder}/munge/pid",
                    "--log-file", f"{self.folder}/munge/log", "--seed-file", f"{self.folder}/munge/seed")
        self.wait_for("munged", lambda: os.path.exists(f"{self.folder}/munge/socket"))
        self.daemon("host1", "slurmctld", "-D")
        for host in self.hosts.names:
            self.daemon(host, "slurmd", "-D")
        self.wait_for("idle nodes", lambda: self.command("sinfo", "-h", "-t", "idle", "-p", "all", "-o", "%D")
                      .strip() == str(count))

    def daemon(self, host, *words):
        with open(f"{self.folder}/{words[0]}-{host}.out", "a") as log:
            subprocess.Popen(self.hosts.on(host, *words), env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log)

    def stop(self):
        self.hosts.stop()

    def logs(self):
        """The ends of all logs, for messages."""
        found = []
        for folder in (self.folder, self.shared):
            for name in sorted(os.listdir(folder)):
                if name.endswith((".log", ".out")):
                    with open(f"{folder}/{name}", errors="replace") as file:
                        found.append(f"--- {name}\n" + "".join(file.readlines()[-25:]))
        return "\n".join(found)

    def wait_for(self, what, holds, seconds=60):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{what}: not within {seconds} s\n{self.logs()}"
            time.sleep(0.2)

    def run(self, *words, host="host1", **more):
        """A command on a host, to its end: a CompletedProcess."""
        there = ("sh", "-c", 'cd "$0" && exec "$@"', self.shared, *map(str, words))
        return subprocess.run(self.hosts.on(host, *there), capture_output=True, text=True, timeout=120,
                              **{"env": self.environment, **more})

    def command(self, *words):
        """What a command of Slurm says; "" if it fails."""
        return self.run(*words).stdout

    def submit(self, *words, **more):
        """The id of the job that the words submit."""
        done = self.run("sbatch", "--parsable", *words, **more)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.split(";")[0].strip()

    def fields(self, job):
        """What Slurm knows of a job, of each task of an array: a list of {field: value}."""
        return [dict(word.split("=", 1) for word in line.split() if "=" in word)
                for line in self.command("scontrol", "--oneliner", "show", "job", job).splitlines()]

    def states(self, job):
        return [found["JobState"] for found in self.fields(job)]

    def release(self, job):
        """Lets a job that was queued again start now, and not after two minutes."""
        # The steps of the last start may need some seconds to clean up.
        self.wait_for("the end of srun's steps", lambda: not glob.glob(f"{self.folder}/spool/*/stepd.slurm.pmix.*"))
        self.command("scontrol", "update", f"JobId={job}", "StartTime=now")

    def is_over(self, job):
        states = self.states(job)
        return bool(states) and all(state in OVER for state in states)

    def wait_until_over(self, job, seconds=240):
        """The final states of the job's tasks."""
        self.wait_for(f"the end of job {job}", lambda: self.is_over(job), seconds)
        return self.states(job)


@contextlib.contextmanager
def slurm(shared, **more):
    found = Slurm(shared, **more)
    try:
        yield found
    finally:
        found.stop()
