"""Text from files and command lines that would steer a terminal: titles, colours, and lines within names."""
import json
import os

import h5py
import pytest
from support.program import result, start
from support.runs import copy_data, synthesize, train, write_run_file

NASTY = "\x1b]0;owned\x07\x1b[31mRED\x1b[2J\nsecond line\u009b1m\u202e"
ALLOWED = {ord("\n")}

MODEL = """
  - flatten
  - linear: {out: 10}
"""


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=120, test=10, validation=10)


@pytest.fixture(scope="module")
def nasty(folder, data):
    """A data set whose names and digests hold escape sequences."""
    path = copy_data(f"{folder}/nasty.h5", data)
    with h5py.File(path, "r+") as file:
        names = [f"{NASTY}{i}".encode() for i in range(10)]
        names[7:] = b"caf\xe9", b"caf\xe8", b"del\x7f"  # as Latin-1 has them
        del file["classes"]
        file.create_dataset("classes", data=names)
        file.attrs["source"] = NASTY
    return path


@pytest.fixture(scope="module")
def checkpoint(folder, nasty):
    recipe = write_run_file(folder, nasty, model=MODEL, length="2 steps", every="0", warmup="0")
    return train(1, recipe, f"{folder}/run").checkpoint()


def assert_tame(*words):
    done = start(1, *words, errors="replace")
    for text in (done.stdout, done.stderr):
        assert not [c for c in text if (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or ord(c) == 0x202E)
                    and ord(c) not in ALLOWED], repr(text)
    return done


@pytest.mark.parametrize("words", (("dataset", "info"), ("dataset", "verify"), ("inspect",),
                                   ("dataset", "info", "--json"), ("dataset", "statistics")))
def test_names_of_a_data_set_are_shown_without_controls(nasty, words):
    done = assert_tame(*words, nasty)
    assert done.returncode == 0


def test_a_name_with_lines_stays_on_one_line(nasty, data):
    def lines(path):
        return len(assert_tame("dataset", "info", path).stdout.splitlines())
    assert lines(nasty) == lines(data)


@pytest.mark.parametrize("words", (("inspect",), ("inspect", "--json"), ("inspect", "--run-file"), ("eval",),
                                   ("eval", "--confusion")))
def test_a_checkpoint_is_shown_without_controls(nasty, checkpoint, words):
    more = ("--data", nasty, "--split", "test") if words[0] == "eval" else ()
    assert assert_tame(*words, checkpoint, *more).returncode == 0


def test_each_name_is_its_own_in_json(folder, nasty, checkpoint):
    names = {*(f"{NASTY}{i}" for i in range(7)), r"caf\xE9", r"caf\xE8", r"del\x7F"}
    out = f"{folder}/p\udce9.jsonl"  # a byte that is no UTF-8
    assert set(result(1, "dataset", "info", nasty, "--json")["classes"]) == names
    assert set(result(1, "inspect", checkpoint, "--json")["classes"]) == names
    assert set(result(1, "eval", checkpoint, "--json", "--data", nasty)["members"][0]["class_accuracy"]) == names
    assert result(1, "predict", checkpoint, "--data", nasty, "--split", "test", "-o", out, "--json")["file"] == \
        f"{folder}/p\\xE9.jsonl"
    with open(out, encoding="utf-8") as file:
        assert all(set(json.loads(line)["probabilities"]) == names for line in file)


@pytest.mark.parametrize("words", (("inspect",), ("train",), ("eval",), ("describe",), ("dataset", "verify")))
def test_a_message_names_a_file_without_controls_on_one_line(scratch, words):
    more = ("--out", "x") if words[0] == "train" else ()
    done = assert_tame(*words, os.path.join(scratch, "no\x1b[31m\nfile.h5"), *more)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "no?[31m?file" in done.stderr


@pytest.mark.parametrize("words", (("describe",), ("check",), ("gradcheck",), ("search", "--out", "s")))
def test_the_path_of_a_run_file_is_shown_without_controls(tmp_path, words):
    path = tmp_path / "\x1b[31m\nrun.yaml"
    path.write_text("model: [flattn]\n")
    line = assert_tame(*words, path).stderr
    assert line.startswith("trainer: ") and line.count("\n") == 1 and "?[31m?run.yaml:1: " in line
