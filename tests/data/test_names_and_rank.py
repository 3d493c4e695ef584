"""What a data set cannot teach: classes of one name, one class alone, a class without samples; and whitening beyond
the rank of the images, whatever the reason."""
import os

import pytest

from support.program import DATA, RUN_FILE, USAGE, refusal, run, settings
from support.runs import write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
from support.png import write_png

SIZE, COUNT = 6, 400
RECIPE = """data: {{file: {data}, validation: {validation}}}
preprocess: {preprocess}
model:
  - flatten
  - linear: {{out: {outputs}}}
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 50, length: 2 steps, warnings: false}}
"""


def write_data(path, labels=(0, 1), images=None, classes=None):
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        for split, count in (("train", COUNT), ("validation", 60)):
            drawn = random.integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)
            file[f"{split}/images"] = images(drawn) if images else drawn
            file[f"{split}/labels"] = np.array(labels)[np.arange(count) % len(labels)]
        if classes:
            file["classes"] = np.array(classes, dtype="S")
    return path


def write_recipe(path, data, outputs=2, preprocess="{center: none, scale: none}", validation="validation"):
    return write(path, RECIPE.format(data=data, outputs=outputs, preprocess=preprocess, validation=validation))


class TestTwoClassesOfOneName:
    def test_are_refused_in_a_file(self, scratch):
        data = write_data(f"{scratch}/d.h5", classes=("cat", "dog", "cat"), labels=(0, 1, 2))
        assert "two classes are called 'cat'" in refusal(DATA, "dataset", "info", data)

    def test_are_refused_by_train(self, scratch):
        data = write_data(f"{scratch}/d.h5", classes=("cat", "cat"))
        assert "two classes are called 'cat'" in refusal(
            DATA, "train", write_recipe(f"{scratch}/r.yaml", data), "--out", f"{scratch}/o", ranks=2)

    def test_are_refused_in_a_run_file(self, scratch):
        data = write_data(f"{scratch}/d.h5", classes=("cat", "dog"))
        assert "data.classes=[ox, ox]: two classes are called 'ox'" in refusal(
            RUN_FILE, "train", write_recipe(f"{scratch}/r.yaml", data), "--out", f"{scratch}/o",
            *settings("data.classes=[ox, ox]"))

    def test_are_refused_among_targets(self, scratch):
        with h5py.File(f"{scratch}/d.h5", "w") as file:
            file["train/images"] = np.zeros((4, 1, 1, 2), np.float32)
            file["train/targets"] = np.zeros((4, 2), np.float32)
            file["target_names"] = np.array((b"x", b"x"))
        assert "two targets are called 'x'" in refusal(DATA, "dataset", "info", f"{scratch}/d.h5")

    def test_are_refused_on_the_command_line(self, scratch):
        for name, magic, body in (("images-idx3", 2051, bytes(2 * 4)), ("labels-idx1", 2049, bytes((0, 1)))):
            sizes = (2, 2, 2) if "images" in name else (2,)
            with open(f"{scratch}/train-{name}-ubyte", "wb") as file:
                file.write(b"".join(number.to_bytes(4, "big") for number in (magic, *sizes)) + body)
        line = refusal(USAGE, "dataset", "import", "--format", "idx", scratch, "-o", f"{scratch}/o.h5",
                       "--classes", "a,a")
        assert "--classes" in line and "'a' occurs twice" in line

    def test_are_refused_if_they_are_the_targets_of_a_table(self, scratch):
        write(f"{scratch}/t.csv", "a,b,b\n1,2,3\n4,5,6\n")
        line = refusal(DATA, "dataset", "import", "--format", "table", f"{scratch}/t.csv", "--target", "b", "-o",
                       f"{scratch}/o.h5")
        assert "t.csv:1: several columns are called 'b'" in line


class TestWarning:
    def words(self, scratch, labels, classes, outputs, *more):
        data = write_data(f"{scratch}/d.h5", labels=labels, classes=classes)
        recipe = write_recipe(f"{scratch}/r.yaml", data, outputs)
        said = run(1, "train", recipe, "--out", f"{scratch}/o", "--quiet", *more)[1]
        return [line for line in said.splitlines() if "warning" in line]

    def test_names_the_only_class(self, scratch):
        found = self.words(scratch, (0,), None, 1)
        assert len(found) == 2 and all("of one class, '0'" in line for line in found)

    def test_names_a_class_without_samples(self, scratch):
        found = self.words(scratch, (0, 2), ("a", "b", "c"), 3)
        assert len(found) == 2 and all("there are no samples of 1 of the 3 classes: b" in line for line in found)

    def test_names_a_limit_to_the_first_samples(self, scratch):
        limit = settings("data.limit.train=3", "data.validation=none", "train.batch=2")
        assert "data.limit.choose: spread" in self.words(scratch, (0, 0, 0, 1), None, 2, *limit)[0]

    def test_is_not_given_for_whole_data(self, scratch):
        assert self.words(scratch, (0, 1), None, 2) == []

    def test_is_given_at_import(self, scratch):
        os.makedirs(f"{scratch}/tree/train/only")
        for number in range(3):
            write_png(f"{scratch}/tree/train/only/{number}.png", np.full((4, 4, 3), number, np.uint8))
        said = run(1, "dataset", "import", "--format", "image-folder", f"{scratch}/tree", "-o", f"{scratch}/o.h5")[1]
        assert "split train: all 3 samples are of one class, 'only'" in said


def border(images):
    """Constant border pixels, as scans of digits have: 4 x 4 pixels vary."""
    images = images.copy()
    images[:, [0, -1]] = 0
    images[:, :, [0, -1]] = 255
    return images


def follow(images):
    """The lower half repeats the upper one, upside down."""
    return np.concatenate([images[:, :SIZE // 2], 255 - images[:, :SIZE // 2]], 1)


def grey(images):
    return np.repeat(images[:, :, :, :1], 3, 3)


SHAPES = {"constant borders": (border, 16 * 3), "pixels that follow from others": (follow, SIZE * SIZE * 3 // 2),
          "equal channels": (grey, SIZE * SIZE), "floats": (lambda images: border(images).astype(np.float32), 48)}
CASES = [(shape, "channel_std") for shape in SHAPES] + [("constant borders", scale)
                                                        for scale in ("none", "pixel_std", "range")]


@pytest.mark.parametrize("shape, scale", CASES)
class TestWhitening:
    @pytest.fixture
    def trained(self, scratch, shape, scale):
        """A function: what training with some keys of preprocess says; `code`: how it ends."""
        images, rank = SHAPES[shape]
        data = write_data(f"{scratch}/d.h5", images=images)
        run(1, "dataset", "statistics", data, "--pca", "--scale", "none" if scale == "range" else scale)

        def say(keys, code):
            recipe = write_recipe(f"{scratch}/r.yaml", data, 2, f"{{scale: {scale}, {keys}}}")
            words = ("train", recipe, "--out", f"{scratch}/o-{len(keys)}")
            return refusal(code, *words) if code else run(1, *words)[1]
        return say, rank

    def test_beyond_the_rank_is_refused(self, trained):
        say, rank = trained
        for kind in ("pca_whiten", f"pca_whiten, components: {rank + 1}", "zca"):
            assert f"variance along {rank} at most" in say(f"decorrelate: {kind}", RUN_FILE)

    def test_up_to_the_rank_goes(self, trained):
        say, rank = trained
        say(f"decorrelate: pca_whiten, components: {rank}", 0)

    def test_a_projection_goes_beyond_it(self, trained):
        trained[0]("decorrelate: pca", 0)

    def test_zca_goes_beyond_it_with_a_large_epsilon(self, trained):
        trained[0]("decorrelate: zca, epsilon: 100", 0)


def test_pixels_of_equal_channels_are_not_whitened(scratch):
    data = write_data(f"{scratch}/d.h5", images=grey)
    run(1, "dataset", "statistics", data)
    for kind in ("pca_whiten", "zca"):
        recipe = write_recipe(f"{scratch}/{kind}.yaml", data, 2, f"{{decorrelate: {kind}, scope: pixel}}")
        line = refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/o")
        assert "training pixels" in line and "variance along 1 at most" in line
    run(1, "train", recipe, "--out", f"{scratch}/o", *settings("preprocess.epsilon=100"))
