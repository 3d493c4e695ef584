"""trainer gradcheck passes on recipes with and without many ReLUs, and has checked every row."""
import json

import pytest

from support.program import RECIPES, run


@pytest.fixture(scope="module", params=("demo", "cifar10-resnet20"))
def recipe(request):
    return f"{RECIPES}/{request.param}.yaml"


@pytest.fixture(scope="module", params=(2, 3), ids="seed {}".format)
def found(request, recipe):
    stdout, _ = run(1, "gradcheck", recipe, "--input", "32x32x3", "--samples", 2, "--elements", 1,
                    "--seed", request.param, "--json", timeout=300)
    report = json.loads(stdout)
    print(f"{len(report['rows'])} rows, {sum(row['kinks'] for row in report['rows'])} elements at kinks")
    return report


def test_it_passes(found):
    assert found["passed"]


def test_the_input_is_checked_last(found):
    assert found["rows"][-1]["name"] == "input"


def test_every_row_is_checked(found):
    assert [row for row in found["rows"] if row["checked"] < 1] == []


def test_no_element_is_wrong(found):
    assert [row for row in found["rows"] if row["wrong"]] == []


def test_no_row_is_above_the_tolerance(found):
    assert [row for row in found["rows"] if not row["worst"] <= 1e-6] == []
