"""Augmentation and mixing from outside: the same bits on any number of ranks and after a stop with every kind at
once; what is done at test time, recomputed with NumPy; refusals; the picture of what the network sees."""
import pytest

from support.program import RUN_FILE, USAGE, refusal, result, run, settings
from support.runs import arrays, read, synthesize, train, train_on_ranks, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
from support.png import png_size

EVERYTHING = """
  - brightness
  - contrast
  - saturation
  - hue
  - greyscale
  - lighting
  - flip: {alternate: true}
  - crop: {pad: 2}
  - translate
  - rotate: {fill: edge}
  - shear: {along: both, fill: reflect}
  - resized_crop: {size: 24, test_share: 0.75}
  - cutout: {size: 6, count: 2}
mix:
  - mixup: {alpha: 0.2, probability: 0.4}
  - cutmix: {probability: 0.4}
"""
CONV = "model: [conv: {out: 8, kernel: 3, padding: 1, stride: 2}, batchnorm, relu, flatten, linear: {out: 10}]"
LINEAR = "model: [flatten, linear: {out: 10}]"


def write_run_file(path, data, augment=EVERYTHING, model=CONV):
    return write(path, f"""data: {{file: {data}, train: train, validation: validation}}
augment: {augment}
{model}
optimizer: {{momentum: {{rate: 0.01}}}}
train: {{batch: 40, shards: 4, length: 12 steps, seed: 3}}
checkpoint: {{every: 5 steps}}
""")


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=203, test=120, validation=60)


@pytest.fixture(scope="module")
def recipe(folder, data):
    return write_run_file(f"{folder}/run.yaml", data)


@pytest.fixture(scope="module")
def on_ranks(folder, recipe):
    return train_on_ranks((1, 2, 4), recipe, f"{folder}/n")


def test_any_number_of_ranks_gives_the_same_bits(on_ranks):
    assert len({run["digest"] for run in on_ranks}) == 1


def test_the_losses_are_finite(on_ranks):
    losses = [line["loss"] for line in on_ranks[0].metrics() if "loss" in line]
    assert losses and np.isfinite(losses).all()


def test_stopped_on_2_ranks_and_resumed_on_1_gives_the_same_bits(scratch, recipe, on_ranks):
    train(2, recipe, f"{scratch}/stopped", "--stop-after", 7)
    assert train(1, recipe, f"{scratch}/stopped", "--resume")["digest"] == on_ranks[0]["digest"]


@pytest.mark.parametrize("change", ("mix=[]", "augment.6.flip.alternate=false", "augment.3.hue.amount=0.2",
                                    "mix.0.mixup.alpha=0.3"))
def test_each_option_changes_the_bits(scratch, recipe, on_ranks, change):
    assert train(1, recipe, f"{scratch}/out", *settings(change))["digest"] != on_ranks[0]["digest"]


class TestAtTestTime:
    """A linear classifier on 24x24: it sees the middle 24 of 32, and nothing random."""

    @pytest.fixture(scope="class")
    def linear(self, folder, data):
        return train(1, write_run_file(f"{folder}/linear.yaml", data, model=LINEAR), f"{folder}/linear")

    @pytest.fixture(scope="class")
    def weight(self, linear):
        return arrays(linear.checkpoint())["1.weight"].astype(float)

    @pytest.fixture(scope="class")
    def scores(self, data, linear, weight):
        """A function: the scores of the middle of each image of a split."""
        statistics = arrays(data, "statistics")
        bias = arrays(linear.checkpoint())["1.bias"].astype(float)

        def of(split):
            images = arrays(data, split)["images"].astype(float)
            x = ((images - statistics["channel_mean"]) / statistics["channel_std"])[:, 4:28, 4:28]
            return x.transpose(0, 3, 1, 2).reshape(len(images), -1) @ weight.T + bias
        return of

    def test_the_images_are_larger_than_what_is_trained_on(self, data):
        assert arrays(data, "test")["images"].shape[1:] == (32, 32, 3)

    def test_the_model_takes_the_size_that_training_has(self, weight):
        assert weight.shape == (10, 24 * 24 * 3)

    @pytest.mark.parametrize("ranks", (1, 2))
    def test_predict_sees_the_middle_of_each_image(self, scratch, linear, scores, ranks):
        run(ranks, "predict", linear.checkpoint(), "--split", "test", "-o", f"{scratch}/p.h5")
        expected = np.exp(scores("test") - scores("test").max(1, keepdims=True))
        expected /= expected.sum(1, keepdims=True)
        assert np.allclose(arrays(f"{scratch}/p.h5", "/")["probabilities"], expected, atol=1e-5)

    def test_eval_sees_the_middle_of_each_image(self, data, linear, scores):
        report = result(1, "eval", linear.checkpoint(), "--split", "test")
        accuracy = (scores("test").argmax(1) == arrays(data, "test")["labels"]).mean()
        assert report["members"][0]["top1"] == pytest.approx(accuracy, abs=1e-9)

    def test_validation_sees_the_middle_of_each_image(self, data, linear, scores):
        measured = [line["validation_accuracy"] for line in linear.metrics() if "validation_accuracy" in line]
        accuracy = (scores("validation").argmax(1) == arrays(data, "validation")["labels"]).mean()
        assert measured[-1] == pytest.approx(accuracy, abs=1e-6)


@pytest.mark.parametrize("words, change", (
    ("the probabilities of the list add up to 1.1", "mix.1.cutmix.probability=0.7"),
    ("expected 0 < least <= most", "augment.11.resized_crop.scale=[0.5, 0.1]"),
    ("cutout.size=500: is 500, expected at most 48 for images of 24x24", "augment.12.cutout.size=500"),
    ("degrees", "augment.9.rotate.degrees=200"),
))
def test_what_cannot_be_is_refused(scratch, recipe, words, change):
    assert words in refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", "--quiet", *settings(change))


def test_hue_of_grey_images_is_refused(scratch, data):
    with h5py.File(data) as colour, h5py.File(f"{scratch}/grey.h5", "w") as file:
        for name, value in colour.attrs.items():
            if name != "arrays":  # the list of what the file holds: this one holds less
                file.attrs[name] = value
        for split in ("train", "validation"):
            file[f"{split}/images"] = colour[f"{split}/images"][..., :1]
            file[f"{split}/labels"] = colour[f"{split}/labels"][()]
        colour.copy("classes", file)
        for name in ("channel_mean", "channel_std"):
            file[f"statistics/{name}"] = colour[f"statistics/{name}"][:1]
    recipe = write_run_file(f"{scratch}/grey.yaml", f"{scratch}/grey.h5", augment="\n  - hue\n")
    line = refusal(RUN_FILE, "train", recipe, "--out", f"{scratch}/out", "--quiet")
    assert "images have 1 channel, expected 3" in line


class TestPreview:
    @pytest.fixture(scope="class")
    def draw(self, folder, recipe):
        """A function that draws what the network sees: (the picture's path, what is said)."""
        def picture(name, *more):
            path = f"{folder}/{name}.png"
            return path, run(1, "dataset", "preview", "--augment", recipe, "-o", path, "--epochs", 3, *more)[1]
        return picture

    @pytest.fixture(scope="class")
    def seen(self, draw):
        return draw("seen")

    def test_says_what_it_wrote(self, seen):
        assert seen[1] == f"wrote {seen[0]}\n"

    def test_has_two_lines_under_each_picture_for_the_classes_of_a_mix(self, draw, seen):
        plain, _ = draw("plain", *settings("mix=[]"))
        assert png_size(seen[0])[1] == png_size(plain)[1] + 10 * 2 * 18

    def test_is_the_same_for_the_same_run(self, draw, seen):
        assert read(draw("again")[0], "rb") == read(seen[0], "rb")

    def test_is_another_for_another_seed(self, draw, seen):
        assert read(draw("other", *settings("train.seed=4"))[0], "rb") != read(seen[0], "rb")

    @pytest.mark.parametrize("words, arguments", (
        ("expected FILE.h5, or --augment", ["-o", "x.png"]),
        ("belong to --augment", ["{data}", "-o", "x.png", "--epochs", 2]),
        ("--out FILE.png is missing", ["--augment", "{recipe}"]),
    ))
    def test_refuses_what_does_not_go_together(self, data, recipe, words, arguments):
        arguments = [str(word).format(data=data, recipe=recipe) for word in arguments]
        assert words in refusal(USAGE, "dataset", "preview", *arguments)
