#!/usr/bin/env python3
"""Pictures a second of `trainer predict` on a folder of small JPEG files, against `trainer eval` on the same images in
an HDF5 file: decoding should cost little, because it is spread over the ranks and runs ahead of the model.

    bench/predict.py [--images 10000] [--ranks 2] [--model resnet20] [--rounds 3] [--folder FOLDER]

Both commands run as a whole, in turn. The time for a few images, which is mostly start-up, is subtracted, so that the
ratio is that of the work. The images are drawn shapes of 32x32, saved as JPEG of quality 90;
--folder keeps them. The build's bench/bench_write_jpegs writes them."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

from common import COUNT, cpu_name, parser_of
from support.program import RECIPES, TRAINER, environment, run, settings

FEW = 400  # images whose time is subtracted


def draw(folder, count):
    """A folder of JPEG files, split/class/*.jpg, with `count` in the split `test` and a few in `few`."""
    import h5py

    words = [os.path.join(os.path.dirname(TRAINER), "bench", "bench_write_jpegs"), "32", "32", "90"]
    run(1, "dataset", "synthesize", "-o", f"{folder}/shapes.h5", "--train", 200, "--test", count)
    with h5py.File(f"{folder}/shapes.h5") as file, subprocess.Popen(words, stdin=subprocess.PIPE) as writer:
        names = [name.decode() for name in file["classes"]]
        for split, source, rows in (("train", "train", 200), ("few", "test", FEW), ("test", "test", count)):
            for name in names:
                os.makedirs(f"{folder}/pictures/{split}/{name}", exist_ok=True)
            for i, label in enumerate(file[f"{source}/labels"][:rows]):
                path = f"{folder}/pictures/{split}/{names[label]}/{i:06}.jpg"
                writer.stdin.write(f"{path}\n".encode() + file[f"{source}/images"][i].tobytes())


def seconds(ranks, *words):
    start = time.monotonic()
    run(ranks, *words, env=environment())
    return time.monotonic() - start


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=COUNT, default=10000)
    parser.add_argument("--ranks", type=COUNT, default=2)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--rounds", type=COUNT, default=3)
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    if arguments.images <= FEW:
        sys.exit(f"--images {arguments.images}: expected more than {FEW}")
    with tempfile.TemporaryDirectory(prefix="trainer-bench-") as scratch:
        folder = arguments.folder or scratch
        if not os.path.exists(f"{folder}/pictures"):
            draw(folder, arguments.images)
        data = f"{folder}/pictures.h5"
        run(1, "dataset", "import", "--format", "image-folder", f"{folder}/pictures", "-o", data)
        recipe = os.path.join(RECIPES, f"cifar10-{arguments.model}.yaml")
        run(1, "train", recipe, "--out", f"{scratch}/run", "--quiet", *settings(
            f"data.file={data}", "data.validation=none", "train.batch=20", "train.shards=1", "schedule=constant",
            "train.length=1 step"))
        times = {(kind, split): [] for kind in ("eval", "predict") for split in ("few", "test")}
        for _ in range(arguments.rounds):
            for kind, split in times:
                words = ["eval", f"{scratch}/run", "--split", split]
                if kind == "predict":
                    words = ["predict", f"{scratch}/run", f"{folder}/pictures/{split}", "-o", f"{scratch}/p.csv"]
                times[kind, split].append(seconds(arguments.ranks, *words))
        rate = {kind: (arguments.images - FEW) / (statistics.median(times[kind, "test"])
                                                  - statistics.median(times[kind, "few"]))
                for kind in ("eval", "predict")}
        print(f"{cpu_name()}, {arguments.ranks} ranks, {arguments.model}, {arguments.images} JPEG files of 32x32")
        for kind in rate:
            print(f"{kind:8} {rate[kind]:8.0f} images/s  (all: {min(times[kind, 'test']):.2f} s)")
        print(f"ratio    {rate['predict'] / rate['eval']:8.3f}")


if __name__ == "__main__":
    main()
