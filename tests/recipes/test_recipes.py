"""Every recipe parses, and is the model that it says: parameters counted from the published shapes. docs/run-file.md
is what the program prints of its keys."""
import pathlib

import pytest

from support.program import DATA, RECIPES, SOURCE, refusal, result, run
from support.runs import read


def conv(inputs, outputs):
    return 9 * inputs * outputs + 2 * outputs  # without bias; batchnorm's scale and shift


def linear(inputs, outputs):
    return inputs * outputs + outputs


def stages(widths, blocks):
    total, channels = 0, widths[0]
    for width in widths:
        for _ in range(blocks):
            total += conv(channels, width) + conv(width, width)
            channels = width
    return total


# The number of parameters of each recipe.
PARAMETERS = {
    "demo": conv(3, 16) + conv(16, 32) + conv(32, 64) + linear(64, 10),
    "shapes-regression": conv(3, 16) + conv(16, 32) + conv(32, 32) + linear(4 * 4 * 32, 3),
    "cifar10-mlp": 3072 * 1024 + 2 * 1024 * 1024 + 3 * 2 * 1024 + linear(1024, 10),
    "cifar10-smallcnn": conv(3, 64) + conv(64, 64) + conv(64, 128) + conv(128, 128)
                        + conv(128, 256) + conv(256, 256) + linear(4 * 4 * 256, 10),
    "transfer-head": conv(3, 64) + conv(64, 64) + conv(64, 128) + conv(128, 128)
                     + conv(128, 256) + conv(256, 256) + linear(4 * 4 * 256, 5),
    "cifar10-best": 4 * 3 * 24 + 24 + conv(24, 64) + conv(64, 64) + conv(64, 256) + 3 * conv(256, 256) + 256 * 10,
    "cifar10-resnet20": conv(3, 16) + stages((16, 32, 64), 3) + linear(64, 10),
}
PARAMETERS["transfer-finetune"] = PARAMETERS["transfer-head"]


SEARCHES = sorted(path.stem for path in pathlib.Path(RECIPES).glob("search-*.yaml"))


def test_every_recipe_is_known():
    assert {path.stem for path in pathlib.Path(RECIPES).glob("*.yaml")} == {*PARAMETERS, *SEARCHES}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_lacks_nothing_but_its_data(name, tmp_path):
    line = refusal(DATA, "search", f"{RECIPES}/{name}.yaml", "--out", tmp_path / "search", "--set",
                   f"data.file={tmp_path}/none.h5", "--set", "data.validation=validation", alone=False)
    assert f"{tmp_path}/none.h5" in line


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_recipe_has_the_parameters_of_its_model(name):
    """Without the donors of some, which are checkpoints of other runs."""
    found = result(1, "describe", f"{RECIPES}/{name}.yaml", "--input", "32x32x3")
    assert found["parameters"] == PARAMETERS[name]


def test_the_page_of_keys_is_what_the_program_prints():
    """After a change of the keys: build/trainer keys > docs/run-file.md"""
    assert read(f"{SOURCE}/docs/run-file.md") == run(1, "keys")[0]
