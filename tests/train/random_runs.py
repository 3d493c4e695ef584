"""Random run files, valid and invalid, from the tables of `trainer keys --json`.

What a table says (type, range, words, default) is taken from it, so that a new key is drawn as soon as it
exists. What a table cannot say (which sizes fit together) stands here: a rule for each layer, which knows the
shape that comes out, and limits that keep a run of twenty steps within the range of numbers. A layer without a
rule is an error."""
import json
import math
import random

SIZE, CHANNELS, CLASSES, SAMPLES = 16, 3, 10, 60  # of the data set that goes with them

# Narrower than the table allows, by the name of the key (within any kind) or "kind.key".
LIMITS = {
    "std": (0.001, 0.1),
    "value": (-0.05, 0.05),
    "limit": (0.001, 0.1),
    "epsilon": (1e-6, 1e-3),
    "weight_decay": (0, 0.01),
    "l1": (0, 1e-3),
    "batch": (4, 24),
    "threads": (1, 2),
    "seed": (0, 10**6),
    "keep": (0, 3),
    "check_every": (0, 10),
    "pad": (0, 4),
    "augmentation.cutout.size": (1, 8),
    "slope": (0.01, 0.5),
    "alpha": (0.1, 2),
    "layer.dropout.rate": (0, 0.8),
    "layer.alpha_dropout.rate": (0, 0.5),
    "dropconnect": (0, 0.5),
    "layer.residual.drop": (0, 0.5),
    "average.ema.decay": (0, 0.99),
    "data.limit.train": (24, 60),  # no fewer than a batch
}
# Keys of initialisers for vectors, for which those that make matrices are of no use.
VECTORS, MATRICES_ONLY = ("bias_init", "scale_init", "shift_init", "biases"), ("orthogonal", "dirac")
# Metrics of values and of sets of classes; the targets are classes.
OF_OTHERS = ("rmse", "r2", "precision_micro", "recall_micro", "f1_micro", "hamming_loss")
TIMES = ["90 s", "1 h", "2 h 30 min"]
MEMORY = ["1 GiB", "64 MiB"]
SPANS = ["0", "3 steps", "1 epoch", "0.5 epochs", "7 steps"]


def may_be_absent(key):
    return not key["required"] and "default" not in key


class Tables:
    def __init__(self, text):
        tables = json.loads(text)
        self.keys, self.kinds = tables["keys"], tables["kinds"]

    def kind(self, table, name):
        return next(kind for kind in self.kinds[table] if kind["name"] == name)

    def names(self, table):
        return [kind["name"] for kind in self.kinds.get(table, [])]


class Shape:
    """The shape of one sample: an image, or a row of features (flat)."""

    def __init__(self, height=SIZE, width=SIZE, channels=CHANNELS, flat=False):
        self.height, self.width, self.channels, self.flat = height, width, channels, flat

    def window(self, kernel, stride, padding, dilation=1, ceil=False):
        def out(size):
            left = size + 2 * padding - dilation * (kernel - 1) - 1
            count = (left + (stride - 1 if ceil else 0)) // stride + 1
            return count - 1 if ceil and (count - 1) * stride >= size + padding else count
        return Shape(out(self.height), out(self.width), self.channels)

    def holds(self, kernel, padding=0, dilation=1):
        return min(self.height, self.width) + 2 * padding >= dilation * (kernel - 1) + 1


class Generator:
    def __init__(self, tables, seed):
        self.tables, self.rng, self.drawn = tables, random.Random(seed), set()
        self.wanted = {table: [] for table in tables.kinds}  # kinds still to be drawn, before any is drawn again

    # What the tables say.

    def number(self, key, where):
        low, high = key.get("minimum", key.get("above", -math.inf)), key.get("maximum", math.inf)
        limits = LIMITS.get(where) or LIMITS.get(key["name"])
        if limits:
            low, high = max(low, limits[0]), min(high, limits[1])
        whole = key["type"] in ("integer", "count", "integers")
        low = low if low > -1e9 else min(high, 0) - (3 if whole else 0.1)
        high = min(high, low + (4 if whole else 1))
        if "below" in key:
            high = min(high, low + 0.9 * (key["below"] - low))
        if whole:
            return self.rng.randint(math.ceil(low) + (key.get("above") == low), math.floor(high))
        place = self.rng.uniform(0.05, 0.95) if "above" in key else self.rng.choice([0, 1, self.rng.random()])
        return min(float(f"{low + place * (high - low):.6g}"), high)

    def value(self, key, where):
        kind = key["type"]
        if kind in ("integer", "number"):
            return self.number(key, where)
        if kind == "count":
            return key["words"][0] if self.rng.random() < 0.5 else self.number(key, where)
        if kind == "size":
            return self.rng.choice([*key["words"], *MEMORY])
        if kind in ("numbers", "integers"):
            return [self.number(key, where) for _ in range(2)]
        if kind == "boolean":
            return self.rng.random() < 0.5
        if kind == "word":
            return self.rng.choice([word for word in key["words"] if word not in OF_OTHERS])
        if kind == "span":
            return self.rng.choice(SPANS)
        if kind == "interval":
            return self.rng.choice([*SPANS, "1 h", "0.01 s"])
        if kind == "time":
            return self.rng.choice(TIMES)
        if kind == "spans":
            return self.rng.sample(SPANS, 2)
        if kind == "choice":
            names = self.tables.names(key["kinds"])
            if key["name"] in VECTORS:
                names = [name for name in names if name not in MATRICES_ONLY]
            return self.choice(key["kinds"], names)
        if kind == "choices":
            return [self.choice(key["kinds"]) for _ in range(self.rng.randint(0, 2))]
        raise ValueError(f"{where}: no way to draw a {kind}")

    def options(self, keys, where, skip=()):
        """A value for each required key, and for some of the others."""
        options = {}
        for key in keys:
            if key["name"] in skip or key["type"] in ("text", "texts", "section", "sections", "named sections"):
                continue
            if "default" in key and self.rng.random() < 0.5 or may_be_absent(key) and self.rng.random() < 0.7:
                continue
            options[key["name"]] = self.value(key, f"{where}.{key['name']}")
        return options

    def pick(self, table, allowed=None):
        """A kind of the table; those never drawn come first."""
        if not self.wanted[table]:
            self.wanted[table] = self.tables.names(table)
            self.rng.shuffle(self.wanted[table])
        fresh = [name for name in self.wanted[table] if allowed is None or name in allowed]
        name = fresh[0] if fresh else self.rng.choice(sorted(allowed))
        if name in self.wanted[table]:
            self.wanted[table].remove(name)
        self.drawn.add((table, name))
        return name

    def choice(self, table, allowed=None, skip=()):
        name = self.pick(table, allowed)
        options = self.options(self.tables.kind(table, name)["keys"], f"{table}.{name}", skip)
        fix = FIXES.get(f"{table}.{name}") or FIXES.get(table)
        if fix:
            options = fix(self, name, options)
        return {name: options} if options else name

    # What fits together.

    def layer(self, shape, deep=0):
        """One layer for an input of `shape`, and the shape that comes out."""
        names = [name for name in self.tables.names("layer") if name not in ENDS and not (deep and name in CONTAINERS)]
        for name in names:
            if name not in RULES:
                raise SystemExit(f"random_runs.py has no rule for the layer {name}: add one to RULES")
        fitting = [name for name in names if RULES[name](self, shape, None, deep) is not None]
        name = self.pick("layer", fitting)
        keys = self.tables.kind("layer", name)["keys"]
        keys = [key for key in keys if key["type"] not in ("choices", "choice lists")]
        options = self.options(keys, f"layer.{name}")
        shape = RULES[name](self, shape, options, deep)
        return ({name: options} if options else name), shape

    def layers(self, shape, count, deep=0):
        made = []
        for _ in range(count):
            layer, shape = self.layer(shape, deep)
            made.append(layer)
        return made, shape

    def model(self):
        layers, shape = self.layers(Shape(), self.rng.randint(3, 8))
        if not shape.flat:
            layers.append("flatten")
        self.drawn |= {("layer", "flatten"), ("layer", "linear")}
        return layers + [{"linear": {"out": CLASSES}}]

    def run(self, data):
        run = {}
        for key in self.tables.keys:
            name = key["name"]
            if name == "model":
                run[name] = self.model()
            elif key["type"] == "section":
                options = self.options(key["keys"], name)
                if options:
                    run[name] = options
            elif key["type"] == "choices":
                run[name] = [self.choice(key["kinds"]) for _ in range(self.rng.randint(0, 2))]
            elif key["type"] == "choice" and not (may_be_absent(key) and self.rng.random() < 0.5):
                run[name] = self.choice(key["kinds"])
        run["data"] = {"file": data}
        data_keys = next(key for key in self.tables.keys if key["name"] == "data")["keys"]
        limit = next(key for key in data_keys if key["name"] == "limit")
        run["data"]["limit"] = self.options(limit["keys"], "data.limit")
        settle(self, run)
        return run


# Layers: RULE(generator, shape, options, deep) corrects the options and returns the shape that comes out. With
# options None it only says whether the layer can stand there: None if not.

ENDS = ("flatten",)
CONTAINERS = ("residual", "branches")
RULES = {}


def rule(*names):
    def add(function):
        for name in names:
            RULES[name] = function
        return function
    return add


@rule("relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "batchnorm", "alpha_dropout")
def same(generator, shape, options, deep):
    return shape


@rule("groupnorm", "layernorm")
def single_norm(generator, shape, options, deep):
    if shape.height * shape.width * shape.channels == 1:
        return None
    if options and "groups" in options:
        divisors = [groups for groups in range(1, shape.channels + 1) if shape.channels % groups == 0]
        size = shape.height * shape.width * shape.channels
        options["groups"] = generator.rng.choice([groups for groups in divisors if groups < size])
    return shape


@rule("dropout")
def dropout(generator, shape, options, deep):
    if shape.flat and options:
        options.pop("drops", None)
    return shape


@rule("maxout")
def maxout(generator, shape, options, deep):
    pieces = [k for k in (2, 3, 5) if shape.channels % k == 0]
    if deep or not pieces:
        return None
    if options is None:
        return shape
    options["pieces"] = generator.rng.choice(pieces)
    return Shape(shape.height, shape.width, shape.channels // options["pieces"], shape.flat)


def with_bias(options):
    if options.get("bias") is False:
        options.pop("bias_init", None)


@rule("linear")
def linear(generator, shape, options, deep):
    if options is None:
        return shape if shape.flat else None
    options["out"] = generator.rng.randint(1, 17)
    with_bias(options)
    return Shape(1, 1, options["out"], True)


@rule("global_avgpool", "global_maxpool")
def global_pool(generator, shape, options, deep):
    if deep or shape.flat:
        return None
    return Shape(1, 1, shape.channels)


@rule("conv")
def conv(generator, shape, options, deep):
    if shape.flat:
        return None
    if options is None:
        return shape
    rng = generator.rng
    with_bias(options)
    options["kernel"] = rng.choice([1, 2, 3, 5]) if not deep else rng.choice([1, 3, 5])
    options["dilation"] = rng.choice([1, 1, 2])
    reach = options["dilation"] * (options["kernel"] - 1)
    options["padding"] = reach // 2 if deep else rng.randint(0, reach)
    options["stride"] = 1 if deep else rng.randint(1, 3)
    if not shape.holds(options["kernel"], options["padding"], options["dilation"]):
        options.update(kernel=1, padding=0, dilation=1)
    options["groups"] = rng.choice([1, 1, shape.channels])
    options["out"] = shape.channels if deep else options["groups"] * rng.randint(1, max(1, 12 // options["groups"]))
    out = shape.window(options["kernel"], options["stride"], options["padding"], options["dilation"])
    out.channels = options["out"]
    return out


@rule("maxpool", "avgpool")
def pool(generator, shape, options, deep):
    if deep or shape.flat or min(shape.height, shape.width) < 2:
        return None
    if options is None:
        return shape
    options["kernel"] = generator.rng.randint(1, min(3, shape.height, shape.width))
    options["stride"] = generator.rng.randint(1, 3)
    options["padding"] = generator.rng.randint(0, options["kernel"] // 2)
    if "dilation" in options:
        options.update(padding=0, dilation=generator.rng.choice([1, 2]))
        if not shape.holds(options["kernel"], 0, options["dilation"]):
            options["dilation"] = 1
    return shape.window(options["kernel"], options["stride"], options["padding"], options.get("dilation", 1),
                        options.get("ceil_mode", False))


@rule("fractional_maxpool")
def fractional_pool(generator, shape, options, deep):
    if deep or shape.flat or min(shape.height, shape.width) < 2:
        return None
    if options is None:
        return shape
    options["out"] = generator.rng.randint(1, min(shape.height, shape.width) - 1)
    if max(shape.height, shape.width) / options["out"] > 8:
        options["out"] = -(-max(shape.height, shape.width) // 8)
    options.pop("ratio", None)  # beside which there is no out
    return Shape(options["out"], options["out"], shape.channels)


@rule("upsample")
def upsample(generator, shape, options, deep):
    if deep or shape.flat or max(shape.height, shape.width) > 2 * SIZE:
        return None
    if options is None:
        return shape
    options["factor"] = generator.rng.randint(1, 2)
    return Shape(shape.height * options["factor"], shape.width * options["factor"], shape.channels)


@rule("branches")
def branches(generator, shape, options, deep):
    """Paths that keep the shape: their channels add up, or they do."""
    if shape.flat:
        return None
    if options is None:
        return shape
    rng = generator.rng
    paths = [generator.layers(shape, rng.randint(0, 2), deep + 1) for _ in range(rng.randint(2, 3))]
    options["paths"] = [path for path, _ in paths]
    if deep or options.get("join") == "add":
        options["join"] = "add"
        return shape
    return Shape(shape.height, shape.width, sum(out.channels for _, out in paths))


@rule("residual")
def residual(generator, shape, options, deep):
    if options is None:
        return shape
    options["body"], out = generator.layers(shape, generator.rng.randint(1, 3), deep + 1)
    if not options.get("drop"):
        options.pop("drop_rule", None)
    if (shape.height, shape.width, shape.channels) != (out.height, out.width, out.channels):
        options["shortcut"] = "projection"
    elif shape.flat:
        options["shortcut"] = "identity"
    else:
        options["shortcut"] = generator.rng.choice(["identity", "pad", "projection"])
    return out


# Everything else: FIX(generator, name, options) returns the options, corrected.


def small_rate(generator, name, options):
    options["rate"] = float(f"{10 ** generator.rng.uniform(-4, -2):.3g}")
    return options


FIXES = {"optimizer": small_rate}


def at_least_a_step(key):
    def fix(generator, name, options):
        options[key] = generator.rng.choice(["2 steps", "1 epoch"])
        return options
    return fix


FIXES["schedule.step"] = at_least_a_step("every")
FIXES["schedule.inverse_sqrt"] = at_least_a_step("scale")
FIXES["average.swa"] = at_least_a_step("every")
FIXES["schedule.exponential"] = at_least_a_step("every")
FIXES["schedule.cosine_restarts"] = at_least_a_step("period")


def multi_step(generator, name, options):
    options["at"] = generator.rng.choice([["16 steps"], ["16 steps", "6 epochs"],
                                          ["17 steps", "18 steps", "100 epochs"]])
    return options


def one_cycle(generator, name, options):
    options.pop("warmup", None)  # it rises by itself
    if options.get("three_phase"):
        options["rise"] = 0.4
    return options


FIXES["schedule.multi_step"] = multi_step
FIXES["schedule.one_cycle"] = one_cycle


def resized_crop(generator, name, options):
    options["size"] = generator.rng.choice(["same", SIZE])
    for key, low, high in (("scale", 0.08, 1), ("aspect", 0.5, 2)):
        if key in options:
            options[key] = sorted(round(generator.rng.uniform(low, high), 3) for _ in range(2))
    return options


def not_always(generator, name, options):
    options["probability"] = round(generator.rng.uniform(0, 0.5), 3)
    return options


def something_trains(generator, name, options):
    if name in ("weights", "all"):
        options.pop("frozen", None)
    if options.get("frozen") == "true":  # goes alone
        options = {key: value for key, value in options.items() if key in ("name", "frozen")}
    return options or {"rate": 0.5}  # a rule has to set something


FIXES["parameter rule"] = something_trains


def kaiming(generator, name, options):
    if options.get("gain") != "leaky_relu":
        options.pop("slope", None)
    return options


FIXES["initialiser.kaiming_normal"] = FIXES["initialiser.kaiming_uniform"] = kaiming
FIXES["augmentation.resized_crop"] = resized_crop
FIXES["mix"] = not_always


def settle_preprocess(rng, options):
    """Whole images are decorrelated to images, which the model is drawn for; and what goes together."""
    scope, kind = options.get("scope", "image"), options.get("decorrelate", "none")
    if kind == "none" or scope == "pixel" and kind != "zca":
        options.pop("components", None)
    if kind == "none":
        options.pop("scope", None)
    if kind not in ("pca_whiten", "zca"):
        options.pop("epsilon", None)
    if kind == "none":
        return
    options["center"] = rng.choice(["auto", "mean_image" if scope == "image" else "channel_mean"])
    if scope == "image":
        options["decorrelate"] = "zca"
    elif options.get("scale") == "pixel_std":
        options["scale"] = "range"
    if options.get("components"):
        options["components"] = rng.randint(1, CHANNELS)
    elif scope == "image":  # more numbers than images: epsilon has to hold the rest
        options["epsilon"] = 1000 if options.get("scale") == "none" else round(rng.uniform(0.01, 0.1), 3)


def name_of(chosen):
    """The name of a chosen kind: `relu`, or `{relu: {…}}`."""
    return chosen if isinstance(chosen, str) else next(iter(chosen))


def settle(generator, run):
    """What depends on several sections."""
    rng = generator.rng
    layers = str(run["model"])
    has = {"slopes": ["prelu"], "normalisations": ["batchnorm", "groupnorm", "layernorm", "projection"]}
    missing = [kind for kind, words in has.items() if not any(word in layers for word in words)]
    run["parameters"] = [rule for rule in run.get("parameters", []) if name_of(rule) not in missing]
    if "residual" not in layers:
        run.get("initialise", {}).pop("residual", None)
    settle_preprocess(rng, run.get("preprocess", {}))
    shards = rng.choice([2, 4, "auto"])
    train = run.setdefault("train", {})
    train.update(shards=shards, batch=4 * rng.randint(2, 5), length="20 steps")
    for name in ("exchange", "backend", "instruction_set"):
        train.pop(name, None)  # mpi keeps no bits; the others need not be there
    for section, switch in (("early_stopping", "patience"), ("large_batch", "base"), ("lookahead", "every"),
                            ("start_from", "checkpoint"), ("monitor", "every")):
        if section in run and not run[section].get(switch):  # its other keys would do nothing
            del run[section]
    if train.get("sampling") == "balanced":  # draws the order by itself
        train.pop("shuffle", None)
    limit = run["data"]["limit"]
    if not any(isinstance(limit.get(name), int) for name in ("train", "validation")):
        limit.pop("per_class", None)  # of no limit
    settle_warmup(rng, run)
    settle_validation(run)
    settle_snapshots(run)
    run.setdefault("checkpoint", {})["every"] = rng.choice(["0", "1 epoch", "7 steps"])


def settle_warmup(rng, run):
    """large_batch has a warm-up, beside which the schedule has none."""
    large = run.get("large_batch", {})
    if large.get("base"):
        large["warmup"] = rng.choice(["0", "3 steps", "7 steps"])
        schedule = run.get("schedule")
        if isinstance(schedule, dict):
            next(iter(schedule.values())).pop("warmup", None)
        if schedule and name_of(schedule) == "one_cycle":
            large["warmup"] = "0"


def settle_validation(run):
    """What follows the validations needs them at certain steps, not at certain times."""
    schedule = run.get("schedule")
    follows = "early_stopping" in run or (schedule and name_of(schedule) == "plateau")
    every = str(run.get("validation", {}).get("every", "")).split()
    if follows and every and every[-1] in ("s", "min", "h", "d"):
        run["validation"]["every"] = "1 epoch"


def settle_snapshots(run):
    """There are snapshots only of a schedule whose cycles end within the run."""
    if run.get("checkpoint", {}).get("snapshots"):
        cycles = isinstance(run.get("schedule"), dict) and run["schedule"].get("cosine_restarts")
        if cycles:
            cycles["period"] = "2 steps"
        else:
            run["checkpoint"]["snapshots"] = False


# Writing them down.


def text(value):
    """JSON is YAML; but numbers must be plain."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".") if abs(value) < 1e6 and value != int(value) else f"{value:.1f}"
    return str(value)


def write(run):
    lines = []
    for name, value in run.items():
        if isinstance(value, list) and value:
            lines.append(f"{name}:")
            lines += [f"  - {text(item)}" for item in value]
        else:
            lines.append(f"{name}: {text(value)}")
    return "\n".join(lines) + "\n"


# Invalid ones: one thing is wrong, and the refusal must name it.


def places(run, keys, tables):
    """Every value in a run file with the key that it was drawn from: (container, name or index, key)."""
    for key in keys:
        name = key["name"]
        if name not in run:
            continue
        yield run, name, key
        if key["type"] == "section":
            yield from places(run[name], key["keys"], tables)
        for holder, item in chosen_in(run, name, key):
            yield holder, item, {"type": "kind", "kinds": key["kinds"], "name": name}
            if isinstance(holder[item], dict):
                (kind, options), = holder[item].items()
                yield from places(options, tables.kind(key["kinds"], kind)["keys"], tables)


def chosen_in(run, name, key):
    """The chosen kinds of a key: (container, name or index)."""
    if key["type"] == "choice":
        return [(run, name)]
    return [(run[name], index) for index in range(len(run[name]))] if key["type"] == "choices" else []


WRONG = {  # values that a key of each type refuses
    "integer": ["three", 1.5, [1], {"a": 1}],
    "number": ["much", [1.0], "nan", ".inf", True],
    "count": ["never", 1.5, [1]],
    "size": ["much", 3, [1], "2 epochs"],
    "boolean": ["yes", 1, [True]],
    "word": ["neither", 3.5, [1]],
    "span": ["soon", "3 weeks", -2, [1], "1.5 steps"],
    "interval": ["soon", "3 weeks", -2, [1], "1.5 steps"],
    "time": ["soon", "3 weeks", -2, [1], "2 epochs"],
    "spans": ["1 epoch", [3], {"a": 1}],
    "numbers": ["many", 1, {"a": 1}],
    "integers": ["many", 1.5, {"a": 1}],
    "section": ["all", 3, [1]],
    "choice": [3, [1], "nothing_known"],
    "choices": ["nothing_known", {"a": 1}, 3],
    "choice lists": ["nothing_known", ["relu"], {"a": 1}, 3],
    "text": [[1], {"a": 1}],
    "texts": [{"a": 1}],
    "kind": [3],
}


# Each way breaks holder[name], which was drawn from `key`, and returns the words that the refusal must hold.


def of_another_type(holder, name, key, tables, rng):
    holder[name] = rng.choice(WRONG[key["type"]])
    return key["name"]


def unknown_key(holder, name, key, tables, rng):
    inside = holder[name] if key["type"] == "section" else next(iter(holder[name].values()))
    word = rng.choice(["bogus", "x", *inside.keys()]) + rng.choice(["x", "_", "Q"])
    inside[word] = 1
    return word


def unknown_kind(holder, name, key, tables, rng):
    holder[name] = rng.choice(tables.names(key["kinds"])) + rng.choice(["x", "q", "_"])
    return holder[name]


def unknown_option(holder, name, key, tables, rng):
    holder[name] = {name_of(holder[name]): {"bogus": 1}}
    return "bogus"


def rule_that_sets_nothing(holder, name, key, tables, rng):
    holder[name] = name_of(holder[name])
    return "sets nothing"


def rule_beside_frozen(holder, name, key, tables, rng):
    holder[name] = {name_of(holder[name]): {"frozen": True, "l1": 0.5}}
    return "l1: 0.5 beside frozen"


def too_low(holder, name, key, tables, rng):
    low = key.get("minimum", key.get("above"))
    if key["type"] != "number":
        holder[name] = int(math.floor(low)) - 1
    else:
        holder[name] = low - 1 if "minimum" in key else low
    return key["name"]


def too_high(holder, name, key, tables, rng):
    if "below" in key:
        holder[name] = key["below"]
    else:
        high = key["maximum"]
        holder[name] = int(high) * 2 + 1 if key["type"] != "number" else high * 2.0 + 1
    return key["name"]


def ways_to_break(value, key):
    kind = key["type"]
    if kind == "section":
        return [unknown_key, of_another_type]
    if kind == "kind":
        has_options = isinstance(value, dict) and next(iter(value.values()))
        rules = [rule_that_sets_nothing, rule_beside_frozen] if key["kinds"] == "parameter rule" else []
        return [unknown_kind, unknown_key if has_options else unknown_option, *rules]
    ways = [of_another_type]
    if kind in ("integer", "number", "count"):
        ways += [too_low] * ("minimum" in key or "above" in key) + [too_high] * ("maximum" in key or "below" in key)
    return ways


def break_one(run, tables, rng):
    """Breaks the run file `run` in one place; returns the words that the refusal must hold."""
    if rng.random() < 0.02 and "residual" not in str(run["model"]):
        run.setdefault("initialise", {})["residual"] = "zero"
        return "initialise.residual"
    holder, name, key = rng.choice(list(places(run, tables.keys, tables)))
    return rng.choice(ways_to_break(holder[name], key))(holder, name, key, tables, rng)


def damage(text, rng):
    """The text with one to four bytes changed, or pieces left out or said twice."""
    raw = bytearray(text.encode())
    for _ in range(rng.randint(1, 4)):
        at, way = rng.randrange(len(raw)), rng.randrange(3)
        if way == 0:
            raw[at] = rng.randrange(1, 127)
        elif way == 1:
            del raw[at:at + rng.randint(1, 20)]
        else:
            raw[at:at] = raw[at:at + rng.randint(1, 30)]
        raw = raw or bytearray(b"\n")
    return raw.decode("utf-8", "replace")
