"""launch/slurm/train.sbatch, ensemble.sbatch and launch/submit on a real Slurm of two hosts (support/slurm.py): jobs
that run into their time limit, are preempted or asked to stop, go back into the queue, and end with the digest of one
undisturbed run."""
import json
import os
import re
import stat

import pytest

from support.jobs import MODEL, MORE, TRAIN, Job, digests, log_of, starts
from support.program import SOURCE, STOPPED, SYSTEM, TRAINER
from support.runs import newest_step, synthesize, write, write_run_file
from support.slurm import slurm

SEARCH = f"{SOURCE}/launch/slurm/search.sbatch"


@pytest.fixture(scope="module")
def cluster(folder):
    with slurm(folder) as found:
        yield found


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=64, test=32, validation=16)


# ---- The time limit ends a run and, at the same time, the members of an ensemble ----

@pytest.fixture(scope="module")
def limited(cluster, data):
    """A run on two hosts, queued again after its time limit."""
    return Job(cluster, data, "limited", "--time=1", "--nodes=2", "--ntasks=2")


@pytest.fixture(scope="module")
def ensemble(cluster, data, limited):
    """Two members and their evaluation: (members, evaluation), of which `limited` is the first."""
    def submit(*options, environment):
        done = cluster.run(f"{SOURCE}/launch/submit", "--seeds", 2, "--split", "test", *options,
                           f"{cluster.shared}/members.yaml", f"{cluster.shared}/members", env=environment)
        assert done.returncode == 0, done.stderr
        found.extend(re.search(r"job array (\d+); ensemble: job (\d+)", done.stdout).groups())
        return found[0]
    found = []
    members = Job(cluster, data, "members", "--time", "1", "--nodes", "1", "--ranks", "1", submit=submit)
    return members, found[1]


def test_a_time_limit_costs_nothing(limited, ensemble):
    limited.wait_until_queued_again(seconds=120)
    assert "queued again" in limited.log()
    (_, step, code), = starts(limited.out)
    assert int(code) == STOPPED and int(step) > 0
    straight, resumed = limited.finish()
    assert straight == resumed


def test_the_log_of_each_start_is_kept(limited):
    log = limited.log()
    assert log.index(", start 1: ") < log.index("queued again") < log.index(", start 2: ")


def test_the_same_line_again_goes_on(limited, cluster):
    step = newest_step(limited.out)
    limited.set_length(step + MORE)
    again = limited.submit("--nodes=2", "--ntasks=2", environment=cluster.environment)
    assert cluster.wait_until_over(again) == ["COMPLETED"]
    assert newest_step(limited.out) == step + MORE and f"step {step}" in log_of(cluster, again)


def test_the_members_of_an_ensemble_are_queued_again_one_by_one(ensemble, cluster):
    members, _ = ensemble
    cluster.wait_for("members in the queue", lambda: cluster.states(members.job) == ["PENDING"] * 2 and
                     members.restarts() == [1, 1], 120)
    length = max(newest_step(f"{members.out}/seed-{seed}") for seed in (1, 2)) + MORE
    members.set_length(length)
    for seed in (1, 2):
        cluster.release(f"{members.job}_{seed}")
    assert cluster.wait_until_over(members.job) == ["COMPLETED"] * 2, log_of(cluster, members.job, 1)
    for seed in (1, 2):
        assert newest_step(f"{members.out}/seed-{seed}") == length
        out = f"{members.out}/seed-{seed}"
        resumed, straight = digests(out, members.run, "--set", f"train.seed={seed}")
        assert resumed == straight
        assert len(starts(out)) == 2


def test_the_ensemble_is_evaluated_after_its_members(ensemble, cluster):
    members, evaluation = ensemble
    assert cluster.wait_until_over(evaluation) == ["COMPLETED"], log_of(cluster, evaluation)
    with open(f"{members.out}/ensemble.json") as file:
        result = json.load(file)
    assert len(result["members"]) == 2 and 0 <= result["ensemble"]["top1"] <= 1


# ---- A search by an array of jobs on one folder ----

def test_an_array_shares_a_search(cluster, data):
    write(f"{cluster.shared}/base.yaml", f"data: {{file: {data}}}\nmodel: [flatten, linear: {{out: 10}}]\n"
          "optimizer: {sgd: {rate: 0.1}}\ntrain: {batch: 16, length: 5 epochs}\n")
    space = write(f"{cluster.shared}/space.yaml", "run: base.yaml\ntrials: 6\nkeys:\n"
                  "  optimizer.rate: {log_uniform: [0.001, 1]}\n")
    out = f"{cluster.shared}/search"
    job = cluster.submit("--array=1-2", "--ntasks=1", "--output=%x-%A_%a.log", SEARCH, space, out,
                         env={**cluster.environment, "TRAINER_SBATCH": TRAIN})
    assert cluster.wait_until_over(job) == ["COMPLETED"] * 2, log_of(cluster, job, 1) + log_of(cluster, job, 2)
    told = [line.split(":")[0] for task in (1, 2) for line in log_of(cluster, job, task).splitlines()
            if re.match(r"trial \d+: ", line)]
    assert sorted(told) == [f"trial {number}" for number in range(1, 7)]  # each trained once
    with open(f"{out}/trials.csv") as file:
        assert len(file.readlines()) == 7


# ---- Preemption ----

@pytest.fixture(scope="module", params=("mpirun-1", "mpirun-2", "srun-1", "srun-2"))
def preempted(request, cluster, data):
    """A run in the partition `low`, with either launcher on one or two hosts, that a job in `all` pushed out."""
    launcher, nodes = request.param.split("-")
    job = Job(cluster, data, f"low-{request.param}", "--partition=low", f"--nodes={nodes}", "--ntasks=2",
              environment={"TRAINER_LAUNCHER": launcher})
    job.wait_for_step(10)
    pusher = cluster.submit("--nodes=2", "--exclusive", "--wrap", "sleep 1")
    job.wait_until_queued_again()
    cluster.wait_until_over(pusher)
    return job


def test_a_preempted_run_saves_and_is_queued_again(preempted):
    (_, step, code), = starts(preempted.out)
    assert int(code) in (STOPPED, 128 + 9) and int(step) >= 10  # 137: srun kills the ranks that are last to end
    straight, resumed = preempted.finish()
    assert straight == resumed


# ---- What users and Slurm say to a job ----

@pytest.fixture
def running(request, cluster, data):
    """A run on two hosts that has made some steps and is not queued again."""
    job = Job(cluster, data, re.sub(r"\W+", "-", request.node.name), "--nodes=2", "--ntasks=2",
              environment={"TRAINER_REQUEUES": "0"})
    job.wait_for_step(5)
    return job


def test_returns_to_the_queue_are_capped(running, cluster):
    cluster.command("scancel", "--signal=USR2", running.job)
    assert cluster.wait_until_over(running.job) == ["FAILED"]
    assert cluster.fields(running.job)[0]["ExitCode"] == f"{STOPPED}:0"
    assert "not queued again: it was 0 times (TRAINER_REQUEUES)" in running.log()


def test_a_cancelled_run_saves_and_is_not_queued_again(running, cluster):
    step = newest_step(running.out)
    cluster.command("scancel", running.job)
    cluster.wait_for("the end", lambda: cluster.states(running.job) == ["CANCELLED"])
    assert newest_step(running.out) > step
    assert running.restarts() == [0]


def fake_trainer(cluster, text):
    path = write(f"{cluster.shared}/fake", f"#!/bin/sh\n{text}\n")
    os.chmod(path, stat.S_IRWXU)
    return {"TRAINER": path}


def test_a_run_without_progress_stops(cluster, data):
    job = Job(cluster, data, "idle", environment=fake_trainer(cluster, "sleep 1; exit 75"))
    job.wait_until_queued_again()
    cluster.release(job.job)
    job.wait_until_queued_again(2)
    cluster.release(job.job)
    assert cluster.wait_until_over(job.job) == ["FAILED"]
    assert "not queued again: 3 starts in a row saved no new step" in job.log()


def test_a_refusal_is_not_tried_again(cluster, data):
    fake = fake_trainer(cluster, "exit $CODE")
    jobs = {code: Job(cluster, data, f"refused-{code}", "--ntasks=1", environment={**fake, "CODE": str(code)})
            for code in (2, 3, 5, 7, 70)}
    for code, job in jobs.items():
        assert cluster.wait_until_over(job.job) == ["FAILED"]
        assert cluster.fields(job.job)[0]["ExitCode"] == f"{code}:0" and job.restarts() == [0]


# ---- Processors ----

@pytest.mark.parametrize("launcher", ("mpirun", "srun"))
def test_cpus_per_task_are_threads(cluster, data, launcher):
    told = {**fake_trainer(cluster, 'echo "told: $*; on $(taskset -cp $$)"'), "TRAINER_LAUNCHER": launcher}
    job = Job(cluster, data, f"threads-{launcher}", "--nodes=2", "--ntasks=2", "--cpus-per-task=2", environment=told)
    assert cluster.wait_until_over(job.job) == ["COMPLETED"], job.log()
    assert len(re.findall(r"told: train --resume .* --set train\.threads=2; on .*: 0,1\n", job.log())) == 2


def test_the_last_setting_is_the_users(cluster, data):
    job = Job(cluster, data, "own", "--ntasks=1", "--cpus-per-task=2", environment=fake_trainer(cluster, 'echo "$@"'),
              submit=lambda *options, environment: cluster.submit(
                  *options, TRAIN, "run.yaml", "own", "--set", "train.threads=1", env=environment))
    assert cluster.wait_until_over(job.job) == ["COMPLETED"]
    assert "--set train.threads=2 --set train.threads=1" in job.log()


def test_srun_without_pmix_is_refused(cluster, data):
    run = write_run_file(cluster.shared, data, name="plain.yaml", model=MODEL)
    job = cluster.submit("--nodes=2", "--ntasks=2", "--wrap", f"srun {TRAINER} train {run} --out plain; echo code $?")
    cluster.wait_until_over(job)
    with open(f"{cluster.shared}/slurm-{job}.out") as file:
        log = file.read()
    lines = [line for line in log.splitlines() if line.startswith("trainer: ")]
    assert len(lines) == 1 and "use srun --mpi=pmix, or mpirun" in lines[0]
    assert f"code {SYSTEM}" in log and not os.path.exists(f"{cluster.shared}/plain")
