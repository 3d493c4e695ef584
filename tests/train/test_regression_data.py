#!/usr/bin/python3
"""Data with float targets: tables imported from CSV, drawn places; the recipe learns them. Bad tables are
refused with file and line."""
import os
import struct
import zlib

from harness import SOURCE, check, h5py, need_numpy, np, result, run, scratch



def write_png(path, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


need_numpy()
with scratch() as folder:
    def path(name, text=None):
        if text is not None:
            with open(f"{folder}/{name}", "w", newline="") as file:
                file.write(text)
        return f"{folder}/{name}"

    # A table: names quoted, CRLF, a byte-order mark, a blank line, targets not in the last columns.
    rng = np.random.default_rng(2)
    values = rng.normal(size=(40, 4)).astype(np.float32)
    text = "\ufeffa,\"price, EUR\",b,mass\r\n" + "".join(",".join(f'"{v:.9g}"' if i == 1 else f"{v:.9g}" for i, v in enumerate(row)) + "\r\n" for row in values) + "\r\n"
    run(1, "dataset", "import", "--format", "table", path("t.csv", text), "--target", "mass", "--target", "price, EUR", "-o", path("t.h5"))
    run(1, "dataset", "verify", path("t.h5"))
    with h5py.File(path("t.h5")) as file:
        check((file["train/images"][()].reshape(40, 2) == values[:, [0, 2]]).all(), "a table's features, in their order")
        check((file["train/targets"][()] == values[:, [3, 1]]).all(), "a table's targets, in the flags' order")
        check(np.allclose(file["statistics/target_mean"][()], values[:, [3, 1]].astype(float).mean(0), rtol=1e-12) and
              np.allclose(file["statistics/target_std"][()], values[:, [3, 1]].astype(float).std(0), rtol=1e-12), "the targets' statistics")
        check(np.allclose(file["statistics/channel_mean"][()], values[:, [0, 2]].astype(float).mean(0), rtol=1e-6), "the features' statistics")
    run(1, "dataset", "import", "--format", "table", path("t.csv"), "--target", "mass", "--split-validation", "0.25", "-o", path("v.h5"))
    with h5py.File(path("v.h5")) as file:
        both = np.concatenate([np.concatenate([file[s + "/images"][()].reshape(-1, 3), file[s + "/targets"][()]], 1) for s in ("train", "validation")])
        check(file["train/targets"].shape == (30, 1) and file["validation/targets"].shape == (10, 1), "a quarter goes to validation")
        check(sorted(map(tuple, both)) == sorted(map(tuple, values)), "no row is lost, each keeps its target")
    with h5py.File(path("t.h5"), "r+") as file:
        file["train/targets"][3, 0] += 1
    check("pixels or targets are damaged" in run(1, "dataset", "verify", path("t.h5"), code=4)[1], "a changed target is found")

    for words, code, text, more in [
            ("bad.csv:3: column 'a' is 'x', expected a number", 4, "a,p\n1,2\nx,3\n", ["--target", "p"]),
            ("bad.csv:2: column 'p' is 'nan', expected a number", 4, "a,p\n1,nan\n", ["--target", "p"]),
            ("bad.csv:2: column 'p' is '1e39', expected a number that a float can hold", 4, "a,p\n1,1e39\n", ["--target", "p"]),
            ("bad.csv:2: column 'a' is '', expected a number", 4, "a,p\n,1\n", ["--target", "p"]),
            ("bad.csv:4: has 1 field, the head has 2", 4, "a,p\n1,2\n\n3\n", ["--target", "p"]),
            ("bad.csv:3: the quote that begins here is never closed", 4, "a,p\n1,2\n\"3,4\n", ["--target", "p"]),
            ("bad.csv:1: has no column 'prise'; did you mean 'price'?", 4, "a,price\n1,2\n", ["--target", "prise"]),
            ("bad.csv:1: has one column, 'a;price', with a semicolon in its name; expected commas", 4, "a;price\n1;2\n", ["--target", "price"]),
            ("--target p: this column was given before", 2, "a,p\n1,2\n", ["--target", "p", "--target", "p"]),
            ("bad.csv:1: two columns are called 'a'", 4, "a,p,a\n1,2,3\n", ["--target", "p"]),
            ("bad.csv:1: every column is a target", 4, "p\n1\n", ["--target", "p"]),
            ("bad.csv: has no row", 4, "a,p\n", ["--target", "p"]),
            ("bad.csv: has no line", 4, "", ["--target", "p"]),
            ("expected --target COLUMN", 2, "a,p\n1,2\n", [])]:
        check(words in run(1, "dataset", "import", "--format", "table", path("bad.csv", text), *more, "-o", path("bad.h5"), code=code)[1], words)
        check(not os.path.exists(path("bad.h5")), "and nothing is written")
    splits = ["--split", f"train={path('t.csv')}", "--split", f"test={path('bad.csv', 'a,b,mass' + chr(10) + '1,2,3' + chr(10))}"]
    check("column 2 is 'b', in " in run(1, "dataset", "import", "--format", "table", *splits, "--target", "mass", "-o", path("bad.h5"), code=4)[1],
          "splits with other columns are refused")
    check("--target is for --format table" in run(1, "dataset", "import", "--format", "idx", "x", "--target", "p", "-o", path("bad.h5"), code=2)[1], "--target with another format")

    # A list of images.
    run(1, "dataset", "synthesize", "-o", path("few.h5"), "--train", 6, "--test", 0)
    rows = []
    os.mkdir(path("pictures"))
    with h5py.File(path("few.h5")) as file:
        pixels = file["train/images"][()]
    for i, image in enumerate(pixels):
        write_png(path(f"pictures/{i}.png"), image)
        rows.append(f"{i},pictures/{i}.png,{i / 4}")
    lists = path("list.csv", "id,path,weight\n" + "\n".join(rows) + "\n")
    run(1, "dataset", "import", "--format", "image-list", lists, "-o", path("l.h5"))
    run(1, "dataset", "import", "--format", "image-list", lists, "--target", "weight", "--size", "16x24", "-o", path("s.h5"))
    with h5py.File(path("l.h5")) as both, h5py.File(path("s.h5")) as one:
        check((both["train/images"][()] == pixels).all(), "image-list: the pixels of the files")
        check((both["train/targets"][()] == [[i, i / 4] for i in range(6)]).all(), "image-list: all other columns are targets")
        check(one["train/images"].shape == (6, 24, 16, 3) and (one["train/targets"][:, 0] == np.arange(6) / 4).all(), "image-list: one target, another size")
    run(1, "dataset", "verify", path("l.h5"))
    for words, text, code in [("bad.csv:1: has no column 'path'", "file,x\na.png,1\n", 4), ("pictures/9.png", "path,x\npictures/9.png,1\n", 6),
                        ("bad.csv:4: ", "path,x\npictures/0.png,1\n\npictures/9.png,1\n", 6), ("bad.csv:3: ", "path,x\npictures/0.png,1\nlist.csv,1\n", 4),
                        ("bad.csv:2: column 'x' is 'y', expected a number", "path,x\npictures/0.png,y\n", 4),
                        ("bad.csv:1: has no column beside 'path'", "path\npictures/0.png\n", 4)]:
        check(words in run(1, "dataset", "import", "--format", "image-list", path("bad.csv", text), "-o", path("bad.h5"), code=code)[1], words)
        check(not os.path.exists(path("bad.h5")), "and nothing is written")

    # Drawn places: the same images as the classes', and a recipe that finds the figures.
    sizes = ["--train", 4000, "--test", 300, "--validation", 300]
    run(1, "dataset", "synthesize", "-o", path("places.h5"), "--targets", *sizes)
    run(1, "dataset", "synthesize", "-o", path("shapes.h5"), *sizes)
    with h5py.File(path("places.h5")) as places, h5py.File(path("shapes.h5")) as shapes:
        check((places["train/images"][()] == shapes["train/images"][()]).all(), "--targets draws the same images")
        check("labels" not in places["train"] and places["train/targets"].shape == (4000, 3), "places instead of classes")
    run(1, "dataset", "preview", path("places.h5"), "-o", path("places.png"), "--count", 5)
    picture = open(path("places.png"), "rb").read()
    check(int.from_bytes(picture[16:20], "big") == 4 + 12 * len("radius") + 4 + 124 + 5 * 68 + 124, "a row of values has room for a number at both ends")
    seen = ["dataset", "preview", "--augment", os.path.join(SOURCE, "launch", "recipes", "shapes-regression.yaml"), path("places.h5"), "-o", path("seen.png"), "--count", 4]
    run(1, *seen)
    plain = open(path("seen.png"), "rb").read()
    side = h5py.File(path("places.h5"))["train/images"].shape[1]
    check(int.from_bytes(plain[20:24], "big") == 22 + 4 * (64 // side * side + 2 * 18 + 4), "two values stand under a picture")
    run(1, *seen, "--set", "mix=[mixup: {}]")
    check(open(path("seen.png"), "rb").read() != plain, "mixed as the picture is")
    for words, file, picture in [("--out", "places.h5", "places.jpg"), ("which is no picture", "v.h5", "table.png")]:
        line = run(1, "dataset", "preview", path(file), "-o", path(picture), code=2)[1]
        check(words in line and line.count("\n") == 1 and not os.path.exists(path(picture)), f"preview refuses: {line.strip()}")
    recipe = os.path.join(SOURCE, "launch", "recipes", "shapes-regression.yaml")
    words = ["train", recipe, "--quiet", "--set", f"data.file={path('places.h5')}", "--set", "train.length=4 epochs"]
    found = result(2, *words, "--out", path("run"))
    check(found["validation_r2"] > 0.4, f"the recipe finds figures: R2 {found['validation_r2']:.2f}, above 0.4")
    run(1, *words, "--out", path("again"), "--stop-after", 70)
    check(result(2, *words, "--out", path("again"), "--resume")["digest"] == found["digest"], "the same bits after a stop, on another number of ranks")
