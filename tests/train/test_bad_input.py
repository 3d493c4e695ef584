#!/usr/bin/python3
"""Bad input: one clear line, the same exit code, on one rank and on two, no hang, nothing left behind."""
import json
import os
import resource
import shutil
import subprocess

from harness import MODEL, TRAINER, check, command, environment, h5py, need_numpy, np, result, run, run_file, scratch, synthesize

USAGE, RUN_FILE, DATA, CHECKPOINT, SYSTEM, NUMERIC = 2, 3, 4, 5, 6, 7


def refuse(code, words, *arguments, out=None, counts=(1, 2)):
    """Both alone and under mpirun; `words` must all stand in the one line."""
    for ranks in counts:
        stderr = run(ranks, *arguments, code=code, timeout=60)[1]
        lines = [line for line in stderr.splitlines() if line.startswith("trainer: ")]
        check(len(lines) == 1, f"{ranks} ranks, one line: {lines or stderr}")
        for word in words:
            check(word in lines[0], f"  it says '{word}'")
        if out:
            check(not os.path.exists(out), f"  nothing was written to {out}")


def variant(folder, data, name, change):
    path = f"{folder}/{name}.h5"
    shutil.copy(data, path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replace(file, name, value):
    del file[name]
    file[name] = value


need_numpy()
with scratch() as folder:
    data = synthesize(folder, train=120, test=60, validation=60)
    recipe = run_file(folder, data, batch=24, shards="2", length="4 steps", every="2 steps")
    out = f"{folder}/out"

    def train(code, words, *settings, file=recipe, begins=False):
        for ranks in (1, 2):
            refuse(code, words, "train", file, "--out", out, "--quiet", *[w for s in settings for w in ("--set", s)],
                   out=None if begins else out, counts=(ranks,))
            shutil.rmtree(out, ignore_errors=True)

    # the run file
    train(SYSTEM, ["no.yaml"], file=f"{folder}/no.yaml")
    train(RUN_FILE, ["train.bach", "did you mean", "batch"], "train.bach=3")
    train(RUN_FILE, ["optimizer.rate", "number"], "optimizer.rate=fast")
    train(RUN_FILE, ["optimizer.rate"], "optimizer.rate=nan")
    train(RUN_FILE, ["optimizer.rate"], "optimizer.rate=-1")
    train(RUN_FILE, ["loss"], "loss=cross_entrpy")
    train(RUN_FILE, ["batch", "25", "2"], "train.batch=25")
    train(RUN_FILE, ["trainer: --set train.shards=10: a batch of 24", "expected a divisor of train.batch"], "train.shards=10")
    train(RUN_FILE, ["trainer: --set train.batch=26: a batch of 26", "expected a multiple of train.shards"], "train.shards=4", "train.batch=26")
    train(RUN_FILE, ["zero layers"], "model=[]")
    train(RUN_FILE, ["outputs", "10 classes"], "model.13.linear.out=7")
    train(RUN_FILE, ["kernel"], "model.0.conv.kernel=99")
    train(RUN_FILE, ["model"], "model.0.conv.out=1000000000000")
    train(RUN_FILE, ["warmup"], "schedule.warmup=40 steps")
    empty = f"{folder}/empty.yaml"
    open(empty, "w").close()
    train(RUN_FILE, ["empty.yaml"], file=empty)
    stderr = run(2, "train", recipe, "--out", out, "--set", "train.shards=3", "--set", "train.batch=27", code=RUN_FILE)[1]
    check("2 ranks" in stderr and "train.shards" in stderr, "shards not divisible by ranks")
    shutil.rmtree(out, ignore_errors=True)

    # the data set
    def bad_data(name, change, words, code=DATA):
        train(code, words, f"data.file={variant(folder, data, name, change)}")

    train(DATA, ["none.h5"], f"data.file={folder}/none.h5")
    for name, content in (("empty", b""), ("text", b"not a data set\n" * 100), ("short", open(data, "rb").read()[:20000])):
        path = f"{folder}/{name}.h5"
        open(path, "wb").write(content)
        train(DATA, [f"{name}.h5"], f"data.file={path}")
    n = 120
    bad_data("no_labels", lambda f: f.__delitem__("train/labels"), ["/train/labels"])
    bad_data("float_labels", lambda f: replace(f, "train/labels", np.zeros(n, "f4")), ["/train/labels"])
    bad_data("text_images", lambda f: replace(f, "train/images", np.zeros((n, 32, 32, 3), "S1")), ["/train/images"])
    bad_data("flat_images", lambda f: replace(f, "train/images", np.zeros((n, 3072), "u1")), ["/train/images"])
    bad_data("count", lambda f: replace(f, "train/labels", np.zeros(n - 1, "i4")), ["/train/labels", "119"])
    bad_data("range", lambda f: f["train/labels"].__setitem__(17, 10), ["/train/labels", "17", "10"])
    bad_data("negative", lambda f: f["train/labels"].__setitem__(3, -1), ["/train/labels", "3", "-1"])
    bad_data("none_left", lambda f: (replace(f, "train/images", np.zeros((0, 32, 32, 3), "u1")), replace(f, "train/labels", np.zeros(0, "i4"))), ["/train"])
    bad_data("huge", lambda f: (f.__delitem__("train/images"), f.create_dataset("train/images", (1 << 40, 32, 32, 3), "u1", chunks=(1, 32, 32, 3))), ["/train/images"])
    bad_data("no_mean", lambda f: f.__delitem__("statistics"), ["/statistics"])
    train(DATA, ["tset", "test"], "data.validation=tset")

    # checkpoints
    digest = result(2, "train", recipe, "--out", f"{folder}/good", "--quiet")["digest"]
    good = f"{folder}/good/checkpoints/latest.h5"
    image = open(good, "rb").read()
    refuse(CHECKPOINT, ["none.h5"], "eval", f"{folder}/none.h5")
    for name, content in (("c_empty", b""), ("c_text", b"words\n" * 99), ("c_short", image[: len(image) // 2]),
                          ("c_flip", image[:5000] + bytes([image[5000] ^ 4]) + image[5001:])):
        path = f"{folder}/{name}.h5"
        open(path, "wb").write(content)
        refuse(CHECKPOINT, [f"{name}.h5"], "eval", path)
    refuse(CHECKPOINT, ["shapes.h5"], "eval", data)

    # (arrays of another shape, missing, left over, with NaN: tests/checkpoint)
    edited = variant(folder, good, "c_edited", lambda f: f["model/0.weight"].__setitem__((0, 0, 0, 0), 1))
    refuse(CHECKPOINT, ["c_edited.h5", "seal"], "eval", edited)

    # another run's folder, another model
    before = sorted(os.listdir(f"{folder}/good/checkpoints"))
    refuse(USAGE, ["--resume"], "train", recipe, "--out", f"{folder}/good")
    wide = run_file(folder, data, name="wide.yaml", model=MODEL.replace("out: 32", "out: 16"), batch=24, shards="2", length="4 steps")
    again = "train", recipe, "--out", f"{folder}/good", "--resume"
    saved = open(f"{folder}/good/run.yaml").read()
    refuse(RUN_FILE, ["wide.yaml:", "model.9.linear.out: is 16, but the run that", "was started with 32"], "train", wide, "--out", f"{folder}/good", "--resume")
    refuse(RUN_FILE, ["--set average=ema: is ema, but", "was started with nothing"], *again, "--set", "average=ema", counts=(2,))
    refuse(RUN_FILE, ["--set train.length=2 steps: ends at step 2, but the run has done 4 steps", "step-000000004.h5"], *again, "--set", "train.length=2 steps")
    check(open(f"{folder}/good/run.yaml").read() == saved, "and its run file is as it was")
    check(sorted(os.listdir(f"{folder}/good/checkpoints")) == before and open(good, "rb").read() == image, "earlier checkpoints are intact")
    other = synthesize(f"{folder}", train=120, test=60, validation=60, seed=9)  # the same path, other pixels
    refuse(CHECKPOINT, ["other data"], "train", recipe, "--out", f"{folder}/good", "--resume")
    synthesize(f"{folder}", train=120, test=60, validation=60)

    # all checkpoints damaged but one: resuming takes that one
    newest = os.path.realpath(good)
    open(newest, "wb").write(image[:9000])
    words, report = run(2, "train", recipe, "--out", f"{folder}/good", "--resume", "--json")[::-1]
    check("\n\n" not in words, "no empty line in the report")
    check("skipped" in words and os.path.basename(newest) in words and "resuming at step 2" in words, "a damaged newest checkpoint is skipped, by name")
    check(json.loads(report)["digest"] == digest, "and made again with the same bits")

    # folders
    open(f"{folder}/file", "w").close()
    refuse(SYSTEM, ["file"], "train", recipe, "--out", f"{folder}/file/run")
    refuse(USAGE, ["--out"], "train", recipe)
    limited = subprocess.run(command(1, "train", recipe, "--out", out), env=environment(), capture_output=True, text=True, timeout=60,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)))
    lines = [line for line in limited.stderr.splitlines() if line.startswith("trainer: ")]
    check(limited.returncode == SYSTEM and len(lines) == 1, f"a limit on files is met before training: {lines}")
    check(not os.path.exists(out), "  and nothing stays")
    os.mkdir(out)
    if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", out]).returncode == 0:
        try:
            refuse(SYSTEM, ["space"], "train", recipe, "--out", f"{out}/run")
            check(not os.path.exists(f"{out}/run"), "a full disk is found before training; nothing stays")
        finally:
            subprocess.run(["umount", out], check=True)
    else:
        print("not tested: a full disk under two ranks (a tmpfs cannot be mounted here)")
    shutil.rmtree(out)

    # numbers
    train(NUMERIC, ["step", "rank", "layer"], "optimizer.rate=1e6", "schedule.warmup=0", "train.length=40 steps", begins=True)
    poison = variant(folder, data, "nan", lambda f: replace(f, "train/images", np.full((n, 32, 32, 3), np.nan, "f4")))
    train(NUMERIC, ["step 1", "in the input: sample ", "of split train of", "nan.h5"], f"data.file={poison}", begins=True)
    one = variant(folder, data, "one_nan", lambda f: replace(f, "train/images", np.where(np.arange(n)[:, None, None, None] == 31, np.float32("nan"), f["train/images"][()].astype("f4"))))
    words = run(1, "train", recipe, "--out", out, "--quiet", "--set", f"data.file={one}", "--set", "train.length=1 epoch", code=NUMERIC)[1]
    check("sample 31 of split train" in words and "optimizer.rate" not in words, f"the one image with NaN is named: {words}")
    shutil.rmtree(out)

    # a model that learnt nothing but large numbers: seen before it is saved or believed
    poison = variant(folder, data, "nan_validation", lambda f: (replace(f, "validation/images", np.full((60, 32, 32, 3), np.nan, "f4")),
                                                               replace(f, "train/images", f["train/images"][()].astype("f4")),
                                                               replace(f, "test/images", f["test/images"][()].astype("f4"))))
    train(NUMERIC, ["validation", "layer", "sample"], f"data.file={poison}", begins=True)

    # the command line
    refuse(USAGE, ["unknown command", "train"], "trian")
    refuse(USAGE, ["--resume"], "train", recipe, "--resmue")
    refuse(USAGE, ["train"], "train")
