#!/usr/bin/python3
"""Averages of weights: the same bits on 1, 2 and 4 ranks, and killed and resumed on another number; the saved
average is what NumPy makes of the saved weights; validated, evaluated and predicted with, shown, refused."""
import json

from harness import MODEL, check, h5py, kill_midway, need_numpy, np, result, run, run_file, scratch, synthesize

need_numpy()
AVERAGES = {
    "ema": "{ema: {decay: 0.9}}",
    "polyak": "{polyak: {start: 7 steps, batches: 3}}",
    "swa": "{swa: {start: 5 steps, every: 5 steps, batches: all}}",
}

KILLS = {"ema": (4, 4, 2), "polyak": (1, 9, 4), "swa": (2, 11, 1)}  # ranks, the step behind which, ranks that resume


def arrays(path, group):
    with h5py.File(path) as file:
        return {name: array[()].astype(float) for name, array in file[group].items()}


def epochs(out):
    lines = [json.loads(line) for line in open(f"{out}/metrics.jsonl")]
    return [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines if line["kind"] != "step"]


def expected_average(out, name):
    """From the checkpoints of every step."""
    mean = None
    for step in range(1, 21):
        state = arrays(f"{out}/checkpoints/step-{step:09d}.h5", "model")
        if name == "ema":
            weight = 1 if step == 1 else 1 - min(0.9, step / (9 + step))
        elif name == "polyak":
            weight = 1 / (step - 6) if step >= 7 else 0
        else:
            weight = 5 / step if step % 5 == 0 else 0
        if weight == 1:
            mean = state
        elif weight:
            mean = {key: value + weight * (state[key] - value) for key, value in mean.items()}
    return mean


with scratch() as folder:
    data = synthesize(folder, train=300, test=210, validation=100)
    recipe = run_file(folder, data, every="1 steps")
    for name, average in AVERAGES.items():
        out = f"{folder}/{name}"
        choose = ("--set", f"average={average}", "--quiet")
        whole = result(1, "train", recipe, "--out", out, *choose)
        check(len(whole["average_digest"]) == 32 and whole["average_digest"] != whole["digest"], f"{name}: an average that is not the model")
        for ranks in (2, 4):
            there = result(ranks, "train", recipe, "--out", f"{out}{ranks}", *choose)
            check((there["digest"], there["average_digest"]) == (whole["digest"], whole["average_digest"]), f"{name}: the same bits on {ranks} ranks")
            check(epochs(f"{out}{ranks}") == epochs(out), f"{name}: the same figures on {ranks} ranks")
        first, stop, second = KILLS[name]
        killed = f"{out}-killed"
        kill_midway(first, stop, 20, killed, "train", recipe, *choose)
        there = result(second, "train", recipe, "--out", killed, "--resume", *choose)
        check((there["digest"], there["average_digest"]) == (whole["digest"], whole["average_digest"]), f"{name}: killed on {first} ranks, resumed on {second}: the same bits")
        check(epochs(killed) == epochs(out), f"{name}: the same figures")

        mean, saved = expected_average(out, name), arrays(f"{out}/checkpoints/latest.h5", "average")
        check(saved.keys() == mean.keys(), f"{name}: the group /average has the names of /model")
        statistics = [key for key in mean if "running_" in key]
        check(all(np.allclose(saved[key], mean[key], rtol=1e-4, atol=1e-6) for key in mean if key not in statistics or name == "ema"), f"{name}: as NumPy makes it of the saved weights")
        check(name == "ema" or any(not np.allclose(saved[key], mean[key], rtol=1e-3) for key in statistics), f"{name}: its running statistics were measured")

        model = result(1, "eval", f"{out}/checkpoints/latest.h5", "--split", "validation", "--parameters", "model")["members"][0]
        there = [result(ranks, "eval", f"{out}/checkpoints/latest.h5", "--split", "validation")["members"][0] for ranks in (1, 2)]
        check(there[0] == there[1] and there[0]["parameters"] == "average" and model["parameters"] == "model", f"{name}: eval takes the average and says so")
        last = epochs(out)[-1]
        same = lambda a, b: abs(a - b) < 1e-6 * abs(b)
        check(same(there[0]["loss"], last["average_loss"]) and same(there[0]["top1"], last["average_accuracy"]), f"{name}: the validation reported the average's figures")
        check(same(model["loss"], last["validation_loss"]) and not same(model["loss"], there[0]["loss"]), f"{name}: and the model's")
        check(result(1, "train", recipe, "--out", out, "--resume", *choose)["average_digest"] == whole["average_digest"], f"{name}: resuming a finished run changes nothing")
        words = run(1, "train", recipe, "--out", out, "--resume", "--quiet", *choose)[0].splitlines()
        check([line.split()[0] for line in words if "(best " in line] == ["average"], f"{name}: the best figure stands on the average's line")
        at = next(i for i, line in enumerate(words) if line.startswith("digest "))
        check([line.split() for line in words[at:at + 2]] == [["digest", whole["digest"]], [whole["average_digest"], "(average)"]], f"{name}: the summary has both digests")
        best = max(line.get("average_accuracy", line["validation_accuracy"]) for line in epochs(out))
        check(same(whole["best_accuracy"], best), f"{name}: the best checkpoint is chosen by the average where there is one")

    # A batch normalisation of known inputs: of a linear layer's outputs, with the averaged weights.
    with open(f"{folder}/first.yaml", "w") as file:
        file.write(f"""data: {{file: {data}, validation: none}}
model: [flatten, {{linear: {{out: 6}}}}, batchnorm, relu, {{linear: {{out: 10}}}}]
optimizer: {{sgd: {{rate: 0.3}}}}
average: {{swa: {{start: 1 step, every: 1 step, batches: 4}}}}
train: {{batch: 50, shards: 1, length: 3 steps, shuffle: false}}
""")
    result(1, "train", f"{folder}/first.yaml", "--out", f"{folder}/first", "--quiet")
    latest = f"{folder}/first/checkpoints/latest.h5"
    there, model = arrays(latest, "average"), arrays(latest, "model")
    with h5py.File(data) as file, h5py.File(latest) as saved:
        mean = saved["preprocessing/mean"][()] if "mean" in saved["preprocessing"] else 0
        x = ((file["train/images"][:200] - mean) * saved["preprocessing/factor"][()]).transpose(0, 3, 1, 2).reshape(4, 50, -1)
    y = x @ there["1.weight"].T + there["1.bias"]
    check(np.abs(there["1.weight"] - model["1.weight"]).max() > 1e-3, "averaged weights that are not the model's")
    check(np.allclose(there["2.running_mean"], y.mean(1).mean(0), rtol=1e-4, atol=1e-4), "their mean over four batches, measured")
    check(np.allclose(there["2.running_var"], y.var(1).mean(0) * 50 / 49, rtol=1e-3), "their variance, too")

    # Shards whose statistics are joined run together, here as in a step.
    joined = run_file(folder, data, MODEL.replace("  - batchnorm\n", "  - batchnorm: {statistics: batch}\n"), "joined.yaml", length="8 steps")
    there = [result(ranks, "train", joined, "--out", f"{folder}/joined{ranks}", "--quiet", "--set", "average={polyak: {start: 2 steps}}") for ranks in (1, 2)]
    check(there[0]["average_digest"] == there[1]["average_digest"] and there[0]["digest"] == there[1]["digest"], "synchronised statistics: the same bits on 2 ranks")

    # polyak begins behind step 7: what was saved before has none
    early, late = (f"{folder}/polyak/checkpoints/step-{step:09d}.h5" for step in (6, 7))
    check("average/0.weight" not in run(1, "inspect", early)[0] and "average/0.weight" in run(1, "inspect", late)[0], "inspect shows the average from its first step on")
    check(result(1, "eval", early)["members"][0]["parameters"] == "model", "auto: the model where there is no average")
    words = run(1, "eval", early, "--parameters", "average", code=5)[1]
    check("step-000000006.h5" in words and "average" in words, "an average that is not there is refused by name: " + words.strip())
    words = run(1, "eval", late, "--parameters", "mean", code=2)[1]
    check("auto, model or average" in words, "an unknown word is refused")
    check("(average)" in run(1, "eval", late)[0] and "(average)" not in run(1, "eval", late, "--parameters", "model")[0], "eval says in words what it took")
    shown = json.loads(run(1, "inspect", late, "--json")[0])
    check(shown["progress"]["schedule_scale"] == 1 and any(array["name"] == "average/0.weight" for array in shown["arrays"]), "inspect --json, too")
    needs = [result(1, "describe", recipe, *more)["memory_bytes"] for more in ((), ("--set", "average=ema"))]
    check(needs[0]["average"] == 0 and needs[1]["average"] == needs[1]["parameters"] == needs[1]["total"] - needs[0]["total"], "describe counts its memory")
    run(1, "predict", late, "-o", f"{folder}/average.h5")
    run(1, "predict", late, "-o", f"{folder}/model.h5", "--parameters", "model")
    p = [h5py.File(f"{folder}/{name}.h5")["probabilities"][()] for name in ("average", "model")]
    check(not np.allclose(*p), "predict takes the average, too")
    for average, words in (("{polyak: {start: 21 steps}}", "begins at step 21"), ("{swa: {start: 1 epoch, every: 0}}", "at least one step"), ("{ema: {decay: 1}}", "below 1"), ("median", "unknown average")):
        refused = run(1, "train", recipe, "--out", f"{folder}/refused", "--set", f"average={average}", code=3)[1]
        check(words in refused and refused.count("\n") == 1, "refused: " + refused.strip())
    refused = run(1, "train", recipe, "--out", f"{folder}/ema", "--resume", code=3)[1]
    check("average" in refused, "a run with an average is not resumed without: " + refused.strip())
    plain = result(1, "train", recipe, "--out", f"{folder}/plain", "--quiet")
    check(plain["digest"] == whole["digest"] and "average_digest" not in plain, "an average changes nothing of the model")
