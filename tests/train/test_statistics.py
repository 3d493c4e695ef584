"""`dataset statistics` against NumPy, and runs that decorrelate: the same bits on any number of ranks, and
predictions for a file of another program that are those of eval."""
import os
import shutil

import pytest

from support.program import RUN_FILE, USAGE, environment, refusal, result, run, start
from support.runs import arrays, read, synthesize, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
from support.png import SIGNATURE, read_png

SIZE, CHANNELS = 16, 3
FEATURES = SIZE * SIZE * CHANNELS


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=600, test=70, validation=0, more=("--size", SIZE))


class TestStatistics:
    """Those of data sets that are scaled in each way, with all principal components."""

    @pytest.fixture(scope="class", params=("channel_std", "pixel_std", "none"))
    def scale(self, request):
        return request.param

    @pytest.fixture(scope="class")
    def shown(self, data, scale):
        return result(1, "dataset", "statistics", data, "--pca", "--scale", scale)

    @pytest.fixture(scope="class")
    def kept(self, data, shown):
        return arrays(data, "statistics")

    @pytest.fixture(scope="class")
    def pixels(self, data):
        images = arrays(data, "train")["images"]
        return images.astype(np.float64).reshape(len(images), -1)

    @pytest.fixture(scope="class")
    def covariance(self, pixels, kept, scale):
        divisor = {"none": 1, "pixel_std": kept["pixel_std"].astype(np.float64).ravel(),
                   "channel_std": np.tile(pixels.reshape(-1, CHANNELS).std(0), SIZE * SIZE)}[scale]
        centred = (pixels - pixels.mean(0)) / divisor
        return centred.T @ centred / len(centred)

    @pytest.fixture(scope="class")
    def expected(self, covariance):
        """The eigenvalues, the largest first."""
        return np.linalg.eigvalsh(covariance)[::-1]

    @pytest.fixture(scope="class")
    def values(self, kept, scale):
        return kept[f"pca/{scale}/eigenvalues"]

    @pytest.fixture(scope="class")
    def vectors(self, kept, scale, values):
        return kept[f"pca/{scale}/eigenvectors"].reshape(len(values), -1).astype(np.float64)

    def test_have_the_deviation_of_each_pixel(self, kept, pixels):
        assert np.allclose(kept["pixel_std"].ravel(), pixels.std(0), rtol=1e-5)

    def test_have_the_covariance_of_the_channels(self, kept, pixels):
        expected = np.cov(pixels.reshape(-1, CHANNELS).T, bias=True)
        assert np.allclose(kept["channel_covariance"], expected, rtol=1e-9)

    def test_have_the_eigenvalues(self, values, expected):
        assert np.abs(values - expected).max() < 1e-9 * expected[0]

    def test_have_orthonormal_eigenvectors(self, vectors):
        assert np.abs(vectors @ vectors.T - np.eye(len(vectors))).max() < 1e-6

    def test_have_the_eigenvectors(self, values, vectors, covariance, expected):
        assert np.abs(covariance @ vectors.T - vectors.T * values).max() < 1e-6 * expected[0]

    def test_have_the_total_variance(self, data, scale, shown, values, covariance, expected):
        with h5py.File(data) as file:
            total = file[f"statistics/pca/{scale}"].attrs["total_variance"]
        assert abs(total - np.trace(covariance)) < 1e-9 * expected[0] * len(values)

    def test_are_shown_as_they_are_kept(self, shown, values):
        assert np.allclose(shown["pca"]["eigenvalues"], values)


@pytest.fixture(scope="module")
def analysed(folder, data):
    """A copy of the data set with its components."""
    path = shutil.copy(data, f"{folder}/analysed.h5")
    run(1, "dataset", "statistics", path, "--pca")
    for scale in ("pixel_std", "none"):
        run(1, "dataset", "statistics", path, "--pca", "--scale", scale)
    return path


def test_threads_do_not_change_the_file(scratch, data):
    files = []
    for threads in (1, 3):
        copy = shutil.copy(data, f"{scratch}/threads-{threads}.h5")
        run(1, "dataset", "statistics", copy, "--pca", "--again", env=environment(OMP_NUM_THREADS=str(threads)))
        files.append(read(copy, "rb"))
    assert files[0] == files[1]


class TestFileOfAnotherProgram:
    """Written by h5py in the newest format, with something of its owner's."""

    @pytest.fixture(scope="class")
    def foreign(self, folder, data):
        path = f"{folder}/foreign.h5"
        with h5py.File(data) as file, h5py.File(path, "w", libver="latest") as made:
            for split in ("train", "test"):
                made.create_dataset(f"{split}/images", data=file[f"{split}/images"][:],
                                    chunks=(10, SIZE, SIZE, CHANNELS), compression="gzip")
                made.create_dataset(f"{split}/labels", data=file[f"{split}/labels"][:])
            made.create_dataset("notes/mine", data=np.arange(5))
            made.attrs["owner"] = "someone"
        run(1, "dataset", "statistics", path, "--pca", "--components", 20)
        return path

    def test_passes_verification(self, foreign):
        run(1, "dataset", "verify", foreign)

    def test_keeps_its_owners_arrays(self, foreign):
        assert arrays(foreign, "notes")["mine"].tolist() == [0, 1, 2, 3, 4]

    def test_keeps_its_owners_attributes(self, foreign):
        with h5py.File(foreign) as file:
            assert file.attrs["owner"] == "someone"

    def test_keeps_its_images(self, foreign, data):
        assert np.array_equal(arrays(foreign, "train")["images"], arrays(data, "train")["images"])

    def test_gets_as_many_components_as_asked_for(self, foreign):
        shape = arrays(foreign, "statistics/pca/channel_std")["eigenvectors"].shape
        assert shape == (20, SIZE, SIZE, CHANNELS)


CONV = "[{conv: {out: 6, kernel: 3, padding: 1}}, relu, flatten, {linear: {out: 10}}]"
FLAT = "[flatten, {linear: {out: 12}}, relu, {linear: {out: 10}}]"
HEAD = "[flatten, {linear: {out: 10}}]"
WAYS = {  # preprocessing, augmentation, model
    "zca": ("{decorrelate: zca, epsilon: 0.01}", "[flip, crop]", CONV),
    "pca": ("{decorrelate: pca_whiten, components: 25, scale: pixel_std, epsilon: 0.01}", "[]", FLAT),
    "colour": ("{decorrelate: zca, scope: pixel}", "[flip]", CONV),
    "pixel_std": ("{center: mean_image, scale: pixel_std}", "[flip]", CONV),
}


def write_run_file(path, data, preprocess, augment, model):
    return write(path, f"""data: {{file: {data}, validation: test}}
preprocess: {preprocess}
augment: {augment}
model: {model}
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 60, shards: 2, length: 2 epochs, seed: 3, backend: openblas}}
""")


class TestRunThatDecorrelates:
    @pytest.fixture(scope="class", params=WAYS)
    def way(self, request):
        return request.param

    @pytest.fixture(scope="class")
    def runs(self, folder, analysed, way):
        """On 1 and on 2 ranks."""
        recipe = write_run_file(f"{folder}/{way}.yaml", analysed, *WAYS[way])
        return [train(ranks, recipe, f"{folder}/{way}-{ranks}") for ranks in (1, 2)]

    def test_has_the_same_bits_on_2_ranks(self, runs):
        one, two = ({name: values.tobytes() for name, values in arrays(run.checkpoint()).items()} for run in runs)
        assert one == two

    def test_has_the_matrix_in_the_checkpoint(self, runs, way):
        assert ("matrix" in arrays(runs[0].checkpoint(), "preprocessing")) == (way != "pixel_std")

    def test_evaluates_a_file_without_statistics_the_same(self, scratch, analysed, runs):
        bare = f"{scratch}/bare.h5"
        with h5py.File(analysed) as file, h5py.File(bare, "w") as made:
            for name in ("test/images", "test/labels", "classes"):
                made[name] = file[name][:]
        here, there = (result(1, "eval", runs[0].checkpoint(), "--data", path, "--split", "test")
                       for path in (analysed, bare))
        assert str(here).replace(analysed, "") == str(there).replace(bare, "")


DESCRIBE, TRAIN = ("describe", "{recipe}"), ("train", "{recipe}", "--out", "{out}")


@pytest.mark.parametrize("command, preprocess, augment, words", (
    (DESCRIBE, "{decorrelate: pca}", "[flip]", "turns them into vectors of 768 features"),
    (TRAIN, "{decorrelate: pca}", "[flip]", "turns them into vectors of 768 features"),
    (DESCRIBE, "{decorrelate: zca, center: none}", "[]", "preprocess.center: none"),
    (TRAIN, "{decorrelate: zca, center: none}", "[]", "preprocess.center: none"),
    # describe reads no pixels
    (TRAIN, "{decorrelate: pca_whiten}", "[]", "variance along 599 at most"),
    (TRAIN, "{decorrelate: zca}", "[]", "variance along 599 at most; what a new image has along the others"),
))
def test_what_cannot_be_decorrelated_is_refused(scratch, analysed, command, preprocess, augment, words):
    recipe = write_run_file(f"{scratch}/bad.yaml", analysed, preprocess, augment, HEAD)
    line = refusal(RUN_FILE, *(word.format(recipe=recipe, out=f"{scratch}/no") for word in command))
    assert words in line and recipe in line


@pytest.mark.parametrize("flags, words", (
    (["--components", 5], "--pca"),
    (["--count", 5], "--draw"),
    (["--epsilon", 0.1], "--draw"),
    (["--draw", "no.jpg"], "no.jpg: expected a name that ends in .png"),
))
def test_flags_that_need_another_are_refused(analysed, flags, words):
    assert words in refusal(USAGE, "dataset", "statistics", analysed, *flags)


def test_no_picture_is_drawn_of_a_table(scratch):
    table, picture = f"{scratch}/table.h5", f"{scratch}/no.png"
    with h5py.File(table, "w") as made:
        made["train/images"] = np.arange(40, dtype="f4").reshape(10, 1, 1, 4)
        made["train/labels"] = np.zeros(10, "i4")
    assert "1x1x4" in refusal(USAGE, "dataset", "statistics", table, "--draw", picture)
    assert not os.path.exists(picture)


class TestPicture:
    """Drawn with fewer components than the file has."""

    @pytest.fixture(scope="class")
    def picture(self, folder):
        return f"{folder}/sheet.png"

    @pytest.fixture(scope="class")
    def done(self, analysed, picture):
        return start(1, "dataset", "statistics", analysed, "--pca", "--components", 10, "--draw", picture,
                     "--count", 5)

    def test_is_a_png_file(self, done, picture):
        assert read(picture, "rb").startswith(SIGNATURE)

    def test_is_said_with_what_it_shows(self, done, picture):
        assert f"wrote {picture}: examples rebuilt from, and whitened to, the first " in done.stderr

    def test_leaves_the_components_that_the_file_has_and_says_so(self, done):
        assert f"{FEATURES} components already, which stay; --again keeps the first 10 alone" in done.stderr

    def test_says_that_there_are_fewer_images_than_components(self, done):
        assert "600 images have variance along 599 components at most" in done.stdout

    @pytest.fixture(scope="class")
    def pixels(self, folder, analysed):
        path = f"{folder}/contrast.png"
        run(1, "dataset", "statistics", analysed, "--pca", "--draw", path, "--count", 4)
        return read_png(path)

    @pytest.mark.parametrize("row", (6, 7), ids=("whitened to few components", "whitened to all"))
    def test_has_a_contrast_of_its_own_for_whitened_rows(self, pixels, row):
        step = 68
        assert 30 < pixels[4 + row * step:4 + row * step + 64, 176:176 + 4 * step].std() < 70
