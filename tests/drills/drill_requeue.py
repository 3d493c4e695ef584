"""Jobs on a real Slurm (launch/slurm/train.sbatch: alone under mpirun or srun, and arrays) that are interrupted again
and again: by their time limit, by a job that preempts them, by a user's signal, by an operator, by the death of
a rank. Each time they go back into the queue without help and lose at most one step, and the end has the bits of an
undisturbed run."""
import os
import signal

import pytest
from drill import Broken, Skipped, expect
from support.jobs import MORE, TRAIN, Job, digests
from support.runs import newest_step, synthesize
from support.slurm import slurm

CYCLES = 5  # of one run
KINDS = ("array", "mpirun", "srun")


def run(drill):
    try:
        with slurm(drill.folder) as cluster:
            data = synthesize(drill.folder, train=64, test=32, validation=16)
            for number in range(-(-drill.count // CYCLES)):
                cycles = min(CYCLES, drill.count - number * CYCLES)
                kind = KINDS[number % len(KINDS)]
                drill.trial(number, f"{cycles} cycles of {kind}", one, drill, cluster, data, kind, cycles)
    except pytest.skip.Exception as reason:
        raise Skipped(str(reason)) from None


class Task:
    """A job, or a task of an array."""

    def __init__(self, cluster, job, out, seed):
        self.cluster, self.job, self.out, self.seed, self.restarts = cluster, job, out, seed, 0

    def field(self, name):
        return self.cluster.fields(self.job)[0][name]

    def wait_until_queued_again(self):
        self.restarts += 1
        self.cluster.wait_for(f"job {self.job} in the queue", lambda: self.field("JobState") == "PENDING" and
                              int(self.field("Restarts")) == self.restarts, 100)

    def start_again(self):
        self.cluster.command("scontrol", "update", f"JobId={self.job}", "TimeLimit=60")
        self.cluster.release(self.job)

    def wait_for_steps(self, count):
        step = newest_step(self.out) + count
        self.cluster.wait_for(f"step {step} of job {self.job}", lambda: newest_step(self.out) >= step)


def limit(rng, cluster, tasks):
    for task in tasks:
        cluster.command("scontrol", "update", f"JobId={task.job}", "TimeLimit=1")
    return tasks


def preempt(rng, cluster, tasks):
    cluster.wait_until_over(cluster.submit("--nodes=2", "--exclusive", "--wrap", "sleep 1"))
    return tasks


def ask(rng, cluster, tasks):
    chosen = [rng.choice(tasks)]
    cluster.command("scancel", "--signal=USR2", chosen[0].job)
    return chosen


def requeue(rng, cluster, tasks):
    chosen = [rng.choice(tasks)]
    cluster.command("scontrol", "requeue", chosen[0].job)
    return chosen


def kill(rng, cluster, tasks):
    chosen = rng.choice(tasks)
    victims = [pid for pid in cluster.hosts.processes("trainer") if cluster.hosts.says(pid, "--out", chosen.out)]
    cluster.hosts.signal(int(signal.SIGKILL), rng.choice(victims))
    return [chosen]


def interrupt(rng, cluster, tasks, way):
    """Interrupts some tasks and waits until they are in the queue."""
    before = {task: newest_step(task.out) for task in tasks}
    chosen = way(rng, cluster, tasks)
    for task in chosen:
        task.wait_until_queued_again()
        expect(newest_step(task.out) >= before[task], f"job {task.job} has lost steps by {way.__name__}")
    return chosen


def one(rng, out, drill, cluster, data, kind, cycles):
    name = os.path.basename(out)
    try:
        job, tasks = begin(cluster, data, kind, name)
        for _ in range(cycles):
            for task in tasks:
                task.wait_for_steps(rng.randint(2, 12))
            way = rng.choice((limit, preempt, ask, requeue, kill))
            for task in interrupt(rng, cluster, tasks, way):
                task.start_again()
            drill.note(way.__name__)
        end(rng, cluster, job, tasks)
    except AssertionError as error:  # from the waiting of tests/support
        raise Broken(str(error)) from None


def begin(cluster, data, kind, name):
    if kind != "array":
        job = Job(cluster, data, name, "--partition=low", "--nodes=2", "--ntasks=2",
                  environment={"TRAINER_LAUNCHER": kind})
        return job, [Task(cluster, job.job, job.out, None)]
    job = Job(cluster, data, name, "--partition=low", "--nodes=1", "--ntasks=1", "--array=1-2",
              submit=lambda *options, environment: cluster.submit(
                  *options, TRAIN, f"{cluster.shared}/{name}.yaml", f"{cluster.shared}/{name}/seed-%a", "--set",
                  "train.seed=%a", env=environment))
    return job, [Task(cluster, f"{job.job}_{seed}", f"{job.out}/seed-{seed}", seed) for seed in (1, 2)]


def end(rng, cluster, job, tasks):
    """Lets the run end, and compares its digest with that of an undisturbed one."""
    for task in tasks:
        task.wait_for_steps(1)
    for task in tasks:
        interrupt(rng, cluster, [task], ask)
    job.set_length(max(newest_step(task.out) for task in tasks) + MORE)
    for task in tasks:
        task.start_again()
    for task in tasks:
        expect(cluster.wait_until_over(task.job) == ["COMPLETED"], f"job {task.job} ended otherwise: {job.log()}")
        resumed, straight = digests(task.out, job.run, *(("--set", f"train.seed={task.seed}") if task.seed else ()))
        expect(resumed == straight, f"the digest of job {task.job} is {resumed}, undisturbed it is {straight}")
