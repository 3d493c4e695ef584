"""Data with float targets: tables imported from CSV, lists of images, drawn places; the recipe learns them. Bad
tables are refused with file and line."""
import os

import pytest

from support.program import DATA, RECIPES, SYSTEM, USAGE, refusal, run, settings
from support.runs import arrays, copy_data, read, synthesize, train, write

np = pytest.importorskip("numpy")
h5py = pytest.importorskip("h5py")
from support.png import png_size, write_png


class TestTable:
    """Names in quotes, CRLF, a byte-order mark, a blank line, targets that are not in the last columns."""

    @pytest.fixture(scope="class")
    def values(self, seed):
        return np.random.default_rng(seed + 1).normal(size=(40, 4)).astype(np.float32)

    @pytest.fixture(scope="class")
    def csv(self, folder, values):
        rows = [[f'"{value:.9g}"' if column == 1 else f"{value:.9g}" for column, value in enumerate(row)]
                for row in values]
        lines = ["\ufeffa,\"price, EUR\",b,mass", *map(",".join, rows), "", ""]
        return write(f"{folder}/t.csv", "\r\n".join(lines))

    @pytest.fixture(scope="class")
    def imported(self, folder, csv):
        path = f"{folder}/t.h5"
        run(1, "dataset", "import", "--format", "table", csv, "--target", "mass", "--target", "price, EUR", "-o", path)
        return path

    def test_passes_verification(self, imported):
        run(1, "dataset", "verify", imported)

    def test_has_its_features_in_their_order(self, imported, values):
        assert (arrays(imported, "train")["images"].reshape(40, 2) == values[:, [0, 2]]).all()

    def test_has_its_targets_in_the_order_of_the_flags(self, imported, values):
        assert (arrays(imported, "train")["targets"] == values[:, [3, 1]]).all()

    @pytest.mark.parametrize("name, columns, tolerance, figure", (
        ("target_mean", [3, 1], 1e-12, np.mean),
        ("target_std", [3, 1], 1e-12, np.std),
        ("channel_mean", [0, 2], 1e-6, np.mean),
    ))
    def test_has_the_statistics_of_targets_and_features(self, imported, values, name, columns, tolerance, figure):
        found = arrays(imported, "statistics")[name]
        assert np.allclose(found, figure(values[:, columns].astype(float), axis=0), rtol=tolerance)

    @pytest.fixture(scope="class")
    def parts(self, folder, csv):
        """Train and validation, where a quarter goes to validation."""
        path = f"{folder}/v.h5"
        run(1, "dataset", "import", "--format", "table", csv, "--target", "mass", "--split-validation", "0.25",
            "-o", path)
        return [arrays(path, split) for split in ("train", "validation")]

    def test_gives_a_quarter_to_validation(self, parts):
        assert [part["targets"].shape for part in parts] == [(30, 1), (10, 1)]

    def test_loses_no_row_and_each_row_keeps_its_target(self, parts, values):
        rows = np.concatenate([np.concatenate([part["images"].reshape(-1, 3), part["targets"]], 1) for part in parts])
        assert sorted(map(tuple, rows)) == sorted(map(tuple, values))

    def test_is_found_damaged_if_a_target_changes(self, scratch, imported):
        changed = copy_data(f"{scratch}/changed.h5", imported)
        with h5py.File(changed, "r+") as file:
            file["train/targets"][3, 0] += 1
        assert "pixels or targets are damaged" in refusal(DATA, "dataset", "verify", changed, alone=False)

    def test_with_other_columns_in_a_split_is_refused(self, scratch, csv):
        other = write(f"{scratch}/other.csv", "a,b,mass\n1,2,3\n")
        line = refusal(DATA, "dataset", "import", "--format", "table", "--split", f"train={csv}",
                       "--split", f"test={other}", "--target", "mass", "-o", f"{scratch}/out.h5")
        assert "other.csv:1: has no column 'price, EUR'; it has a, b, mass" in line

    def test_is_no_picture(self, scratch, csv):
        table, picture = f"{scratch}/v.h5", f"{scratch}/table.png"
        run(1, "dataset", "import", "--format", "table", csv, "--target", "mass", "-o", table)
        assert "which is not a picture" in refusal(USAGE, "dataset", "preview", table, "-o", picture)
        assert not os.path.exists(picture)


BAD_TABLES = [
    ("bad.csv:3: column 'a' is 'x', expected a number", DATA, "a,p\n1,2\nx,3\n", ["p"]),
    ("bad.csv:2: column 'p' is 'nan', expected a number", DATA, "a,p\n1,nan\n", ["p"]),
    ("bad.csv:2: column 'p' is '1e39', expected a number that a float can hold", DATA, "a,p\n1,1e39\n", ["p"]),
    ("bad.csv:2: column 'a' is '', expected a number", DATA, "a,p\n,1\n", ["p"]),
    ("bad.csv:4: has 1 field, the head has 2", DATA, "a,p\n1,2\n\n3\n", ["p"]),
    ("bad.csv:3: the quote that begins here is never closed", DATA, "a,p\n1,2\n\"3,4\n", ["p"]),
    ("bad.csv:1: has no column 'prise'; did you mean 'price'?", DATA, "a,price\n1,2\n", ["prise"]),
    ("bad.csv:1: has one column, 'a;price', with a semicolon in its name; expected commas", DATA, "a;price\n1;2\n",
     ["price"]),
    ("--target p: this column was given before", USAGE, "a,p\n1,2\n", ["p", "p"]),
    ("bad.csv:1: every column is a target", DATA, "p\n1\n", ["p"]),
    ("bad.csv: has no row", DATA, "a,p\n", ["p"]),
    ("bad.csv: has no line", DATA, "", ["p"]),
    ("expected the name of the column of classes, or of each target column", USAGE, "a,p\n1,2\n", []),
]


def test_numbers_that_a_float_cannot_hold_are_named(scratch):
    table = write(f"{scratch}/ids.csv", "id,n,kind\n123456789,1,a\n5,2,b\n123456791,3,a\n")
    words = ("dataset", "import", "--format", "table", table, "--label", "kind", "-o", f"{scratch}/ids.h5")
    stderr = run(1, *words)[1]
    assert ("ids.csv:2: column 'id' is 123456789, a whole number above 2^24, which becomes 123456792 as a float; "
            "2 of 3 rows are rounded in this way") in stderr
    os.remove(f"{scratch}/ids.h5")
    assert "2^24" not in run(1, *words, "--ignore", "id")[1]


def test_a_column_of_weights_is_no_input(scratch):
    table = write(f"{scratch}/w.csv", "a,w,kind\n1,2.5,x\n5,0,y\n7,1,x\n9,3,y\n")
    words = ("dataset", "import", "--format", "table", table, "--label", "kind", "--weight", "w", "-o",
             f"{scratch}/w.h5")
    run(1, *words, "--split-validation", "0.5", "--seed", "3")
    with h5py.File(f"{scratch}/w.h5") as file:
        weights = {5: 0, 1: 2.5, 7: 1, 9: 3}
        for split in ("train", "validation"):
            assert file[split]["images"].shape[3] == 1
            expected = [weights[value] for value in file[split]["images"][:, 0, 0, 0]]
            assert expected == file[split]["weights"][:].tolist()
    for text, says in (("-1", "w.csv: column 'w': row 0 of split train is -1, expected a weight from 0 to 1e+12"),
                       ("", "w.csv:2: column 'w' is ''"),
                       ("much", "w.csv:2: column 'w' is 'much', expected a number")):
        write(table, f"a,w,kind\n1,{text},x\n5,2,y\n")
        assert says in refusal(DATA, *words)


@pytest.mark.parametrize("words, code, text, targets", BAD_TABLES, ids=[case[0] for case in BAD_TABLES])
def test_a_bad_table_is_refused_and_nothing_is_written(scratch, words, code, text, targets):
    flags = [word for target in targets for word in ("--target", target)]
    line = refusal(code, "dataset", "import", "--format", "table", write(f"{scratch}/bad.csv", text), *flags,
                   "-o", f"{scratch}/bad.h5")
    assert words in line
    assert not os.path.exists(f"{scratch}/bad.h5")


def test_target_belongs_to_tables(scratch):
    line = refusal(USAGE, "dataset", "import", "--format", "idx", "x", "--target", "p", "-o", f"{scratch}/bad.h5")
    assert "--target is for --format table" in line


class TestImageList:
    @pytest.fixture(scope="class")
    def pixels(self, folder):
        return arrays(synthesize(folder, train=6, test=0, validation=0, name="few.h5"), "train")["images"]

    @pytest.fixture(scope="class")
    def csv(self, folder, pixels):
        os.mkdir(f"{folder}/pictures")
        for number, image in enumerate(pixels):
            write_png(f"{folder}/pictures/{number}.png", image)
        rows = [f"{number},pictures/{number}.png,{number / 4}\n" for number in range(len(pixels))]
        return write(f"{folder}/list.csv", "id,path,weight\n" + "".join(rows))

    @pytest.fixture(scope="class")
    def whole(self, folder, csv):
        run(1, "dataset", "import", "--format", "image-list", csv, "-o", f"{folder}/l.h5")
        return f"{folder}/l.h5"

    @pytest.fixture(scope="class")
    def one_target(self, folder, csv):
        """One target, and another size."""
        run(1, "dataset", "import", "--format", "image-list", csv, "--target", "weight", "--size", "16x24",
            "-o", f"{folder}/s.h5")
        return arrays(f"{folder}/s.h5", "train")

    def test_passes_verification(self, whole):
        run(1, "dataset", "verify", whole)

    def test_has_the_pixels_of_the_files(self, whole, pixels):
        assert (arrays(whole, "train")["images"] == pixels).all()

    def test_takes_all_other_columns_as_targets(self, whole):
        assert arrays(whole, "train")["targets"].tolist() == [[number, number / 4] for number in range(6)]

    def test_resizes_the_images(self, one_target):
        assert one_target["images"].shape == (6, 24, 16, 3)

    def test_takes_the_target_that_is_named(self, one_target):
        assert one_target["targets"][:, 0].tolist() == [number / 4 for number in range(6)]

    @pytest.mark.parametrize("words, text, code", (
        ("bad.csv:1: has no column 'path'", "what,x\na.png,1\n", DATA),
        ("pictures/9.png", "path,x\npictures/9.png,1\n", SYSTEM),
        ("bad.csv:4: ", "path,x\npictures/0.png,1\n\npictures/9.png,1\n", SYSTEM),
        ("bad.csv:3: ", "path,x\npictures/0.png,1\nlist.csv,1\n", DATA),
        ("bad.csv:2: column 'x' is 'y', expected a number", "path,x,z\npictures/0.png,y,1\n", DATA),
        ("bad.csv:1: has no column beside 'path'", "path\npictures/0.png\n", DATA),
    ))
    def test_that_is_bad_is_refused_and_nothing_is_written(self, folder, csv, words, text, code):
        out = f"{folder}/bad.h5"
        bad = write(f"{folder}/bad.csv", text)
        assert words in refusal(code, "dataset", "import", "--format", "image-list", bad, "-o", out)
        assert not os.path.exists(out)


SIZES = dict(train=4000, test=300, validation=300)
REGRESSION = f"{RECIPES}/shapes-regression.yaml"


@pytest.fixture(scope="module")
def places(folder):
    return synthesize(folder, **SIZES, name="places.h5", more=("--targets",))


class TestDrawnPlaces:
    def test_have_the_images_of_the_classes(self, folder, places):
        shapes = synthesize(folder, **SIZES)
        assert (arrays(places, "train")["images"] == arrays(shapes, "train")["images"]).all()

    def test_have_no_labels(self, places):
        assert "labels" not in arrays(places, "train")

    def test_have_three_targets(self, places):
        assert arrays(places, "train")["targets"].shape == (4000, 3)

    def test_are_drawn_with_room_for_a_number_at_both_ends_of_a_row(self, scratch, places):
        run(1, "dataset", "preview", places, "-o", f"{scratch}/places.png", "--count", 5)
        assert png_size(f"{scratch}/places.png")[0] == 4 + 12 * len("radius") + 4 + 124 + 5 * 68 + 124

    @pytest.fixture(scope="class")
    def seen(self, folder, places):
        """A function: the picture of what the network sees."""
        def picture(name, *more):
            path = f"{folder}/{name}.png"
            run(1, "dataset", "preview", "--augment", REGRESSION, places, "-o", path, "--count", 4, *more)
            return path
        return picture

    def test_have_two_values_under_each_picture_of_what_the_network_sees(self, places, seen):
        side = arrays(places, "train")["images"].shape[1]
        assert png_size(seen("plain"))[1] == 22 + 4 * (64 // side * side + 2 * 18 + 4)

    def test_are_mixed_as_the_pictures_are(self, seen):
        assert read(seen("mixed", *settings("mix=[mixup: {}]")), "rb") != read(seen("plain"), "rb")

    def test_are_drawn_into_png_files_only(self, scratch, places):
        assert "--out" in refusal(USAGE, "dataset", "preview", places, "-o", f"{scratch}/places.jpg")
        assert not os.path.exists(f"{scratch}/places.jpg")


class TestRecipe:
    @pytest.fixture(scope="class")
    def more(self, places):
        return settings(f"data.file={places}", "train.length=4 epochs")

    @pytest.fixture(scope="class")
    def whole(self, folder, more):
        return train(2, REGRESSION, f"{folder}/run", *more)

    def test_finds_the_figures(self, whole):
        assert whole["validation_r2"] > 0.4

    def test_gives_the_same_bits_after_a_stop_on_other_ranks(self, folder, more, whole):
        train(1, REGRESSION, f"{folder}/again", *more, "--stop-after", 70)
        assert train(2, REGRESSION, f"{folder}/again", *more, "--resume")["digest"] == whole["digest"]
