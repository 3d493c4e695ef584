"""Evaluation by several passes: test-time augmentation against the views made here with NumPy and predicted one
by one; Monte Carlo dropout; the same figures on any number of ranks."""
import pytest

from support.program import USAGE, refusal, result, run
from support.runs import arrays, copy_data, forget_digests, synthesize, train, write_run_file

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")

SAMPLES = 213
BOTH = ["--views", "mirror", "--dropout-samples", "2"]
BOTH_IN_WORDS = ", the mean of 4 passes over each (--views mirror, --dropout-samples 2, seed 7)"


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=300, test=SAMPLES, validation=50)


@pytest.fixture(scope="module")
def best(folder, data):
    """A checkpoint of a network with dropout."""
    return train(2, write_run_file(folder, data, length="12 steps"), f"{folder}/run").checkpoint("best.h5")


@pytest.fixture(scope="module")
def predict(folder, data, best):
    """A function: the probabilities that the network gives the test images of a data set."""
    def probabilities(*more, data=data):
        run(1, "predict", best, "--data", data, "--split", "test", "-o", f"{folder}/p.h5", *more)
        return arrays(f"{folder}/p.h5", "/")["probabilities"].astype(float)
    return probabilities


@pytest.fixture(scope="module")
def plain(predict):
    return predict()


@pytest.fixture(scope="module")
def mean_over(folder, data, predict):
    """A function: the mean of the probabilities over several changes made to each test image, in pixels."""
    def mean(changes):
        found = []
        for change in changes:
            path = copy_data(f"{folder}/changed.h5", data)
            with h5py.File(path, "r+") as file:
                images = file["test/images"][()]
                del file["test/images"]
                forget_digests(file["test"])
                file["test/images"] = change(images)
            found.append(predict(data=path))
        return np.mean(found, 0)
    return mean


@pytest.fixture(scope="module")
def move(data):
    """A function that moves images; the mean colour, zero after preprocessing, comes in at the border."""
    colour = arrays(data, "statistics")["channel_mean"].astype(np.float32)

    def moved(images, down, right):
        size = images.shape[1]
        padded = np.pad(images.astype(np.float32), ((0, 0), (size, size), (size, size), (0, 0)),
                        constant_values=np.nan)
        cut = padded[:, size - down:2 * size - down, size - right:2 * size - right]
        return np.where(np.isnan(cut), colour, cut)
    return moved


def test_mirror_is_the_mean_over_an_image_and_its_mirror_image(predict, mean_over):
    expected = mean_over([lambda images: images, lambda images: images[:, :, ::-1]])
    assert np.allclose(predict("--views", "mirror"), expected, atol=1e-5)


def test_shifts_are_the_mean_over_nine_places(predict, mean_over, move):
    places = [(down, right) for down in (-2, 0, 2) for right in (-2, 0, 2)]
    expected = mean_over([lambda images, place=place: move(images, *place) for place in places])
    assert np.allclose(predict("--views", "shifts: {by: 2}"), expected, atol=1e-4)


def test_ten_crop_is_the_mean_over_corners_and_middle_and_their_mirror_images(predict, mean_over, move):
    places = [(4, 4), (4, -4), (-4, 4), (-4, -4), (0, 0)]
    expected = mean_over([lambda images, place=place, way=way: move(images, *place)[:, :, ::way]
                          for way in (1, -1) for place in places])
    assert np.allclose(predict("--views", "ten_crop"), expected, atol=1e-4)


@pytest.fixture(scope="module")
def one_mask(predict):
    return predict("--dropout-samples", "1")


def test_one_mask_is_not_the_whole_network(one_mask, plain):
    assert not np.allclose(one_mask, plain, atol=1e-3)


def test_the_mean_over_100_masks_is_nearer_to_the_whole_network(predict, one_mask, plain):
    many = predict("--dropout-samples", "100")
    assert np.abs(many - plain).mean() < np.abs(one_mask - plain).mean() / 2


def test_another_seed_draws_another_mask(predict, one_mask):
    assert not np.array_equal(one_mask, predict("--dropout-samples", "1", "--seed", "9"))


@pytest.mark.parametrize("more", (["--dropout-samples", "3"], BOTH), ids=" ".join)
def test_eval_gives_the_same_figures_on_any_ranks(best, more):
    reports = [result(ranks, "eval", best, best, "--split", "test", *more) for ranks in (1, 2, 3)]
    assert reports[0] == reports[1] == reports[2]


class TestReport:
    def test_of_eval_says_passes_views_masks_and_the_seed_of_each_member(self, best):
        report = result(1, "eval", best, best, "--split", "test", *BOTH)
        found = {key: report.get(key) for key in ("passes", "views", "dropout_samples", "seeds")}
        assert found == {"passes": 4, "views": "mirror", "dropout_samples": 2, "seeds": [3, 3]}

    @pytest.mark.parametrize("more, words", (
        ([*BOTH, "--seed", 7], BOTH_IN_WORDS),
        (["--dropout-samples", 1], ", one pass over each (--dropout-samples 1, seed 3)"),
        ([], ""),
    ), ids=("mean", "one mask and the run's own seed", "nothing"))
    def test_of_eval_says_in_words_what_was_done_at_test_time(self, best, more, words):
        said = run(1, "eval", best, best, "--split", "test", *more)[0].split("\n")[0]
        assert said.partition(f"{SAMPLES} samples")[2] == words

    @pytest.mark.parametrize("more, expected", (
        ([*BOTH, "--seed", 7], {"passes": 4, "views": "mirror", "dropout_samples": 2, "seeds": [7]}),
        ([], {"passes": 1, "views": None, "dropout_samples": 0}),
    ), ids=("mean", "nothing"))
    def test_of_predict_says_the_same(self, scratch, best, more, expected):
        report = result(1, "predict", best, "-o", f"{scratch}/p.csv", *more)
        keys = ("passes", "views", "dropout_samples", "seeds")
        assert {key: report[key] for key in keys if key in report} == expected

    def test_of_predict_says_the_same_in_words(self, scratch, best):
        said = run(1, "predict", best, "-o", f"{scratch}/p.csv", *BOTH, "--seed", 7)[0]
        assert said.strip().endswith(BOTH_IN_WORDS)


@pytest.fixture(scope="module")
def bare(folder, data):
    """A checkpoint of a network without anything random."""
    recipe = write_run_file(folder, data, model="\n  - flatten\n  - linear: {out: 10}\n", name="bare.yaml",
                            length="2 steps", warmup="0")
    return train(1, recipe, f"{folder}/bare").checkpoint("best.h5")


def test_a_member_without_anything_random_has_no_seed(bare, best):
    assert result(1, "eval", bare, best, "--dropout-samples", "2")["seeds"] == [None, 3]


def test_a_member_without_anything_random_has_no_seed_in_words(bare, best):
    assert "(--dropout-samples 2, seed 3)" in run(1, "eval", bare, best, "--dropout-samples", "2")[0]


@pytest.mark.parametrize("words, more", (
    ("did you mean 'mirror'", ["--views", "miror"]),
    ("expected less than", ["--views", "shifts: {by: 99}"]),
))
def test_views_that_do_not_fit_are_refused(best, words, more):
    assert words in refusal(USAGE, "eval", best, *more, ranks=2)


def test_masks_of_a_network_without_anything_random_are_refused(bare):
    assert "no layer that is random" in refusal(USAGE, "eval", bare, "--dropout-samples", "4", ranks=2)
