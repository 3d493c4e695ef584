"""`trainer report`: a page about runs that needs nothing but itself, also of a run without its data, and without
gnuplot."""
import html.parser
import os
import re
import shutil

import pytest

from support.program import CHECKPOINT, DATA, SYSTEM, USAGE, environment, refusal, run
from support.runs import read, synthesize, train, write, write_run_file


class Page(html.parser.HTMLParser):
    """The tables, headings and pictures of a page; whatever it would load from elsewhere."""

    def __init__(self, path):
        super().__init__()
        self.rows, self.titles, self.pictures, self.outside = [], [], [], []
        self.text = None
        self.feed(read(path))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for key in ("src", "href"):
            if key in attributes and not attributes[key].startswith("data:"):
                self.outside.append(attributes[key])
        if tag == "img":
            self.pictures.append(attributes["alt"])
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        self.text = tag

    def handle_data(self, data):
        if self.text in ("th", "td") and self.rows:
            self.rows[-1][-1] += data.strip()
        if self.text in ("h2", "h3"):
            self.titles.append(data.strip())
        self.text = None


@pytest.fixture(scope="module")
def runs(folder):
    data = synthesize(folder, train=200, test=60, validation=50)
    recipe = write_run_file(folder, data)
    for name, seed in (("a", 1), ("b", 2)):
        train(1, recipe, f"{folder}/{name}", "--set", f"train.seed={seed}", "--set", "monitor.every=5")
    return folder


def report(*words, ranks=1):
    """The path of the page."""
    return run(ranks, "report", *words)[0].strip()


def test_a_run(runs):
    path = report(f"{runs}/a")
    assert path == f"{runs}/a/report/index.html"
    page = Page(path)
    assert not page.outside
    assert page.titles[:3] == ["Overview", "Curves", "Inside the network"] and "Worst mistakes" in page.titles
    heads, row = page.rows[0], page.rows[1]
    lines = [line for line in read(f"{runs}/a/metrics.jsonl").splitlines() if '"epoch"' in line]
    best = max(float(re.search('"validation_accuracy":([0-9.e-]+)', line)[1]) for line in lines
               if "validation_accuracy" in line)
    assert row[heads.index("best validation accuracy")] == f"{100 * best:.2f} %"
    for words in ("Reliability", "Norm of the update", "Deviation of each layer", "as histograms"):
        assert any(words in name for name in page.pictures)
    assert os.path.exists(f"{runs}/a/report/loss.svg") and os.path.exists(f"{runs}/a/report/mistakes-1-1.png")
    matrix = [row for row in page.rows if len(row) == 11 and row[1].isdigit()]
    assert sum(int(count) for row in matrix for count in row[1:]) == 60
    environment = dict(row for row in page.rows if len(row) == 2)
    assert environment["command line"].startswith("trainer train ") and environment["ranks"] == "1"
    assert "HDF5" in environment["libraries"] and environment["started"].endswith("Z at step 0")
    evaluated = run(1, "eval", f"{runs}/a", "--split", "test")[0]
    for figure in "accuracy", "ROC-AUC", "PR-AUC", "log loss":
        assert next(row[1] for row in page.rows if row[0] == figure) in evaluated
    assert report(f"{runs}/a") == path  # an older report is replaced


@pytest.mark.parametrize("dead", [0, 1])
def test_curves_that_are_all_0_are_a_sentence(runs, scratch, dead):
    shutil.copytree(f"{runs}/a", f"{scratch}/a")
    write(f"{scratch}/a/monitor.jsonl", re.sub(r'"dead":\d+', f'"dead":{dead}', read(f"{runs}/a/monitor.jsonl")))
    path = report(f"{scratch}/a", "--curves-only")
    assert any("Units that fire" in name for name in Page(path).pictures) == bool(dead)
    assert ("No unit is dead" in read(path)) == (not dead)


def test_several_runs_on_two_ranks(runs):
    path = report(f"{runs}/a", f"{runs}/b", "--out", f"{runs}/pages/both", ranks=2)
    page = Page(path)
    assert [row[0] for row in page.rows[:3]] == ["run", "a", "b"]
    assert "The model of a" in page.titles and "The model of b" in page.titles
    assert "-  seed: 1\n+  seed: 2" in read(path)
    evaluated = run(1, "eval", f"{runs}/a", f"{runs}/b")[0]
    assert_shows_the_ensemble(page, ["a", "b"], evaluated)
    accuracies = [row[1] for row in page.rows if row[0] == "accuracy"]
    assert accuracies == [" ".join(line.split()[1:3]) for line in evaluated.splitlines() if "%" in line][:3]
    matrices = [row for row in page.rows if len(row) == 11 and row[1].isdigit()]
    assert sum(int(count) for row in matrices for count in row[1:]) == 3 * 60


def test_a_page_about_the_training_split_says_so(runs):
    said = "trained on this split: its figures"
    assert said in read(report(f"{runs}/a", "--split", "train", "--out", f"{runs}/pages/learnt"))
    assert said not in read(report(f"{runs}/a", "--out", f"{runs}/pages/new"))


def test_each_model_runs_over_the_split_once(runs):
    said = run(1, "report", f"{runs}/a", f"{runs}/b", "--out", f"{runs}/once", "--log", "debug")[1]
    assert said.count("evaluation of split test begins") == 1 and "60 samples, 2 models" in said


def assert_shows_the_ensemble(page, names, evaluated):
    """A table of the members and their ensemble, with the figures that eval prints, and what it is right about."""
    first = next(i for i, row in enumerate(page.rows) if row[:2] == ["model", "weight"])
    rows = page.rows[first + 1:first + 2 + len(names)]
    assert [row[0] for row in rows] == [*names, "the ensemble"]
    lines = [line.split() for line in evaluated.splitlines() if "%" in line][:len(rows)]
    assert [(row[3], row[2]) for row in rows] == [(line[0], " ".join(line[1:3])) for line in lines]
    matrix = [row for row in page.rows[first:] if len(row) == 11 and row[1].isdigit()]
    assert sum(int(count) for row in matrix for count in row[1:]) == 60


def test_an_ensemble(runs):
    file = f"{runs}/weighed.h5"
    run(1, "ensemble", f"{runs}/a", f"{runs}/b", "--weights", "3,1", "--save", file)
    path = report(file)
    assert path == f"{runs}/weighed-report/index.html"
    page = Page(path)
    assert page.titles == ["The ensemble", "Confusion"] and any("Reliability" in name for name in page.pictures)
    assert_shows_the_ensemble(page, [f"{file}:/members/{i}" for i in range(2)], run(1, "eval", file)[0])
    assert "expected one ensemble, or runs" in refusal(USAGE, "report", f"{runs}/a", file)
    assert "has no curves" in refusal(USAGE, "report", file, "--curves-only")


TARGETS = "loss: mse\nmodel: [flatten, {linear: {out: 3}}]\noptimizer: {adam: {rate: 0.001}}\n"


def test_values_beside_classes(runs):
    """Each target has its figures and its plot; what makes no ensemble is evaluated one by one."""
    synthesize(runs, train=100, test=30, validation=20, name="values.h5", more=["--targets"])
    recipe = write(f"{runs}/values.yaml", f"data: {{file: {runs}/values.h5}}\n{TARGETS}"
                   "train: {batch: 20, shards: 1, length: 2 epochs}\n")
    train(1, recipe, f"{runs}/values")
    path, said = run(1, "report", f"{runs}/a", f"{runs}/values", "--out", f"{runs}/mixed")
    page = Page(path.strip())
    assert said.count("takes the checkpoint") == 2  # once for each
    assert "The model of a" in page.titles and "The model of values" in page.titles
    assert "they make no ensemble" in read(f"{runs}/mixed/index.html")
    evaluated = run(1, "eval", f"{runs}/values")[0].split("of each target\n")[1].splitlines()
    rows = page.rows[next(i for i, row in enumerate(page.rows) if row[0] == "target") + 1:]
    for line, name, row in zip(evaluated, ("x", "y", "radius"), rows, strict=False):
        assert row == [name, *line.split()[:2]] and f"{name}: prediction against truth" in page.pictures


def test_without_data_or_gnuplot(runs):
    os.rename(f"{runs}/shapes.h5", f"{runs}/moved")
    said = run(1, "report", f"{runs}/a", "--out", f"{runs}/bare", env=environment(PATH="/nowhere"))[1]
    os.rename(f"{runs}/moved", f"{runs}/shapes.h5")
    assert "the page has no curves" in said and "shapes.h5" in said
    page = Page(f"{runs}/bare/index.html")
    assert not page.pictures and "What the models predict" in page.titles


@pytest.mark.parametrize("content, code, says", (
    (b'{"long": "' + bytes(17 << 20).replace(b"\0", b"x") + b'"}\n', DATA,
     "metrics.jsonl:1: is longer than 16777216 bytes; expected the metrics of a run"),
    (b"{" + b",".join(b'"k%d":1' % i for i in range(5000)) + b"}\n", DATA,
     "metrics.jsonl:1: holds more than 4096 names; expected the metrics of a run"),
    (None, SYSTEM, "metrics.jsonl: is a pipe or a device; expected a file")), ids=("long", "names", "pipe"))
def test_metrics_that_no_run_wrote(runs, scratch, content, code, says):
    copy = shutil.copytree(f"{runs}/a", f"{scratch}/run", symlinks=True)
    path = f"{copy}/metrics.jsonl"
    os.remove(path)
    if content is None:
        os.mkfifo(path)
        assert says in refusal(code, "train", f"{copy}/run.yaml", "--out", copy, "--resume", "--quiet", alone=False)
    else:
        write(path, content.decode())
    assert says in refusal(code, "report", copy, alone=False)


@pytest.mark.parametrize("flag", ("--threads", "--seed", "--dropout-samples", "--convolution"))
def test_a_flag_that_cannot_be_read_writes_no_page(runs, scratch, flag):
    line = refusal(USAGE, "report", f"{runs}/a", "--out", f"{scratch}/page", f"{flag}=many")
    assert flag in line and "many" in line and not os.path.exists(f"{scratch}/page")


@pytest.mark.parametrize("code, words, says", (
    (USAGE, ("--weights", "1,2"), "--weights 1,2: needs several checkpoints, found one"),
    (USAGE, ("--views", "mirrors"), "--views mirrors: unknown set of views 'mirrors'; did you mean 'mirror'?"),
    (USAGE, ("--backend", "mkl"), 'backend "mkl" is not in this build'),
    (DATA, ("--split", "tests"), "has no split 'tests'"),
    (DATA, ("--data", "none.h5"), "none.h5: cannot be opened"),
    (CHECKPOINT, ("--parameters", "average"), "holds no average of weights")))
def test_flags_that_do_not_fit_the_models_write_no_page(runs, scratch, code, words, says):
    assert says in refusal(code, "report", f"{runs}/a", "--out", f"{scratch}/page", *words, alone=False)
    assert not os.path.exists(f"{scratch}/page")


def test_what_is_no_run_is_refused(runs):
    assert "expected the folder of a run" in refusal(USAGE, "report", f"{runs}/a/run.yaml")
    assert "has no run.yaml" in refusal(USAGE, "report", f"{runs}/a/checkpoints")
    shutil.copytree(f"{runs}/a/checkpoints", f"{runs}/folds/fold-1/checkpoints", symlinks=True)
    for code, command in ((USAGE, "report"), (CHECKPOINT, "inspect")):
        line = refusal(code, command, f"{runs}/folds")
        assert line.endswith(f"holds the runs of folds; expected one of them, such as {runs}/folds/fold-1")
    os.makedirs(f"{runs}/mine")
    write(f"{runs}/mine/index.html", "<html>mine</html>")
    assert "is not a report" in refusal(USAGE, "report", f"{runs}/a", "--out", f"{runs}/mine", alone=False)
    assert read(f"{runs}/mine/index.html") == "<html>mine</html>"
