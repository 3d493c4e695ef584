"""A run owns its folder: other runs are refused, readers are not; what killed writers leave goes; saves that fail
are tried again, and the run goes on meanwhile."""
import contextlib
import os
import resource
import signal
import subprocess
import time

import pytest

from support.forge import seal, unseal
from support.processes import stop
from support.program import RUN_FILE, STOPPED, SYSTEM, command, environment, refusal, run, settings
from support.runs import metrics, newest_step, read, synthesize, train, write, write_run_file

MODEL = """
  - conv: {out: 4, kernel: 3, stride: 2, padding: 1}
  - relu
  - flatten
  - linear: {out: 10}
"""
LONG = settings("train.length=1000000 steps")


@pytest.fixture(scope="module")
def recipe(folder):
    data = synthesize(folder, train=120, test=100, validation=0)
    recipe = write_run_file(folder, data, model=MODEL, every="1 steps", warmup="0")
    text = read(recipe).replace("validation: validation", "validation: none")
    return write(recipe, text.replace("keep: 0", "keep: 3"))


@contextlib.contextmanager
def running(recipe, out, *more, step=1, ranks=1):
    """A training that is under way: its checkpoint of `step` is written. It is killed at the end."""
    words = command(ranks, "train", recipe, "--out", out, *more)
    process = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    try:
        wait_for(lambda: newest_step(out) >= step or process.poll() is not None)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.01)


def names(folder):
    return sorted(os.listdir(folder))


def test_a_run_of_an_earlier_version_reads_its_own_run_file(recipe, folder):
    """Earlier versions took numbers that float32 does not hold, and wrote them."""
    out = train(1, recipe, f"{folder}/old", *settings("clip={norm: 1.5e30}", "train.length=2 steps")).out
    newest = os.path.realpath(f"{out}/checkpoints/latest.h5")
    for path in (f"{out}/run.yaml", newest):
        with open(path, "rb") as file:
            content = file.read()
        assert content.count(b"1.5e+30") == 1
        with open(path, "wb") as file:
            file.write(content.replace(b"1.5e+30", b"1.5e+39"))
    unseal(newest)
    seal(newest)
    assert "too large for float32" in refusal(RUN_FILE, "train", f"{out}/run.yaml", "--out", f"{folder}/new")
    assert "the run is finished" in run(1, "train", f"{out}/run.yaml", "--out", out, "--resume")[1]
    run(1, "train", f"{out}/run.yaml", "--out", out, "--resume", *settings("train.length=3 steps"))
    assert newest_step(out) == 3


def temporaries(folder):
    return [name for name in names(folder) if ".tmp" in name]


def handles(pid, number):
    """Has the process a handler for the signal?"""
    caught = int(read(f"/proc/{pid}/status").split("SigCgt:")[1].split()[0], 16)
    return caught >> (number - 1) & 1


class TestLock:
    def test_a_second_run_is_refused_and_readers_are_not(self, recipe, folder):
        out = f"{folder}/owned"
        with running(recipe, out, *LONG) as first:
            checkpoint = f"{out}/checkpoints/step-000000000.h5"
            stop(first.pid)  # a holder that is stopped lives
            before = read(f"{out}/run.yaml"), names(out), names(f"{out}/checkpoints")
            for more in ([], ["--resume"]):
                said = refusal(SYSTEM, "train", recipe, "--out", out, *settings("train.seed=4"), *more)
                assert f"{out}: is in use by process {first.pid} on {os.uname().nodename} since 20" in said
                assert said.endswith("; wait for its end, or give another --out")
            assert (read(f"{out}/run.yaml"), names(out), names(f"{out}/checkpoints")) == before
            latest = f"{out}/checkpoints/latest.h5"
            run(1, "eval", latest, "--split", "test")
            run(1, "predict", latest, "--split", "test", "-o", f"{out}/predictions.csv")
            run(1, "inspect", latest)
            run(1, "describe", f"{out}/run.yaml")
            assert os.path.exists(f"{out}/checkpoints/{os.readlink(latest)}") and checkpoint

    def test_a_run_that_is_stopped_while_it_waits_can_be_continued(self, recipe, folder):
        out = f"{folder}/awaited"
        with running(recipe, out, *LONG) as first:
            stop(first.pid)
            with subprocess.Popen(command(1, "train", recipe, "--out", out, *LONG, "--resume"), env=environment(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as second:
                wait_for(lambda: handles(second.pid, signal.SIGTERM))
                second.send_signal(signal.SIGTERM)
                said = second.communicate(timeout=60)[1]
        assert second.returncode == STOPPED
        assert f"stopped by SIGTERM before the run's folder was free: {out}: is in use by process {first.pid}" in said
        assert said.endswith("; --resume goes on\n")

    def test_of_two_starts_at_once_one_runs(self, recipe, folder):
        out = f"{folder}/twins"
        twins = [subprocess.Popen(command(1, "train", recipe, "--out", out, *LONG, *settings(f"train.seed={seed}")),
                                  env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                 for seed in (1, 2)]
        try:
            wait_for(lambda: any(twin.poll() is not None for twin in twins))
            loser = 0 if twins[0].poll() is not None else 1
            assert twins[loser].returncode == SYSTEM
            assert f"is in use by process {twins[1 - loser].pid} " in twins[loser].stderr.read()
            assert f"seed: {2 - loser}" in read(f"{out}/run.yaml")
            assert twins[1 - loser].poll() is None
        finally:
            for twin in twins:
                twin.kill()
                twin.communicate()

    @pytest.mark.parametrize("ranks", (1, 2))
    def test_a_killed_run_is_continued_at_once(self, recipe, folder, ranks):
        out = f"{folder}/killed-{ranks}"
        with running(recipe, out, *LONG, step=3, ranks=ranks):
            pass
        assert os.path.exists(f"{out}/run.lock")
        step = newest_step(out) + 50  # ranks that are about to end may save some more steps
        resumed = train(ranks, recipe, out, *LONG, "--resume", "--stop-after", step)
        assert resumed["step"] == step
        assert names(out) == ["checkpoints", "environment.jsonl", "metrics.jsonl", "run.yaml"]
        assert temporaries(f"{out}/checkpoints") == []
        assert [line["step"] for line in metrics(out, "step")] == list(range(1, step + 1))

    def test_a_run_that_cannot_start_leaves_nothing(self, recipe, folder):
        os.mkdir(f"{folder}/there")
        for out in (f"{folder}/a/b/c", f"{folder}/there/c"):
            run(1, "train", recipe, "--out", out, *settings("data.train=none"), code=4)
        assert names(f"{folder}/there") == [] and not os.path.exists(f"{folder}/a")

    def test_a_run_that_cannot_start_leaves_what_was_there(self, recipe, folder):
        out = f"{folder}/mine"
        os.mkdir(out)
        write(f"{out}/run.yaml", "mine")
        write(f"{out}/metrics.jsonl", "mine")
        run(1, "train", recipe, "--out", out, *settings("data.train=none"), code=4)
        assert names(out) == ["metrics.jsonl", "run.yaml"] and read(f"{out}/metrics.jsonl") == "mine"


class TestLeftovers:
    def test_the_next_import_removes_what_a_killed_one_left(self, folder):
        data = f"{folder}/data"
        os.mkdir(data)
        slow = subprocess.Popen(command(1, "dataset", "synthesize", "-o", f"{data}/killed.h5", "--train", 1000000),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: temporaries(data))
        left = temporaries(data)
        synthesize(data, train=10, test=10, validation=0, name="other.h5")
        assert temporaries(data) == left  # its writer lives
        slow.kill()
        slow.wait()
        strangers = ["killed.h5.tmp", "killed.h5.tmp-1-0"]
        for name in strangers:
            write(f"{data}/{name}", "somebody's")
        synthesize(data, train=10, test=10, validation=0, name="other.h5")
        assert names(data) == sorted(["other.h5", *strangers])

    def test_a_run_removes_its_own_and_nothing_else(self, recipe, folder):
        out = f"{folder}/leftovers"
        os.makedirs(f"{out}/checkpoints")
        os.symlink("step-000000001.h5", f"{out}/checkpoints/latest.h5.tmp-trainer-0123456789abcdef")
        mine = ["notes.h5.tmp-1-0", "step-000000001.h5.bak", "x.tmp"]
        for name in ("step-000000001.h5.tmp-4711-0", "step-000000001.h5.tmp-trainer-0123456789abcdef", *mine):
            write(f"{out}/checkpoints/{name}", "x")
        write(f"{out}/run.yaml.tmp-4711-0", "x")
        train(1, recipe, out, "--stop-after", 1)
        assert [name for name in names(f"{out}/checkpoints") if name in mine] == mine
        assert temporaries(f"{out}/checkpoints") == ["notes.h5.tmp-1-0", "x.tmp"]
        assert temporaries(out) == []


def on_error(retry=0, time="30 min"):
    return settings(f"checkpoint.on_error={{retry: {retry}, give_up_after: {time}}}")


def limit_files(process, most):
    """Files of the process may grow to `most` bytes: a full disk, of a process that runs."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def steps_done(out):
    with contextlib.suppress(FileNotFoundError):
        return len(read(f"{out}/metrics.jsonl").splitlines())
    return 0


class TestSavesThatFail:
    def test_the_run_goes_on_and_saves_when_it_can(self, recipe, folder):
        out = f"{folder}/interrupted"
        with running(recipe, out, *LONG, *on_error(time="1 s"), "--quiet") as process:
            os.rename(f"{out}/checkpoints", f"{out}/away")
            reached = steps_done(out)
            wait_for(lambda: steps_done(out) > reached + 10)
            os.rename(f"{out}/away", f"{out}/checkpoints")
            wait_for(lambda: newest_step(out) > reached)
            works = newest_step(out)
            wait_for(lambda: newest_step(out) > works)
            os.kill(process.pid, signal.SIGKILL)
            said = process.communicate()[1]
        assert "No such file or directory; training goes on, saving is tried again every" in said
        assert "the run stops if that fails for 1 s (checkpoint.on_error)" in said and "(checkpoint.on_error)" in said
        assert "saving works again: the checkpoint of step " in said

    def test_metrics_have_every_line_after_a_full_disk(self, recipe, folder):
        out = f"{folder}/metrics"
        with running(recipe, out, *LONG, *on_error(time="3 s"), "--quiet", step=20) as process:
            limit_files(process, os.path.getsize(f"{out}/metrics.jsonl") + 100)
            wait_for(lambda: not read(f"{out}/metrics.jsonl").endswith("\n"))
            step = newest_step(out)
            time.sleep(0.2)
            limit_files(process, resource.RLIM_INFINITY)
            wait_for(lambda: newest_step(out) > step)
            works = newest_step(out)
            wait_for(lambda: newest_step(out) > works)
        done = [line["step"] for line in metrics(out, "step")]
        assert done == list(range(1, len(done) + 1)) and len(done) > step

    def test_it_stops_after_the_stated_time(self, recipe, folder):
        out = f"{folder}/given-up"
        with running(recipe, out, *LONG, *on_error(time="1 s"), "--quiet") as process:
            limit_files(process, 0)
            said = process.communicate(timeout=60)[1].splitlines()
        assert process.returncode == SYSTEM
        assert "training goes on" in said[0] and len(said) == 2
        assert "File too large; no save succeeded for 1 s (checkpoint.on_error)" in said[1]
        assert f"; the newest checkpoint is that of step {newest_step(out)}; make {out} writable" in said[1]
        assert said[1].endswith("then --resume goes on")
        resumed = train(1, recipe, out, *LONG, "--resume", "--stop-after", newest_step(out) + 1)
        assert [line["step"] for line in resumed.metrics("step")] == list(range(1, resumed["step"] + 1))

    @pytest.mark.parametrize("ranks", (1, 2))
    def test_without_time_it_stops_at_once(self, recipe, folder, ranks):
        out = f"{folder}/at-once-{ranks}"
        with running(recipe, out, *LONG, *on_error(time="0"), "--quiet", ranks=ranks) as process:
            os.rename(f"{out}/checkpoints", f"{out}/away")
            said = process.communicate(timeout=60)[1]
        assert process.returncode == SYSTEM
        assert "saving is tried again" not in said and "the newest checkpoint, that of step " in said

    def test_the_last_save_must_succeed(self, recipe, folder):
        out = f"{folder}/last"
        more = [*on_error(), *settings("checkpoint.every=0", "train.length=300 steps")]
        with running(recipe, out, *more, "--quiet", step=0) as process:
            wait_for(lambda: steps_done(out) > 0)
            os.rename(f"{out}/checkpoints", f"{out}/away")
            said = process.communicate(timeout=60)[1]
        assert process.returncode == SYSTEM and "the newest checkpoint, that of step 0, is gone, too" in said

    def test_a_stop_while_saves_fail_does_not_say_that_it_saved(self, recipe, folder):
        """The request comes in the pause before a save is tried again."""
        out = f"{folder}/unsaved"
        with running(recipe, out, *LONG, *on_error(retry=1), "--quiet", "--log", "info") as process:
            os.rename(f"{out}/checkpoints", f"{out}/away")
            assert any("; trying again in 1 s" in line for line in process.stderr)
            process.terminate()
            said = process.communicate(timeout=60)[1]
        assert process.returncode == SYSTEM and "stopped by" not in said
        assert "No such file or directory; the newest checkpoint, that of step " in said.splitlines()[-1]

    def test_a_save_is_tried_again_at_once(self, recipe, folder):
        out = f"{folder}/again"
        more = [*on_error(retry=10), *settings("checkpoint.every=0", "train.length=300 steps"), "--log", "info"]
        with running(recipe, out, *more, "--quiet", step=0) as process:
            wait_for(lambda: steps_done(out) > 0)
            os.rename(f"{out}/checkpoints", f"{out}/away")
            assert any("No such file or directory; trying again in 1 s" in line for line in process.stderr)
            os.rename(f"{out}/away", f"{out}/checkpoints")
            said = process.communicate(timeout=60)[1]
        assert process.returncode == 0 and "warning" not in said and newest_step(out) == 300

    def test_pruning_ends_no_run(self, recipe, folder):
        out = f"{folder}/unpruned"
        with running(recipe, out, *LONG, "--quiet") as process:
            os.mkdir(f"{out}/checkpoints/step-000000001.h5.kept")
            wait_for(lambda: not os.path.exists(f"{out}/checkpoints/step-000000001.h5"))
            os.rename(f"{out}/checkpoints/step-000000001.h5.kept", f"{out}/checkpoints/step-000000001.h5")
            step = newest_step(out)
            wait_for(lambda: newest_step(out) > step + 3)
            assert process.poll() is None
            process.kill()
            said = process.communicate()[1]
        assert "step-000000001.h5: cannot be removed: Is a directory; training goes on" in said

    def test_links_that_cannot_be_made_are_made_later(self, recipe, folder):
        out = f"{folder}/unlinked"
        latest = f"{out}/checkpoints/latest.h5"
        with running(recipe, out, *LONG, *on_error(time="1 s"), "--quiet") as process:
            wait_for(lambda: os.path.lexists(latest))
            stop(process.pid)
            os.unlink(latest)
            os.mkdir(latest)
            step = newest_step(out)
            os.kill(process.pid, signal.SIGCONT)
            wait_for(lambda: newest_step(out) > step + 2)
            os.rmdir(latest)
            wait_for(lambda: os.path.islink(latest))
            process.kill()
            said = process.communicate()[1]
        assert "latest.h5: is a folder, expected a file; remove it; training goes on" in said

    def test_a_run_that_lost_its_folder_ends(self, recipe, folder):
        out = f"{folder}/lost"
        with running(recipe, out, *LONG, "--quiet") as first:
            stop(first.pid)
            os.unlink(f"{out}/run.lock")
            with running(recipe, out, *LONG, "--resume", "--quiet") as second:
                wait_for(lambda: os.path.exists(f"{out}/run.lock") and str(second.pid) in read(f"{out}/run.lock"))
                os.kill(first.pid, signal.SIGCONT)
                said = first.communicate(timeout=60)[1]
                assert first.returncode == SYSTEM
                assert f"{out}: is in use by process {second.pid} " in said
                assert second.poll() is None
