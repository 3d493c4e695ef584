"""Imports of tables: every line of the page's table, on a small file that it is made for."""
import pathlib
import re
import shlex

import h5py
import numpy as np
import pytest

from support import program

PAGE = pathlib.Path(program.SOURCE, "docs", "your-data.md").read_text()
PLAIN = "a,species,price\n" + "".join(f"{i},{'cat' if i % 2 else 'dog'},{i / 4}\n" for i in range(20))
LABEL = ["--label", "species"]


def table(*rows):
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


# What stands at the left of a line of the page: a file, what has to be typed besides the line's own words, and the
# inputs of its first row, or what else is to be found.
CASES = {
    "a column of classes, in words or numbers": (PLAIN, [], dict(classes=["cat", "dog"], labels=[1, 0])),
    "columns of numbers to predict": (PLAIN.replace("species", "kind"), [], dict(targets=[0, 0.25])),
    "a column of the rows' weights in training": (
        table(("a", "species", "importance"), (1, "x", 2), (2, "y", 0.5)), LABEL, dict(weights=[2, 0.5], row=[1])),
    "columns that are not inputs: ids, names, notes": (
        table(("id", "a", "species"), (7, 1, "x"), (8, 2, "y")), LABEL, dict(row=[1])),
    "a column of words": (
        table(("colour", "species"), ("red", "x"), ("green", "y")), LABEL, dict(row=[0, 1])),
    "numbers that are categories, such as postal codes": (
        table(("zip", "species"), (8001, "x"), (1000, "y")), LABEL, dict(row=[0, 1])),
    "`true` and `false`": (table(("a", "species"), ("true", "x"), ("false", "y")), LABEL, dict(row=[1])),
    "empty fields, `NA`, `NaN`, `null`": (
        table(("a", "species"), ("NA", "x"), (2, "y"), (4, "y"), (9, "x"), ("", "x"), ("null", "y")), LABEL,
        dict(row=[4])),
    "another sign for a missing value": (
        table(("a", "species"), ("?", "x"), (2, "y"), (4, "y")), [*LABEL, "--missing-rule", "a=drop"], dict(row=[2])),
    "the word `NA` as a value (Namibia)": (
        table(("country", "species"), ("NA", "x"), ("DE", "y")), LABEL, dict(row=[0, 1])),
    "tabs": ("a\tspecies\n1\tx\n2\ty\n", LABEL, dict(row=[1])),
    "semicolons, or runs of blanks": ("a;species\n1;x\n2;y\n", LABEL, dict(row=[1])),
    "a comma as the decimal": ("a;species\n1,5;x\n2;y\n", LABEL, dict(row=[1.5])),
    "dots or other signs between thousands": ("a;species\n1.234,5;x\n2;y\n", [*LABEL, "--decimal", ","],
                                              dict(row=[1234.5])),
    "lines of comments": ("# made by hand\na,species\n1,x\n2,y\n", LABEL, dict(row=[1])),
    "no line of names": ("3,x\n4,y\n", ["--label", "1"], dict(row=[3])),
    "a file for each split": (None, LABEL, dict(row=[3], splits={"train", "test"})),
    "one file": (PLAIN, LABEL, dict(splits={"train", "validation"})),
}


def lines():
    """(what stands at the left, the words to type) of the lines of the page's table."""
    rows = PAGE.split("\n## Tables")[1].split("\n## ")[0]
    return {left: (re.findall("`(-[^`]+)`", right) or [""])[0]
            for left, right in re.findall(r"^\| (.*) \| (.*) \|$", rows, re.M)[1:]}


def test_every_line_is_tried():
    assert set(lines()) == set(CASES)


@pytest.mark.parametrize("left", CASES)
def test_a_line_of_the_page(left, tmp_path):
    text, more, expected = CASES[left]
    words = shlex.split(lines()[left])
    if text is None:
        (tmp_path / "a.csv").write_text("a,species\n3,x\n4,y\n")
        (tmp_path / "b.csv").write_text("a,species\n5,y\n")
    else:
        name = "t.tsv" if left == "tabs" and not words[:1] == ["--separator"] else "t.csv"
        (tmp_path / name).write_text(text)
        words.append(name)
    done = program.start(1, "dataset", "import", "--format", "table", "-o", "own.h5", *words, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "own.h5") as file:
        check(file, **expected)


def check(file, row=None, classes=None, labels=None, targets=None, weights=None, splits=None):
    inputs = file["train/images"][()].reshape(len(file["train/images"]), -1)
    assert np.isfinite(inputs).all()
    if row is not None:
        assert inputs[0].tolist() == row
    if classes is not None:
        assert [name.decode() for name in file["classes"]] == classes
        assert file["train/labels"][:2].tolist() == labels
    if targets is not None:
        assert file["train/targets"][:2].ravel().tolist() == targets
    if weights is not None:
        assert file["train/weights"][()].tolist() == weights
    if splits is not None:
        assert splits <= set(file)


def test_a_separator_ends_each_row(tmp_path):
    """The head does not have it, and the columns stay what they are."""
    (tmp_path / "t.csv").write_text("a,b,species\n1,2,x,\n3,4,y,\n")
    done = program.start(1, "dataset", "import", "--format", "table", "-o", "own.h5", *LABEL, "t.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "own.h5") as file:
        check(file, row=[1, 2])


@pytest.mark.parametrize("head, words, says", (
    ("# made by hand\n#\n", ["--comment", "#"], None), ("# made by hand\n", [], "--comment '#' passes over"),
    ("sep=;\n", [], None)), ids=("comments", "unnamed", "Excel"))
def test_lines_before_the_head(head, words, says, tmp_path):
    """The file keeps how the table is written, for later ones."""
    text = head + "a,b,species\n1,2,x\n3,4,y\n" + ("#5,6,x\n" if words else "")
    (tmp_path / "t.csv").write_text(text.replace(",", ";") if "sep" in head else text)
    done = program.start(1, "dataset", "import", "--format", "table", "-o", "own.h5", *LABEL, *words, "t.csv",
                         cwd=tmp_path)
    assert (done.returncode == 0) == (says is None) and (says or "") in done.stderr
    if says is None:
        with h5py.File(tmp_path / "own.h5") as file:
            check(file, row=[1, 2])
            assert len(file["train/images"]) == 2
            assert file["encoding"].attrs["separator"] == (b";" if "sep" in head else b",")
            assert file["encoding"].attrs.get("comment", b"") == (b"#" if words else b"")


@pytest.mark.parametrize("encoding, name", (("utf-16", "UTF-16"), ("utf-16-le", "UTF-16LE"),
                                            ("utf-16-be", "UTF-16BE")))
def test_wide_text_is_named(encoding, name, tmp_path):
    (tmp_path / "t.csv").write_text(PLAIN, encoding=encoding)
    done = program.start(1, "dataset", "import", "--format", "table", "-o", "own.h5", *LABEL, "t.csv", cwd=tmp_path)
    assert done.returncode == program.DATA and f"which iconv -f {name} -t UTF-8 converts" in done.stderr
    (tmp_path / "run.yaml").write_text("loss: mse\n", encoding=encoding)
    done = program.start(1, "describe", "run.yaml", cwd=tmp_path)
    assert done.returncode == program.RUN_FILE
    assert done.stderr == f"trainer: run.yaml:1: is UTF-16, which iconv -f {name} -t UTF-8 converts\n"


def test_numbers_in_another_notation_are_noticed(tmp_path):
    (tmp_path / "t.csv").write_text('a,b,species\n"1,234.5",4-door,x\n"3,000",2-door,y\n')
    done = program.start(1, "dataset", "import", "--format", "table", "-o", "own.h5", *LABEL, "t.csv", cwd=tmp_path)
    assert done.returncode == 0 and "column 'a' holds texts such as '1,234.5'" in done.stderr
    assert "column 'b'" not in done.stderr


def test_numbers_that_are_written_as_codes_are_noticed(tmp_path):
    (tmp_path / "t.csv").write_text("zip,month,species\n10123,01,x\n03123,02,y\n")
    said = [program.start(1, "dataset", "import", "--format", "table", "-o", "own.h5", *LABEL, "t.csv", *words,
                          cwd=tmp_path).stderr for words in ((), ("--categories", "zip"))]
    assert "t.csv:3: column 'zip' is 03123, whose zeros at the beginning are lost" in said[0]
    assert "month" not in said[0] and not said[1]


def test_samples_of_a_table_are_called_rows(tmp_path):
    text = "a,b,species\n" + "".join(f"{i},{i * i % 7},{'xy'[i % 2]}\n" for i in range(12))
    (tmp_path / "t.csv").write_text(text)
    path = f"{tmp_path}/t.h5"
    said = program.run(1, "dataset", "import", "--format", "table", tmp_path / "t.csv", "-o", path, *LABEL)[0]
    for words in (("dataset", "info", path), ("dataset", "verify", path), ("dataset", "statistics", path)):
        said += program.run(1, *words)[0]
    same = f"{tmp_path}/same.h5"
    (tmp_path / "same.csv").write_text(re.sub(r",(\d+),", ",5,", text))
    program.run(1, "dataset", "import", "--format", "table", tmp_path / "same.csv", "-o", same, *LABEL)
    (tmp_path / "same.yaml").write_text(f"data: {{file: {same}, validation: none}}\nmodel: [{{linear: {{out: 2}}}}]\n"
                                        "optimizer: {sgd: {rate: 0.1}}\ntrain: {batch: 4, length: 1 steps}\n")
    warned = program.run(1, "train", tmp_path / "same.yaml", "--out", tmp_path / "run")[1]
    assert "1 of 2 features have the same value in all samples, first feature 1 (b)" in warned
    assert "rows          2 columns, 2 classes\n" in said and "train         12 rows, float32" in said
    assert f"{path}: good: train 12 rows\n" in said and "column mean   5.5 " in said
    assert " image" not in said and "channel " not in said and "pixel std" not in said
