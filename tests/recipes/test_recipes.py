#!/usr/bin/env python3
"""Every recipe parses, and is the model that it says: parameters counted from the published shapes.
docs/run-file.md is what the program prints of its keys."""
import json
import os
import pathlib
import subprocess
import sys

TRAINER = os.path.abspath(os.environ.get("TRAINER", "build/trainer"))
SOURCE = pathlib.Path(os.environ.get("TRAINER_SOURCE", pathlib.Path(__file__).parents[2]))


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


def trainer(*arguments):
    done = subprocess.run([TRAINER, *arguments], capture_output=True, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"trainer {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def main():
    failures = []
    recipes = sorted((SOURCE / "launch" / "recipes").glob("*.yaml"))
    if {path.stem for path in recipes} != set(PARAMETERS):
        failures.append(f"recipes are {[path.stem for path in recipes]}, known are {list(PARAMETERS)}")
    for path in recipes:
        found = json.loads(trainer("describe", str(path), "--input", "32x32x3", "--json"))
        expected = PARAMETERS.get(path.stem)
        print(f"{path.stem}: {found['parameters']} parameters, expected {expected}")
        if found["parameters"] != expected:
            failures.append(f"{path.stem}: {found['parameters']} parameters, not {expected}")
    document = SOURCE / "docs" / "run-file.md"
    if document.read_text() != trainer("keys"):
        failures.append("docs/run-file.md is not what `trainer keys` prints: "
                        "build/trainer keys > docs/run-file.md")
    print("\n".join(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
