"""Checkpoints that say what no run could have saved, under a good seal: each is refused with one line, before anything
is allocated for it."""
import resource
import shutil
import subprocess

import pytest
from support.forge import forged
from support.program import CHECKPOINT, RUN_FILE, SYSTEM, command, environment, refusal, run, settings
from support.runs import synthesize, train, write_run_file

MODEL = """
  - flatten
  - linear: {out: 8}
  - relu
  - linear: {out: 10}
  - batchnorm
"""


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=120, test=10, validation=10)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, model=MODEL, length="6 steps", every="5 steps", warmup="0")


@pytest.fixture
def resumable(scratch, recipe, stopped):
    """A copy of a run that stopped after step 3, of 2 steps an epoch."""
    return shutil.copytree(stopped, f"{scratch}/run", symlinks=True)


@pytest.fixture(scope="module")
def stopped(folder, recipe):
    return train(1, recipe, f"{folder}/stopped", "--stop-after", 3).out


def newest(out):
    return f"{out}/checkpoints/step-000000003.h5"


def refuse_to_resume(recipe, out):
    return refusal(CHECKPOINT, "train", recipe, "--out", out, "--resume", *settings("train.length=40 epochs"),
                   alone=False)


def test_a_file_that_is_only_sealed_again_is_good(recipe, resumable):
    with forged(newest(resumable)):
        pass
    run(1, "inspect", newest(resumable))


@pytest.mark.parametrize("name, value", (("step_in_epoch", 0), ("step_in_epoch", 77), ("epoch", 0), ("epoch", 2**62),
                                         ("step", 2), ("step", 2**61), ("best_step", 5)))
def test_a_position_that_fits_no_epoch_is_refused(recipe, resumable, name, value):
    with forged(newest(resumable)) as file:
        kind = file["run"].attrs[name].dtype
        del file["run"].attrs[name]
        file["run"].attrs.create(name, value, dtype=kind)
    line = refuse_to_resume(recipe, resumable)
    assert "is of step" in line and "step-000000003.h5" in line


def set_attribute(file, name, value):
    kind = file["run"].attrs[name].dtype
    file["run"].attrs.create(name, value, dtype=kind)


@pytest.mark.parametrize("name, value", (("end_is_due", 2), ("epoch_loss", float("nan")), ("epoch_samples", -1),
                                         ("epoch_correct", float("inf")), ("seconds", float("nan")),
                                         ("best_metric", 7), ("validation_accuracy", 1.5)))
def test_a_value_that_no_run_has_is_refused(resumable, name, value):
    with forged(newest(resumable)) as file:
        set_attribute(file, name, value)
    assert name in refusal(CHECKPOINT, "verify", newest(resumable))


def test_more_skipped_steps_than_steps_are_refused(recipe, resumable):
    with forged(newest(resumable)) as file:
        set_attribute(file, "nan_skipped", 2**62)
    assert "steps were skipped" in refuse_to_resume(recipe, resumable)


@pytest.mark.parametrize("group", ("model", "optimizer/momentum"))
@pytest.mark.parametrize("change, says", ((lambda array: array[:-1], "is (9), the model has (10)"),
                                          (lambda array: None, "is missing, the model has it")))
def test_verify_compares_arrays_with_the_model(resumable, group, change, says):
    with forged(newest(resumable)) as file:
        array = change(file[group]["3.bias"][:])
        del file[group]["3.bias"]
        if array is not None:
            file[group]["3.bias"] = array
    line = refusal(CHECKPOINT, "verify", newest(resumable))
    assert f"{group}/3.bias: {says}" in line


@pytest.mark.parametrize("count", (2, 9, 11, 100000))
@pytest.mark.parametrize("words", (("verify",), ("eval",)))
def test_other_classes_than_outputs_are_refused(data, resumable, count, words):
    """Predictions are laid out by the outputs, and read by the classes."""
    with forged(newest(resumable)) as file:
        del file["classes"]
        file["classes"] = [b"class %d" % i for i in range(count)]
    line = refusal(CHECKPOINT, *words, newest(resumable))
    assert f"has 10 outputs, it names {count} classes" in line


def test_a_run_file_that_cannot_be_read_is_the_checkpoints_fault(recipe, resumable):
    with forged(newest(resumable)) as file:
        del file["run/run_file"]
        file["run/run_file"] = b"model: [relu"
    for words in (("verify",), ("eval",)):
        assert "run file kept in the checkpoint" in refusal(CHECKPOINT, *words, newest(resumable))
    assert "not valid YAML" in refuse_to_resume(recipe, resumable)


@pytest.mark.parametrize("words", (("verify",), ("eval",), ("inspect",)))
def test_a_negative_variance_is_refused(resumable, words):
    with forged(newest(resumable)) as file:
        file["model/4.running_var"][3] = -1e-9
    line = refusal(CHECKPOINT, *words, newest(resumable))
    assert "model/4.running_var[3]: is -1e-09, a variance of 0 or more" in line


@pytest.mark.parametrize("optimizer, slot", (("adam: {rate: 0.001}", "second_moment"),
                                             ("rmsprop: {rate: 0.001}", "square_mean"),
                                             ("adagrad: {rate: 0.01}", "square_sum")))
def test_a_negative_sum_of_squares_is_refused(scratch, recipe, optimizer, slot):
    """The optimizer divides by its root, and NaN would be blamed on the rate."""
    words = settings(f"optimizer={{{optimizer}}}")
    out = train(1, recipe, f"{scratch}/run", "--stop-after", 3, *words).out
    with forged(newest(out)) as file:
        file[f"optimizer/{slot}/1.bias"][3] = -1e-9
    line = refusal(CHECKPOINT, "verify", newest(out))
    assert f"optimizer/{slot}/1.bias[3]: is -1e-09, a sum of squares of 0 or more was expected" in line


def test_preprocessing_that_overflows_is_the_checkpoints_fault(resumable):
    with forged(newest(resumable)) as file:
        file["preprocessing/factor"][...] = 3e38
    assert "/preprocessing: makes NaN or Inf of the bytes of sample 0" in refusal(CHECKPOINT, "eval",
                                                                                  newest(resumable))


@pytest.mark.parametrize("words", (("verify",), ("eval",)))
def test_a_mean_that_the_run_file_asks_for_is_missed(resumable, words):
    with forged(newest(resumable)) as file:
        del file["preprocessing/mean"]
    assert "/preprocessing/mean: is missing, and the run file in it says preprocess.center" in refusal(
        CHECKPOINT, *words, newest(resumable))


@pytest.mark.parametrize("name, kind, words", (("model/1.weight", "f2", "holds float16, float32 was expected"),
                                               ("preprocessing/mean", "i4", "holds int32, floats were expected")))
def test_numbers_of_another_kind_are_refused(resumable, name, kind, words):
    with forged(newest(resumable)) as file:
        values = file[name][:]
        del file[name]
        file[name] = values.astype(kind)
    assert f"{name}: {words}" in refusal(CHECKPOINT, "eval", newest(resumable))


@pytest.mark.parametrize("words", (("eval",), ("predict", "-o", "found.csv")))
def test_weights_that_overflow_are_the_checkpoints_fault(scratch, resumable, words):
    with forged(newest(resumable)) as file:
        file["model/1.weight"][...] = 3e38
    line = refusal(CHECKPOINT, *words, newest(resumable), alone=False)
    assert "NaN or Inf in the output of layer 1 for sample 0 of split test" in line


@pytest.mark.parametrize("array", ("optimizer/momentum/1.weight", "model/1.weight"))
@pytest.mark.parametrize("words", (("inspect",), ("eval",)))
def test_an_array_that_declares_more_than_it_stores_is_refused(resumable, array, words):
    with forged(newest(resumable)) as file:
        del file[array]
        file.create_dataset(array, shape=(2**31,), dtype="f4", chunks=(1024,))
    line = refusal(CHECKPOINT, *words, newest(resumable))
    assert array in line and "bytes" in line


def test_a_size_that_does_not_fit_the_machine_is_refused(folder, recipe):
    line = refusal(RUN_FILE, "train", recipe, "--out", f"{folder}/none", "--quiet",
                   *settings("augment=[{resized_crop: {size: 65536}}]"))
    assert "takes 144.0 GiB, and this machine has" in line


def test_memory_that_cannot_be_had_is_no_bug(folder, recipe):
    """The program alone needs less than the limit, the model's parameters more."""
    gibibytes = 4
    words = command(1, "train", recipe, "--out", f"{folder}/large", "--quiet", *settings("model.1.linear.out=400000"))
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=300,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, [gibibytes << 30] * 2))
    assert done.returncode == SYSTEM, done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("trainer: out of memory: ") and "bug" not in line
