#!/usr/bin/python3
"""What follows the validation and what counts cycles: plateau, early stopping, the large-batch rule and snapshots:
the same bits on 1, 2 and 4 ranks, killed and resumed on another number; what they print; what is refused."""
import glob
import json
import os
import re
import shutil

from harness import check, kill_midway, newest_step, result, run, run_file, scratch, synthesize

MODEL = """
  - conv: {out: 4, kernel: 3, stride: 2, padding: 1}
  - relu
  - flatten
  - linear: {out: 10}
"""


def lines(out, kind):
    found = [json.loads(line) for line in open(f"{out}/metrics.jsonl")]
    return [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in found if line["kind"] == kind]


def settings(**keys):
    return [word for key, value in keys.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]


def same_everywhere(name, recipe, out, stop, more, ranks=(2, 4), kill=(2, 4)):
    """Trains on 1 rank, on more, and killed and resumed; returns the result."""
    whole = result(1, "train", recipe, "--out", out, "--quiet", *more)
    kinds = ("step", "epoch", "stop")
    expected = [lines(out, kind) for kind in kinds]
    for n in ranks:
        there = result(n, "train", recipe, "--out", f"{out}-{n}", "--quiet", *more)
        check(there["digest"] == whole["digest"] and [lines(f"{out}-{n}", kind) for kind in kinds] == expected, f"{name}: the same bits and metrics on {n} ranks")
    killed = f"{out}-killed"
    kill_midway(kill[0], stop, whole["step"], killed, "train", recipe, "--quiet", *more)
    there = result(kill[1], "train", recipe, "--out", killed, "--quiet", "--resume", *more)
    check(there["digest"] == whole["digest"] and there["step"] == whole["step"], f"{name}: resumed on {kill[1]} ranks: the same bits")
    check([lines(killed, kind) for kind in kinds] == expected, f"{name}: the same metrics")
    return whole


with scratch() as folder:
    data = synthesize(folder, train=120, test=100, validation=50)
    recipe = run_file(folder, data, model=MODEL, batch=60, length="40 steps", every="1 steps", warmup="0")  # 2 steps an epoch

    # ---- plateau ----
    more = settings(schedule="{plateau: {patience: 0, factor: 0.5, threshold: 0.05, cooldown: 1, warmup: 3 steps}}")
    same_everywhere("plateau", recipe, f"{folder}/plateau", 17, more)
    rates = [line["rate"] for line in lines(f"{folder}/plateau", "step")]
    best, wait, cool, factor, expected = None, 0, 0, 1.0, []
    losses = {line["step"]: line["validation_loss"] for line in lines(f"{folder}/plateau", "epoch")}
    for step in range(40):
        expected.append(0.05 * ((step + 1) / 3 if step < 3 else factor))
        if step + 1 in losses and step + 1 > 3:
            loss = losses[step + 1]
            better = best is None or loss < best * 0.95
            best, wait = (loss, 0) if better else (best, wait + 1)
            if cool:
                cool, wait = cool - 1, 0
            if wait > 0:
                factor, cool, wait = factor / 2, 1, 0
    check(all(abs(a - b) < 1e-7 for a, b in zip(rates, expected)) and factor < 0.3, f"plateau: its rates follow from the validations ({factor:g} at the end)")
    check(all(line["rate"] == rates[line["step"] - 1] for line in lines(f"{folder}/plateau", "epoch")), "an epoch's record has the rate of its last step")
    words = run(1, "train", recipe, "--out", f"{folder}/lowered", *more)[1]
    lowered = [step for step in range(4, 40) if rates[step] < rates[step - 1]]
    said = [f"rate {rates[step - 1]:.4g} -> {rates[step]:.4g} behind step {step} (plateau)" for step in lowered]
    check(said and all(line in words for line in said) and words.count("no longer improved") == len(said), f"and it says where it lowered the rate: {lowered}")

    # ---- early stopping ----
    stopping = settings(early_stopping__patience=2, early_stopping__metric="loss", early_stopping__minimum_improvement=0.05)
    out = f"{folder}/stop"
    whole = same_everywhere("early stopping", recipe, out, 3, stopping)
    losses, best, wait = [(line["step"], line["validation_loss"]) for line in lines(out, "epoch")], None, 0
    for step, loss in losses:
        best, wait = (loss, 0) if best is None or loss < best - 0.05 else (best, wait + 1)
        if wait == 2:
            break
    check(whole["finished"] and whole["stopped_early"] and whole["step"] == step == losses[-1][0] < 40, f"early stopping: ends behind step {step}")
    stop = lines(out, "stop")
    check(len(stop) == 1 and stop[0]["step"] == step and stop[0]["waited"] == 2 and stop[0]["metric"] == "loss" and abs(stop[0]["best"] - best) < 1e-6, f"says so in metrics.jsonl: {stop}")
    names = os.listdir(f"{out}/checkpoints")
    check({"best.h5", "latest.h5", f"step-{step:09d}.h5"} <= set(names), "and leaves the last and the best checkpoint")
    words = run(1, "train", recipe, "--out", f"{folder}/loud", *stopping)
    check(f"stopped early at step {step} of 40: 2 validations in a row did not improve on the loss" in words[1] and words[0].startswith("finished early"), "and on stderr")
    words = run(1, "train", recipe, "--out", f"{folder}/just", "--set", f"train.length={step} steps", *stopping)
    check("stopped early" not in words[1] and words[0].startswith(f"finished at step {step} of {step}") and not lines(f"{folder}/just", "stop"), "at the last step there is nothing to stop")
    words = run(1, "train", recipe, "--out", f"{folder}/just", "--resume", "--set", f"train.length={step} steps", *stopping)[0]
    check("speed       no step was made, " in words, f"a run with nothing left to do has no speed: {words}")
    words = run(2, "train", recipe, "--out", out, "--resume", *stopping)[1]
    check(f"the run is finished: it stopped early at step {step}" in words and len(lines(out, "stop")) == 1, "resumed, it says that it is finished")
    check(os.path.exists(f"{out}/run.yaml") and newest_step(out) == step, "and does nothing")
    longer = result(1, "train", recipe, "--out", out, "--resume", "--quiet", *settings(early_stopping__patience=4, early_stopping__metric="loss", early_stopping__minimum_improvement=0.05))
    check(longer["step"] > step, "with more patience it goes on")
    more_of_plateau = more
    words = run(1, "train", recipe, "--out", f"{folder}/plateau", "--resume", *more)[1]
    check("the run is finished: all 40 steps are done" in words, "a run that is over says so")

    # ---- the large-batch rule ----
    larger = settings(large_batch__base=15, large_batch__warmup="4 epochs")
    words = run(1, "train", recipe, "--out", f"{folder}/large", *larger)[1]
    check("large batch: rate 0.05 -> 0.2 for batch 60 = 4 x 15 (linear), warm-up of 4 epochs (8 steps)" in words, "the rule says what it did")
    for base, warmup, expected in ((15, "1 epochs", "warm-up of 1 epoch (2 steps)"), (15, "1 steps", "warm-up of 0.5 epochs (1 step)"), (60, "4 epochs", "large batch: rate 0.05 as it stands, batch 60 is the base")):
        words = run(1, "train", recipe, "--out", f"{folder}/large-words", "--stop-after", 1, *settings(large_batch__base=base, large_batch__warmup=warmup))[1]
        check(expected in words, f"the rule says: {expected}")
        shutil.rmtree(f"{folder}/large-words")
    rates = [line["rate"] for line in lines(f"{folder}/large", "step")]
    check(all(abs(rate - 0.05 * (1 + 3 * step / 8)) < 1e-7 for step, rate in enumerate(rates[:9])), "from the base rate to the large one")
    saved = open(f"{folder}/large/run.yaml").read()
    check(re.search(r"large_batch:\s+base: 15\s+rule: linear\s+warmup: 4 epochs", saved) is not None and "rate: 0.05" in saved, "run.yaml keeps it")
    again = result(2, "train", f"{folder}/large/run.yaml", "--out", f"{folder}/large-again", "--quiet")
    check([line["rate"] for line in lines(f"{folder}/large-again", "step")] == rates, "and makes the same run again")

    # ---- a run that goes on longer ----
    words = run(1, "train", recipe, "--out", f"{folder}/plateau", "--resume", *more_of_plateau, "--set", "train.length=42 steps")[1]
    check("runs over all" not in words, "plateau does not know how long the run is")
    words = run(2, "train", recipe, "--out", f"{folder}/large", "--resume", *larger, "--set", "train.length=42 steps")[1]
    rates = [line["rate"] for line in lines(f"{folder}/large", "step")]
    check(f"the run was 40 steps long and is 42 now; cosine runs over all of them: rate {rates[39]:.4g} -> {rates[40]:.4g} behind step 40" in words and rates[40] > 2 * rates[39], "cosine does, which a note says")

    # ---- snapshots ----
    more = settings(schedule="{cosine_restarts: {period: 4 steps, growth: 2}}", checkpoint__snapshots="true", checkpoint__keep=1, checkpoint__every="0")
    out = f"{folder}/cycles"
    whole = result(1, "train", recipe, "--out", out, "--quiet", *more)
    members = sorted(glob.glob(f"{out}/checkpoints/snapshot-*.h5"))
    steps = [int(os.readlink(member)[5:14]) for member in members]
    check(steps == [4, 12, 28] and [os.path.basename(m) for m in members] == [f"snapshot-{i:03d}.h5" for i in (1, 2, 3)], f"snapshots at the cycles' ends, never pruned: {steps}")
    rates = [line["rate"] for line in lines(out, "step")]
    check(all(rates[step] > 5 * rates[step - 1] for step in steps), "where the rate goes up again")
    report = result(2, "eval", *members)
    check(len(report["members"]) == 3 and report["ensemble"]["loss"] < max(m["loss"] for m in report["members"]), "they are an ensemble")
    for name, step in (("snapshot-002.h5", 12), ("best.h5", whole["best_step"])):  # as a kill between the checkpoint and its links leaves it
        cut = f"{folder}/cut-{name}"
        result(1, "train", recipe, "--out", cut, "--quiet", "--stop-after", step, *more)
        os.unlink(f"{cut}/checkpoints/{name}")
        os.unlink(f"{cut}/checkpoints/latest.h5")
        result(2, "train", recipe, "--out", cut, "--quiet", "--resume", "--stop-after", step, *more)
        links = {link: os.readlink(f"{cut}/checkpoints/{link}") for link in (name, "latest.h5")}
        check(set(links.values()) == {f"step-{step:09d}.h5"}, f"links that a kill came before are made when the run goes on: {links}")

    # ---- refused ----
    for words, more in (
        ("plateau follows the figures of the validation", settings(schedule="plateau", data__validation="none")),
        ("early_stopping.patience", settings(early_stopping__patience=3, data__validation="none")),
        ("cosine has none", settings(checkpoint__snapshots="true")),
        ("ends before the schedule's first cycle", settings(checkpoint__snapshots="true", schedule="{cosine_restarts: {period: 41 steps}}")),
        ("schedule.one_cycle.warmup: one_cycle rises", settings(schedule="{one_cycle: {warmup: 4 steps}}")),
        ("large_batch.warmup: no warm-up goes with one_cycle", settings(large_batch__base=15, schedule="one_cycle")),
        ("large_batch.warmup=42 steps: 42 steps of warm-up are more than the run's 40", settings(large_batch__base=15, large_batch__warmup="42 steps")),
        ("average.swa.every: the average begins at step 41", settings(average="{swa: {start: 0, every: 41 steps}}")),
        ("large_batch brings a warm-up", settings(large_batch__base=15, schedule="{cosine: {warmup: 1 epoch}}")),
        ("did you mean 'loss'", settings(early_stopping__metric="los")),
    ):
        refused = run(1, "train", recipe, "--out", f"{folder}/refused", *more, code=3)[1]
        check(words in refused and refused.count("\n") == 1, "refused: " + refused.strip())
    check(not os.path.exists(f"{folder}/refused"), "nothing is written")
