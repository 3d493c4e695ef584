#!/usr/bin/python3
"""The command line's frame: help, mistakes, exit codes, stdout and stderr, MPI only where needed."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

TRAINER = os.path.abspath(os.environ.get("TRAINER", "build/trainer"))
SAMPLE_WRITER = sys.argv[1]
MOST_COLUMNS = 100
USAGE, RUN_FILE, DATA, CHECKPOINT, SYSTEM = 2, 3, 4, 5, 6
failures = []


def check(condition, words):
    if not condition:
        failures.append(words)


def run(*words, ranks=0, mpi=False, stdout=subprocess.PIPE):
    """(exit code, stdout, stderr). With ranks, MPI_Init fails unless `mpi`: who starts it is found out."""
    env = dict(os.environ)
    line = [TRAINER, *words]
    if ranks:
        if os.geteuid() == 0:
            env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        if not mpi:
            env["OMPI_MCA_pml"] = "none_of_that_name"
        line = ["mpirun", "--oversubscribe", "--bind-to", "none", "-np", str(ranks), *line]
    done = subprocess.run(line, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def trainer_lines(stderr):
    return [line for line in stderr.splitlines() if line.startswith("trainer: ")]


def refused(code, words, *line, **more):
    """One line on stderr that holds `words`, nothing on stdout, and the exit code."""
    found, out, err = run(*line, **more)
    name = "trainer " + " ".join(line)
    check(found == code, f"{name}: exit code {found}, expected {code}")
    check(not out, f"{name}: stdout {out!r}")
    lines = trainer_lines(err) if more.get("ranks") else err.splitlines()
    check(len(lines) == 1 and lines[0].startswith("trainer: "), f"{name}: stderr {err!r}")
    check(words in err, f"{name}: {err!r} does not say {words!r}")


def good(*line, **more):
    code, out, err = run(*line, **more)
    name = "trainer " + " ".join(line)
    check(code == 0, f"{name}: exit code {code}: {err}")
    check(not err, f"{name}: stderr {err!r}")
    return out


def command_names():
    listing = good("--help").split("Commands:\n")[1].split("\n\n")[0]
    return [line[2:24].strip() for line in listing.splitlines() if line[2] != " "]


def check_help():
    names = command_names()
    for name in ("train", "eval", "predict", "inspect", "describe", "gradcheck", "dataset import",
                 "dataset synthesize", "dataset info", "dataset verify", "dataset preview"):
        check(name in names, f"{name} is not listed")
    for name in names:
        words = name.split()
        text = good(*words, "--help")
        check(text == good("help", *words) == good(*words, "x", "-h", "--zzz"), f"{name}: helps differ")
        check(text.startswith(f"Usage: trainer {name}"), f"{name}: {text[:60]!r}")
        check(f"  trainer {name}" in text or f" trainer {name} " in text.split("Example")[-1],
              f"{name}: no example")
        check("Example" in text, f"{name}: no example")
        for line in text.splitlines():
            check(len(line) <= MOST_COLUMNS, f"{name}: {len(line)} columns: {line}")
            check(line == line.rstrip(), f"{name}: space at the end of {line!r}")
    check(good("--help") == good("help") == good("-h"), "helps of the program differ")
    check("dataset import" in good("dataset", "--help"), "dataset --help")
    check(good("dataset", "--help") == good("help", "dataset"), "helps of dataset differ")
    version = good("--version")
    for word in ("trainer 0.", "compiler: ", "OpenBLAS", "HDF5: 1.", "MPI: ", "baseline"):
        check(word in version, f"--version does not say {word!r}")


def check_mistakes(folder):
    refused(USAGE, "a command is missing")
    refused(USAGE, 'unknown command "trian"; did you mean "train"?', "trian", "x.yaml")
    refused(USAGE, 'did you mean "dataset import"?', "dataset", "imprt", "x")
    refused(USAGE, 'did you mean "inspect"?', "help", "inspct")
    refused(USAGE, "trainer dataset --help", "dataset")
    refused(USAGE, "unknown flag --json", "--json", "inspect", "x")
    refused(USAGE, 'unknown command "xyzzyx" (', "xyzzyx")
    refused(USAGE, "FILE is missing (usage: trainer inspect FILE", "inspect")
    refused(USAGE, 'unexpected operand "b"', "inspect", "a", "b")
    refused(USAGE, "unknown flag --jsn; did you mean --json?", "inspect", "a", "--jsn")
    refused(USAGE, "--json takes no argument", "inspect", "a", "--json=yes")
    refused(USAGE, "--out needs its argument", "dataset", "preview", "a", "--out")
    refused(USAGE, "--out is given twice", "dataset", "preview", "a", "--out", "x", "-oy")
    refused(CHECKPOINT, "No such file", "inspect", os.path.join(folder, "missing.h5"))
    refused(CHECKPOINT, "is a folder", "inspect", folder)
    text = os.path.join(folder, "text")
    with open(text, "w") as file:
        file.write("not HDF5 at all\n")
    refused(CHECKPOINT, "is not an HDF5 file", "inspect", text)


def check_inspect(sample):
    text = good("inspect", sample)
    for word in ("step            0 (epoch 3, step 7 of it)", "avx2", "0.weight", "(4,2,3,3)",
                 "optimizer/momentum/4.bias", "5 x 5 x 2", "ant, bee", "269 parameters, 8 running"):
        check(word in text, f"inspect does not say {word!r}:\n{text}")
    check(good("inspect", sample, "--run-file") == "train:\n  batch: 64\n", "--run-file")
    one, two = good("inspect", sample, "--json"), good("inspect", "--json", "--", sample)
    check(one == two, "flags before and after the operand differ")
    found = json.loads(one)
    check(found["kind"] == "checkpoint" and found["parameters"] == 269, "--json: parameters")
    check(found["progress"]["best_metric"] == 0.1 + 0.2, "--json: not every digit")
    array = next(a for a in found["arrays"] if a["name"] == "model/0.bias")
    check(array == {"name": "model/0.bias", "shape": [4], "count": 4, "mean": 8 + 2.5 / 64,
                    "std": 1.25 ** 0.5 / 64, "min": 8 + 1 / 64, "max": 8 + 4 / 64}, f"--json: {array}")


def check_output(sample):
    with open("/dev/full", "w") as full:
        code, _, err = run("inspect", sample, stdout=full)
        check(code == SYSTEM and "standard output" in err, f"full stdout: {code} {err!r}")
        code, _, err = run("--help", stdout=full)
        check(code == SYSTEM, f"full stdout of --help: {code} {err!r}")
    code = subprocess.run(["/bin/sh", "-c", f'"{TRAINER}" --help >&- 2>/dev/null']).returncode
    check(code == SYSTEM, f"closed stdout: exit code {code}")
    code = subprocess.run(["/bin/sh", "-c", f'"{TRAINER}" inspect "{sample}" >&-  2>/dev/null']).returncode
    check(code == SYSTEM, f"closed stdout of inspect: exit code {code}")


def check_ranks(sample):
    """Under mpirun, with an MPI that cannot start: none of these starts it, and rank 0 alone prints."""
    for line in (["--help"], ["--version"], ["train", "--help"], ["help", "dataset"], ["inspect", sample]):
        code, out, err = run(*line, ranks=2)
        check(code == 0, f"mpirun: {line}: exit code {code}: {err}")
        check(out == good(*line), f"mpirun: {line} prints something else:\n{out}")
    refused(USAGE, "did you mean", "trian", ranks=2)
    refused(USAGE, "unknown flag --zzz", "train", "x.yaml", "--zzz", ranks=3)
    refused(CHECKPOINT, "No such file", "inspect", "/nowhere/x.h5", ranks=2)
    code, _, _ = run("train", "/nowhere/x.yaml", "--out", "/nowhere/y", ranks=2)
    check(code != 0, "train under mpirun did not start MPI")
    refused(SYSTEM, "/nowhere/x.yaml", "train", "/nowhere/x.yaml", "--out", "y", ranks=2, mpi=True)


def check_dataset(folder):
    data = os.path.join(folder, "data.h5")
    code, _, err = run("dataset", "synthesize", "-o", data, "--train", "40", "--test", "10")
    check(code == 0, f"synthesize: {err}")
    check(good("inspect", data) == good("dataset", "info", data), "inspect and info differ")
    found = json.loads(good("inspect", data, "--json"))
    check(found.pop("kind") == "data set", "inspect --json of a data set")
    check(found == json.loads(good("dataset", "info", data, "--json")), "inspect and info --json differ")
    refused(USAGE, "has no run file", "inspect", data, "--run-file")
    check("missing" not in good("dataset", "verify", data), "verify misses something")
    found = json.loads(good("dataset", "verify", data, "--json"))
    check(found["good"] and found["missing_statistics"] == [] and found["splits"]["train"]["count"] == 40, "verify --json")
    code, out, err = run("dataset", "synthesize", "-o", data, "--train", "40", "--test", "10", "--json")
    check(code == 0 and json.loads(out) == json.loads(good("dataset", "info", data, "--json")), f"synthesize --json: {err}")


def check_import(folder):
    """CIFAR-10's binary form, made here."""
    source = os.path.join(folder, "cifar-10-batches-bin")
    os.mkdir(source)
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        with open(os.path.join(source, name + ".bin"), "wb") as file:
            file.write(b"".join(bytes([i]) + os.urandom(3072) for i in range(10)))
    out = os.path.join(folder, "cifar10.h5")
    code, text, err = run("dataset", "import", "--format", "cifar10", source, "-o", out, "--json")
    check(code == 0, f"import: {err}")
    found = json.loads(text)
    check(found.pop("skipped") == 0 and found == json.loads(good("dataset", "info", out, "--json")), "import --json")


def check_run_files(folder):
    """What describe refuses, with a data set at hand, is what train refuses; each with the line."""
    data, path = os.path.join(folder, "data.h5"), os.path.join(folder, "run.yaml")

    def write(train="train", validation="test", outputs=10, batch=20, length="2 steps", layers=None, extra=""):
        with open(path, "w") as file:
            file.write(f"data:\n  file: {data}\n  train: {train}\n  validation: {validation}\n"
                       f"model: {layers or f'[flatten, linear: {{out: {outputs}}}]'}\n"
                       f"optimizer: {{sgd: {{rate: 0.01}}}}\ntrain:\n  batch: {batch}\n  length: {length}\n{extra}")

    def both(code, words):
        refused(code, words, "describe", path)
        refused(code, words, "train", path, "-o", os.path.join(folder, "none"))

    write(train="trian")
    both(DATA, f"run.yaml:3: data.train: {data} has no split 'trian'; it has test, train; did you mean 'train'?")
    write(validation="tset")
    both(DATA, "run.yaml:4: data.validation: ")
    write(outputs=11)
    both(RUN_FILE, "run.yaml:5: model: the model has 11 outputs")
    write(batch=41)
    both(RUN_FILE, "run.yaml:8: train.batch: a batch of 41 is more than the 40 samples of split train")
    write(extra="initialise: {residual: zero}\n")
    both(RUN_FILE, "run.yaml:10: initialise.residual: zero is for residual blocks, and the model has none")
    for command in ("gradcheck", "describe"):
        refused(RUN_FILE, "run.yaml:10: initialise.residual", command, path, "--input", "8x8x1")
    write(extra="parameters:\n  - weights: {name: '2.*', rate: 3}\n")
    refused(RUN_FILE, "run.yaml:11: parameters.0.weights.name: '2.*' matches none", "gradcheck", path)
    both(RUN_FILE, "run.yaml:11: parameters.0.weights.name: '2.*' matches none")
    write(extra="parameters: [weights: {}]\n")
    refused(RUN_FILE, "run.yaml:10: parameters.0.weights: sets nothing", "gradcheck", path)
    both(RUN_FILE, "run.yaml:10: parameters.0.weights: sets nothing")
    write(extra="loss: {cross_entropy: {label_smoothing: 1}}\n")
    both(RUN_FILE, "run.yaml:10: loss.cross_entropy.label_smoothing: expected a number from 0 and below 1, found '1'")
    write(extra="lookahead: {every: 3}\n")
    refused(RUN_FILE, "run.yaml:10: lookahead.every: the slow weights would follow at step 3 first, and the run has 2", "train", path, "-o", os.path.join(folder, "none"))
    good("describe", path, "--set", "lookahead=", "--set", "augment=", "--set", "mix=", "--set", "early_stopping=", "--set", "schedule=", "--set", "loss=")
    good("describe", path, "--set", "lookahead.every=")
    refused(RUN_FILE, "--set data=: 'data' has no default, since its key 'file' has none", "describe", path, "--set", "data=")
    write(length="10 epohcs")
    both(RUN_FILE, "run.yaml:9: train.length: ")
    refused(RUN_FILE, "not a run file (it is an HDF5 file)", "describe", data)
    write(layers="[tanh, sigmoid, global_avgpool, flatten, linear: {out: 10}]")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    side = int((memory / 40) ** 0.5)  # one image takes a tenth of the memory, the batch twice all of it
    refused(RUN_FILE, "run.yaml:5: model: a shard of 20 samples needs", "describe", path, "--input", f"{side}x{side}x1")
    write()
    refused(RUN_FILE, "did you mean 'openblas'?", "describe", path, "--backend", "opnblas")
    good("describe", path)
    out = os.path.join(folder, "out")
    code, text, err = run("train", path, "-o", out, "--quiet", "--json", "--backend", "openblas", "--threads", "2",
                          "--set", "train.backend=auto")
    check(code == 0, f"train --backend: {err}")
    with open(os.path.join(out, "run.yaml")) as file:
        saved = file.read()
    check("backend: openblas" in saved and "threads: 2" in saved, f"--backend and --threads were not saved:\n{saved}")
    predictions = os.path.join(folder, "predictions.csv")
    checkpoint = os.path.join(out, "checkpoints", "latest.h5")
    found = json.loads(good("predict", checkpoint, "-o", predictions, "--json"))
    single = json.loads(good("eval", checkpoint, "--json"))["members"][0]
    check(found["file"] == predictions and found["samples"] == 10 and found["loss"] == single["loss"] and
          found["accuracy"] == single["top1"], f"predict --json: {found}, eval: {single}")
    predictions = os.path.join(folder, "predictions.h5")
    good("predict", checkpoint, "-o", predictions)
    for command in (("inspect",), ("dataset", "info")):
        refused(DATA, "predictions.h5: holds predictions; expected a data set", *command, predictions)
    write(layers="[residual: {body: [residual: {body: [residual: {body: [batchnorm]}]}]}, fractional_maxpool: {ratio: 2}, flatten, linear: {out: 10}]")
    table = good("describe", path).split("\n\n")[0].split("\n")
    check(len(table) == 9 and table[2].startswith("0.body.0.body.0.body.0 batchnorm "), f"a long name: {table}")
    check(len({len(line) for line in table[:1] + table[2:]}) == 1, "describe keeps its columns with long names:\n" + "\n".join(table))
    write(layers="[relu, linear: {out: 2}]")
    check(" FLOP forward, about " in good("describe", path, "--input", "1x1x10"), "describe: few FLOP")


def check_keys():
    tables = json.loads(good("keys", "--json"))
    keys = {key["name"]: key for key in tables["keys"]}
    required = {name for name, key in keys.items() if key["required"]}
    check(required == {"data", "model", "optimizer", "train"}, f"keys --json: required are {required}")
    check({key["name"] for key in keys["train"]["keys"] if key["required"]} == {"batch", "length"}, "keys --json: required of train")
    norm = keys["clip"]["keys"][0]
    check(not norm["required"] and "default" not in norm, f"keys --json: what may be absent: {norm}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "sample.h5")
        subprocess.run([SAMPLE_WRITER, sample], check=True)
        check_help()
        check_mistakes(folder)
        check_inspect(sample)
        check_dataset(folder)
        check_import(folder)
        check_run_files(folder)
        check_keys()
        check_output(sample)
        if shutil.which("mpirun"):
            check_ranks(sample)
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


sys.exit(main())
