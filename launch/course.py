#!/usr/bin/env python3
"""Reproduces what lectures 6 and 7 of CS231n say about training networks: the topics of docs/course.md.

    launch/course.py                      # all topics; outputs and pictures go to course/; a minute on two idle cores
    launch/course.py tanh dead            # only these topics
    launch/course.py --check              # also compares docs/course.md with what the commands print
    launch/course.py --write              # writes the page's blocks and pictures

The program is build/trainer, or the one that the variable TRAINER names. The recipes are launch/recipes/course/. The
script needs python3-h5py (the path of weights is read from checkpoints) and, for the pictures, gnuplot. Outputs depend
a little on the processor's instruction set; --check allows figures to differ as much as each topic below says."""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import textwrap

try:
    import h5py
except ImportError:
    sys.exit("launch/course.py needs h5py (Debian: python3-h5py, for /usr/bin/python3)")

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "course.md"
PICTURES = ROOT / "docs" / "course"
RECIPES = "launch/recipes/course"
WIDTH = 115  # of a line of the page
PROGRESS = re.compile(r": \d+/\d+ .*samples/s")  # of a slow machine
TOPICS = {}


class Failure(Exception):
    """The message with which the script ends."""


def fold_command(line):
    """A command as lines of the page, which the shell reads as one."""
    lines = []
    for part in re.split(r" (?=--|do |done$)", line):
        if lines and len(lines[-1]) + len(part) < WIDTH - 3:
            lines[-1] += f" {part}"
        else:
            lines.append(f"    {part}" if lines else part)
    return [*(part + " \\" for part in lines[:-1]), lines[-1]]


class Topic:
    """A topic: runs commands, and collects what the page shows of them."""

    def __init__(self, name, folder, pictures):
        self.name, self.folder, self.pictures = name, folder, pictures
        self.blocks, self.drawn = {}, {}
        self.block = name
        self.out = f"course/{name}"
        shutil.rmtree(folder / self.out, ignore_errors=True)

    def add(self, *lines):
        """Adds lines to the page; long ones are folded."""
        block = self.blocks.setdefault(self.block, [])
        for line in lines:
            block.extend(fold_command(line) if line.startswith("$") else textwrap.wrap(
                line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
                if len(line) > WIDTH else [line])

    def start(self, command, code=0):
        """Runs a line of shell and returns its output. `code`: the expected exit code; None: any."""
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if code is not None and done.returncode != code:
            raise Failure(f"$ {command}\n{done.stdout}ended with {done.returncode}, expected {code}")
        return done.stdout.splitlines()

    def show(self, command, keep=".", most=100):
        """Adds a command to the page, and those lines of its output, at most `most`, that match `keep`."""
        lines = [line.rstrip() for line in self.start(command)
                 if line.strip() and re.search(keep, line) and not PROGRESS.search(line)]
        self.add(f"$ {command}", *lines[:most])

    def run(self, command, code=0):
        """Adds a command to the page without its output."""
        self.add(f"$ {command}")
        return self.start(command, code)

    def train(self, recipe, out, *keys, code=0, show=True):
        """Adds a training to the page, whose folder is `out` below that of the topic."""
        words = ["trainer train -q", f"{RECIPES}/{recipe}.yaml", *(f"--set {key}" for key in keys)]
        command = " ".join([*words, f"--out {self.out}/{out}"])
        return self.run(command, code) if show else self.start(command, code)

    def read(self, command):
        """Returns what a command prints with --json; the page does not show it."""
        return json.loads("\n".join(self.start(f"{command} --json 2>/dev/null")))

    def metrics(self, out, kind="step"):
        lines = (self.folder / self.out / out / "metrics.jsonl").read_text().splitlines()
        return [line for line in map(json.loads, lines) if line["kind"] == kind]

    def weights(self, out, name):
        """Returns a parameter at the start and after each step, from the checkpoints."""
        files = sorted((self.folder / self.out / out / "checkpoints").glob("step-*.h5"))
        return [h5py.File(path)[f"model/{name}"][()].ravel().tolist() for path in files]

    def units(self, out, name):
        """Returns the rounded weights of each unit of a layer, from the newest checkpoint."""
        newest = max((self.folder / self.out / out / "checkpoints").glob("step-*.h5"))
        with h5py.File(newest) as file:
            return [tuple(round(weight, 4) for weight in unit) for unit in file[f"model/{name}"][()].tolist()]

    def trials(self, out):
        """Returns the rows of a search's table."""
        with open(self.folder / self.out / out / "trials.csv", newline="") as file:
            return list(csv.DictReader(file))

    def table(self, head, *rows):
        """Adds a table to the page."""
        rows = [[str(cell) for cell in row] for row in (head, *rows)]
        widths = [max(map(len, column)) for column in zip(*rows)]
        self.add("", *("  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                                             zip(row[1:], widths[1:]))]).rstrip() for row in rows))

    def panel(self, title, x, y, *series, picture=".png", **more):
        """Adds curves, series of (title, style, points), to the topic's picture or to another of its pictures."""
        self.drawn.setdefault(self.name + picture, []).append(dict(title=title, x=x, y=y, series=series, **more))

    def finish(self):
        text = "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in self.blocks.items())
        (self.folder / f"{self.out}.txt").write_text(text)
        for name, panels in self.drawn.items() if self.pictures else ():
            draw(panels, self.folder / "course" / name)
        return self.blocks, list(self.drawn)


def topic(name, near=0.02, digits=0.0):
    """Declares a topic. On other processors its figures may differ by the fraction `near`, or by `digits`."""
    def of(function):
        TOPICS[name] = (function, near, digits)
        return function
    return of


# ---- Pictures ----

COLOURS = ("#2166ac", "#d6604d", "#35978f", "#b08918", "#8856a7", "#737373", "#1b1b1b")
LINE, POINTED = "lines lw 1.5", "linespoints pt 7 ps 0.5"
POWERS = "set logscale {0}\nset format {0} '%.0e'"


def quoted(text):
    return "'" + text.replace("'", "\u2019") + "'"


def panel_lines(number, panel):
    """Returns the lines of gnuplot for one panel."""
    yield "reset\nset grid lc rgb '#dddddd'\nset border 3 lc rgb '#888888'\nset tics nomirror textcolor rgb '#444444'"
    yield f"set title {quoted(panel['title'])}\nset xlabel {quoted(panel['x'])}\nset ylabel {quoted(panel['y'])}"
    yield panel.get("set", "")
    plots = []
    for index, (title, style, points) in enumerate(panel["series"]):
        yield f"$p{number}_{index} << END"
        yield from (" ".join(f"{value:.4g}" for value in point) for point in points if all(map(math.isfinite, point)))
        yield "END"
        colour = COLOURS[panel.get("colour", index) % len(COLOURS)]
        plots.append(f"$p{number}_{index} with {style} lc rgb '{colour}' "
                     + (f"title {quoted(title)}" if title else "notitle"))
    yield "plot " + ", ".join(plots)


def draw(panels, path):
    columns = min(len(panels), panels[0].get("columns", 3))
    rows = math.ceil(len(panels) / columns)
    width, height = (420, 320) if columns < 5 else (200, 140)
    lines = [f"set terminal pngcairo size {width * columns},{height * rows} noenhanced background 'white' "
             f"font 'sans,{9 if columns < 5 else 8}'", f"set output {quoted(str(path))}",
             f"set multiplot layout {rows},{columns}"]
    for number, panel in enumerate(panels):
        lines.extend(panel_lines(number, panel))
    gnuplot = subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True, capture_output=True)
    if gnuplot.returncode:
        raise Failure(f"gnuplot: {gnuplot.stderr}")


def smooth(rows, keep=0.9, most=120):
    """Returns (step, running mean of the loss) for some of a run's lines."""
    mean, weight, points = 0, 0, []
    for row in rows:
        if row["loss"] is None or not math.isfinite(row["loss"]):
            break
        mean, weight = keep * mean + (1 - keep) * row["loss"], keep * weight + (1 - keep)
        points.append((row["step"], mean / weight))
    return points[::max(1, len(points) // most)]


# ---- What several topics say ----

def normal(std):
    return f"--set 'initialise.weights={{normal: {{std: {std}}}}}'"


def activations(topic, words, kind, keep=None):
    """Returns the statistics of the layers of one kind; the page shows those that `keep` names, or all."""
    topic.show(f"trainer activations {words}", keep=keep or rf"^layer|{kind} ")
    return [layer for layer in topic.read(f"trainer activations {words}")["layers"] if layer["type"] == kind]


def draw_depth(topic, found):
    """Draws the deviations of activations and of gradients by depth. `found`: layers by name."""
    for title, key, of in (("activations", "bottom left", lambda layer: layer),
                           ("gradients", "off", lambda layer: layer["gradient"])):
        topic.panel(title, "depth", "standard deviation",
                    *((name, POINTED, [(at + 1, of(layer)["std"]) for at, layer in enumerate(layers)
                                       if of(layer).get("std", 0) > 0]) for name, layers in found.items()),
                    set=f"{POWERS.format('y')}\nset key {key}")


def even_bins(edges, counts, low, high, number=40):
    """Returns (left edge, count) of bins of equal width, made from bins of any width, and the end of the last one."""
    bins, width = [0] * number, (high - low) / number
    for a, b, count in zip(edges, edges[1:], counts):
        for at in range(number):
            left = low + at * width
            bins[at] += count * max(0, min(b, left + width) - max(a, left)) / (b - a)
    return [*((low + at * width, count) for at, count in enumerate(bins)), (high, 0)]


def draw_histograms(topic, found, low):
    """Draws a row of histograms for each variant: the values of some layers from `low` to 1."""
    for number, (name, layers) in enumerate(found.items()):
        for at in (0, 2, 4, 6, 9):
            layer = layers[at]
            bars = even_bins(layer["edges"], layer["counts"], low, 1)
            topic.panel(f"{name}, layer {at + 1}", "", "", (None, "fillsteps fs solid 0.6", bars), colour=number,
                        picture="-histograms.png", columns=5,
                        set=f"set xrange [{low}:1]\nunset ytics\nset xtics 1\nset yrange [0:*]")


def last(topic, out, key):
    """Returns a figure of a run's last epoch."""
    epochs = topic.metrics(out, "epoch")
    return epochs[-1].get(key, math.nan) if epochs else math.nan


def percent(part):
    return "diverged" if part is None or math.isnan(part) else f"{100 * part:.1f} %"


# ---- The topics ----

def draw_csv(path, rows, names):
    path.write_text("\n".join([",".join(names), *(",".join(f"{value:.6f}" for value in row) for row in rows)]) + "\n")


def make_data(topic):
    """Makes the data sets of all topics: drawn images, and two small tables."""
    folder = topic.folder / "course"
    steep = math.sqrt(50)
    draw_csv(folder / "valley.csv", [(1, 0, 0), (-1, 0, 0), (0, steep, 0), (0, -steep, 0)], "abt")
    draws = random.Random(1)
    draws = [(draws.random(), draws.random()) for _ in range(200)]
    draw_csv(folder / "positive.csv", [(a, b, a - b) for a, b in draws], "abt")
    topic.show("trainer dataset synthesize -o course/shapes.h5 --size 16 --train 4000 --validation 1000 --test 1000")
    for name in ("valley", "positive"):
        topic.show(f"trainer dataset import --format table --split train=course/{name}.csv --target t "
                   f"-o course/{name}.h5", keep="^train ")


@topic("tanh")
def look_at_tanh(topic):
    recipe = f"{RECIPES}/tanh.yaml"
    found = {name: activations(topic, words, "tanh") for name, words in (
        ("std 0.01", f"{recipe} {normal(0.01)}"), ("std 1", f"{recipe} {normal(1)}"), ("Xavier", recipe))}
    draw_depth(topic, found)
    draw_histograms(topic, found, -1)


@topic("relu")
def look_at_relu(topic):
    recipe = f"{RECIPES}/relu.yaml"
    found = {name: activations(topic, words, "relu") for name, words in (
        ("Xavier", f"{recipe} --set initialise.weights=xavier"), ("He", recipe))}
    draw_depth(topic, found)
    draw_histograms(topic, found, 0)


@topic("sigmoid", near=0.2, digits=10)
def compare_sigmoid(topic):
    found = {kind: activations(topic, f"{RECIPES}/{kind}-5.yaml", kind) for kind in ("sigmoid", "relu")}
    topic.block = "sigmoid-training"
    rates = (0.01, 0.1, 1)
    for kind in found:
        topic.add(f"$ for rate in {' '.join(map(str, rates))}; do trainer train -q {RECIPES}/{kind}-5.yaml "
                  f"--set optimizer.rate=$rate --out {topic.out}/{kind}-$rate; done")
        for rate in rates:
            topic.train(f"{kind}-5", f"{kind}-{rate}", f"optimizer.rate={rate}", code=None, show=False)
    topic.table(("training accuracy at rate", *rates), *(
        (kind, *(percent(last(topic, f"{kind}-{rate}", "train_accuracy")) for rate in rates)) for kind in found))
    draw_depth(topic, found)
    topic.panel("training loss", "step", "", *((f"{kind}, rate {rate}", LINE, smooth(topic.metrics(f"{kind}-{rate}")))
                                               for kind, rate in (("sigmoid", 0.1), ("relu", 0.01))))


@topic("dead", near=0.3, digits=8)
def kill_units(topic):
    rates = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1)
    starts = {"0": (), "0.01": ("'initialise.biases={constant: {value: 0.01}}'",)}
    parts = {}
    for bias, keys in starts.items():
        more = "".join(f" --set {key}" for key in keys)
        topic.add(f"$ for rate in {' '.join(map(str, rates))}; do trainer train -q {RECIPES}/dead.yaml "
                  f"--set optimizer.rate=$rate{more} --out {topic.out}/$rate-bias-{bias}; done")
        for rate in rates:
            out = f"{rate}-bias-{bias}"
            topic.train("dead", out, f"optimizer.rate={rate}", *keys, code=None, show=False)
            look = f"trainer activations {topic.out}/{out}/checkpoints/latest.h5 --split train --samples 4000"
            layers = [layer for layer in topic.read(look)["layers"] if layer["type"] == "relu"]
            parts[rate, bias] = sum(layer["dead"] for layer in layers) / sum(layer["units"] for layer in layers)
    topic.show(f"trainer activations {topic.out}/0.05-bias-0/checkpoints/latest.h5 --split train --samples 4000",
               keep="^layer|relu ")
    topic.table(("rate", *(f"dead, biases {bias}" for bias in starts), "training accuracy"), *(
        (rate, *(percent(parts[rate, bias]) for bias in starts),
         percent(last(topic, f"{rate}-bias-0", "train_accuracy"))) for rate in rates))
    topic.panel("dead units after training", "rate", "%", *(
        (f"biases {bias}", POINTED, [(rate, 100 * parts[rate, bias]) for rate in rates]) for bias in starts),
                set=f"{POWERS.format('x')}\nset key top left\nset yrange [0:*]")


@topic("zeros", near=0.05, digits=3)
def begin_at_zero(topic):
    starts = (("zeros", "zeros"), ("constant", "'{constant: {value: 0.01}}'"), ("kaiming", "kaiming_normal"))
    rows = []
    for name, weights in starts:
        topic.add(*(line for line in topic.train("zeros", name, "monitor.every=80", f"initialise.weights={weights}")
                    if "warning" in line))
        units = [len(set(topic.units(name, f"{layer}.weight"))) for layer in (1, 3)]
        rows.append((weights.strip("'"), *(f"{count} of 50" for count in units),
                     f"{last(topic, name, 'train_loss'):.3f}", percent(last(topic, name, "train_accuracy"))))
    topic.table(("start", "different units, layer 1", "layer 3", "loss", "accuracy"), *rows)


@topic("selu", near=0.1, digits=5)
def look_at_selu(topic):
    keep = r"^layer|^(2|10|20|30|40) +(selu|relu)"
    found = {name: activations(topic, words, kind, keep) for name, kind, words in (
        ("SELU, LeCun", "selu", f"{RECIPES}/selu.yaml"),
        ("SELU, std 0.01", "selu", f"{RECIPES}/selu.yaml {normal(0.01)}"),
        ("ReLU, He", "relu", f"{RECIPES}/relu-20.yaml"))}
    topic.block = "selu-training"
    runs = {"SELU, LeCun": topic.train("selu", "selu"), "ReLU, He": topic.train("relu-20", "relu")}
    names = dict(zip(runs, ("selu", "relu")))
    topic.table(("twenty layers", "first epoch", "last epoch"), *(
        (name, *(f"loss {topic.metrics(out, 'epoch')[at]['train_loss']:.2f}" for at in (0, -1)))
        for name, out in names.items()))
    draw_depth(topic, found)
    topic.panel("training loss", "step", "", *(
        (name, LINE, smooth(topic.metrics(out))) for name, out in names.items()))


@topic("zigzag", near=0.01)
def zigzag(topic):
    ways = {}
    for name, keys in (("positive", ()), ("centred", ("preprocess.center=channel_mean",))):
        topic.train("zigzag", name, *keys)
        ways[name] = topic.weights(name, "0.weight")
    rows = []
    for name, way in ways.items():
        moves = [(c - a, d - b) for (a, b), (c, d) in zip(way, way[1:])]
        same = sum(x * y > 0 for x, y in moves) / len(moves)
        length = sum(math.hypot(*move) for move in moves)
        rows.append((name, percent(same), f"{math.hypot(way[-1][0] - 1, way[-1][1] + 1):.3g}", f"{length:.3g}"))
    topic.table(("inputs", "steps of one sign", "distance left", "length of the way"), *rows)
    topic.panel("the way of the two weights", "first weight", "second", *(
        (name, POINTED, way) for name, way in ways.items()), ("best", "points pt 2 ps 1.5", [(1, -1)]))
    topic.block = "centring"
    means = {}
    for kind in ("sigmoid", "relu", "tanh"):
        seen = topic.read(f"trainer activations {RECIPES}/{kind}-5.yaml")
        means[kind] = [layer for layer in seen["layers"] if layer["type"] == kind]
    topic.show(f"trainer activations {RECIPES}/sigmoid-5.yaml", keep="^layer|sigmoid ")
    topic.table(("least and mean output of", *(f"layer {at}" for at in range(1, 6))), *(
        (kind, *(f"{layer['min']:.2f}, {layer['mean']:.2f}" for layer in layers)) for kind, layers in means.items()))


@topic("batchnorm", near=0.2, digits=6)
def normalise(topic):
    stds, recipes = (0.001, 0.01, 0.14, 1), ("plain", "batchnorm")
    rows, curves = [], {}
    for recipe in recipes:
        topic.add(f"$ for std in {' '.join(map(str, stds))}; do trainer train -q {RECIPES}/{recipe}.yaml "
                  f"--set \"initialise.weights={{normal: {{std: $std}}}}\" --out {topic.out}/{recipe}-$std; done")
    for std in stds:
        row = [std]
        for recipe in recipes:
            name = f"{recipe}-{std}"
            topic.train(recipe, name, f"'initialise.weights={{normal: {{std: {std}}}}}'", code=None, show=False)
            seen = topic.read(f"trainer activations {RECIPES}/{recipe}.yaml {normal(std)}")
            row += [f"{[layer for layer in seen['layers'] if layer['type'] == 'relu'][-1]['std']:.2g}",
                    percent(last(topic, name, "train_accuracy"))]
            curves[name] = smooth(topic.metrics(name))
        rows.append(row)
    topic.table(("std of weights", "plain: std of layer 10", "accuracy", "batchnorm: std of layer 10", "accuracy"),
                *rows)
    for recipe, title in zip(recipes, ("without", "with batch normalisation")):
        topic.panel(title, "step", "training loss",
                    *((f"std {std}", LINE, curves[f"{recipe}-{std}"]) for std in stds), set="set yrange [1:3]")


@topic("valley", near=0.01)
def valley(topic):
    ways = {}
    for name, optimizer in (("sgd", "{sgd: {rate: 0.036}}"), ("momentum", "{momentum: {rate: 0.026, momentum: 0.7}}"),
                            ("nesterov", "{nesterov: {rate: 0.026, momentum: 0.7}}")):
        topic.train("valley", name, f"'optimizer={optimizer}'")
        ways[name] = topic.weights(name, "0.weight")
    height = {name: [(at, (a * a + 50 * b * b) / 2) for at, (a, b) in enumerate(way)] for name, way in ways.items()}
    topic.table(("loss after", *(f"{at} steps" for at in (5, 10, 20, 40, 60))), *(
        (name, *(f"{height[name][at][1]:.2g}" for at in (5, 10, 20, 40, 60))) for name in ways))
    topic.panel("the first 20 steps", "along the valley", "across", *(
        (name, POINTED, way[:21]) for name, way in ways.items()))
    topic.panel("loss", "step", "", *((name, LINE, height[name]) for name in ways), set=POWERS.format("y"))
    topic.block = "rate-in-velocity"
    sizes = {}
    for form in ("course", "pytorch"):
        for schedule, words in (("constant", "constant"), ("step", "'{multi_step: {at: [5 steps]}}'")):
            out = f"{form}-{schedule}"
            topic.train("valley", out, f"'optimizer={{momentum: {{rate: 0.026, momentum: 0.7, form: {form}}}}}'",
                        f"schedule={words}")
            way = topic.weights(out, "0.weight")
            sizes[out] = [(at, way[at][0]) for at in range(len(way))]
    topic.table(("weight along the valley", *(f"step {at}" for at in (5, 6, 7, 10, 15, 20))), *(
        (out, *(f"{size[at][1]:.4f}" for at in (5, 6, 7, 10, 15, 20))) for out, size in sizes.items()))
    topic.panel("a tenth of the rate from step 5 on", "step", "weight along the valley", *(
        (f"form: {form}", POINTED, sizes[f"{form}-step"][:21]) for form in ("course", "pytorch")))


@topic("dropout", near=0.1, digits=3)
def sample_masks(topic):
    topic.train("dropout", "a")
    counts, keep = (1, 4, 16, 64, 256), r"loss  |best\.h5$"
    topic.show(f"trainer eval {topic.out}/a --split test", keep)
    topic.show(f"trainer eval {topic.out}/a --split test --dropout-samples {counts[-1]}", keep)
    once, *sampled = (topic.read(f"trainer eval {topic.out}/a --split test {words}")["members"][0]
                      for words in ("", *(f"--dropout-samples {count}" for count in counts)))
    topic.table(("masks", "loss", "accuracy"), ("none, scaled", f"{once['loss']:.3f}", percent(once["top1"])), *(
        (count, f"{found['loss']:.3f}", percent(found["top1"])) for count, found in zip(counts, sampled)))
    for title, of in (("loss", lambda found: found["loss"]), ("accuracy, %", lambda found: 100 * found["top1"])):
        topic.panel(title, "masks", "", ("mean over random masks", POINTED, [*zip(counts, map(of, sampled))]),
                    ("one pass, scaled", "lines dt 2 lw 1.5", [(count, of(once)) for count in counts]),
                    set="set logscale x 4\nset key center right")


@topic("rates", near=0.2, digits=6)
def compare_rates(topic):
    rates = ("0.0001", "0.001", "0.01", "0.05", "1")
    for rate in rates:
        lines = topic.train("rates", rate, f"optimizer.rate={rate}", code=None)
        if rate != "0.05":  # whose last accuracies depend on the processor, and with them what it says
            topic.add(*(line for line in lines if line.startswith("trainer:")))
    topic.add(*(line for line in topic.train("rates", "bad-start", "'initialise.weights={normal: {std: 0.001}}'")
                if line.startswith("trainer:")))
    names = [*rates, "bad-start"]
    topic.table(("", "first loss", "last epoch's", "training accuracy", "validation"), *(
        (f"rate {name}" if name[0].isdigit() else "bad start, rate 0.01", f"{topic.metrics(name)[0]['loss']:.2f}",
         f"{last(topic, name, 'train_loss'):.2f}", percent(last(topic, name, "train_accuracy")),
         percent(last(topic, name, "validation_accuracy"))) for name in names))
    topic.panel("training loss", "step", "", *(
        (f"rate {name}" if name[0].isdigit() else "bad start", LINE, smooth(topic.metrics(name))) for name in names),
                set="set yrange [0:3]\nset key outside right\nset xtics 200", columns=1)


@topic("search", near=0.2, digits=6)
def search(topic):
    rows, points = [], {}
    for method in ("random", "grid"):
        topic.show(f"trainer search {RECIPES}/{method}.yaml --out {topic.out}/{method}",
                   keep=r"^trial  |finished$", most=6)
        trials = topic.trials(method)
        points[method] = [[(float(trial[key]), 100 * float(trial["accuracy"])) for trial in trials
                           if trial["accuracy"]]
                          for key in ("optimizer.rate", "parameters.0.biases.weight_decay")]
        rows.append((method, len({trial["optimizer.rate"] for trial in trials}), percent(
            max(float(trial["accuracy"] or 0) for trial in trials))))
    topic.table(("16 trials", "rates tried", "best validation accuracy"), *rows)
    for at, key in enumerate(("rate, which matters", "decay of biases, which does not")):
        topic.panel(key, "", "accuracy, %", *((method, "points pt 7", found[at]) for method, found in points.items()),
                    set=POWERS.format("x") + "\nset key top left")


@topic("ensemble", near=0.1, digits=3)
def ensemble(topic):
    topic.add(f"$ for seed in 1 2 3 4 5; do trainer train -q {RECIPES}/ensemble.yaml --set train.seed=$seed "
              f"--out {topic.out}/$seed; done")
    for seed in range(1, 6):
        topic.train("ensemble", seed, f"train.seed={seed}", show=False)
    topic.show(f"trainer ensemble {topic.out}/[1-5]")


# ---- The page ----

ACTIVATIONS = re.compile(r"\d+ +[a-z]+ .* \d+ of \d+ ")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def block_pattern(name):
    return re.compile(rf"(<!-- course: {re.escape(name)} -->\n```console\n)(.*?)(```\n)", re.S)


def scales(figures, line):
    """Returns the scales with which differences of a line's figures are compared: their magnitudes, or, for the mean
    in a line of trainer activations, the deviation after it, because such a mean may be almost 0."""
    scale = [abs(figure) for figure in figures]
    if ACTIVATIONS.match(line):
        scale[1] = max(scale[1:3])
    return scale


def differs(old, new, near, digits):
    """Returns the first line of a block whose words differ, or whose figures differ too much; or None."""
    old, new = ([line for line in text.splitlines() if line.strip()] for text in (old, new))
    for was, now in zip(old + ["(nothing)"] * (len(new) - len(old)), new + ["(nothing)"] * (len(old) - len(new))):
        if was == now:
            continue
        if now.startswith("$") or NUMBER.sub("#", was).split() != NUMBER.sub("#", now).split():
            return f"{was!r} is now {now!r}"
        before, after = ([float(figure) for figure in NUMBER.findall(line)] for line in (was, now))
        for a, b, *sizes in zip(before, after, scales(before, was), scales(after, now)):
            if abs(a - b) > max(digits, near * max(sizes)):
                return f"{was!r} is now {now!r}"
    return None


def check_page(blocks, name):
    page = PAGE.read_text()
    for block, lines in blocks.items():
        found = block_pattern(block).search(page)
        allowed = TOPICS.get(name, (None, 0, 0))[1:]
        wrong = differs(found.group(2), "\n".join(lines), *allowed) if found else "is not on the page"
        if wrong:
            raise Failure(f"docs/course.md, {block}: {wrong}")


def write_page(blocks):
    page = PAGE.read_text()
    for block, lines in blocks.items():
        page, count = block_pattern(block).subn(
            lambda found: found.group(1) + "\n".join(lines) + "\n" + found.group(3), page)
        if not count:
            raise Failure(f"docs/course.md has no block '<!-- course: {block} -->'")
    PAGE.write_text(page)


# ---- The script ----

def reproduce(name, folder, pictures):
    """Runs a topic. Returns its blocks and the names of its pictures."""
    at_work = Topic(name, folder, pictures)
    TOPICS[name][0](at_work)
    return at_work.finish()


def prepare(folder, program):
    """Prepares the working folder: recipes, the program, the data sets."""
    (folder / "course" / "bin").mkdir(parents=True, exist_ok=True)
    link = folder / "course" / "bin" / "trainer"
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    if not (folder / "launch").exists():
        (folder / "launch").symlink_to(ROOT / "launch")
    os.environ["PATH"] = f"{link.parent}:{os.environ['PATH']}"
    os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
    os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="all, or some of: " + ", ".join(TOPICS))
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT,
                        help="where course/ is made (default: the project)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="topics at a time")
    parser.add_argument("--check", action="store_true", help="compare docs/course.md with what the commands print")
    parser.add_argument("--write", action="store_true", help="write it into docs/course.md, and its pictures")
    arguments = parser.parse_args()
    names = arguments.topics or list(TOPICS)
    for name in names:
        if name not in TOPICS:
            parser.error(f"there is no topic {name}; there are: {', '.join(TOPICS)}")
    program = pathlib.Path(os.environ.get("TRAINER", ROOT / "build" / "trainer")).resolve()
    if not program.exists():
        sys.exit(f"{program} does not exist: build it first (launch/test.sh or cmake), or set TRAINER")
    pictures = shutil.which("gnuplot") is not None
    if not pictures:
        print("gnuplot is not installed (Debian: gnuplot-nox): there will be no pictures")
    prepare(arguments.folder, program)
    try:
        at_work = Topic("data", arguments.folder, pictures)
        make_data(at_work)
        finished = {"data": at_work.finish()}
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            results = {name: pool.submit(reproduce, name, arguments.folder, pictures) for name in names}
            for name, result in results.items():
                finished[name] = result.result()
                print(f"{name}: course/{name}.txt", flush=True)
        for name, (blocks, drawn) in finished.items():
            if arguments.write:
                write_page(blocks)
                PICTURES.mkdir(exist_ok=True)
                for picture in drawn:
                    shutil.copy(arguments.folder / "course" / picture, PICTURES)
            if arguments.check:
                check_page(blocks, name)
    except Failure as failure:
        sys.exit(str(failure))
    if arguments.check:
        print("docs/course.md shows what the commands print")


if __name__ == "__main__":
    main()
