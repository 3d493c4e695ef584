"""The command line's frame: help, mistakes, exit codes, stdout and stderr, MPI only where needed; and run files that
describe refuses as train does."""
import json
import os
import shutil
import subprocess

import pytest

from support.program import (CHECKPOINT, DATA, RUN_FILE, SYSTEM, TRAINER, USAGE, environment, refusal, run,
                             start)
from support.runs import read, synthesize, write, write_sample

MOST_COLUMNS = 80


def good(*words, **more):
    """What a command prints that succeeds and says nothing on stderr."""
    stdout, stderr = run(1, *words, **more)
    assert stderr == ""
    return stdout


def good_json(*words):
    return json.loads(good(*words, "--json"))


def refused(code, *words, **more):
    """The one line that a command says when it ends with `code`; it prints nothing on stdout."""
    done = start(1, *words, **more)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("trainer: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def sample(folder):
    return write_sample(folder)


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=40, test=10, validation=0, name="data.h5")


class TestHelp:
    @pytest.fixture(scope="class")
    def names(self):
        listing = good("--help").split("Commands:\n")[1].split("\n\n")[0]
        return [line[2:24].strip() for line in listing.splitlines() if line[2] != " "]

    @pytest.fixture(scope="class")
    def helps(self, names):
        """The help of each command."""
        return {name: good(*name.split(), "--help") for name in names}

    @pytest.mark.parametrize("name", ("train", "eval", "predict", "ensemble", "inspect", "describe", "gradcheck",
                                      "dataset import", "dataset synthesize", "dataset info", "dataset verify",
                                      "dataset preview"))
    def test_lists_the_command(self, names, name):
        assert name in names

    def test_of_a_command_is_the_same_from_help(self, helps):
        assert {name: good("help", *name.split()) for name in helps} == helps

    def test_of_a_command_is_the_same_among_mistakes(self, helps):
        assert {name: good(*name.split(), "x", "-h", "--zzz") for name in helps} == helps

    def test_of_a_command_begins_with_its_usage(self, helps):
        assert [name for name, text in helps.items() if not text.startswith(f"Usage: trainer {name}")] == []

    def test_of_a_command_has_an_example(self, helps):
        without = [name for name, text in helps.items() if "Example" not in text or not (
            f"  trainer {name}" in text or f" trainer {name} " in text.split("Example")[-1])]
        assert without == []

    def test_fits_the_screen(self, helps):
        lines = [line for text in helps.values() for line in text.splitlines()]
        assert [line for line in lines if len(line) > MOST_COLUMNS] == []

    def test_has_no_spaces_at_the_end_of_a_line(self, helps):
        assert [line for text in helps.values() for line in text.splitlines() if line != line.rstrip()] == []

    @pytest.mark.parametrize("words", (["help"], ["-h"]))
    def test_of_the_program_is_the_same_in_every_way(self, words):
        assert good(*words) == good("--help")

    def test_of_dataset_lists_its_commands(self):
        assert "dataset import" in good("dataset", "--help")

    def test_of_dataset_is_the_same_from_help(self):
        assert good("help", "dataset") == good("dataset", "--help")

    @pytest.mark.parametrize("words", ("trainer 0.", "compiler: ", "OpenBLAS", "HDF5: 1.", "MPI: ", "baseline"))
    def test_of_the_version_says_what_the_program_is_made_of(self, words):
        assert words in good("--version")


@pytest.mark.parametrize("words, line", (
    ("a command is missing", []),
    ('unknown command "trian"; did you mean "train"?', ["trian", "x.yaml"]),
    ('did you mean "dataset import"?', ["dataset", "imprt", "x"]),
    ('did you mean "inspect"?', ["help", "inspct"]),
    ("trainer dataset --help", ["dataset"]),
    ("unknown flag --json", ["--json", "inspect", "x"]),
    ('unknown command "xyzzyx" (', ["xyzzyx"]),
    ("FILE is missing (usage: trainer inspect FILE", ["inspect"]),
    ('unexpected operand "b"', ["inspect", "a", "b"]),
    ("unknown flag --jsn; did you mean --json?", ["inspect", "a", "--jsn"]),
    ("--json takes no argument", ["inspect", "a", "--json=yes"]),
    ("--out needs its argument", ["dataset", "preview", "a", "--out"]),
    ("--out is given twice", ["dataset", "preview", "a", "--out", "x", "-oy"]),
))
def test_a_mistake_on_the_command_line_is_refused(words, line):
    assert words in refused(USAGE, *line)


class TestInspect:
    def test_refuses_a_file_that_is_not_there(self, scratch):
        assert "No such file" in refused(CHECKPOINT, "inspect", f"{scratch}/missing.h5")

    def test_refuses_a_folder(self, scratch):
        assert "is a folder" in refused(CHECKPOINT, "inspect", scratch)

    def test_refuses_a_file_of_another_format(self, scratch):
        text = write(f"{scratch}/text", "not HDF5 at all\n")
        assert "is not an HDF5 file" in refused(CHECKPOINT, "inspect", text)

    @pytest.mark.parametrize("words", ("step            0 (epoch 3, step 7 of it)", "avx2", "0.weight", "(4,2,3,3)",
                                       "\noptimizer/momentum/  shape ", "5 x 5 x 2", "ant, bee",
                                       "269 parameters, 8 running"))
    def test_says_what_a_checkpoint_holds(self, sample, words):
        assert words in good("inspect", sample)

    def test_lists_layers_in_the_order_of_their_numbers(self, folder, data):
        path = f"{folder}/deep.yaml"
        with open(path, "w") as file:
            file.write(f"data: {{file: {data}, validation: none}}\n"
                       f"model: [flatten{', {linear: {out: 3}}' * 10}, {{linear: {{out: 10}}}}]\n"
                       "optimizer: {momentum: {rate: 0.01}}\ntrain: {batch: 8, length: 1 steps}\n"
                       "initialise: {weights: {normal: {std: 0.01}}}\n")
        good("train", path, "--out", f"{folder}/deep", "--quiet")
        names = [array["name"] for array in good_json("inspect", f"{folder}/deep/checkpoints/best.h5")["arrays"]]
        kinds = [f"{layer}.{kind}" for layer in range(1, 12) for kind in ("bias", "weight")]
        assert names[:22] == [f"model/{kind}" for kind in kinds]
        assert names[22:] == [f"optimizer/momentum/{kind}" for kind in kinds]

    def test_prints_the_run_file(self, sample):
        assert good("inspect", sample, "--run-file") == "train:\n  batch: 64\n"

    def test_takes_flags_before_and_after_the_operand(self, sample):
        assert good("inspect", sample, "--json") == good("inspect", "--json", "--", sample)

    @pytest.fixture(scope="class")
    def found(self, sample):
        return good_json("inspect", sample)

    def test_says_in_json_what_the_file_is(self, found):
        assert found["kind"] == "checkpoint"

    def test_counts_the_parameters_in_json(self, found):
        assert found["parameters"] == 269

    def test_prints_every_digit_in_json(self, found):
        assert found["progress"]["best_metric"] == 0.1 + 0.2

    def test_prints_the_figures_of_an_array_in_json(self, found):
        array = next(array for array in found["arrays"] if array["name"] == "model/0.bias")
        assert array == {"name": "model/0.bias", "shape": [4], "count": 4, "mean": 8 + 2.5 / 64,
                         "std": 1.25 ** 0.5 / 64, "min": 8 + 1 / 64, "max": 8 + 4 / 64}


class TestStandardOutput:
    @pytest.fixture(params=("inspect", "--help"))
    def words(self, request, sample):
        return ["inspect", sample] if request.param == "inspect" else ["--help"]

    @pytest.fixture
    def full(self):
        with open("/dev/full", "w") as device:
            yield device

    def test_that_is_full_is_an_error(self, words, full):
        done = start(1, *words, capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == SYSTEM
        assert "standard output" in done.stderr

    def test_that_is_closed_is_an_error(self, words):
        line = " ".join(f'"{word}"' for word in [TRAINER, *words])
        assert subprocess.run(["/bin/sh", "-c", f"{line} >&- 2>/dev/null"]).returncode == SYSTEM


@pytest.mark.skipif(not shutil.which("mpirun"), reason="there is no mpirun")
class TestUnderMpirun:
    """With an MPI that cannot start, so that a command that starts it fails; rank 0 alone prints."""
    BROKEN = environment(OMPI_MCA_pml="none_of_that_name")

    @pytest.mark.parametrize("words", (["--help"], ["--version"], ["train", "--help"], ["help", "dataset"],
                                       ["inspect", "SAMPLE"]), ids=" ".join)
    def test_a_command_that_needs_no_mpi_prints_once(self, sample, words):
        words = [sample if word == "SAMPLE" else word for word in words]
        assert run(2, *words, env=self.BROKEN)[0] == good(*words)

    @pytest.mark.parametrize("ranks, code, said, words", (
        (2, USAGE, "did you mean", ["trian"]),
        (3, USAGE, "unknown flag --zzz", ["train", "x.yaml", "--zzz"]),
        (2, CHECKPOINT, "No such file", ["inspect", "/nowhere/x.h5"]),
    ))
    def test_a_refusal_that_needs_no_mpi_is_said_once(self, ranks, code, said, words):
        assert said in refusal(code, *words, ranks=ranks, env=self.BROKEN)

    def test_train_starts_mpi(self):
        assert start(2, "train", "/nowhere/x.yaml", "--out", "/nowhere/y", env=self.BROKEN).returncode != 0

    def test_a_refusal_with_mpi_is_said_once(self):
        assert "/nowhere/x.yaml" in refusal(SYSTEM, "train", "/nowhere/x.yaml", "--out", "y", ranks=2)


class TestDataSet:
    def test_is_inspected_as_info_shows_it(self, data):
        assert good("inspect", data) == good("dataset", "info", data)

    def test_is_inspected_in_json_as_info_shows_it(self, data):
        assert good_json("inspect", data) == {"kind": "data set", **good_json("dataset", "info", data)}

    def test_has_no_run_file(self, data):
        assert "has no run file" in refused(USAGE, "inspect", data, "--run-file")

    def test_that_is_drawn_lacks_nothing(self, data):
        assert "missing" not in good("dataset", "verify", data)

    def test_that_is_drawn_is_good(self, data):
        found = good_json("dataset", "verify", data)
        assert (found["good"], found["missing_statistics"]) == (True, [])

    def test_is_verified_with_its_counts(self, data):
        assert good_json("dataset", "verify", data)["splits"]["train"]["count"] == 40

    def test_is_reported_in_json_when_it_is_drawn(self, scratch):
        found = run(1, "dataset", "synthesize", "-o", f"{scratch}/d.h5", "--train", 40, "--test", 10, "--json")[0]
        assert json.loads(found) == good_json("dataset", "info", f"{scratch}/d.h5")

    def test_is_reported_in_json_when_it_is_imported(self, scratch, rng):
        """CIFAR-10's binary form, made here."""
        source, out = f"{scratch}/cifar-10-batches-bin", f"{scratch}/cifar10.h5"
        os.mkdir(source)
        for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
            with open(f"{source}/{name}.bin", "wb") as file:
                file.write(b"".join(bytes([label]) + rng.randbytes(3072) for label in range(10)))
        found = json.loads(run(1, "dataset", "import", "--format", "cifar10", source, "-o", out, "--json")[0])
        assert found == {"skipped": 0, **good_json("dataset", "info", out)}


@pytest.fixture
def write_run_file(folder, data):
    """A function that writes folder/run.yaml; line 3 is data.train, 5 is model, 8 is train.batch, 10 is `extra`."""
    def written(train="train", validation="test", outputs=10, batch=20, length="2 steps", layers=None, extra=""):
        return write(f"{folder}/run.yaml", f"""data:
  file: {data}
  train: {train}
  validation: {validation}
model: {layers or f'[flatten, linear: {{out: {outputs}}}]'}
optimizer: {{sgd: {{rate: 0.01}}}}
train:
  batch: {batch}
  length: {length}
{extra}""")
    return written


# What the line says, and how the run file is written.
REFUSED_BY_ALL = [  # also by gradcheck, which reads no data
    ("run.yaml:10: initialise.residual: zero is for residual blocks, and the model has none",
     dict(extra="initialise: {residual: zero}\n")),
    ("run.yaml:11: parameters.0.weights.name: '2.*' matches none",
     dict(extra="parameters:\n  - weights: {name: '2.*', rate: 3}\n")),
    ("run.yaml:10: parameters.0.weights: sets nothing", dict(extra="parameters: [weights: {}]\n")),
]
REFUSED = [
    ("run.yaml:5: model: the model has 11 outputs", dict(outputs=11)),
    ("run.yaml:8: train.batch: a batch of 41 is more than the 40 samples of split train", dict(batch=41)),
    ("run.yaml:10: loss.cross_entropy.label_smoothing: expected a number from 0 and below 1, found '1'",
     dict(extra="loss: {cross_entropy: {label_smoothing: 1}}\n")),
    ("run.yaml:9: train.length: ", dict(length="10 epohcs")),
    ("run.yaml:10: lookahead.every: the slow weights would follow at step 3 first, and the run has 2",
     dict(extra="lookahead: {every: 3}\n")),
]
COMMANDS = {"describe": ["describe"], "train": ["train", "--out", "/nowhere/out"]}


@pytest.mark.parametrize("command", COMMANDS)
class TestRunFile:
    """What describe refuses, with a data set at hand, is what train refuses; each with the line."""

    @pytest.mark.parametrize("words, options", REFUSED + REFUSED_BY_ALL)
    def test_that_cannot_be_is_refused(self, write_run_file, command, words, options):
        assert words in refused(RUN_FILE, *COMMANDS[command], write_run_file(**options))

    def test_with_an_unknown_split_is_refused(self, write_run_file, data, command):
        line = refused(DATA, *COMMANDS[command], write_run_file(train="trian"))
        assert (f"run.yaml:3: data.train: {data} has no split 'trian'; it has test, train; "
                "did you mean 'train'?") in line

    def test_with_an_unknown_split_for_validation_is_refused(self, write_run_file, command):
        assert "run.yaml:4: data.validation: " in refused(DATA, *COMMANDS[command], write_run_file(validation="tset"))


@pytest.mark.parametrize("words, options", REFUSED_BY_ALL)
def test_gradcheck_refuses_what_cannot_be(write_run_file, words, options):
    assert words in refused(RUN_FILE, "gradcheck", write_run_file(**options), "--input", "8x8x1")


def test_describe_refuses_what_cannot_be_without_a_data_set(write_run_file):
    words, options = REFUSED_BY_ALL[0]
    assert words in refused(RUN_FILE, "describe", write_run_file(**options), "--input", "8x8x1")


class TestDescribe:
    def test_takes_a_good_run_file(self, write_run_file):
        good("describe", write_run_file())

    @pytest.mark.parametrize("keys", (["lookahead", "augment", "mix", "early_stopping", "schedule", "loss"],
                                      ["lookahead.every"]), ids=" ".join)
    def test_takes_keys_that_are_set_to_nothing(self, write_run_file, keys):
        path = write_run_file(extra="lookahead: {every: 3}\n")
        good("describe", path, *[word for key in keys for word in ("--set", f"{key}=")])

    def test_refuses_nothing_for_a_key_that_has_no_default(self, write_run_file):
        assert ("--set train=: 'train' has no default, since its key 'batch' has none"
                in refused(RUN_FILE, "describe", write_run_file(), "--set", "train="))

    def test_refuses_a_data_set_as_a_run_file(self, data):
        assert "not a run file (it is an HDF5 file)" in refused(RUN_FILE, "describe", data)

    def test_refuses_a_model_that_the_memory_does_not_hold(self, write_run_file):
        """One image takes a tenth of the memory, the batch twice all of it."""
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        side = int((memory / 40) ** 0.5)
        path = write_run_file(layers="[tanh, sigmoid, global_avgpool, flatten, linear: {out: 10}]")
        line = refused(RUN_FILE, "describe", path, "--input", f"{side}x{side}x1")
        assert "run.yaml:5: model: a shard of 20 samples needs" in line

    def test_refuses_an_unknown_backend(self, write_run_file):
        assert "did you mean 'openblas'?" in refused(RUN_FILE, "describe", write_run_file(), "--backend", "opnblas")

    @pytest.fixture
    def table(self, write_run_file):
        """The lines of a table with a long name."""
        path = write_run_file(layers="[residual: {body: [residual: {body: [residual: {body: [batchnorm]}]}]}, "
                              "fractional_maxpool: {ratio: 2}, flatten, linear: {out: 10}]")
        return good("describe", path).split("\n\n")[0].split("\n")

    def test_has_a_row_for_each_layer(self, table):
        assert len(table) == 9

    def test_shows_the_whole_of_a_long_name(self, table):
        assert table[2].startswith("0.body.0.body.0.body.0  batchnorm ")

    def test_keeps_its_columns_with_a_long_name(self, table):
        assert len({len(line) for line in table[:1] + table[2:]}) == 1

    def test_counts_few_operations_in_words(self, write_run_file):
        path = write_run_file(layers="[relu, linear: {out: 2}]")
        assert " FLOP forward, about " in good("describe", path, "--input", "1x1x10")


class TestShortTraining:
    @pytest.fixture(scope="class")
    def out(self, folder, data):
        path = write(f"{folder}/short.yaml", f"data: {{file: {data}, validation: test}}\n"
                     "model: [flatten, linear: {out: 10}]\noptimizer: {sgd: {rate: 0.01}}\n"
                     "train: {batch: 20, length: 2 steps}\n")
        run(1, "train", path, "-o", f"{folder}/out", "--quiet", "--json", "--backend", "openblas", "--threads", 2,
            "--set", "train.backend=auto")
        return f"{folder}/out"

    @pytest.fixture(scope="class")
    def checkpoint(self, out):
        return f"{out}/checkpoints/latest.h5"

    @pytest.mark.parametrize("words", ("backend: openblas", "threads: 2"))
    def test_saves_the_flags_of_the_command_line(self, out, words):
        assert words in read(f"{out}/run.yaml")

    @pytest.fixture(scope="class")
    def predicted(self, folder, checkpoint):
        return good_json("predict", checkpoint, "-o", f"{folder}/predictions.csv")

    def test_is_predicted_with_into_the_file_that_is_named(self, folder, predicted):
        assert predicted["file"] == f"{folder}/predictions.csv"

    def test_is_predicted_with_for_all_samples(self, predicted):
        assert predicted["samples"] == 10

    @pytest.mark.parametrize("figure, in_eval", (("loss", "loss"), ("accuracy", "top1")))
    def test_is_predicted_with_the_figures_of_eval(self, checkpoint, predicted, figure, in_eval):
        assert predicted[figure] == good_json("eval", checkpoint)["members"][0][in_eval]

    @pytest.mark.parametrize("command", (["inspect"], ["dataset", "info"]), ids=" ".join)
    def test_predicts_files_that_are_no_data_sets(self, scratch, checkpoint, command):
        path = f"{scratch}/predictions.h5"
        good("predict", checkpoint, "-o", path)
        assert "predictions.h5: holds predictions; expected a data set" in refused(DATA, *command, path)


class TestOutputThatIsAnInput:
    """It is refused before anything is written, also if it is named by a link."""

    @staticmethod
    def stays(path, input_path, flag, *words):
        """The command names `path` as its output, which is the input, and leaves it alone."""
        before, names = read(input_path, "rb"), sorted(os.listdir(os.path.dirname(input_path)))
        assert f"{flag} {path}: would overwrite the input " in refused(USAGE, *words, flag, path)
        assert read(input_path, "rb") == before
        assert sorted(os.listdir(os.path.dirname(input_path))) == names

    @staticmethod
    def linked(link, path):
        link(path, path + ".png")
        return path + ".png"

    @pytest.fixture
    def own(self, scratch, data):
        return shutil.copy(data, f"{scratch}/own.h5")

    @pytest.fixture
    def run_file(self, scratch, own):
        return write(f"{scratch}/run.yaml", f"data: {{file: {own}, validation: test}}\n"
                     "model: [flatten, linear: {out: 10}]\noptimizer: {sgd: {rate: 0.01}}\n"
                     "train: {batch: 20, length: 1 step}\n")

    @pytest.fixture(params=([], ["--split"]), ids=("source", "split"))
    def import_words(self, request, scratch):
        path = write(f"{scratch}/mine.csv", "a,species\n1,x\n2,y\n")
        source = ["--split", f"train={path}"] if request.param else [path]
        return path, ["dataset", "import", "--format", "table", *source, "--target", "species"]

    def test_of_import(self, import_words):
        path, words = import_words
        self.stays(path, path, "--out", *words)

    @pytest.mark.parametrize("link", (os.symlink, os.link))
    def test_of_import_by_a_link(self, import_words, link):
        path, words = import_words
        self.stays(self.linked(link, path), path, "--out", *words)

    @pytest.mark.parametrize("ranks", (1, 2))
    @pytest.mark.parametrize("which", ("checkpoint", "data"))
    def test_of_predict(self, scratch, own, run_file, which, ranks):
        run(1, "train", run_file, "-o", f"{scratch}/out", "--quiet")
        checkpoint = f"{scratch}/out/checkpoints/latest.h5"
        out = {"checkpoint": os.path.realpath(checkpoint), "data": own}[which]
        before = read(out, "rb")
        line = refusal(USAGE, "predict", checkpoint, "--data", own, "--out", out, ranks=ranks)
        assert f"--out {out}: would overwrite the input " in line
        assert read(out, "rb") == before

    @pytest.mark.parametrize("link", (os.symlink, os.link))
    def test_of_statistics(self, own, link):
        self.stays(self.linked(link, own), own, "--draw", "dataset", "statistics", own)

    @pytest.mark.parametrize("link", (os.symlink, os.link))
    def test_of_preview(self, own, link):
        self.stays(self.linked(link, own), own, "--out", "dataset", "preview", own)

    @pytest.mark.parametrize("which", ("run", "data"))
    def test_of_preview_with_augmentation(self, own, run_file, which):
        path = {"run": run_file, "data": own}[which]
        self.stays(self.linked(os.symlink, path), path, "--out", "dataset", "preview", "--augment", run_file)


class TestKeys:
    @pytest.fixture(scope="class")
    def keys(self):
        return {key["name"]: key for key in good_json("keys")["keys"]}

    def test_say_which_are_required(self, keys):
        assert {name for name, key in keys.items() if key["required"]} == {"model", "optimizer", "train"}

    def test_say_which_are_required_in_a_section(self, keys):
        assert {key["name"] for key in keys["train"]["keys"] if key["required"]} == {"batch", "length"}

    def test_say_which_may_be_absent(self, keys):
        norm = keys["clip"]["keys"][0]
        assert not norm["required"] and "default" not in norm
