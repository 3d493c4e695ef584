"""Names that users of other programs write in run files: the message suggests the valid name and its place."""
import json
import os
import re

import pytest
from support.program import RUN_FILE, refusal, run
from support.runs import read, write

SOURCE = os.path.join(os.path.dirname(__file__), "../../src/runfile/suggest.c")
RECIPE = """data: {file: none.h5}
model: [flatten, {linear: {out: 10}}]
optimizer: {sgd: {rate: 0.1}}
train: {batch: 50, length: 2 epochs}
"""


def added(lines):
    return RECIPE + lines + "\n"


def inside(section, key):
    return RECIPE.replace(f"{section}: {{", f"{section}: {{{key}: 1, ")


@pytest.mark.parametrize("recipe, hint", (
    (added("lr: 0.1"), "'rate' in 'optimizer.sgd'"),
    (added("num_epochs: 5"), "'length' in 'train'"),
    (added("batch: 5"), "'batch' in 'train'"),
    (added("weight_decay: 0.1"), "'weight_decay' in 'optimizer.sgd'"),
    (added("milestones: [1, 2]"), "'at' in 'schedule.multi_step'"),
    (added("dropout: 0.5"), "'dropout' in 'model'"),
    (added("validation_split: 0.1"), "'fraction' in 'data.splits.NAME'"),
    (added("criterion: mse"), "'loss'"),
    (added("pretrained: a.h5"), "'checkpoint' in 'start_from'"),
    (added("augment: [mixup]"), "'mixup' in 'mix'"),
    (added("loss: MSELoss"), "'mse'"),
    (added("schedule: {multi_step: {gamma: 0.1}}"), "'factor'"),
    (added("early_stopping: {monitor: loss}"), "'metric'"),
    (added("checkpoint: {monitor: loss}"), "'best'"),
    (inside("train", "learning_rate"), "'rate' in 'optimizer.sgd'"),
    (inside("train", "epochs"), "'length'"),
    (inside("train", "batchsize"), "'batch'"),
    (inside("train", "optimizer"), "'optimizer' at the top of the file"),
    (inside("sgd", "lr"), "'rate'"),
    (inside("sgd", "nesterov"), "'nesterov' in 'optimizer'"),
    (inside("linear", "units"), "'out'"),
    (inside("data", "images"), "'images' in 'data.splits.NAME'"),
    (RECIPE.replace("linear", "Dense"), "'linear'")))
def test_a_name_of_another_program(scratch, recipe, hint):
    path = write(f"{scratch}/run.yaml", recipe)
    assert f"; did you mean {hint}? (" in refusal(RUN_FILE, "describe", path)


def names_of(tables, keys, kinds, prefix=""):
    """All keys and kinds below `keys`, and their paths; items of lists are not numbered."""
    for key in keys:
        path = prefix + key["name"]
        yield path
        yield from names_of(tables, key.get("keys", []), kinds, path + ".")
        for kind in tables.get(key.get("kinds"), []) if key.get("kinds") not in kinds else []:
            yield f"{path}.{kind['name']}"
            yield from names_of(tables, kind.get("keys", []), kinds + [key["kinds"]], f"{path}.{kind['name']}.")


def test_every_suggested_name_is_valid():
    keys = json.loads(run(1, "keys", "--json")[0])
    paths = set(names_of(keys["kinds"], keys["keys"], []))
    last = {path.split(".")[-1] for path in paths}
    last.add("keys")  # of a search file
    synonyms = read(SOURCE).partition("synonyms[] = {")[2].partition("};")[0]
    suggested = re.findall(r'^    \{"([^"]+)", +"', synonyms, re.MULTILINE)
    assert len(suggested) > 50
    assert not [name for name in suggested if name.replace(".0.", ".") not in (paths if "." in name else last)]
