"""trainer search: trials side by side, alone, killed and resumed, by several processes, halved, in stages."""
import csv
import os
import shlex
import signal
import subprocess
import time

import pytest

from support.program import (CHECKPOINT, RUN_FILE, SYSTEM, USAGE, command, environment, refusal, result, run,
                             settings)
from support.runs import last_step, metrics, read, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

TRIALS = 8


@pytest.fixture(scope="module")
def recipe(folder):
    random = np.random.default_rng(6)
    with h5py.File(f"{folder}/d.h5", "w") as file:
        for split, count in (("train", 200), ("validation", 60), ("test", 60)):
            labels = random.choice(3, count)
            images = random.normal(size=(count, 1, 1, 5)).astype(np.float32)
            images[np.arange(count), 0, 0, labels] += 1
            file[f"{split}/images"], file[f"{split}/labels"] = images, labels
    return write(f"{folder}/run.yaml", f"""data: {{file: {folder}/d.h5}}
model: [flatten, linear: {{out: 8}}, tanh, linear: {{out: 3}}]
optimizer: {{momentum: {{rate: 0.1}}}}
train: {{batch: 20, length: 9 epochs}}
checkpoint: {{every: 3 epochs, keep: 1}}
""")


def write_space(folder, name="space.yaml", more="", trials=TRIALS, keys="",
                rate="log_uniform: [1.0e-3, 1]"):
    return write(f"{folder}/{name}", f"""run: run.yaml
trials: {trials}
{more}
keys:
  optimizer.rate: {{{rate}}}
  train.batch: {{choice: [10, 20]}}
{keys}
""")


def table(out):
    """trials.csv without the times."""
    with open(f"{out}/trials.csv", newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


def search(ranks, space, out, *more):
    return result(ranks, "search", space, "--out", out, "--quiet", "--no-plots", *more)


@pytest.fixture(scope="module")
def space(folder, recipe):
    return write_space(folder)


@pytest.fixture(scope="module")
def undisturbed(folder, space):
    """Two groups of one rank: (folder, report)."""
    out = f"{folder}/a's trials"  # a name that a shell has to be told of
    return out, search(2, space, out, "--ensemble", 3)


def test_every_trial_has_its_row(undisturbed):
    out, report = undisturbed
    rows = table(out)
    assert rows[0][:5] == ["trial", "stage", "status", "rungs", "accuracy"]
    assert [int(row[0]) for row in rows[1:]] == list(range(1, TRIALS + 1))
    assert {row[2] for row in rows[1:]} == {"finished"}
    assert len({row[7] for row in rows[1:]}) == TRIALS and {row[8] for row in rows[1:]} == {"10", "20"}
    found = [trial["metric"] for trial in report["trials"]]
    assert found == sorted(found, reverse=True) and report["best"] == report["trials"][0]["trial"]


def test_the_command_gives_the_best_trial_again(folder, undisturbed):
    out, report = undisturbed
    words = shlex.split(report["command"])
    assert words[:2] == ["trainer", "train"]
    alone = train(1, words[2], f"{folder}/alone")
    assert alone["digest"] == report["trials"][0]["digest"]
    assert metrics(alone.out) == metrics(f"{out}/trials/{report['best']:04d}")


def test_pictures_and_a_page(undisturbed, space):
    out, report = undisturbed
    run(1, "search", space, "--out", out, "--quiet")
    names = ("key-optimizer.rate", "key-train.batch", "pairs", "best", "curves")
    assert set(os.listdir(f"{out}/plots")) == {f"{name}.{kind}" for name in names for kind in ("svg", "png")}
    page = read(run(1, "report", out)[0].strip())
    assert page.count("<figure>") == len(names) and f"The best is trial {report['best']}" in page
    assert page.count("finished") == TRIALS + 1 and "log_uniform" in page
    assert "expected one search" in refusal(USAGE, "report", out, out)
    assert "holds a search; expected one of its trials" in refusal(CHECKPOINT, "eval", out)


def test_the_best_make_an_ensemble_on_the_test_split(undisturbed):
    ensemble = undisturbed[1]["ensemble"]
    assert ensemble["split"] == "test" and len(ensemble["members"]) == 3 and ensemble["together"]["top1"] > 0.4


def test_a_verdict_compares_the_ensemble_with_the_best_trial(undisturbed, space):
    out, report = undisturbed
    ensemble = report["ensemble"]
    gain = ensemble["together"]["top1"] - ensemble["members"][0]["top1"]
    assert ensemble["gain_over_best_trial"] == pytest.approx(gain)
    said = run(1, "search", space, "--out", out, "--quiet", "--no-plots", "--ensemble", 3)[0]
    ours, its = (100 * found["top1"] for found in (ensemble["together"], ensemble["members"][0]))
    error = ensemble["gain_error"]
    worth = "not worth its time" if gain <= 0 else "worth it" if gain > 2 * error else "perhaps worth it"
    assert ensemble["figure"] == "accuracy"
    assert f"verdict     {worth}: {100 * gain:+.2f} ± {100 * error:.2f} against the best trial alone:" in said
    assert f"accuracy {ours:.2f} % against {its:.2f} %" in said
    assert "the trials were chosen on this split" not in said


def test_figures_of_the_split_that_chose_are_called_too_good(folder, recipe):
    with h5py.File(f"{folder}/d.h5") as old, h5py.File(f"{folder}/untested.h5", "w") as new:
        for split in "train", "validation":
            old.copy(split, new)
    space = write_space(folder, "untested.yaml", trials=2)
    said = run(1, "search", space, "--out", f"{folder}/untested", "--quiet", "--no-plots", "--ensemble", 2,
               "--set", f"data.file={folder}/untested.h5", "--set", "train.length=1 epochs")[0]
    assert "split validation" in said and "the trials were chosen on this split" in said


def test_a_killed_search_goes_on_to_the_same_table(folder, space, undisturbed):
    """By another number of groups, too."""
    out = f"{folder}/killed"
    process = subprocess.Popen(command(2, "search", space, "--out", out, "--no-plots"), env=environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while process.poll() is None and not last_step(f"{out}/trials/0003"):
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    search(1, space, out)
    assert table(out) == table(undisturbed[0])


def test_processes_without_mpi_share_a_folder(folder, space, undisturbed):
    out = f"{folder}/shared"
    words = command(1, "search", space, "--out", out, "--no-plots")
    both = [subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)]
    lines = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], lines
    told = [line.split(":")[0] for _, stderr in lines for line in stderr.splitlines() if line.startswith("trial ")]
    assert sorted(told) == sorted(f"trial {number}" for number in range(1, TRIALS + 1))  # each once
    search(1, space, out)  # whichever ended first did not see the last row
    assert table(out) == table(undisturbed[0])


def test_the_same_folder_needs_the_same_search(folder, undisturbed):
    other = write_space(folder, "other.yaml", "seed: 2")
    said = refusal(RUN_FILE, "search", other, "--out", undisturbed[0])
    assert "seed" in said and "--out" in said
    said = refusal(RUN_FILE, "search", f"{folder}/space.yaml", "--out", undisturbed[0], "--set", "train.seed=5")
    assert "train.seed" in said


def test_halving_continues_the_best(folder, recipe):
    space = write_space(folder, "halved.yaml", "halving: {first: 1, factor: 3}", trials=9)
    report = search(1, space, f"{folder}/halved")
    rungs = sorted((trial["rungs"] for trial in report["trials"]), reverse=True)
    assert rungs[0] == 3 and rungs.count(1) >= 4 and report["trials"][0]["status"] == "finished"
    best = f"{folder}/halved/trials/{report['best']:04d}"
    steps = [record["step"] for record in metrics(best, "step")]
    assert steps == list(range(1, len(steps) + 1))
    assert train(1, f"{best}/run.yaml", f"{folder}/straight")["digest"] == report["trials"][0]["digest"]


def test_a_stage_is_narrower_and_may_be_looked_at(folder, recipe):
    space = write_space(folder, "stages.yaml", "stages: 2\nmethod: halton", trials=6)
    out = f"{folder}/stages"
    assert len(search(1, space, out, "--one-stage")["trials"]) == 6
    with open(f"{out}/stage-2.yaml") as file:
        assert "Stage 2" in file.read()
    report = search(1, space, out)
    rates = {stage: [float(trial["values"]["optimizer.rate"]) for trial in report["trials"] if trial["stage"] == stage]
             for stage in (1, 2)}
    assert len(rates[1]) == len(rates[2]) == 6
    assert max(rates[2]) / min(rates[2]) < max(rates[1]) / min(rates[1])


def test_an_edge_that_the_first_stage_shows_is_warned_of_after_the_second(folder, recipe):
    """Within the narrow range of the second stage the noise is larger than the slope."""
    space = write_space(folder, "edge.yaml", "stages: 2\nmethod: halton", trials=12,
                        rate="log_uniform: [1.0e-7, 1.0e-3]")
    first = search(1, space, f"{folder}/edge", "--one-stage")
    assert first["keys"][0]["edge"] == "upper"
    report = search(1, space, f"{folder}/edge")
    assert report["keys"][0]["edge"] == "upper" and report["keys"][0]["next"][1] > 1e-3


def test_the_data_are_warned_of_once(scratch, recipe):
    with h5py.File(recipe.replace("run.yaml", "d.h5")) as old, h5py.File(f"{scratch}/one.h5", "w") as new:
        for split in ("train", "validation"):
            old.copy(split, new)
        new["validation/labels"][...] = 0
        new["classes"] = ["a", "b", "c"]
    space = write_space(os.path.dirname(recipe), "once.yaml", trials=3)
    said = run(1, "search", space, "--out", f"{scratch}/once", "--quiet", "--no-plots",
               *settings(f"data.file={scratch}/one.h5", "train.length=2 steps"))[1]
    assert said.count("samples are of one class, 'a'") == 1
    assert len(table(f"{scratch}/once")) == 1 + 3


def test_bad_ends_are_rows(folder, recipe):
    space = write_space(folder, "bad.yaml", keys="  model.3.linear.out: {choice: [3, 2]}", trials=12,
                        rate="choice: [0.01, 1.0e+6]")
    report = search(1, space, f"{folder}/bad")
    by = {status: [trial for trial in report["trials"] if trial["status"] == status]
          for status in ("finished", "diverged", "failed")}
    assert all(by.values()) and sum(map(len, by.values())) == 12
    assert all("metric" in trial and trial["metric"] is None for trial in by["diverged"] + by["failed"])
    assert all(trial["step"] > 0 for trial in by["diverged"])
    assert all("model" in trial["error"] for trial in by["failed"])
    assert all(trial["values"]["model.3.linear.out"] == "2" for trial in by["failed"])
    words = run(1, "search", space, "--out", f"{folder}/bad", "--no-plots")[0]
    failed = sorted(trial["trial"] for trial in by["failed"])
    assert f"trial {failed[0]} and {len(failed) - 1} more failed: " in words and words.count("failed: ") == 1


def test_a_trial_that_crashes_again_and_again_is_a_row(folder, recipe):
    space = write_space(folder, "crash.yaml", trials=1)
    out = f"{folder}/crash"
    words = ("search", space, "--out", out, "--no-plots", "--set", "train.length=1000000 epochs",
             "--set", "checkpoint.every=1000000 steps")
    for _ in range(2):
        before = last_step(f"{out}/trials/0001")
        process = subprocess.Popen(command(1, *words), env=environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        while process.poll() is None and not 0 < last_step(f"{out}/trials/0001") != before:
            time.sleep(0.01)
        process.send_signal(signal.SIGSEGV)
        assert process.wait() == -signal.SIGSEGV
    assert "crashed" in refusal(RUN_FILE, *words, "--quiet")
    assert table(out)[1][2] == "failed"


def test_refusals(folder, recipe):
    space = write_space(folder, "two.yaml", "ranks: 2")
    assert "ranks" in refusal(RUN_FILE, "search", space, "--out", f"{folder}/s")
    assert "--out" in refusal(USAGE, "search", space)
    space = write_space(folder, "key.yaml", keys="  optimizer.rat: {uniform: [0, 1]}")
    said = refusal(RUN_FILE, "search", space, "--out", f"{folder}/s")
    assert "key.yaml" in said and "did you mean 'rate'" in said
    said = refusal(RUN_FILE, "search", recipe, "--out", f"{folder}/s")
    assert said.endswith("; this is a run file: a space file names it as its key run")
    for command in (("train", f"{folder}/space.yaml", "--out", f"{folder}/s"), ("describe", f"{folder}/space.yaml")):
        assert refusal(RUN_FILE, *command).endswith("; this is a space file: trainer search takes it")
    space = write_space(folder, "range.yaml", keys="  optimizer.momentum: {uniform: [0.5, 1.5]}")
    assert "1.5" in refusal(RUN_FILE, "search", space, "--out", f"{folder}/s")
    space = write_space(folder, "whole.yaml", keys="  model.1.linear.out: {uniform: [10, 20]}")
    assert "whole numbers need integer or choice" in refusal(RUN_FILE, "search", space, "--out", f"{folder}/s")
    assert "validation" in refusal(RUN_FILE, "search", f"{folder}/space.yaml", "--out", f"{folder}/s", "--set",
                                   "data.validation=none")
    refusal(SYSTEM, "search", f"{folder}/nowhere.yaml", "--out", f"{folder}/s")
    assert not os.path.exists(f"{folder}/s")
    run(1, "search", "--help")
