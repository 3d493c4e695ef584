"""Signals and time limits: a run that is asked to stop or to save writes a checkpoint after the step at hand, on all
ranks the same, says so in one line, and goes on later with the bits of a run that was not disturbed."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from support.program import SOURCE, command, environment, refusal, result, run, settings
from support.runs import metrics, newest_step, synthesize, write_run_file
from support.signalled import STOPPED, Signalled, expected_code

MODEL = """
  - flatten
  - linear: {out: 16}
  - batchnorm
  - relu
  - dropout: {rate: 0.2}
  - linear: {out: 10}
"""
SLOW_MODEL = """
  - conv: {out: 24, kernel: 5, padding: 2}
  - relu
  - maxpool: {kernel: 2}
  - conv: {out: 24, kernel: 5, padding: 2}
  - maxpool: {kernel: 16}
  - flatten
  - linear: {out: 10}
"""
# So long that no run of these tests comes to its end; validations and early stopping count in what is resumed.
NOT_VALIDATED = ("data.validation=none", "schedule=", "early_stopping.patience=0")
LONG = ("train.length=1000000 steps", "checkpoint.every=0", "schedule=plateau: {patience: 3}",
        "early_stopping.patience=1000000")


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=640, test=20, validation=100, more=("--size", 16))


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, model=MODEL, batch=16, shards=2, warmup="0")


@pytest.fixture(scope="module")
def slow_recipe(folder):
    """One step an epoch, and a validation that takes a second or more."""
    path = synthesize(folder, train=64, test=2000, validation=6000, name="slow.h5")
    return write_run_file(folder, path, model=SLOW_MODEL, batch=64, shards=2, warmup="0", name="slow.yaml")


@pytest.fixture(scope="module")
def long_recipe(folder):
    """A step that takes seconds."""
    path = synthesize(folder, train=3000, test=20, validation=20, name="long.h5")
    return write_run_file(folder, path, model=SLOW_MODEL, batch=3000, shards=2, warmup="0", name="long.yaml")


def begun(ranks, recipe, out, *more, **keywords):
    """A run whose first checkpoint is written."""
    program = Signalled(ranks, *words(recipe, out, "--quiet", *more), **keywords)
    assert program.wait_for(has_begun(out))
    return program


def words(recipe, out, *more):
    return ["train", recipe, "--out", out, *settings(*LONG), *more]


def has_begun(out):
    return lambda: os.path.exists(f"{out}/checkpoints/step-000000000.h5")


def validations(out):
    return [(record["step"], record.get("validation_loss")) for record in metrics(out, "epoch")]


def resumes_exactly(recipe, out, scratch, step, ranks=1):
    """Both the resumed run and an undisturbed one of one rank make 50 steps after `step`."""
    limit = ["--json", "--quiet", "--stop-after", step + 50]
    resumed = result(ranks, *words(recipe, out, "--resume"), *limit)
    whole = result(1, *words(recipe, f"{scratch}/whole"), *limit)
    assert (resumed["step"], resumed["digest"]) == (whole["step"], whole["digest"])
    assert validations(out) == validations(f"{scratch}/whole")


def stopped_step(ending, name):
    """The step that the one line names; nothing else is on stderr, but warnings and what mpirun says."""
    lines = [line for line in ending.says("trainer: ") if not line.startswith("trainer: warning: ")]
    assert len(lines) == 1, ending.stderr
    found = re.fullmatch(rf"trainer: stopped by {name} after step (\d+); --resume goes on", lines[0])
    assert found, lines[0]
    return int(found[1])


@pytest.mark.parametrize("ranks, whom, name", [
    (1, 0, "SIGTERM"), (1, 0, "SIGINT"), (1, 0, "SIGUSR2"), (1, 0, "SIGHUP"),
    (2, 1, "SIGTERM"), (2, 2, "SIGINT"), (2, 2, "SIGUSR2"), (2, 0, "SIGUSR2"),
    (2, 0, "SIGTERM"), (2, 0, "SIGINT")])
def test_a_signal_saves_and_stops(scratch, recipe, rng, ranks, whom, name):
    out = f"{scratch}/out"
    program = begun(ranks, recipe, out)
    time.sleep(rng.uniform(0.05, 0.5))
    program.send(whom, name)
    ending = program.end()
    step = stopped_step(ending, "SIGTERM" if expected_code(ranks, whom, name) == 1 else name)
    assert ending.code == expected_code(ranks, whom, name)
    assert ending.seconds < 10 and not ending.stdout and not program.left_after(5)
    assert newest_step(out) == step > 0
    resumes_exactly(recipe, out, scratch, step, ranks=2 if whom == 2 else 1)


@pytest.mark.parametrize("ranks, whom", [(1, 0), (2, 0), (2, 2)])
def test_sigusr1_saves_and_goes_on(scratch, recipe, ranks, whom):
    out = f"{scratch}/out"
    program = begun(ranks, recipe, out)
    time.sleep(0.2)
    program.send(whom, "SIGUSR1")
    time.sleep(0.4)
    program.send(whom, "SIGUSR2")
    ending = program.end()
    lines = ending.says("saved after step ")
    assert len(lines) == 1
    saved = int(re.fullmatch(r"saved after step (\d+), as SIGUSR1 asked; the run goes on", lines[0])[1])
    assert os.path.exists(f"{out}/checkpoints/step-{saved:09}.h5")
    assert ending.code == STOPPED and stopped_step(ending, "SIGUSR2") > saved


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_second_signal_leaves_at_once(scratch, long_recipe, ranks):
    """During a step that is long: the first signal waits for its end, the second does not."""
    out = f"{scratch}/out"
    program = begun(ranks, long_recipe, out)
    time.sleep(0.3)
    program.send(ranks - 1, "SIGUSR2")
    time.sleep(0.3)
    program.send(ranks - 1, "SIGUSR2")
    ending = program.end()
    assert ending.code == STOPPED and ending.seconds < 3 and not program.left_after(5)
    assert newest_step(out) == 0 and not [name for name in os.listdir(f"{out}/checkpoints") if "step-0000" not in name
                                          and name not in ("best.h5", "latest.h5")]
    run(1, "inspect", f"{out}/checkpoints/latest.h5")


@pytest.mark.parametrize("ranks, name", [(1, "SIGTERM"), (2, "SIGUSR2")])
def test_saves_are_not_cut(scratch, recipe, rng, ranks, name):
    """A run that saves after every step is saving most of the time."""
    for trial in range(3):
        out = f"{scratch}/out{trial}"
        program = begun(ranks, recipe, out, *settings("checkpoint.every=1 step", "checkpoint.keep=2"))
        time.sleep(rng.uniform(0.02, 0.2))
        program.send(0, name)
        ending = program.end()
        step = stopped_step(ending, name)
        assert ending.code == STOPPED and newest_step(out) == step
        assert all(name.endswith(".h5") for name in os.listdir(f"{out}/checkpoints"))
    resumes_exactly(recipe, out, scratch, step)


@pytest.mark.parametrize("ranks", [1, 2])
def test_before_the_first_step(scratch, recipe, rng, ranks):
    """At any moment from the start: a run that was not prepared for signals yet has written nothing."""
    for trial in range(3):
        out = f"{scratch}/out{trial}"
        program = Signalled(ranks, *words(recipe, out, "--quiet"))
        time.sleep(rng.uniform(0, 0.3))
        program.send(ranks - 1, "SIGTERM")
        ending = program.end()
        if ending.says("; --resume goes on"):
            assert ending.code == STOPPED and newest_step(out) == stopped_step(ending, "SIGTERM")
        else:
            assert not os.path.exists(f"{out}/checkpoints")
        run(1, *words(recipe, out, "--resume", "--quiet", "--stop-after", newest_step(out) + 1))


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_validation_is_left_to_the_resumed_run(scratch, slow_recipe, ranks):
    """Each step ends an epoch here: the run stops in the first validation, or before it begins."""
    out = f"{scratch}/out"
    program = begun(ranks, slow_recipe, out)
    time.sleep(0.1)
    program.send(ranks - 1, "SIGTERM")
    ending = program.end()
    assert ending.code == STOPPED and stopped_step(ending, "SIGTERM") <= 1 and not validations(out)
    limit = ("--json", "--quiet", "--stop-after", 1)
    resumed = result(1, *words(slow_recipe, out, "--resume"), *limit)
    whole = result(1, *words(slow_recipe, f"{scratch}/whole"), *limit)
    for key in ("step", "digest", "validation_loss", "best_step", "best_accuracy"):
        assert resumed[key] == whole[key], key
    assert validations(out) == validations(f"{scratch}/whole")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_time_limit_stops_in_time(scratch, recipe, ranks):
    out = f"{scratch}/out"
    program = Signalled(ranks, *words(recipe, out, "--quiet", *settings("train.time_limit=3 s")))
    start = time.monotonic()
    ending = program.end()
    step = stopped_step(ending, "train.time_limit")
    assert ending.code == STOPPED and newest_step(out) == step > 0
    assert time.monotonic() - start < 3 + ranks  # mpirun takes a second to end
    resumes_exactly(recipe, out, scratch, step)


def test_a_time_limit_that_is_too_short_still_makes_steps(scratch, recipe):
    """So that a job that is started again and again comes to its end."""
    limit = settings("train.time_limit=0.001 s")
    steps = [stopped_step(Signalled(1, *words(recipe, f"{scratch}/out", "--resume", "--quiet", *limit)).end(),
                          "train.time_limit") for _ in range(3)]
    assert 0 < steps[0] < steps[1] < steps[2]


def test_the_limit_of_a_slurm_job(scratch, recipe):
    """Slurm tells its jobs their end in the environment, or squeue tells it."""
    tool = f"{scratch}/squeue"
    with open(tool, "w") as file:
        file.write("#!/bin/sh\necho 0:09\n")
    os.chmod(tool, 0o755)
    path = f"{scratch}:{os.environ['PATH']}"
    for number, more in enumerate(({"SLURM_JOB_END_TIME": str(int(time.time()) + 9)}, {"PATH": path})):
        out = f"{scratch}/out{number}"
        env = environment(SLURM_JOB_ID="7", **more)
        program = Signalled(1, *words(recipe, out, "--quiet"), env=env)
        start = time.monotonic()
        ending = program.end()
        assert ending.code == STOPPED and newest_step(out) == stopped_step(ending, "the job's time limit")
        assert time.monotonic() - start < 9


@pytest.mark.parametrize("text", ["90", "3:50:00", "1 min 2 h", "0 s", "-1 s", "2 weeks", "1 h 2 h"])
def test_what_is_no_length_of_time(recipe, scratch, text):
    assert "train.time_limit" in refusal(3, *words(recipe, f"{scratch}/out", *settings(f"train.time_limit={text}")))


@pytest.mark.parametrize("ranks, closing", [(1, "2>&1 | head -n 1"), (1, "2>&-"), (1, "2>/dev/full"),
                                            (2, "2>&1 | head -n 1"), (2, "2>&-")])
def test_a_closed_stderr_ends_no_run(scratch, recipe, ranks, closing):
    """`head` ends after the first line; the run goes on and saves its end. mpirun would end it after some lines."""
    out = f"{scratch}/out"
    line = " ".join(f"'{word}'" for word in command(ranks, *words(recipe, out, "--stop-after", 1600)))
    subprocess.run(["bash", "-c", f"{line} {closing}"], env=environment(), stdout=subprocess.DEVNULL, timeout=60,
                   check=False)
    assert newest_step(out) == 1600


def test_results_that_cannot_be_written_are_an_error(scratch, recipe):
    line = " ".join(f"'{word}'" for word in command(1, *words(recipe, f"{scratch}/out", "--stop-after", 200)))
    done = subprocess.run(["bash", "-c", f"{line} --quiet > /dev/full"], env=environment(), timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 6 and "standard output" in done.stderr and newest_step(f"{scratch}/out") == 200


def test_signals_that_were_blocked_at_the_start(scratch, recipe):
    out = f"{scratch}/out"
    program = begun(1, recipe, out,
                    preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]))
    program.send(0, "SIGTERM")
    assert stopped_step(program.end(), "SIGTERM") == newest_step(out)


def test_signals_that_were_ignored_at_the_start(scratch, recipe):
    """nohup ignores SIGHUP, and a shell SIGINT for what runs in its background."""
    out = f"{scratch}/out"
    program = begun(1, recipe, out, preexec_fn=lambda: (
        signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGINT, signal.SIG_IGN)))
    program.send(0, "SIGHUP")
    time.sleep(0.3)
    assert program.process.poll() is None
    program.send(0, "SIGINT")  # sent to it alone, it is meant
    ending = program.end()
    assert ending.code == STOPPED and stopped_step(ending, "SIGINT") > 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_the_script_around_mpirun(scratch, recipe, name):
    """mpirun's own limit of two seconds does not count, and its exit code is that of the ranks."""
    out = f"{scratch}/out"
    line = command(2, *words(recipe, out, "--quiet"))
    script = os.path.join(SOURCE, "launch", "mpirun.sh")
    with subprocess.Popen([script, *line[1:]], env=environment(), stderr=subprocess.PIPE, text=True) as process:
        while not has_begun(out)():
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(getattr(signal, name))
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == STOPPED
    assert f"trainer: stopped by SIGUSR2 after step {newest_step(out)}; --resume goes on" in stderr.splitlines()


@pytest.mark.parametrize("delay", [0.1, 0.2])
def test_the_script_around_mpirun_loses_no_early_signal(scratch, recipe, delay):
    """mpirun itself loses it, or is ended by it, until its ranks have begun."""
    out = f"{scratch}/out"
    script = os.path.join(SOURCE, "launch", "mpirun.sh")
    line = command(2, *words(recipe, out, "--quiet"))
    with subprocess.Popen([script, *line[1:]], env=environment(), stderr=subprocess.PIPE, text=True) as process:
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == STOPPED
    assert f"trainer: stopped by SIGUSR2 after step {newest_step(out)}; --resume goes on" in stderr.splitlines()


def test_a_request_that_mpirun_passes_on_twice_is_one(scratch, long_recipe):
    """Slurm tells the script of a job and its listener, and both tell mpirun."""
    out = f"{scratch}/out"
    program = begun(2, long_recipe, out)
    for _ in range(2):
        program.send(0, "SIGUSR2")
        time.sleep(0.1)
    ending = program.end()
    assert ending.code == STOPPED and stopped_step(ending, "SIGUSR2") == newest_step(out)


def test_a_stopped_run_tells_scripts_where_it_is(scratch, recipe):
    program = begun(1, recipe, f"{scratch}/out", "--json")
    program.send(0, "SIGTERM")
    ending = program.end()
    told = json.loads(ending.stdout)
    assert ending.code == STOPPED and told["stopped_by"] == "SIGTERM" and told["finished"] is False
    assert told["step"] == newest_step(f"{scratch}/out") and os.path.exists(told["checkpoint"])


def on_terminal(ranks, words, wait, keys):
    """Runs the program on a terminal; types `keys` once wait() holds. (exit code, what the terminal shows)."""
    pid, terminal = pty.fork()
    if pid == 0:
        line = command(ranks, *words)
        os.execvpe(line[0], line, environment())
    shown, typed, end = b"", False, time.monotonic() + 60
    while time.monotonic() < end:
        if not typed and wait():
            time.sleep(0.4)
            os.write(terminal, keys)
            typed = True
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                more = os.read(terminal, 4096)
            except OSError:
                break
            shown += more
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


@pytest.mark.parametrize("ranks", [1, 2])
def test_ctrl_c_leaves_a_clean_line(scratch, long_recipe, ranks):
    """While the bar is drawn. An epoch may still end before the signal arrives, and mpirun may add a warning of its
    event loop."""
    out = f"{scratch}/out"
    code, shown = on_terminal(ranks, words(long_recipe, out, *settings("train.batch=16", "optimizer.rate=1e-4")),
                             has_begun(out), b"\x03")
    assert code == expected_code(ranks, 0, "SIGINT")
    bar, text = shown.replace("\r\n", "\n").rsplit("\r\x1b[K", 1)
    lines = [line for line in text.splitlines() if not line.startswith(("epoch ", "  ", "[warn] Epoll "))]
    name = "SIGINT" if ranks == 1 else "SIGTERM"
    assert "samples/s" in bar
    assert lines == [f"trainer: stopped by {name} after step {newest_step(out)}; --resume goes on"], shown


@pytest.mark.parametrize("ranks", [1, 2])
def test_evaluations_leave_without_a_trace(scratch, slow_recipe, ranks):
    run(1, "train", slow_recipe, "--out", f"{scratch}/run", "--quiet", *settings(*NOT_VALIDATED),
        "--stop-after", 1)
    for name, more in (("SIGTERM", ["predict", "-o", f"{scratch}/predictions.h5"]),
                       ("SIGUSR2", ["predict", "-o", f"{scratch}/predictions.csv"]),
                       ("SIGINT", ["eval"]))[:3 if ranks == 1 else 1]:
        members = [f"{scratch}/run/checkpoints/latest.h5"] * 16  # so that it takes many seconds
        program = Signalled(ranks, more[0], *members, *more[1:])
        time.sleep(1)
        program.send(ranks - 1, name)
        ending = program.end()
        assert ending.code == STOPPED and not ending.stdout
        assert len(ending.says("trainer: ")) == 1 and ending.says("; nothing was written"), ending.stderr
    assert sorted(os.listdir(scratch)) == ["run"]
