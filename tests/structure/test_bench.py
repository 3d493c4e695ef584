"""Every script in bench/ can at least be started: `--help` prints its usage. One whose packages are not installed is
skipped."""
import pathlib
import subprocess
import sys

import pytest

from support.program import SOURCE, environment

SCRIPTS = sorted(path for path in (pathlib.Path(SOURCE) / "bench").glob("*.py") if path.name != "common.py")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_help_prints_the_usage(script):
    done = subprocess.run([sys.executable, script, "--help"], env=environment(), capture_output=True, text=True)
    last = done.stderr.strip().split("\n")[-1]
    if last.startswith("ModuleNotFoundError: No module named '") and last.split("'")[1] in ("matplotlib", "torch"):
        pytest.skip(last)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {script.name}")


def test_a_wrong_word_is_refused_in_a_line():
    done = subprocess.run([sys.executable, SCRIPTS[0].parent / "compare.py", "--models", "resnet20,alexnet"],
                          env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert "'alexnet': expected some of resnet20,smallcnn" in done.stderr.splitlines()[-1]
