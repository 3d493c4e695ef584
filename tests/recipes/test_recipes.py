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


def wide_stages(widths, inputs):
    """Of WRN-16-k: two blocks a stage, the first with a 1x1 convolution as its shortcut; normalisation comes first."""
    total = 0
    for width in widths:
        total += 2 * inputs + inputs * width + 9 * (inputs + 3 * width) * width + 3 * 2 * width
        inputs = width
    return total + 2 * inputs


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
    "cifar10-wrn16-4": 9 * 3 * 16 + wide_stages((64, 128, 256), 16) + linear(256, 10),
    "tiny-imagenet-vgg11": conv(3, 64) + conv(64, 128) + conv(128, 256) + conv(256, 256) + conv(256, 512)
                           + 3 * conv(512, 512) + linear(4 * 512, 1024) + linear(1024, 200),
    "imagenet-resnet50": 25_557_032,  # what torchvision's resnet50 has
    "cifar10-resnet20": conv(3, 16) + stages((16, 32, 64), 3) + linear(64, 10),
}
PARAMETERS["transfer-finetune"] = PARAMETERS["transfer-head"]

INPUTS = {"tiny-imagenet-vgg11": "64x64x3"}  # the others take 32x32x3, too


def describe(name):
    return result(1, "describe", f"{RECIPES}/{name}.yaml", "--input", INPUTS.get(name, "32x32x3"))


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
    assert describe(name)["parameters"] == PARAMETERS[name]


def torchvision_resnet50():
    """(name, parameters) of the modules with parameters of torchvision.models.resnet50, in the order of its
    state_dict."""
    def normalised(name, number, weights, outputs):
        return [(f"{name}conv{number}", weights * outputs), (f"{name}bn{number}", 2 * outputs)]

    modules, inputs = normalised("", 1, 7 * 7 * 3, 64), 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            name = f"layer{stage}.{block}."
            modules += (normalised(name, 1, inputs, width) + normalised(name, 2, 9 * width, width)
                        + normalised(name, 3, width, 4 * width))
            if block == 0:
                modules += [(f"{name}downsample.0", inputs * 4 * width), (f"{name}downsample.1", 2 * 4 * width)]
            inputs = 4 * width
    return [*modules, ("fc", linear(2048, 1000))]


def test_resnet50_has_the_modules_of_torchvision_in_its_order():
    """So that the arrays of a checkpoint load into torchvision's model one after the other."""
    layers = [layer for layer in describe("imagenet-resnet50")["layers"] if layer["parameters"]]
    theirs = torchvision_resnet50()
    assert [layer["parameters"] for layer in layers] == [parameters for _, parameters in theirs]
    downsample = [name for name, _ in theirs].index("layer2.0.downsample.1")
    assert layers[downsample]["path"] == "10.shortcut.1"


def test_the_page_of_keys_is_what_the_program_prints():
    """After a change of the keys: build/trainer keys > docs/run-file.md"""
    assert read(f"{SOURCE}/docs/run-file.md") == run(1, "keys")[0]
