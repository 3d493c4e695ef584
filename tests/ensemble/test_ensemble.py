"""trainer ensemble against a recomputation with NumPy from what predict writes of each member; the file that it
writes, in predict, eval, inspect, verify and Python; the same result on any number of ranks."""
import os
import shutil

import pytest

from support.forge import SEAL_BYTES, forged, seal
from support.program import CHECKPOINT, USAGE, refusal, result, run, settings, start
from support.runs import arrays, read, synthesize, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

MEMBERS, SAMPLES, ROUNDS = 4, 431, 20
QUIET = ("--quiet", "--rounds", ROUNDS)


def near(expected, tolerance=1e-5):
    return pytest.approx(expected, rel=tolerance, abs=tolerance)


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=300, test=SAMPLES, validation=210)


@pytest.fixture(scope="module")
def runs(folder, data):
    """The folders of runs that differ in their seed and in the width of a layer."""
    recipe = write(f"{folder}/run.yaml", f"""data: {{file: {data}, memory: 2 MiB}}
model: [flatten, linear: {{out: 12}}, relu, linear: {{out: 10}}]
optimizer: {{sgd: {{rate: 0.1}}}}
train: {{batch: 50, length: 5 epochs}}
""")
    return [train(1, recipe, f"{folder}/{seed}", *settings(f"train.seed={seed}", f"model.1.linear.out={8 + 4 * seed}")
                  ).out for seed in range(MEMBERS)]


@pytest.fixture(scope="module")
def saved(folder):
    return f"{folder}/a/new/folder/ensemble.h5"


@pytest.fixture(scope="module")
def report(runs, saved):
    return result(1, "ensemble", *runs, *QUIET, "--save", saved)


@pytest.fixture(scope="module")
def predicted(folder, runs):
    """The probabilities that each member gives a split's samples, and their labels."""
    def of(split):
        for number, member in enumerate(runs):
            run(1, "predict", member, "--split", split, "-o", f"{folder}/{split}-{number}.h5")
        read_ = [arrays(f"{folder}/{split}-{number}.h5", "/") for number in range(MEMBERS)]
        return np.array([there["probabilities"] for there in read_], float), read_[0]["labels"]
    return {split: of(split) for split in ("validation", "test")}


def accuracy(p, labels):
    return (p.argmax(1) == labels).mean()


def log_loss(p, labels):
    return -np.log(p[np.arange(len(labels)), labels]).mean()


def mix(probabilities, weights):
    return np.tensordot(np.array(weights), probabilities, 1)


def cool(p, temperature):
    scaled = p ** (1 / temperature)
    return scaled / scaled.sum(1, keepdims=True)


def test_it_is_the_same_on_any_ranks(runs, report):
    for ranks in (2, 3):
        assert result(ranks, "ensemble", *runs, *QUIET) == {**report, "saved": None}


def test_it_is_the_same_if_the_images_are_streamed(folder, data, runs, report):
    path = f"{folder}/streamed.h5"
    with h5py.File(data) as old, h5py.File(path, "w") as file:
        for split in ("test", "validation"):
            images = old[f"{split}/images"][()]
            file.create_dataset(f"{split}/images", data=images, chunks=(30, *images.shape[1:]), compression=1)
            file[f"{split}/labels"] = old[f"{split}/labels"][()]
        file["classes"] = old["classes"][()]
    found = result(2, "ensemble", *runs, *QUIET, "--data", path)  # a rank may keep 1 MiB, the test split has 1.3
    assert found == {**report, "saved": None, "data": path}


def test_it_says_which_splits_it_used(report):
    assert report["chosen_on"] == {"split": "validation", "samples": 210}
    assert report["reported"] == {"split": "test", "samples": SAMPLES}


def test_its_verdict_is_against_the_best_member_of_the_validation(runs, report):
    words = run(1, "ensemble", *runs, *QUIET)[0].splitlines()
    verdict, advice = words[-2:]
    assert words[1] == f"chosen on validation (210 samples), reported on test ({SAMPLES} samples)"
    rival, gain = report["chosen_member"], 100 * report["gain"]
    error = 100 * report["gain_error"]
    worth = "not worth its time" if gain <= 0 else "worth it" if gain > 2 * error else "perhaps worth it"
    assert verdict == f"verdict  {worth}: {gain:+.2f} ± {error:.2f} against member {rival + 1}, the best on validation"
    assert advice.startswith("advice ")


def test_the_error_of_the_gain_compares_samples_in_pairs(report, predicted):
    probabilities, labels = predicted["test"]
    final = report[report["final"]]
    together = np.tensordot(final["weights"], probabilities, 1).argmax(1) == labels
    alone = probabilities[report["chosen_member"]].argmax(1) == labels
    differences = together.astype(float) - alone
    assert report["gain"] == near(final["gain_over_chosen"]) == near(differences.mean())
    assert report["gain_error"] == near(np.sqrt((differences**2).sum()) / len(labels))


def test_figures_of_the_training_split_are_called_so(folder, data, runs):
    for words in (("ensemble", *runs, *QUIET), ("eval", *runs), ("eval", *runs[:1], "--data", data),
                  ("predict", runs[0], "-o", f"{folder}/known.csv", "--quiet")):
        seen = run(2, *words, "--split", "train")[1]
        assert seen.count("trained on") == 1 and "not how good" in seen
        assert "trained on" not in run(1, *words, "--split", "test")[1]
    assert "what is chosen there is worth little" in run(1, "ensemble", *runs, *QUIET, "--select-split", "train")[1]
    shutil.copy(data, f"{folder}/other.h5")  # that has a split of this name, too
    found = start(1, "eval", runs[0], "--split", "train", "--data", f"{folder}/other.h5", "--json")
    assert "trained on" not in found.stderr and '"trained_on": false' in found.stdout


def test_quiet_has_no_notes(folder, runs):
    said = run(1, "predict", runs[0], "-o", f"{folder}/noted.csv")[1]
    assert said.count("takes the checkpoint") == 1
    assert run(1, "predict", runs[0], "-o", f"{folder}/noted.csv", "-q")[1] == ""


def test_each_member_is_measured(report, predicted):
    for split, name in (("validation", "chosen_on"), ("test", "reported")):
        probabilities, labels = predicted[split]
        for member, p in zip(report["members"], probabilities):
            assert member[name]["accuracy"] == near(accuracy(p, labels))
            assert member[name]["log_loss"] == near(log_loss(p, labels))


def test_equal_weights_are_measured(report, predicted):
    probabilities, labels = predicted["test"]
    figures = [accuracy(p, labels) for p in probabilities]
    found, expected = report["equal"], accuracy(probabilities.mean(0), labels)
    assert found["weights"] == near([1 / MEMBERS] * MEMBERS)
    assert found["reported"]["accuracy"] == near(expected)
    assert found["reported"]["log_loss"] == near(log_loss(probabilities.mean(0), labels))
    assert found["gain_over_mean"] == near(expected - np.mean(figures))
    assert found["gain_over_best"] == near(expected - max(figures))
    assert report["mean_member"] == near(np.mean(figures))
    assert report["best_member"] == np.argmax(figures)


def test_contributions_are_what_is_lost_without_a_member(report, predicted):
    probabilities, labels = predicted["test"]
    for number, member in enumerate(report["members"]):
        without = accuracy(np.delete(probabilities, number, 0).mean(0), labels)
        assert member["equal_without"]["accuracy"] == near(without)
        assert member["equal_contribution"] == near(accuracy(probabilities.mean(0), labels) - without)


def test_disagreement_is_the_part_of_samples_that_are_decided_differently(report, predicted):
    classes = predicted["test"][0].argmax(2)
    for found, a in zip(report["disagreement"], classes):
        assert found == near([(a != b).mean() for b in classes])


def test_greedy_selection_follows_its_definition(report, predicted):
    probabilities, labels = predicted["validation"]
    total, search = np.zeros_like(probabilities[0]), report["greedy"]["search"]
    assert len(search["rounds"]) == ROUNDS
    for number, step in enumerate(search["rounds"], 1):
        figures = [accuracy((total + p) / number, labels) for p in probabilities]
        losses = [log_loss((total + p) / number, labels) for p in probabilities]
        best = [m for m in range(MEMBERS) if figures[m] == max(figures)]
        assert step["member"] in best
        assert losses[step["member"]] <= min(losses[m] for m in best) + 1e-6
        assert step["accuracy"] == near(max(figures))
        total += probabilities[step["member"]]
    added = [step["member"] for step in search["rounds"][:search["best_round"]]]
    assert report["greedy"]["weights"] == near([added.count(m) / len(added) for m in range(MEMBERS)])
    assert max(step["accuracy"] for step in search["rounds"]) == search["rounds"][len(added) - 1]["accuracy"]


def test_the_ensemble_is_what_is_better_where_it_is_chosen(report):
    better = report["greedy"]["chosen_on"]["accuracy"] > report["equal"]["chosen_on"]["accuracy"]
    assert report["final"] == ("greedy" if better else "equal")
    assert [member["weight"] for member in report["members"]] == report[report["final"]]["weights"]


@pytest.fixture(scope="module", params=("equal", "greedy"))
def mixture(request, report, predicted):
    """A mixture, and its probabilities on both splits."""
    found = report[request.param]
    return found, {split: (mix(p, found["weights"]), labels) for split, (p, labels) in predicted.items()}


def test_the_temperature_has_the_least_log_loss_on_validation(mixture):
    found, (p, labels) = mixture[0], mixture[1]["validation"]
    grid = found["temperature"] * np.linspace(0.9, 1.1, 201)
    losses = [log_loss(cool(p, temperature), labels) for temperature in grid]
    assert 95 <= int(np.argmin(losses)) <= 105


def test_calibrated_figures_are_those_of_the_test_split(mixture):
    found, (p, labels) = mixture[0], mixture[1]["test"]
    cooled = cool(p, found["temperature"])
    assert found["reported"]["log_loss"] == near(log_loss(p, labels))
    assert found["calibrated"]["log_loss"] == near(log_loss(cooled, labels))
    assert found["calibrated"]["accuracy"] == found["reported"]["accuracy"]


def bins_of(p, labels):
    """The counts of fifteen bins, and the expected calibration error."""
    right, sure = p.argmax(1) == labels, p.max(1)
    bins = np.digitize(sure, np.linspace(0, 1, 16)[1:-1], right=True)
    error = sum(abs(right[bins == b].mean() - sure[bins == b].mean()) * (bins == b).mean() for b in set(bins))
    return [int((bins == b).sum()) for b in range(15)], error


@pytest.mark.parametrize("calibrated", (False, True))
def test_reliability_is_that_of_fifteen_bins(mixture, calibrated):
    found, (p, labels) = mixture[0], mixture[1]["test"]
    p = cool(p, found["temperature"]) if calibrated else p
    reliability = found["calibrated_reliability" if calibrated else "reliability"]
    counts, error = bins_of(p, labels)
    assert reliability["counts"] == counts
    assert reliability["expected_calibration_error"] == near(error)
    assert reliability["brier"] == near(((p - np.eye(10)[labels]) ** 2).sum(1).mean())


def test_the_calibration_error_of_each_member(report, predicted):
    probabilities, labels = predicted["test"]
    for member, p in zip(report["members"], probabilities):
        assert member["expected_calibration_error"] == near(bins_of(p, labels)[1])


# ---- The file ----


def test_the_file_predicts_the_calibrated_ensemble(folder, saved, report, predicted):
    final = report[report["final"]]
    run(1, "predict", saved, "--split", "test", "-o", f"{folder}/all.h5")
    expected = cool(mix(predicted["test"][0], final["weights"]), final["temperature"])
    assert arrays(f"{folder}/all.h5", "/")["probabilities"] == near(expected)


def test_the_file_is_evaluated_with_its_temperature(saved, report):
    final = report[report["final"]]
    found = result(1, "eval", saved, "--split", "test")
    assert found["temperature"] == final["temperature"]
    assert found["ensemble"]["log_loss"] == final["calibrated"]["log_loss"]
    assert found["ensemble"]["top1"] == final["calibrated"]["accuracy"]
    assert [member["weight"] for member in found["members"]] == [w for w in final["weights"] if w > 0]


def test_the_file_opens_in_three_lines_of_python(saved, report, runs):
    file = h5py.File(saved)
    weights, temperature = file["weights"][:], file.attrs["temperature"]
    states = [{name: array[()] for name, array in file[f"members/{i}/model"].items()} for i in range(len(weights))]
    final = report[report["final"]]
    assert list(weights) == [w for w in final["weights"] if w > 0] and temperature == final["temperature"]
    used = [runs[m] for m in range(MEMBERS) if final["weights"][m] > 0]
    for state, folder in zip(states, used):
        original = arrays(f"{folder}/checkpoints/best.h5")
        assert sorted(state) == sorted(original)
        assert all((state[name] == original[name]).all() for name in state)


def test_the_file_is_inspected_and_verified(saved, report):
    found = result(1, "inspect", saved)
    assert found["kind"] == "ensemble" and found["chosen_on"] == "validation"
    sources = [m["checkpoint"] for m in report["members"] if m["weight"] > 0]
    assert [member["source"] for member in found["members"]] == sources
    assert "good: an ensemble of" in run(1, "verify", saved)[0]
    assert result(1, "inspect", f"{saved}:/members/0")["kind"] == "checkpoint"


def lose_the_step(member):
    del member["run"].attrs["step"]


def halve_the_weights(member):
    values = member["model/1.weight"][:]
    del member["model/1.weight"]
    member["model/1.weight"] = values.astype("f2")


@pytest.mark.parametrize("change, words", ((lose_the_step, "step"), (halve_the_weights, "1.weight: holds float16")))
def test_verify_reads_all_of_a_member(scratch, saved, change, words):
    path = shutil.copy(saved, f"{scratch}/changed.h5")
    with forged(path) as file:
        change(file["members/0"])
    assert words in refusal(CHECKPOINT, "verify", path)


def test_verify_compares_the_members_classes(scratch, saved):
    path = shutil.copy(saved, f"{scratch}/renamed.h5")
    with forged(path) as file:
        names = file["members/0/classes"][()]
        names[2] = b"x"
        file["members/0/classes"][...] = names
    assert f"{path}:/members/1: its class 2 is" in refusal(CHECKPOINT, "verify", path)


def test_its_members_make_a_new_ensemble(folder, saved, report):
    found = result(1, "ensemble", saved, *QUIET, "--weights", "equal", "--plot", f"{folder}/reliability.svg")
    assert not shutil.which("gnuplot") or "as sure as right" in read(f"{folder}/reliability.svg")
    if report["final"] == "equal":
        assert found["equal"]["reported"] == report["equal"]["reported"]
    assert found["final"] == "given"


def damage(path, saved, offset):
    shutil.copyfile(saved, path)
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 16]))
    return path


def test_a_damaged_file_is_refused(folder, saved, rng):
    path = f"{folder}/damaged.h5"
    for _ in range(3):
        damage(path, saved, rng.randrange(2048, os.path.getsize(saved)))
        assert path in refusal(CHECKPOINT, "predict", path, "-o", f"{folder}/none.csv")


def test_a_file_that_was_cut_short_is_refused(folder, saved):
    path = write(f"{folder}/short.h5", "")
    with open(path, "wb") as file:
        file.write(read(saved, "rb")[:-9])
    assert path in refusal(CHECKPOINT, "eval", path)


def test_a_file_that_was_changed_and_sealed_again_crashes_nothing(folder, saved, rng):
    path, content = f"{folder}/forged.h5", read(saved, "rb")[:-SEAL_BYTES]
    structures = [at for at in range(len(content)) if content[at:at + 4] in (b"TREE", b"SNOD", b"HEAP")]
    for _ in range(12):
        at = rng.choice(structures) + rng.randrange(200)
        with open(path, "wb") as file:
            file.write(content[:at] + bytes([rng.randrange(256)]) + content[at + 1:])
        seal(path)
        assert start(1, "verify", path).returncode in (0, CHECKPOINT), at


# ---- Other members ----


def test_the_best_by_their_validation_are_kept(runs, report):
    best = sorted(range(MEMBERS), key=lambda m: -report["members"][m]["chosen_on"]["accuracy"])[:2]
    found = result(1, "ensemble", *runs, *QUIET, "--top", 2)
    assert ([member["checkpoint"] for member in found["members"]] ==
            [report["members"][m]["checkpoint"] for m in sorted(best)])


def test_folds_choose_nothing_where_no_part_is_unseen_by_all(folder, data):
    recipe = write(f"{folder}/folds.yaml", f"""data: {{file: {data}}}
model: [flatten, linear: {{out: 10}}]
optimizer: {{sgd: {{rate: 0.1}}}}
train: {{batch: 50, length: 1 epochs}}
""")
    run(1, "train", recipe, "--out", f"{folder}/folds", "--folds", 2, "--quiet")
    found = result(1, "ensemble", f"{folder}/folds", "--quiet")
    assert [os.path.dirname(os.path.dirname(m["checkpoint"])) for m in found["members"]] == [
        f"{folder}/folds/fold-1", f"{folder}/folds/fold-2"]
    assert found["chosen_on"] == {"split": "validation", "samples": 210}  # the file's, which no run has seen


def test_values_are_averaged_in_their_own_units(folder):
    random = np.random.default_rng(3)
    path = f"{folder}/values.h5"
    with h5py.File(path, "w") as file:
        for split, count in (("train", 90), ("validation", 60), ("test", 70)):
            x = random.normal(size=(count, 1, 1, 4)).astype(np.float32)
            file[f"{split}/images"] = x
            file[f"{split}/targets"] = (100 + 20 * x[:, 0, 0, :2] + random.normal(size=(count, 2))).astype(np.float32)
        file["target_names"] = np.array(["a", "b"], dtype="S")
    recipe = write(f"{folder}/values.yaml", f"""data: {{file: {path}}}
model: [flatten, linear: {{out: 2}}]
loss: mse
optimizer: {{sgd: {{rate: 0.05}}}}
train: {{batch: 30, length: 3 epochs}}
""")
    members = [train(1, recipe, f"{folder}/values-{seed}", *settings(f"train.seed={seed}")).out for seed in (1, 2, 3)]
    found = result(1, "ensemble", *members, "--quiet", "--save", f"{folder}/values-all.h5", "--weights", "1,2,1")
    for number, member in enumerate(members):
        run(1, "predict", member, "--split", "test", "-o", f"{folder}/v{number}.h5")
    there = [arrays(f"{folder}/v{number}.h5", "/") for number in range(3)]
    mean = mix(np.array([one["predictions"] for one in there], float), [0.25, 0.5, 0.25])
    rmse = np.sqrt(((mean - there[0]["targets"]) ** 2).mean())
    assert found["figure"] == "rmse" and "temperature" not in found["given"]
    assert found["given"]["reported"]["rmse"] == near(rmse)
    assert result(1, "eval", f"{folder}/values-all.h5", "--split", "test")["ensemble"]["rmse"] == near(rmse)


def test_what_makes_no_ensemble_is_refused(folder, runs, saved, data):
    said = lambda *words: refusal(USAGE, *words, alone=False)
    assert "needs several members" in said("ensemble", runs[0])
    assert "would overwrite" in said("ensemble", *runs, "--save", data)
    assert "expected a name that ends" in said("ensemble", *runs, "--plot", f"{folder}/plot.h5")
    assert "expected accuracy or log_loss" in said("ensemble", *runs, "--quiet", "--select-by", "rmse")
    assert "is an ensemble" in said("eval", saved, runs[0])
    assert "which has its own" in said("eval", saved, "--mean", "geometric")
