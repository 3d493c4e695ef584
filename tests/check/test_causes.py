"""trainer check: each thing that is made wrong is named, and other runs that are fit raise nothing."""
import json

import pytest

from support import broken_runs
from support.program import result, start

FOUND = 9  # the exit code if something is bad


def causes(report):
    return {row["name"]: row["cause"] for row in report["findings"] if row["verdict"] != "good"}


# Faults that are harder to tell with another seed, and that seed.
HARDER = {"labels shuffled": 62, "labels of half of the samples shuffled": 30, "values shuffled": 30,
          "colours turned where they are the class": 31, "images mirrored that have a side": 60}
CASES = [(broken, seed) for broken in broken_runs.BROKEN for seed in (0, HARDER.get(broken.name)) if seed is not None]


@pytest.mark.parametrize("broken, seed", CASES,
                         ids=[f"{broken.name.replace(' ', '-')}-{seed}" for broken, seed in CASES])
def test_the_cause_is_named_first(tmp_path, broken, seed):
    done = start(1, *broken_runs.set_up(broken, tmp_path, seed), "--json")
    report = json.loads(done.stdout)
    assert broken.cause in report["cause"], causes(report)
    assert done.returncode == (FOUND if report["verdict"] == "bad" else 0)


@pytest.mark.parametrize("fit", broken_runs.FIT, ids=lambda fit: fit.name.replace(" ", "-"))
def test_other_fit_runs_raise_nothing(tmp_path, fit):
    assert causes(result(1, *broken_runs.set_up(fit, tmp_path))) == {}
