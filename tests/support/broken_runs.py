"""Runs for trainer check: on easy images and tables that are as they should be, and copies, each made wrong in one
way."""
import dataclasses
import os

import h5py
import numpy as np

from .runs import write

CLASSES, SIDE = 5, 8
COLOURS = np.array([(0, 1, 0), (1, 0, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1)])
MODEL = """
  - conv: {out: 12, kernel: 3, padding: 1}
  - relu
  - maxpool: {kernel: 2}
  - flatten
  - linear: {out: 32}
  - relu
  - linear: {out: 5}
"""


def stack(activation, layers=6, units=64):
    """A deep model of linear layers."""
    return "\n  - flatten" + layers * f"\n  - linear: {{out: {units}}}\n  - {activation}" + "\n  - linear: {out: 5}\n"


def draw(count, random):
    """Images with a spot at a random place, whose colour is the class; labels in random order."""
    labels = random.permutation(np.arange(count) % CLASSES)
    images = random.integers(60, 120, (count, SIDE, SIDE, 3))
    for image, label, (y, x) in zip(images, labels, random.integers(0, SIDE - 3, (count, 2))):
        image[y:y + 3, x:x + 3] += 90 * COLOURS[label]
    return images.astype(np.uint8), labels.astype(np.int32)


def write_data(path, change=None, seed=0, train=600, validation=200):
    """`change(split, images, labels, random)` returns both, made wrong."""
    random = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        for split, count in (("train", train), ("validation", validation)):
            images, labels = draw(count, random)
            if change:
                images, labels = change(split, images, labels, random)
            file[f"{split}/images"], file[f"{split}/labels"] = images, labels
    return path


def write_recipe(path, data, model=MODEL, seed=3):
    return write(path, f"""data: {{file: {data}, train: train, validation: validation}}
model:{model}
optimizer: {{nesterov: {{rate: 0.02, momentum: 0.9, weight_decay: 1.0e-3}}}}
train: {{batch: 30, shards: 2, length: 20 epochs, seed: {seed}}}
""")


# ---- What is made wrong with the data ----

def in_split(which):
    """Makes of a function of the labels a change of one split, or of both (None)."""
    def of(function):
        def change(split, images, labels, random):
            return images, function(labels, random) if which in (None, split) else labels
        return change
    return of


@in_split("train")
def shuffled(labels, random):
    return random.permutation(labels)


@in_split(None)
def shuffled_everywhere(labels, random):
    return random.permutation(labels)


@in_split("train")
def half_shuffled(labels, random):
    labels = labels.copy()
    half = random.permutation(len(labels))[::2]
    labels[half] = random.permutation(labels[half])
    return labels


@in_split("train")
def shifted_by_a_row(labels, random):
    return np.roll(labels, 1)


@in_split(None)
def from_one(labels, random):
    return labels + 1


@in_split("validation")
def off_by_one(labels, random):
    return (labels + 1) % CLASSES


@in_split("train")
def without_a_class(labels, random):
    return np.where(labels == 3, 4, labels)


def leaked(split, images, labels, random):
    leaked.kept = (images[:50], labels[:50]) if split == "train" else leaked.kept
    if split == "validation":
        images[:50], labels[:50] = leaked.kept
    return images, labels


def two_labels(split, images, labels, random):
    if split == "train":
        images[300:400] = images[200:300]
    return images, labels


def emptied(split, images, labels, random):
    images[:len(images) // 2] = 0
    return images, labels


def scaled(split, images, labels, random):
    return images.astype(np.float32) / 255, labels


def sorted_by_class(split, images, labels, random):
    order = np.argsort(labels, kind="stable")
    return images[order], labels[order]


@in_split("validation")
def renumbered(labels, random):
    return np.array([2, 3, 4, 0, 1], np.int32)[labels]


@in_split("validation")
def renumbered_mostly_by_one(labels, random):
    return np.array([1, 2, 0, 4, 3], np.int32)[labels]


@in_split("validation")
def two_of_five_swapped(labels, random):
    return np.array([0, 3, 2, 1, 4], np.int32)[labels]


@in_split("validation")
def one_class(labels, random):
    return np.zeros_like(labels)


def other_images(split, images, labels, random):
    return 255 - images if split == "validation" else images, labels


def drawn_at_random(split, images, labels, random):
    return random.integers(0, 255, images.shape).astype(np.uint8) if split == "validation" else images, labels


def half_in_other_colours(split, images, labels, random):
    if split == "validation":
        images[::2] = np.roll(images[::2], 1, axis=3)
    return images, labels


def blue_is_red(split, images, labels, random):
    images[..., 2] //= 2
    return images[..., ::-1] if split == "validation" else images, labels


def sided(split, images, labels, random):
    images = random.integers(60, 120, images.shape)
    for image, label, y in zip(images, labels, random.integers(0, SIDE - 3, len(labels))):
        image[y:y + 3, label:label + 3] += 90
    return images.astype(np.uint8), labels


# ---- Tables ----

COLUMNS = 12
EFFECTS = np.random.default_rng(99).normal(size=(COLUMNS, 4))
TABLE_MODEL = """
  - linear: {out: 32}
  - relu
  - linear: {out: OUTPUTS}
"""


def four_classes(scores):
    return scores.argmax(1).astype(np.int32)


def two_classes(scores):
    return (scores[:, 0] > 0).astype(np.int32)


def two_values(scores):
    return (scores[:, :2] * (1, 50) + (0, 1000)).astype(np.float32)


def four_sets(scores):
    return (scores > 0).astype(np.uint8)


# The array of a table's targets, how many outputs they take, and the loss.
TABLE_TARGETS = {four_classes: ("labels", 4, "cross_entropy"), two_classes: ("labels", 2, "cross_entropy"),
                 two_values: ("targets", 2, "mse"), four_sets: ("labels", 4, "binary_cross_entropy")}


def set_up_table(broken, stem, seed):
    """A table whose targets depend on its columns, and a run that learns it; the path of the run file."""
    random = np.random.default_rng(seed)
    array, outputs, loss = TABLE_TARGETS[broken.targets]
    with h5py.File(f"{stem}.h5", "w") as file:
        for split, count in (("train", 1500), ("validation", 400)):
            rows = random.normal(size=(count, COLUMNS))
            targets = broken.targets(rows @ EFFECTS + 0.3 * random.normal(size=(count, 4)))
            if broken.change:
                rows, targets = broken.change(split, rows, targets, random)
            file[f"{split}/images"], file[f"{split}/{array}"] = rows.astype(np.float32), targets
    several = ", multi_label: true" if broken.targets is four_sets else ""
    return write(f"{stem}.yaml", f"""data: {{file: {stem}.h5, train: train, validation: validation{several}}}
model:{TABLE_MODEL.replace("OUTPUTS", str(outputs))}
loss: {loss}
optimizer: {{adam: {{rate: 0.003}}}}
train: {{batch: 50, shards: 2, length: 20 epochs, seed: {seed + 1}}}
""")


@in_split("validation")
def swapped(labels, random):
    return 1 - labels


@in_split("validation")
def in_thousands(targets, random):
    return targets / 1000


@in_split("validation")
def columns_turned(targets, random):
    return np.roll(targets, 1, 1)


@in_split("train")
def with_outlier(targets, random):
    targets[5, 0] = 1e7
    return targets


@in_split(None)
def third_in_all(labels, random):
    labels[:, 2] = 1
    return labels


def mostly_first(split, rows, labels, random):
    kept = (labels == 0) | (random.random(len(labels)) < 0.3)
    return rows[kept], labels[kept]


def columns_swapped(split, rows, labels, random):
    rows = rows + np.arange(COLUMNS)
    return rows[:, [1, 0, *range(2, COLUMNS)]] if split == "validation" else rows, labels


# ---- The set-ups ----

@dataclasses.dataclass
class Broken:
    name: str
    cause: str  # words of the cause that has to be named first
    change: object = None
    model: str = MODEL
    keys: tuple = ()
    targets: object = None  # of a table; None: images


ZERO = "initialise.weights=zeros"
BROKEN = (
    Broken("labels shuffled", "do not go with the samples", shuffled),
    Broken("labels shuffled in all splits", "do not go with the samples", shuffled_everywhere),
    Broken("labels of half of the samples shuffled", "many labels", half_shuffled),
    Broken("labels shifted by a row", "do not go with the samples", shifted_by_a_row),
    Broken("labels begin at 1", "begin at 1", from_one, MODEL.replace("out: 5", "out: 6")),
    Broken("labels of one split off by one", "off by one", off_by_one),
    Broken("a class is missing", "class is missing", without_a_class),
    Broken("one class", "all samples are of one class", in_split(None)(lambda labels, random: 0 * labels),
           MODEL.replace("out: 5", "out: 1")),
    Broken("samples in both splits", "are in the training split", leaked),
    Broken("one image, two labels", "two labels", two_labels),
    Broken("empty images", "empty", emptied),
    Broken("mean not subtracted", "mean is not subtracted", keys=("preprocess.center=none",)),
    Broken("images not scaled", "not scaled", keys=("preprocess.scale=none",)),
    Broken("zero initialisation", "zero or constant", keys=(ZERO,)),
    Broken("zero, but for the last layer", "zero or constant",
           keys=(ZERO, "model.6.linear.weight_init=kaiming_normal")),
    Broken("constant initialisation", "zero or constant", keys=("initialise.weights={constant: {value: 0.1}}",)),
    Broken("small initialisation", "too small", None, stack("relu"), ("initialise.weights={normal: {std: 0.01}}",)),
    Broken("big initialisation", "too large", None, stack("relu"), ("initialise.weights={normal: {std: 1}}",)),
    Broken("saturated units", "too large", None, stack("tanh"), ("initialise.weights={normal: {std: 3}}",)),
    Broken("vanishing gradients", "vanish", None, stack("sigmoid", 10)),
    Broken("units dead from the start", "dead from the start",
           keys=("model.4.linear.bias_init={constant: {value: -10}}",)),
    Broken("rate 1e-6", "rate is too low", keys=("optimizer.rate=1e-6",)),
    Broken("rate 1e6", "rate is too high", keys=("optimizer.rate=1e6",)),
    Broken("rectified scores", "wrong last layer", None, f"{MODEL}  - relu\n"),
    Broken("squashed scores", "wrong last layer", None, f"{MODEL}  - sigmoid\n"),
    Broken("a frozen layer", "frozen", keys=('parameters=[weights: {name: "0.weight", frozen: true}]',)),
    Broken("too much decay", "outweighs", keys=("optimizer.weight_decay=10",)),
    Broken("too much decoupled decay", "outweighs", keys=("optimizer={adamw: {rate: 0.001, weight_decay: 100}}",)),
    Broken("only the last layer zero", "initialisation of the last layer", keys=("model.6.linear.weight_init=zeros",)),
    Broken("small initialisation of a small network", "too small",
           keys=("initialise.weights={normal: {std: 0.01}}",)),
    Broken("rate 0", "rate is too low", keys=("optimizer.rate=0",)),
    Broken("images scaled twice", "scaled twice", scaled, keys=("preprocess={center: none, scale: range}",)),
    Broken("samples in the order of classes", "not shuffled", sorted_by_class, keys=("train.shuffle=false",)),
    Broken("classes renumbered in one split", "other numbers", renumbered),
    Broken("classes renumbered in one split, most by one", "other numbers", renumbered_mostly_by_one),
    Broken("two of five classes swapped in one split", "two of them are swapped", two_of_five_swapped),
    Broken("one class in the validation", "classes are missing", one_class),
    Broken("negatives in the validation", "of another kind", other_images),
    Broken("noise in the validation", "of another kind", drawn_at_random),
    Broken("half of the validation in other colours", "does not hold for the validation", half_in_other_colours),
    Broken("all layers frozen", "frozen", keys=('parameters=[weights: {name: "*", frozen: true}]',)),
    Broken("dropout 0.99", "dropout", None,
           MODEL.replace("{out: 32}\n  - relu", "{out: 32}\n  - relu\n  - dropout: {rate: 0.99}")),
    Broken("momentum 0.999", "momentum is too high", keys=("optimizer.momentum=0.999",)),
    Broken("a schedule that falls at once", "schedule", keys=("schedule={step: {every: 1 step}}",)),
    Broken("label smoothing 0.9", "smoothing", keys=("loss={cross_entropy: {label_smoothing: 0.9}}",)),
    Broken("a loss for values", "wrong loss", keys=("loss=mse",)),
    Broken("normalised scores", "wrong last layer", None, f"{MODEL}  - batchnorm\n"),
    Broken("gradients clipped to nothing", "clip.norm", keys=("clip.norm=1e-6",)),
    Broken("a crop that cuts everything away", "augmentation", keys=("augment=[crop: {pad: 7}]",)),
    Broken("images mirrored that have a side", "mirrors images", sided, keys=("augment=[flip]",)),
    Broken("colours turned where they are the class", "augmentation", keys=("augment=[hue: {amount: 0.5}]",)),
    Broken("gradients cut to nothing", "clip.value", keys=("clip.value=1e-9",)),
    Broken("big initialisation of the first layer", "above all 0.weight",
           keys=("model.0.conv.weight_init={normal: {std: 30}}",)),
    Broken("big first biases", "biases are too large", keys=("model.6.linear.bias_init={uniform: {limit: 50}}",)),
    Broken("batch normalisation of two samples", "over so few samples", None,
           MODEL.replace("{out: 32}\n", "{out: 32}\n  - batchnorm\n"), ("train.batch=4", "optimizer.rate=0.002")),
    Broken("a layer of one unit", "too small", None, MODEL.replace("out: 32", "out: 1")),
    Broken("no activation", "activation is missing", None, MODEL.replace("{out: 32}\n  - relu", "{out: 32}")),
    Broken("gradients clipped too short", "clip.norm", keys=("clip.norm=0.02",)),
    Broken("lookahead that goes nowhere", "lookahead", keys=("lookahead={every: 5, share: 1e-4}",)),
    Broken("a rule with a huge rate", "a rule in `parameters`",
           keys=('parameters=[weights: {name: "4.weight", rate: 1e4}]',)),
    Broken("an average that cannot follow", "average of weights",
           keys=("average={ema: {decay: 0.99999, decay_warmup: false}}",)),
    Broken("red and blue swapped in the validation", "channels of the validation split are swapped",
           blue_is_red),
    Broken("a layer that hardly moves", "frozen", keys=('parameters=[all: {name: "0.*", rate: 1e-6}]',)),
    Broken("beta2 below beta1", "beta2 is so low", keys=("optimizer={adam: {rate: 0.001, beta2: 0.1}}",)),
    Broken("one class weighs nearly all", "one class decide",
           keys=("loss={cross_entropy: {class_weights: [1, 1, 10000, 1]}}",), targets=four_classes),
    Broken("classes of a table shuffled", "do not go with", shuffled_everywhere, targets=four_classes),
    Broken("two classes swapped in one split", "other numbers", swapped, targets=two_classes),
    Broken("a class without weight", "weight 0", keys=("loss={cross_entropy: {class_weights: [1, 1, 0, 1]}}",),
           targets=four_classes),
    Broken("one batch an epoch", "too few steps", keys=("train.batch=1500",), targets=four_classes),
    Broken("a rate of a billionth", "rate is too low", keys=("optimizer={momentum: {rate: 1e-9}}",),
           targets=two_values),
    Broken("values shuffled", "do not go with", shuffled, targets=two_values),
    Broken("values shuffled in the validation", "do not go with", in_split("validation")(
        lambda targets, random: random.permutation(targets)), targets=two_values),
    Broken("values in other units", "other units", in_thousands, targets=two_values),
    Broken("values that are not scaled", "targets are not scaled", keys=("preprocess.targets=none",),
           targets=two_values),
    Broken("an outlier", "outlier", with_outlier, targets=two_values),
    Broken("two columns swapped in the validation", "two columns of the validation", columns_swapped,
           targets=four_classes),
    Broken("sets shuffled", "do not go with", shuffled, targets=four_sets),
    Broken("sets with columns in another order", "columns in another order", columns_turned, targets=four_sets),
    Broken("a class in every sample", "every sample", third_in_all, targets=four_sets),
)
# Runs as they should be, in other ways than the one that these are made of.
FIT = (
    Broken("adam", "", None, stack("relu", 2), ("optimizer={adam: {rate: 0.001}}",)),
    Broken("tanh", "", None, stack("tanh", 3), ("initialise.weights=xavier",)),
    Broken("regularised", "", None, MODEL.replace("{out: 32}\n  - relu", "{out: 32}\n  - relu\n  - dropout"),
           ("augment=[flip, crop: {pad: 1}]", "mix=[mixup]", "loss={cross_entropy: {label_smoothing: 0.1}}")),
    Broken("values between 0 and 1", "", scaled),
    Broken("a small last layer", "", keys=("model.6.linear.weight_init={normal: {std: 0.001}}",)),
    Broken("normalised", "", None, MODEL.replace("padding: 1}\n", "padding: 1, bias: false}\n  - batchnorm\n"),
           ("schedule={cosine: {warmup: 1 epoch}}",)),
    Broken("a table", "", targets=four_classes),
    Broken("a table of two classes that are not balanced", "", mostly_first, targets=two_classes),
    Broken("a table with a hinge loss", "", keys=("loss=svm",), targets=four_classes),
    Broken("a table of values", "", targets=two_values),
    Broken("a table of sets", "", targets=four_sets),
)


def set_up(broken, folder, seed=0):
    """The words of the command line that check the broken set-up."""
    stem = os.path.join(folder, f"{broken.name.replace(' ', '-').replace(',', '')}-{seed}")
    if broken.targets:
        recipe = set_up_table(broken, stem, seed)
    else:
        recipe = write_recipe(f"{stem}.yaml", write_data(f"{stem}.h5", broken.change, seed), broken.model, seed + 3)
    return ["check", recipe, *(word for key in broken.keys for word in ("--set", key))]
