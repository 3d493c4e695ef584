"""The log on stderr: its levels, its lines in debug, and what they tell about each rank."""
import re

import pytest

from support.program import USAGE, refusal, run, start
from support.runs import synthesize, write

LINE = re.compile(r"trainer: \[(\d+\.\d{3}) s, rank (\d), ([a-z_/]+\.c), (debug|info|warning)\] (.+)")
RECIPE = """data: {{file: {data}, train: train, validation: validation}}
model: [flatten, {{linear: {{out: 10}}}}]
loss: cross_entropy
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 60, shards: 2, length: 2 epochs}}
checkpoint: {{every: 1 epoch, keep: 1}}
"""


@pytest.fixture(scope="module")
def recipe(folder):
    return write(f"{folder}/run.yaml", RECIPE.format(data=synthesize(folder, train=120)))


def lines_of(stderr):
    """(seconds, rank, file, level, text) of each line of the log; every other line fails."""
    return [(float(found[1]), int(found[2]), *found.groups()[2:])
            for line in stderr.splitlines() for found in [LINE.fullmatch(line)]
            if found or pytest.fail(f"no line of the log: {line!r}")]


class TestDebug:
    @pytest.fixture(scope="class")
    def log(self, folder, recipe):
        return lines_of(run(2, "train", recipe, "--out", f"{folder}/debug", "--quiet", "--log", "debug")[1])

    @pytest.mark.parametrize("rank", (0, 1))
    @pytest.mark.parametrize("words", (
        r"rank \d of 2 is process \d+ on ", r"instruction set ", r"backend \w+ \(",
        r"split train, 120 samples, digest ",
        r"a plan for training: 2 operations", r"exchange \w+ of \d+ numbers", r"evaluation of split validation begins",
        r"evaluation of split validation ends", r"epoch 2 ends at step 4", r"stops at step 4 of 4"))
    def test_every_rank_tells(self, log, rank, words):
        assert any(line[1] == rank and re.match(words, re.sub(r"^\S+\.h5: ", "", line[4])) for line in log)

    @pytest.mark.parametrize("words", (r"\d+ bytes written in", r"removed, newer ones are kept"))
    def test_rank_0_tells_of_checkpoints(self, log, words):
        assert {line[1] for line in log if re.search(words, line[4])} == {0}

    @pytest.mark.parametrize("rank", (0, 1))
    def test_time_goes_forward(self, log, rank):
        times = [line[0] for line in log if line[1] == rank]
        assert times and times == sorted(times)


@pytest.mark.parametrize("level, found", (("error", False), ("warning", False), ("info", True)))
def test_levels(scratch, recipe, level, found):
    stderr = run(1, "train", recipe, "--out", f"{scratch}/run", "--quiet", "--log", level)[1]
    assert (" bytes written in " in stderr) == found
    assert "instruction set" not in stderr


class TestWarnings:
    """A resumed run that began with fewer threads."""

    @pytest.fixture
    def stderr_of(self, scratch, recipe):
        run(1, "train", recipe, "--out", f"{scratch}/run", "--quiet", "--stop-after", 1, "--backend", "openblas")

        def resume(*words):
            return run(1, "train", recipe, "--out", f"{scratch}/run", "--quiet", "--resume", "--stop-after", 2,
                       "--set", "train.threads=2", "--backend", "openblas", *words)[1]
        return resume

    @pytest.mark.parametrize("words", ((), ("--log", "warning")))
    def test_are_told(self, stderr_of, words):
        warnings = stderr_of(*words).splitlines()
        assert all(line.startswith("trainer: warning: ") for line in warnings)
        assert any("began with 1 threads a rank and goes on with 2" in line for line in warnings)

    def test_are_not_told_at_error(self, stderr_of):
        assert stderr_of("--log", "error") == ""


def test_a_run_without_a_fault_warns_of_nothing(scratch, recipe):
    assert run(1, "train", recipe, "--out", f"{scratch}/run", "--quiet")[1] == ""


@pytest.mark.parametrize("words", (("eval", "none.h5"), ("inspect", "none.h5"), ("dataset", "info", "none.h5")))
def test_the_error_stays_one_line_of_its_own(words):
    lines = start(1, *words, "--log", "debug").stderr.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == [lines[-1]]
    assert lines[-1].startswith("trainer: none.h5: ")


def test_unknown_level_is_refused():
    line = refusal(USAGE, "keys", "--log", "inf")
    assert "--log" in line and "\"inf\"" in line and "did you mean \"info\"?" in line


def test_every_command_has_the_flag():
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", run(1, "--help")[0], re.M)
    assert len(names) > 10
    for name in names:
        assert "--log LEVEL" in run(1, *name.split(), "--help")[0], name
