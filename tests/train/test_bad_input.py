"""Bad input: one clear line, the same exit code on one rank and on two, no hang, nothing left behind."""
import json
import os
import resource
import shutil
import subprocess

import pytest

from support.program import (CHECKPOINT, DATA, NUMERIC, RUN_FILE, SYSTEM, USAGE, refusal, result, run, settings,
                             start)
from support.refusals import Refusal, endings, refuses_to_train
from support.runs import MODEL, copy_data, forget_digests, read, synthesize, train, write, write_run_file

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

COUNT = 120  # images of split train

# Data sets with one thing wrong: name, the change, what the line says, the exit code.


def remove(name):
    return lambda file: file.__delitem__(name)


def put(name, make):
    def change(file):
        del file[name]
        file[name] = make()
    return change


def set_label(index, value):
    return lambda file: file["train/labels"].__setitem__(index, value)


def set_statistic(name, value):
    return lambda file: file["statistics"][name].__setitem__(1, value)


def empty_split(file):
    put("train/images", lambda: np.zeros((0, 32, 32, 3), "u1"))(file)
    put("train/labels", lambda: np.zeros(0, "i4"))(file)


def huge_split(file):
    del file["train/images"]
    file.create_dataset("train/images", (1 << 40, 32, 32, 3), "u1", chunks=(1, 32, 32, 3))


def as_floats(file, split):
    images = file[f"{split}/images"][()].astype("f4")
    put(f"{split}/images", lambda: images)(file)


def forget_all_digests(file):
    forget_digests(file["train"], file["validation"], file["test"])


def one_nan(file):
    forget_all_digests(file)
    as_floats(file, "train")
    file["train/images"][31] = np.nan


def one_huge_pixel(file):
    forget_all_digests(file)
    as_floats(file, "train")
    file["train/images"][31, 5, 6, 1] = 3e38


def all_nan(file):
    forget_all_digests(file)
    put("train/images", lambda: np.full((COUNT, 32, 32, 3), np.nan, "f4"))(file)


def nan_in_validation(file):
    forget_all_digests(file)
    put("validation/images", lambda: np.full((60, 32, 32, 3), np.nan, "f4"))(file)
    as_floats(file, "train")
    as_floats(file, "test")


WRONG_DATA = [
    ("no_labels", remove("train/labels"), ["/train/labels"]),
    ("float_labels", put("train/labels", lambda: np.full(COUNT, 0.5, "f4")), ["/train/labels"]),
    ("text_images", put("train/images", lambda: np.zeros((COUNT, 32, 32, 3), "S1")), ["/train/images"]),
    ("flat_images", put("train/images", lambda: np.zeros((COUNT, 3072), "u1")), ["/train/images"]),
    ("fewer_labels", put("train/labels", lambda: np.zeros(COUNT - 1, "i4")), ["/train/labels", "119"]),
    ("label_too_high", set_label(17, 10), ["/train/labels", "17", "10"]),
    ("label_negative", set_label(3, -1), ["/train/labels", "3", "-1"]),
    ("no_images", empty_split, ["/train"]),
    ("mean_of_no_pixels", set_statistic("channel_mean", 1e300), ["/statistics/channel_mean", "1e+300", "255"]),
    ("deviation_too_small", set_statistic("channel_std", 1e-30), ["/statistics/channel_std", "1e-30", "1e-10"]),
    ("huge", huge_split, ["/train/images"]),
]
POISONED_DATA = [
    ("nan", all_nan,
     ["step 1", "in the input: sample ", "of split train of", "nan.h5"]),
    ("nan_validation", nan_in_validation, ["validation", "layer", "sample"]),
]
NOT_HDF5 = ("empty", "text", "short")
BAD_CHECKPOINTS = ("c_empty", "c_text", "c_short", "c_flip")

RUN_FILES = [
    refuses_to_train("no run file", SYSTEM, ["no.yaml"], recipe="{folder}/no.yaml"),
    refuses_to_train("empty run file", RUN_FILE, ["empty.yaml"], recipe="{folder}/empty.yaml"),
    refuses_to_train("unknown key", RUN_FILE, ["train.bach", "did you mean", "batch"], "train.bach=3"),
    refuses_to_train("word for a number", RUN_FILE, ["optimizer.rate", "number"], "optimizer.rate=fast"),
    refuses_to_train("nan for a number", RUN_FILE, ["optimizer.rate"], "optimizer.rate=nan"),
    refuses_to_train("negative rate", RUN_FILE, ["optimizer.rate"], "optimizer.rate=-1"),
    refuses_to_train("unknown loss", RUN_FILE, ["loss"], "loss=cross_entrpy"),
    refuses_to_train("batch not divisible by shards", RUN_FILE, ["batch", "25", "2"], "train.batch=25"),
    refuses_to_train("shards that do not divide the batch", RUN_FILE,
                     ["trainer: --set train.shards=10: a batch of 24", "expected a divisor of train.batch"],
                     "train.shards=10"),
    refuses_to_train("batch that is no multiple of the shards", RUN_FILE,
                     ["trainer: --set train.batch=26: a batch of 26", "expected a multiple of train.shards"],
                     "train.shards=4", "train.batch=26"),
    refuses_to_train("no layers", RUN_FILE, ["zero layers"], "model=[]"),
    refuses_to_train("outputs that are not the classes", RUN_FILE, ["outputs", "10 classes"], "model.13.linear.out=7"),
    refuses_to_train("kernel larger than the image", RUN_FILE, ["kernel"], "model.0.conv.kernel=99"),
    refuses_to_train("model larger than the memory", RUN_FILE, ["model"], "model.0.conv.out=1000000000000"),
    refuses_to_train("more layers than a model can have", RUN_FILE, ["layer 10000 (relu)", "10000 layers"],
                     "model=[" + 10001 * "relu," + "]"),
    refuses_to_train("warm-up longer than the run", RUN_FILE, ["warmup"], "schedule.warmup=40 steps"),
]
DATA_SETS = [
    refuses_to_train("no data", DATA, ["none.h5"], "data.file={folder}/none.h5"),
    refuses_to_train("unknown split", DATA, ["tset", "test"], "data.validation=tset"),
    *(refuses_to_train(f"data {name}", DATA, [f"{name}.h5"], f"data.file={{folder}}/{name}.h5") for name in NOT_HDF5),
    *(refuses_to_train(f"data {name}", DATA, says, f"data.file={{folder}}/{name}.h5") for name, _, says in WRONG_DATA),
]
CHECKPOINTS = [
    Refusal("no checkpoint", CHECKPOINT, ("none.h5",), ("eval", "{folder}/none.h5")),
    *(Refusal(f"checkpoint {name}", CHECKPOINT, (f"{name}.h5",), ("eval", f"{{folder}}/{name}.h5"))
      for name in BAD_CHECKPOINTS),
    Refusal("data set as a checkpoint", CHECKPOINT, ("shapes.h5",), ("eval", "{folder}/shapes.h5")),
    Refusal("nan in what is evaluated", DATA, ("in the input: sample 0 of split validation of ", "nan_validation.h5"),
            ("eval", "{folder}/good/checkpoints/best.h5", "--data", "{folder}/nan_validation.h5", "--split",
             "validation")),
    # (arrays of another shape, missing, left over, with NaN: tests/checkpoint)
    Refusal("edited checkpoint", CHECKPOINT, ("c_edited.h5", "seal"), ("eval", "{folder}/c_edited.h5")),
]
RESUME = ("train", "{folder}/run.yaml", "--out", "{folder}/good", "--resume")
RESUMED = [
    Refusal("a run in the folder", USAGE, ("--resume",), ("train", "{folder}/run.yaml", "--out", "{folder}/good")),
    Refusal("another model", RUN_FILE, ("wide.yaml:", "model.9.linear.out: is 16, but the run that",
                                        "was started with 32"),
            ("train", "{folder}/wide.yaml", "--out", "{folder}/good", "--resume")),
    Refusal("an average that the run has not", RUN_FILE,
            ("--set average=ema: is ema, but", "was started with nothing"), (*RESUME, *settings("average=ema"))),
    Refusal("shorter than it is", RUN_FILE,
            ("--set train.length=2 steps: ends at step 2, but the run has done 4 steps", "step-000000004.h5"),
            (*RESUME, *settings("train.length=2 steps"))),
    Refusal("other data", CHECKPOINT, ("other data",),
            ("train", "{folder}/replaced.yaml", "--out", "{folder}/replaced", "--resume")),
]
NUMBERS = [
    refuses_to_train("rate too high", NUMERIC, ["step", "rank", "layer"], "optimizer.rate=1e6", "schedule.warmup=0",
                     "train.length=40 steps", writes=True),
    *(refuses_to_train(f"data {name}", NUMERIC, says, f"data.file={{folder}}/{name}.h5", writes=True)
      for name, _, says in POISONED_DATA),
]
COMMAND_LINES = [
    Refusal("folder inside a file", SYSTEM, ("--out: ", "/file is a file, expected a folder"),
            ("train", "{folder}/run.yaml", "--out", "{folder}/file/run")),
    Refusal("no --out", USAGE, ("--out",), ("train", "{folder}/run.yaml")),
    Refusal("unknown command", USAGE, ("unknown command", "train"), ("trian",)),
    Refusal("unknown flag", USAGE, ("--resume",), ("train", "{folder}/run.yaml", "--resmue")),
    Refusal("no operand", USAGE, ("train",), ("train",)),
]
TABLE = RUN_FILES + DATA_SETS + CHECKPOINTS + RESUMED + NUMBERS + COMMAND_LINES


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=COUNT, test=60, validation=60)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(folder, data, batch=24, shards=2, length="4 steps", every="2 steps")


@pytest.fixture(scope="module")
def good(folder, recipe):
    """A run that ended well."""
    return train(2, recipe, f"{folder}/good")


def files_of(out):
    """The contents of a run's run file and of its checkpoints, and their names."""
    names = sorted(os.listdir(f"{out}/checkpoints"))
    return [read(f"{out}/run.yaml")] + [(name, read(f"{out}/checkpoints/{name}", "rb")) for name in names]


def write_wrong_data(folder, data):
    for name, change, _ in WRONG_DATA + POISONED_DATA:
        with h5py.File(copy_data(f"{folder}/{name}.h5", data), "r+") as file:
            change(file)
    image = read(data, "rb")
    for name, content in zip(NOT_HDF5, (b"", b"not a data set\n" * 100, image[:20000])):
        with open(f"{folder}/{name}.h5", "wb") as file:
            file.write(content)


def write_bad_checkpoints(folder, good):
    image = read(good.checkpoint(), "rb")
    flipped = image[:5000] + bytes([image[5000] ^ 4]) + image[5001:]
    for name, content in zip(BAD_CHECKPOINTS, (b"", b"words\n" * 99, image[:len(image) // 2], flipped)):
        with open(f"{folder}/{name}.h5", "wb") as file:
            file.write(content)
    with h5py.File(copy_data(f"{folder}/c_edited.h5", good.checkpoint()), "r+") as file:
        file["model/0.weight"][0, 0, 0, 0] = 1


def replace_data_of_a_run(folder):
    """A run whose data set is another one now: the same path, other pixels."""
    sizes = dict(train=COUNT, test=60, validation=60, name="replaced.h5")
    recipe = write_run_file(folder, synthesize(folder, **sizes), name="replaced.yaml", batch=24, shards=2,
                            length="4 steps")
    train(1, recipe, f"{folder}/replaced")
    synthesize(folder, **sizes, seed=9)


@pytest.fixture(scope="module")
def before(good):
    return files_of(good.out)


@pytest.fixture(scope="module")
def ended(folder, data, good, before):
    """How each refusal of TABLE ended, on 1 and on 2 ranks."""
    write_wrong_data(folder, data)
    write_bad_checkpoints(folder, good)
    replace_data_of_a_run(folder)
    write_run_file(folder, data, name="wide.yaml", model=MODEL.replace("out: 32", "out: 16"), batch=24, shards=2,
                   length="4 steps")
    write(f"{folder}/empty.yaml", "")
    write(f"{folder}/file", "")
    return endings(TABLE, folder)


@pytest.mark.parametrize("ranks", (1, 2))
@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
class TestRefusal:
    def test_ends_with_its_exit_code(self, ended, case, ranks):
        assert ended[case.name, ranks].code == case.code, ended[case.name, ranks].stderr

    def test_says_one_line(self, ended, case, ranks):
        assert len(ended[case.name, ranks].lines) == 1, ended[case.name, ranks].stderr

    def test_says_what_is_wrong(self, ended, case, ranks):
        missing = [word for word in case.says if word not in ended[case.name, ranks].lines[0]]
        assert not missing, ended[case.name, ranks].lines[0]

    def test_leaves_nothing(self, ended, case, ranks):
        assert case.writes or not ended[case.name, ranks].wrote


def test_refusals_leave_an_earlier_run_as_it_was(ended, good, before):
    assert files_of(good.out) == before


def test_shards_that_the_ranks_do_not_divide(folder, recipe):
    line = refusal(RUN_FILE, "train", recipe, "--out", f"{folder}/shards",
                   *settings("train.shards=3", "train.batch=27"), ranks=2)
    assert "2 ranks" in line and "train.shards" in line


@pytest.fixture(scope="module")
def damaged(folder, good, ended):
    """A copy of the run whose newest checkpoint is damaged, resumed: (that checkpoint, stderr, report)."""
    out = f"{folder}/damaged"
    shutil.copytree(good.out, out, symlinks=True)
    newest = os.path.realpath(f"{out}/checkpoints/latest.h5")
    image = read(newest, "rb")
    with open(newest, "wb") as file:
        file.write(image[:9000])
    stdout, stderr = run(2, "train", f"{folder}/run.yaml", "--out", out, "--resume", "--json")
    return os.path.basename(newest), stderr, json.loads(stdout)


def test_a_damaged_checkpoint_is_skipped_by_name(damaged):
    name, stderr, _ = damaged
    assert "skipped" in stderr and name in stderr


def test_a_run_resumes_at_the_newest_good_checkpoint(damaged):
    assert "resuming at step 2" in damaged[1]


def test_a_run_with_a_damaged_checkpoint_gets_the_same_bits(damaged, good):
    assert damaged[2]["digest"] == good["digest"]


def test_the_report_of_a_resumed_run_has_no_empty_line(damaged):
    assert "\n\n" not in damaged[1]


def test_a_limit_on_the_size_of_files_is_met_before_training(scratch, recipe):
    out = f"{scratch}/out"
    done = start(1, "train", recipe, "--out", out,
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)))
    assert done.returncode == SYSTEM, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("trainer: ")]) == 1
    assert not os.path.exists(out)


@pytest.fixture
def full_disk(scratch):
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", scratch]
                                                   ).returncode == 0
    if not mounted:
        pytest.skip("a full disk: a small tmpfs cannot be mounted here")
    yield scratch
    subprocess.run(["umount", scratch], check=True)


@pytest.mark.parametrize("ranks", (1, 2))
def test_a_full_disk_is_met_before_training(full_disk, recipe, ranks):
    assert "space" in refusal(SYSTEM, "train", recipe, "--out", f"{full_disk}/run", ranks=ranks, alone=False)
    assert not os.path.exists(f"{full_disk}/run")


@pytest.mark.parametrize("length, every, keep, count", (
    ("1 epoch", "1 epoch", 3, 2),   # the start and the end are all that it writes
    ("1 epoch", "0", 3, 2),
    ("1 epoch", "1 epoch", 1, 2),
    ("1 epoch", "1 epoch", 0, 2),
    ("2 epochs", "1 epoch", 0, 3),
    ("2 epochs", "1 epoch", 3, 3),
    ("9 epochs", "1 epoch", 0, 10),
    ("9 epochs", "1 epoch", 3, 5),  # the newest three, an older best, and the one being written
    ("9 epochs", "2 epochs", 0, 7),  # the start, 2, 4, 6, 8, the end, and a best between them
    ("9 epochs", "0", 0, 3),
    ("9 epochs", "0", 1, 2),  # the best is the newest
    ("3 epochs", "2 epochs", 3, 4)))
def test_room_is_needed_for_the_checkpoints_that_the_run_can_write(full_disk, recipe, length, every, keep, count):
    line = refusal(SYSTEM, "train", recipe, "--out", f"{full_disk}/run", *settings(
        f"train.length={length}", f"checkpoint.every={every}", f"checkpoint.keep={keep}"), alone=False)
    assert f"the run's {count} checkpoints need" in line


@pytest.fixture(scope="module")
def one_nan_line(folder, data, recipe):
    path = copy_data(f"{folder}/one_nan.h5", data)
    with h5py.File(path, "r+") as file:
        one_nan(file)
    return run(1, "train", recipe, "--out", f"{folder}/one_nan", "--quiet",
               *settings(f"data.file={path}", "train.length=1 epoch"), code=NUMERIC)[1]


def test_the_one_image_with_nan_is_named(one_nan_line):
    assert "sample 31 of split train" in one_nan_line


def test_nan_in_an_image_is_not_blamed_on_the_rate(one_nan_line):
    assert "optimizer.rate" not in one_nan_line


def test_a_finite_value_that_overflows_is_blamed_and_not_the_rate(folder, data, recipe):
    path = copy_data(f"{folder}/huge_pixel.h5", data)
    with h5py.File(path, "r+") as file:
        one_huge_pixel(file)
    stderr = run(2, "train", recipe, "--out", f"{folder}/huge_pixel", "--quiet", code=NUMERIC,
                 *settings(f"data.file={path}", "preprocess.center=none", "preprocess.scale=none", "augment=",
                           "train.length=1 epoch"))[1]
    warning, line = [line for line in stderr.splitlines() if line.startswith("trainer: ")]
    assert "1 of 368640 values are beyond 1e15 (first in sample 31)" in warning
    assert f"sample 31 of split train of {path} holds 3e+38, once preprocessed" in line
    assert "optimizer.rate" not in line


def test_a_good_run_reports_its_digest(good):
    assert len(good["digest"]) == 32
