"""What follows the validation and what counts cycles: plateau, early stopping, the large-batch rule and
snapshots: the same bits on 1, 2 and 4 ranks, killed and resumed on another number; what they print; what is
refused."""
import glob
import os
import re

import pytest

from support.program import RUN_FILE, refusal, result, run, settings
from support.runs import kill_midway, newest_step, read, synthesize, train, write_run_file

STEPS = 40  # two an epoch
MODEL = """
  - conv: {out: 4, kernel: 3, stride: 2, padding: 1}
  - relu
  - flatten
  - linear: {out: 10}
"""
PLATEAU = settings("schedule={plateau: {patience: 0, factor: 0.5, threshold: 0.05, cooldown: 1, warmup: 3 steps}}")
EARLY = settings("early_stopping.metric=loss", "early_stopping.minimum_improvement=0.05")
PATIENCE = settings("early_stopping.patience=2")
# No loss is below a tenth of the best: each third validation lowers the rate.
PATIENT = settings("schedule={plateau: {patience: 2, factor: 0.5, threshold: 0.9}}")
LARGE = settings("large_batch.base=15", "large_batch.warmup=4 epochs")
CYCLES = settings("schedule={cosine_restarts: {period: 4 steps, growth: 2}}", "checkpoint.snapshots=true",
                  "checkpoint.keep=1", "checkpoint.every=0")


@pytest.fixture(scope="module")
def recipe(folder):
    data = synthesize(folder, train=120, test=100, validation=50)
    return write_run_file(folder, data, model=MODEL, length=f"{STEPS} steps", every="1 steps", warmup="0")


def rates_of(run):
    return [line["rate"] for line in run.metrics("step")]


class SameBits:
    """Tests of a class with a fixture `runs`: a run on 1 rank, and the same on 2, on 4, and killed and resumed."""

    @staticmethod
    def train(recipe, out, step, more):
        whole = train(1, recipe, f"{out}-1", *more)
        others = [train(ranks, recipe, f"{out}-{ranks}", *more) for ranks in (2, 4)]
        kill_midway(2, step, whole["step"], f"{out}-killed", "train", recipe, "--quiet", *more)
        return [whole, *others, train(4, recipe, f"{out}-killed", "--resume", *more)]

    @pytest.fixture
    def whole(self, runs):
        return runs[0]

    @pytest.fixture(params=(1, 2, 3), ids=("2 ranks", "4 ranks", "killed on 2 and resumed on 4"))
    def other(self, request, runs):
        return runs[request.param]

    def test_gives_the_same_bits(self, whole, other):
        assert other["digest"] == whole["digest"]

    def test_makes_as_many_steps(self, whole, other):
        assert other["step"] == whole["step"]

    @pytest.mark.parametrize("kind", ("step", "epoch", "stop"))
    def test_gives_the_same_metrics(self, whole, other, kind):
        assert other.metrics(kind) == whole.metrics(kind)


def plateau_rates(losses):
    """The rate of each step, from the loss of each validation: {step: loss}."""
    best, waited, cooldown, factor, rates = None, 0, 0, 1.0, []
    for step in range(STEPS):
        rates.append(0.05 * ((step + 1) / 3 if step < 3 else factor))
        if step + 1 in losses and step + 1 > 3:
            loss = losses[step + 1]
            better = best is None or loss < best * 0.95
            best, waited = (loss, 0) if better else (best, waited + 1)
            if cooldown:
                cooldown, waited = cooldown - 1, 0
            if waited > 0:
                factor, cooldown, waited = factor / 2, 1, 0
    return rates


class TestPlateau(SameBits):
    @pytest.fixture(scope="class")
    def runs(self, folder, recipe):
        return self.train(recipe, f"{folder}/plateau", 17, PLATEAU)

    def test_has_the_rates_that_follow_from_the_validations(self, whole):
        losses = {line["step"]: line["validation_loss"] for line in whole.metrics("epoch")}
        assert rates_of(whole) == pytest.approx(plateau_rates(losses), abs=1e-7)

    def test_lowers_the_rate_more_than_once(self, whole):
        assert rates_of(whole)[-1] < 0.3 * 0.05

    def test_has_the_rate_of_its_last_step_in_an_epochs_record(self, whole):
        rates = rates_of(whole)
        epochs = whole.metrics("epoch")
        assert [line["rate"] for line in epochs] == [rates[line["step"] - 1] for line in epochs]

    def test_says_where_it_lowers_the_rate(self, scratch, recipe, whole):
        said = run(1, "train", recipe, "--out", f"{scratch}/out", *PLATEAU)[1]
        rates = rates_of(whole)
        lowered = [step for step in range(4, STEPS) if rates[step] < rates[step - 1]]
        lines = [f"rate {rates[step - 1]:.4g} -> {rates[step]:.4g} after step {step} (plateau)" for step in lowered]
        assert lines and [line for line in lines if line not in said] == []
        assert said.count("no longer improved") == len(lines)

    def test_says_that_a_run_is_over_when_it_is_resumed(self, recipe, whole):
        said = run(1, "train", recipe, "--out", whole.out, "--resume", *PLATEAU)[1]
        assert f"the run is finished: all {STEPS} steps are done" in said

    def test_does_not_depend_on_the_length_of_the_run(self, scratch, recipe):
        train(1, recipe, f"{scratch}/out", *PLATEAU)
        said = run(1, "train", recipe, "--out", f"{scratch}/out", "--resume", *PLATEAU,
                   *settings("train.length=42 steps"))[1]
        assert "runs over all" not in said

    def test_keeps_its_patience_when_it_is_resumed(self, scratch, recipe):
        whole = train(1, recipe, f"{scratch}/whole", *PATIENT)
        for stop in (4, 10, 12, STEPS):
            parts = train(1, recipe, f"{scratch}/parts", "--resume", "--stop-after", stop, *PATIENT)
        assert rates_of(parts) == rates_of(whole)
        assert rates_of(whole)[0] == pytest.approx(0.05)
        assert rates_of(whole)[-1] < 0.3 * 0.05


class TestEarlyStopping(SameBits):
    @pytest.fixture(scope="class")
    def runs(self, folder, recipe):
        return self.train(recipe, f"{folder}/stop", 3, EARLY + PATIENCE)

    @pytest.fixture
    def expected(self, whole):
        """The step after which the run has to stop, and the best loss, from the validations."""
        best, waited = None, 0
        for line in whole.metrics("epoch"):
            loss = line["validation_loss"]
            best, waited = (loss, 0) if best is None or loss < best - 0.05 else (best, waited + 1)
            if waited == 2:
                return line["step"], best
        raise AssertionError("the validations give no reason to stop")

    def test_ends_after_the_validation_that_ends_the_patience(self, whole, expected):
        assert (whole["step"], whole.metrics("epoch")[-1]["step"]) == (expected[0], expected[0])

    def test_ends_before_the_last_step(self, whole):
        assert whole["step"] < STEPS

    def test_is_a_finished_run(self, whole):
        assert (whole["finished"], whole["stopped_early"]) == (True, True)

    def test_has_one_record_in_the_metrics(self, whole, expected):
        step, best = expected
        records = [{key: line[key] for key in ("step", "waited", "metric", "best")} for line in whole.metrics("stop")]
        assert records == [{"step": step, "waited": 2, "metric": "loss", "best": pytest.approx(best, abs=1e-6)}]

    def test_leaves_the_last_and_the_best_checkpoint(self, whole, expected):
        names = set(os.listdir(f"{whole.out}/checkpoints"))
        assert {"best.h5", "latest.h5", f"step-{expected[0]:09d}.h5"} <= names

    @pytest.fixture(scope="class")
    def said(self, folder, recipe):
        return run(1, "train", recipe, "--out", f"{folder}/loud", *EARLY, *PATIENCE)

    def test_says_why_it_ends(self, said, expected):
        words = (f"stopped early at step {expected[0]} of {STEPS}: "
                 "2 validations in a row did not improve on the loss")
        assert words in said[1]

    def test_says_in_the_summary_that_it_ended_early(self, said):
        assert said[0].startswith("finished early")

    def test_says_when_resumed_that_it_is_finished(self, recipe, runs):
        said = run(2, "train", recipe, "--out", runs[1].out, "--resume", *EARLY, *PATIENCE)[1]
        assert f"the run is finished: it stopped early at step {runs[1]['step']}" in said

    def test_does_nothing_when_resumed(self, recipe, runs):
        again = train(2, recipe, runs[2].out, "--resume", *EARLY, *PATIENCE)
        assert (again["step"], newest_step(again.out)) == (runs[2]["step"], runs[2]["step"])
        assert len(again.metrics("stop")) == 1
        assert os.path.exists(f"{again.out}/run.yaml")

    def test_goes_on_with_more_patience(self, recipe, runs):
        longer = train(1, recipe, runs[3].out, "--resume", *EARLY, *settings("early_stopping.patience=4"))
        assert longer["step"] > runs[0]["step"]


class TestEarlyStoppingAtTheLastStep:
    """There is nothing to stop."""

    @pytest.fixture(scope="class")
    def more(self, folder, recipe):
        stopped = train(1, recipe, f"{folder}/stopped", *EARLY, *PATIENCE)
        return [*settings(f"train.length={stopped['step']} steps"), *EARLY, *PATIENCE]

    @pytest.fixture(scope="class")
    def ended(self, folder, recipe, more):
        return run(1, "train", recipe, "--out", f"{folder}/just", *more)

    def test_is_not_said(self, ended):
        assert "stopped early" not in ended[1]

    def test_is_not_in_the_metrics(self, folder, ended):
        assert '"stop"' not in read(f"{folder}/just/metrics.jsonl")

    def test_finishes_the_run(self, ended, more):
        step = re.search(r"\d+", more[1]).group()
        assert ended[0].startswith(f"finished at step {step} of {step}")

    def test_leaves_a_resumed_run_without_a_speed(self, folder, recipe, more, ended):
        said = run(1, "train", recipe, "--out", f"{folder}/just", "--resume", *more)[0]
        assert "speed       no step was made, " in said


class TestLargeBatchRule:
    @pytest.fixture(scope="class")
    def out(self, folder):
        return f"{folder}/large"

    @pytest.fixture(scope="class")
    def said(self, recipe, out):
        return run(1, "train", recipe, "--out", out, *LARGE)[1]

    @pytest.fixture(scope="class")
    def again(self, said, folder, out):
        """The run that the saved run file makes."""
        return train(2, f"{out}/run.yaml", f"{folder}/large-again")

    def test_says_what_it_does(self, said):
        assert ("large batch: rate 0.05 -> 0.2 for batch 60 = 4 x 15 (linear), warm-up of 4 epochs (8 steps)") in said

    @pytest.mark.parametrize("base, warmup, words", (
        (15, "1 epochs", "warm-up of 1 epoch (2 steps)"),
        (15, "1 steps", "warm-up of 0.5 epochs (1 step)"),
        (60, "4 epochs", "large batch: rate 0.05 as it stands, batch 60 is the base"),
    ))
    def test_says_it_in_singular_and_for_the_base(self, scratch, recipe, base, warmup, words):
        assert words in run(1, "train", recipe, "--out", f"{scratch}/out", "--stop-after", 1,
                            *settings(f"large_batch.base={base}", f"large_batch.warmup={warmup}"))[1]

    def test_goes_from_the_base_rate_to_the_large_one(self, again):
        assert rates_of(again)[:9] == pytest.approx([0.05 * (1 + 3 * step / 8) for step in range(9)], abs=1e-7)

    @pytest.mark.parametrize("pattern", (r"large_batch:\s+base: 15\s+rule: linear\s+warmup: 4 epochs", "rate: 0.05"))
    def test_stands_in_the_saved_run_file(self, said, out, pattern):
        assert re.search(pattern, read(f"{out}/run.yaml"))

    @pytest.fixture(scope="class")
    def longer(self, folder, recipe):
        """A run that goes on longer than it was meant to be: its rates, and what it says."""
        out = f"{folder}/longer"
        shorter = train(1, recipe, out, *LARGE)
        rates = rates_of(shorter)
        said = run(2, "train", recipe, "--out", out, "--resume", *LARGE, *settings("train.length=42 steps"))[1]
        return rates, rates_of(shorter), said

    def test_gives_the_same_rates_from_the_saved_run_file(self, longer, again):
        assert rates_of(again) == longer[0]

    def test_a_note_says_that_cosine_depends_on_the_length_of_the_run(self, longer):
        _, rates, said = longer
        assert (f"the run was 40 steps long and is 42 now; cosine runs over all of them: "
                f"rate {rates[39]:.4g} -> {rates[40]:.4g} after step 40") in said

    def test_the_rate_rises_when_a_run_goes_on_longer(self, longer):
        assert longer[1][40] > 2 * longer[1][39]


class TestSnapshots:
    ENDS = [4, 12, 28]

    @pytest.fixture(scope="class")
    def whole(self, folder, recipe):
        return train(1, recipe, f"{folder}/cycles", *CYCLES)

    @pytest.fixture(scope="class")
    def members(self, whole):
        return sorted(glob.glob(f"{whole.out}/checkpoints/snapshot-*.h5"))

    def test_are_numbered(self, members):
        assert [os.path.basename(member) for member in members] == [f"snapshot-00{number}.h5" for number in (1, 2, 3)]

    def test_are_of_the_cycles_ends_and_stay(self, members):
        assert [int(os.readlink(member)[5:14]) for member in members] == self.ENDS

    @pytest.mark.parametrize("end", ENDS)
    def test_stand_where_the_rate_rises_again(self, whole, end):
        rates = rates_of(whole)
        assert rates[end] > 5 * rates[end - 1]

    def test_are_an_ensemble(self, members):
        report = result(2, "eval", *members)
        assert len(report["members"]) == 3
        assert report["ensemble"]["loss"] < max(member["loss"] for member in report["members"])

    @pytest.mark.parametrize("link", ("snapshot-002.h5", "best.h5"))
    def test_links_that_a_kill_left_out_are_made_when_the_run_goes_on(self, scratch, recipe, whole, link):
        """The kill came between the checkpoint and its links."""
        step = 12 if link == "snapshot-002.h5" else whole["best_step"]
        cut = train(1, recipe, f"{scratch}/cut", "--stop-after", step, *CYCLES)
        os.unlink(cut.checkpoint(link))
        os.unlink(cut.checkpoint())
        train(2, recipe, cut.out, "--resume", "--stop-after", step, *CYCLES)
        links = {os.readlink(cut.checkpoint(name)) for name in (link, "latest.h5")}
        assert links == {f"step-{step:09d}.h5"}


@pytest.mark.parametrize("words, assignments", (
    ("plateau follows the figures of the validation", ["schedule=plateau", "data.validation=none"]),
    ("early_stopping.patience", ["early_stopping.patience=3", "data.validation=none"]),
    ("cosine has none", ["checkpoint.snapshots=true"]),
    ("ends before the schedule's first cycle",
     ["checkpoint.snapshots=true", "schedule={cosine_restarts: {period: 41 steps}}"]),
    ("schedule.one_cycle.warmup: one_cycle rises", ["schedule={one_cycle: {warmup: 4 steps}}"]),
    ("large_batch.warmup: no warm-up goes with one_cycle", ["large_batch.base=15", "schedule=one_cycle"]),
    ("large_batch.warmup=42 steps: 42 steps of warm-up are more than the run's 40",
     ["large_batch.base=15", "large_batch.warmup=42 steps"]),
    ("average.swa.every: the average begins at step 41", ["average={swa: {start: 0, every: 41 steps}}"]),
    ("large_batch has a warm-up of its own", ["large_batch.base=15", "schedule={cosine: {warmup: 1 epoch}}"]),
    ("did you mean 'loss'", ["early_stopping.metric=los"]),
))
def test_what_cannot_be_is_refused_before_anything_is_written(scratch, recipe, words, assignments):
    assert words in refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", *settings(*assignments))
    assert not os.path.exists(f"{scratch}/out")
