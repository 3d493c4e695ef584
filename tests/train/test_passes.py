#!/usr/bin/python3
"""Evaluation by several passes: test-time augmentation against the views made here with NumPy and predicted
one by one; Monte Carlo dropout; the same figures on any number of ranks."""
from harness import MODEL, check, h5py, need_numpy, np, result, run, run_file, scratch, synthesize

need_numpy()


def predictions(folder, checkpoint, data, *more):
    run(1, "predict", checkpoint, "--data", data, "--split", "test", "-o", f"{folder}/p.h5", *more)
    with h5py.File(f"{folder}/p.h5") as file:
        return file["probabilities"][()].astype(float)


def changed(folder, data, change):
    """The data set with `change` made to each test image, in pixels."""
    path = f"{folder}/changed.h5"
    with h5py.File(data) as old, h5py.File(path, "w") as new:
        for name in old:
            old.copy(name, new)
        for name, value in old.attrs.items():
            new.attrs[name] = value
        images = new["test/images"][()]
        del new["test/images"]
        new["test/images"] = change(images)
        del new["test"].attrs["digest"]
    return path


def moved(images, down, right, mean):
    """What comes in at the border is the mean: zero after preprocessing."""
    size = images.shape[1]
    padded = np.pad(images.astype(np.float32), ((0, 0), (size, size), (size, size), (0, 0)), constant_values=np.nan)
    cut = padded[:, size - down:2 * size - down, size - right:2 * size - right]
    return np.where(np.isnan(cut), mean.astype(np.float32), cut)


with scratch() as folder:
    data = synthesize(folder, train=300, test=213, validation=50)
    result(2, "train", run_file(folder, data, length="12 steps"), "--out", f"{folder}/run", "--quiet")
    best = f"{folder}/run/checkpoints/best.h5"
    with h5py.File(data) as file:
        mean = file["statistics/channel_mean"][()]
    plain = predictions(folder, best, data)
    mirrored = predictions(folder, best, changed(folder, data, lambda images: images[:, :, ::-1]))
    check(np.allclose(predictions(folder, best, data, "--views", "mirror"), (plain + mirrored) / 2, atol=1e-5), "mirror: the mean over the image and its mirror image")
    shifted = [predictions(folder, best, changed(folder, data, lambda images: moved(images, dy, dx, mean))) for dy in (-2, 0, 2) for dx in (-2, 0, 2)]
    check(np.allclose(predictions(folder, best, data, "--views", "shifts: {by: 2}"), np.mean(shifted, 0), atol=1e-4), "shifts: the mean over nine of them")
    corners = [(4, 4), (4, -4), (-4, 4), (-4, -4), (0, 0)]
    crops = [predictions(folder, best, changed(folder, data, lambda images: moved(images, dy, dx, mean)[:, :, ::flip])) for flip in (1, -1) for dy, dx in corners]
    check(np.allclose(predictions(folder, best, data, "--views", "ten_crop"), np.mean(crops, 0), atol=1e-4), "ten_crop: the mean over ten of them")

    one = predictions(folder, best, data, "--dropout-samples", "1")
    check(not np.allclose(one, plain, atol=1e-3), "one mask is not the whole net")
    many = predictions(folder, best, data, "--dropout-samples", "400")
    check(np.abs(many - plain).mean() < np.abs(one - plain).mean() / 2, "the mean over 400 masks is nearer to it")
    again = predictions(folder, best, data, "--dropout-samples", "1", "--seed", "9")
    check(not np.array_equal(one, again), "another seed, another mask")
    for more in (["--dropout-samples", "3"], ["--views", "mirror", "--dropout-samples", "2"]):
        reports = [result(n, "eval", best, best, "--split", "test", *more) for n in (1, 2, 3)]
        check(reports[0] == reports[1] == reports[2], f"eval {' '.join(more)}: the same figures on 1, 2 and 3 ranks")
    check(reports[0]["passes"] == 4, "the report says how many passes")
    def said(*more):
        return run(1, "eval", best, best, "--split", "test", *more)[0].split("\n")[0].partition("213 samples")[2]

    words = ", the mean of 4 passes over each (--views mirror, --dropout-samples 2, seed 7)"
    check(said(*more, "--seed", 7) == words, "in words, what was done at test time")
    check(said("--dropout-samples", 1) == ", one pass over each (--dropout-samples 1, seed 3)", "one mask is said, and the run's own seed")
    check(said() == "", "nothing was done")
    wanted = {"passes": 4, "views": "mirror", "dropout_samples": 2, "seeds": [3, 3]}
    check({key: reports[0].get(key) for key in wanted} == wanted, "and in JSON: views, masks and the seed of each member")
    out = ("-o", f"{folder}/p.csv")
    predicted = result(1, "predict", best, *out, *more, "--seed", 7)
    wanted["seeds"] = [7]
    check({key: predicted.get(key) for key in wanted} == wanted and run(1, "predict", best, *out, *more, "--seed", 7)[0].strip().endswith(words), "predict says the same")
    predicted = result(1, "predict", best, *out)
    check((predicted["passes"], predicted["views"], predicted["dropout_samples"], "seeds" in predicted) == (1, None, 0, False), "or nothing")

    bare = run_file(folder, data, model="\n  - flatten\n  - linear: {out: 10}\n", name="bare.yaml", length="2 steps", warmup="0")
    result(1, "train", bare, "--out", f"{folder}/bare", "--quiet")
    mixed = (f"{folder}/bare/checkpoints/best.h5", best, "--dropout-samples", "2")
    check(result(1, "eval", *mixed)["seeds"] == [None, 3] and "(--dropout-samples 2, seed 3)" in run(1, "eval", *mixed)[0], "a member without anything random has no seed")
    for code, words, more in ((2, "no layer that is random", [f"{folder}/bare/checkpoints/best.h5", "--dropout-samples", "4"]),
                              (2, "did you mean 'mirror'", [best, "--views", "miror"]), (2, "expected less than", [best, "--views", "shifts: {by: 99}"])):
        line = run(2, "eval", *more, code=code)[1].split("\n")[0]
        check(words in line, line)
