"""launch/course.py: topics of the course show what the course says, and what docs/course.md says of them."""
import pathlib
import re
import subprocess
import sys

import pytest

from support.program import RECIPES, SOURCE, TRAINER, environment, run

TOPICS = ("tanh", "relu", "zigzag")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the topics were run; their figures agree with the page's."""
    folder = tmp_path_factory.mktemp("course")
    done = subprocess.run([sys.executable, f"{SOURCE}/launch/course.py", "--folder", folder, "--jobs", "1", "--check",
                           *TOPICS], env=environment(TRAINER=TRAINER), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "course"


def columns(folder, topic):
    """(deviations of outputs, deviations of gradients) by depth, for each command of a topic."""
    for command in (folder / f"{topic}.txt").read_text().split("$ trainer activations")[1:]:
        rows = [line.split() for line in command.splitlines() if re.match(r"\d+ +(tanh|relu) ", line)]
        yield [float(row[3]) for row in rows], [float(row[-1]) for row in rows]


def test_small_weights_of_tanh_collapse_large_ones_saturate_and_xavier_keeps(folder):
    (small, _), (large, exploding), (kept, gradients) = columns(folder, "tanh")
    assert len(small) == 10
    assert all(later < 0.3 * earlier for earlier, later in zip(small, small[1:]))
    assert min(large) > 0.95 and exploding[0] > 1e4 * exploding[-1]
    assert min(kept) > 0.2 and max(gradients) < 4 * min(gradients)


def test_xavier_halves_the_variance_at_each_relu_and_he_keeps_it(folder):
    (xavier, _), (he, _) = columns(folder, "relu")
    assert (xavier[0] / xavier[-1]) ** 2 == pytest.approx(2 ** 9, rel=0.5)
    assert max(he) < 1.3 * min(he)


def test_positive_inputs_move_both_weights_the_same_way(folder):
    rows = dict(line.split(maxsplit=1) for line in (folder / "zigzag.txt").read_text().splitlines()
                if re.match("(positive|centred) ", line))
    assert float(rows["positive"].split()[0]) == 100 and float(rows["centred"].split()[0]) < 75


RUNS = sorted(path for path in pathlib.Path(RECIPES, "course").glob("*.yaml") if "\nrun: " not in path.read_text())


def test_every_recipe_is_a_run():
    assert len(RUNS) > 10
    for recipe in RUNS:
        run(1, "describe", recipe, "--input", "16x16x3" if "shapes.h5" in recipe.read_text() else "1x1x2")
