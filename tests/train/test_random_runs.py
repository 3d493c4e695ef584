"""Random run files over the whole table of keys: valid ones train, invalid ones are refused with a line that names
the key; damaged ones are refused or read, but nothing crashes.

The long test: tests/run_pytest.py tests/train/test_random_runs.py --valid 500 --invalid 10000 --damaged 10000
(and --seed N for others, --keep FOLDER for the run files that failed)."""
import concurrent.futures
import os
import random

import pytest

import random_runs
from support.program import RUN_FILE, run, start
from support.runs import synthesize, write


def pytest_generate_tests(metafunc):
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", range(metafunc.config.getoption("--valid")))


@pytest.fixture(scope="module")
def tables():
    return random_runs.Tables(run(1, "keys", "--json")[0])


@pytest.fixture(scope="module")
def data(folder):
    path = synthesize(folder, train=random_runs.SAMPLES, test=20, validation=30, name="tiny.h5",
                      more=("--size", random_runs.SIZE))
    for scale in ("none", "channel_std", "pixel_std"):
        run(1, "dataset", "statistics", path, "--pca", "--scale", scale)
    return path


@pytest.fixture(scope="module")
def generator(tables, seed):
    return random_runs.Generator(tables, seed)


@pytest.fixture(scope="module")
def valid(request, generator, data):
    """The valid run files, which draw every kind before any kind twice."""
    return [random_runs.write(generator.run(data)) for _ in range(request.config.getoption("--valid"))]


@pytest.fixture
def report(request):
    """A function that says what is wrong with a run file, and keeps the file if --keep names a folder."""
    def words(problem, text):
        keep = request.config.getoption("--keep")
        if keep:
            os.makedirs(keep, exist_ok=True)
            write(os.path.join(keep, "failed.yaml"), text)
        return f"{problem}\n--- the run file\n{text}"
    return words


def test_a_valid_run_file_trains(scratch, valid, number, report):
    ranks = 1 + number % 2
    done = start(ranks, "train", write(f"{scratch}/valid.yaml", valid[number]), "--out", f"{scratch}/run", timeout=300)
    assert done.returncode == 0, report(f"on {ranks} ranks: exit code {done.returncode}: {done.stderr}", valid[number])


def test_every_kind_is_drawn(request, tables, generator, valid):
    everything = {(table, name) for table in tables.kinds for name in tables.names(table)}
    left = sorted(everything - generator.drawn)
    print(f"{len(valid)} run files have {len(everything) - len(left)} of {len(everything)} kinds; not drawn: {left}")
    if len(valid) < 100:
        pytest.skip(f"{len(valid)} run files are too few to draw all {len(everything)} kinds; --valid 100 are enough")
    assert not left


def describe(path, text):
    size = f"{random_runs.SIZE}x{random_runs.SIZE}x{random_runs.CHANNELS}"
    return start(1, "describe", write(path, text), "--input", size, timeout=60, errors="replace")


def first_failure(check, count):
    """The first failure of check(number), which returns None if all is well, for the numbers below `count`."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return next((failure for failure in pool.map(check, range(count)) if failure), None)


def test_invalid_run_files_are_refused_with_a_line_that_names_the_key(request, scratch, tables, data, seed, report):
    def check(number):
        rng = random.Random(seed * 1000003 + number)
        broken = random_runs.Generator(tables, rng.random()).run(data)
        words = random_runs.break_one(broken, tables, rng)
        text, path = random_runs.write(broken), f"{scratch}/invalid-{number}.yaml"
        done = describe(path, text)
        lines = done.stderr.strip().split("\n")
        if done.returncode != RUN_FILE or len(lines) != 1 or path not in lines[0] or words not in lines[0]:
            return (f"exit code {done.returncode}, expected {RUN_FILE} and one line with the file and '{words}':\n"
                    f"{done.stderr}", text)
        return None
    failure = first_failure(check, request.config.getoption("--invalid"))
    assert not failure, report(*failure)


def test_damaged_run_files_are_read_or_refused(request, scratch, tables, data, seed, report):
    def check(number):
        rng = random.Random(seed * 1000033 + number)
        text = random_runs.damage(random_runs.write(random_runs.Generator(tables, rng.random()).run(data)), rng)
        done = describe(f"{scratch}/damaged-{number}.yaml", text)
        refused = done.returncode == RUN_FILE and len(done.stderr.strip().split("\n")) == 1
        if done.returncode != 0 and not refused:
            return f"exit code {done.returncode}, expected 0, or {RUN_FILE} with one line:\n{done.stderr}", text
        return None
    failure = first_failure(check, request.config.getoption("--damaged"))
    assert not failure, report(*failure)
