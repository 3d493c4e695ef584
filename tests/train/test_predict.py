"""Predictions of what nobody has labelled: arrays, splits without labels, a run's folder in place of a checkpoint, the
formats of the output; and outputs that would destroy something."""
import csv
import json
import os
import shutil

import pytest
from support.png import write_png
from support.program import CHECKPOINT, DATA, SYSTEM, USAGE, refusal, result, run
from support.runs import read, synthesize, train, write

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

COUNT = 230  # more than a block of an evaluation
RECIPE = """data: {file: %s, validation: validation}
model: [flatten, {linear: {out: 10}}]
optimizer: {sgd: {rate: 0.01}}
train: {batch: 60, shards: 1, length: 5 steps}
"""


@pytest.fixture(scope="module")
def data(folder):
    return synthesize(folder, train=60, test=COUNT, validation=20)


@pytest.fixture(scope="module")
def trained(folder, data):
    return train(1, write(f"{folder}/run.yaml", RECIPE % data), f"{folder}/a")


@pytest.fixture(scope="module")
def arrays(folder, data):
    """The test images as other programs may hand them over."""
    path = f"{folder}/arrays.h5"
    with h5py.File(data) as file, h5py.File(path, "w") as made:
        made["x"] = file["test/images"][:]
        made["nchw"] = file["test/images"][:].transpose(0, 3, 1, 2)
    with h5py.File(data) as file, h5py.File(f"{folder}/one.h5", "w") as made:
        made["x"] = file["test/images"][:]
    with h5py.File(data) as file, h5py.File(f"{folder}/split.h5", "w") as made:
        made["test/images"] = file["test/images"][:]
    return path


@pytest.fixture(scope="module")
def expected(folder, trained):
    """The rows of the labelled split, by the checkpoint's own name."""
    run(1, "predict", trained.checkpoint("best.h5"), "--split", "test", "-o", f"{folder}/expected.csv")
    return rows(f"{folder}/expected.csv")


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def numbers(table):
    return [[row[key] for key in row if key not in ("source", "truth")] for row in table]


@pytest.mark.parametrize("source", ("arrays.h5:/x", "arrays.h5:/nchw", "one.h5", "split.h5"))
def test_samples_without_labels_are_predicted_as_those_with(folder, scratch, trained, arrays, expected, source):
    run(1, "predict", trained.out, f"{folder}/{source}", "-o", f"{scratch}/p.csv")
    found = rows(f"{scratch}/p.csv")
    assert numbers(found) == numbers(expected)
    assert "truth" not in found[0] and found[7]["source"].startswith(f"{folder}/{source}")


def test_another_scale_is_noticed(folder, scratch, trained, arrays):
    with h5py.File(arrays) as file, h5py.File(f"{scratch}/scaled.h5", "w") as made:
        made["x"] = file["x"][:] / 255
    said = [run(1, "predict", trained.out, path, "-o", f"{scratch}/p.csv")[1]
            for path in (f"{arrays}:/x", f"{scratch}/scaled.h5")]
    assert "warning" not in said[0] and "/x: values from 0 to 1 spread 0.00" in said[1]


@pytest.mark.parametrize("flag, value", (("--split", "tset"), ("--resize", "crop")))
def test_a_flag_without_a_meaning_for_arrays_is_refused(scratch, trained, arrays, flag, value):
    line = refusal(USAGE, "predict", trained.out, f"{arrays}:/x", "-o", f"{scratch}/p.csv", flag, value, alone=False)
    assert f"{flag} {value}: does not go with " in line and not os.path.exists(f"{scratch}/p.csv")


def test_a_split_without_labels_is_predicted_by_its_name(folder, scratch, trained, arrays, expected):
    run(1, "predict", trained.out, "--data", f"{folder}/split.h5", "--split", "test", "-o", f"{scratch}/p.csv")
    assert numbers(rows(f"{scratch}/p.csv")) == numbers(expected)


def test_eval_of_a_split_without_labels_says_what_takes_it(folder, trained, arrays):
    line = refusal(DATA, "eval", trained.checkpoint(), "--data", f"{folder}/split.h5")
    assert "split test has no labels" in line and "trainer predict needs none" in line


def test_a_file_with_several_arrays_that_fit_is_refused_with_their_names(trained, arrays):
    line = refusal(DATA, "predict", trained.checkpoint(), arrays, "-o", "p.csv")
    assert "/nchw, /x" in line


def test_an_array_of_a_file_that_is_not_hdf5_is_refused_as_what_it_is(scratch, trained):
    path = write(f"{scratch}/page.h5", "<!DOCTYPE html>" + 100 * " ")
    line = refusal(DATA, "predict", trained.checkpoint(), f"{path}:/x", "-o", f"{scratch}/p.csv")
    assert f"{path}: is not an HDF5 file: it is a web page" in line


def test_the_output_is_the_same_on_any_number_of_ranks(scratch, trained, arrays):
    for ranks in (1, 3):
        run(ranks, "predict", trained.out, f"{arrays}:/x", "-o", f"{scratch}/{ranks}.jsonl")
    assert read(f"{scratch}/1.jsonl") == read(f"{scratch}/3.jsonl")


class TestFormats:
    @pytest.fixture(scope="class")
    def h5(self, folder, trained):
        run(1, "predict", trained.out, "-o", f"{folder}/p.h5", "--top", "3")
        with h5py.File(f"{folder}/p.h5") as file:
            return {name: file[name][:] for name in file}

    def test_hdf5_has_the_top_classes_in_order(self, h5, expected):
        names = [name.decode() for name in h5["classes"]]
        for i in (0, 201, COUNT - 1):
            values = np.array([np.float32(expected[i][name]) for name in names])
            order = np.argsort(-values, kind="stable")[:3]
            assert h5["top_classes"][i].tolist() == order.tolist()
            assert (h5["top_probabilities"][i] == values[order]).all()

    def test_hdf5_has_the_sources_and_the_truth(self, h5, expected):
        assert [text.decode() for text in h5["sources"]] == [row["source"] for row in expected]
        assert [h5["classes"][label].decode() for label in h5["labels"]] == [row["truth"] for row in expected]

    def test_a_csv_has_the_name_number_and_probability_of_the_class(self, h5, expected):
        names = [name.decode() for name in h5["classes"]]
        for row in expected:
            assert row["prediction"] == names[int(row["class"])]
            assert row["probability"] == row[row["prediction"]] == max((row[name] for name in names), key=float)

    def test_json_lines_on_stdout_say_the_same(self, trained, h5, expected):
        found, said = run(1, "predict", trained.out, "-o", "-", "--format", "jsonl", "--top", "2")
        found = [json.loads(line) for line in found.splitlines()]
        assert [row["prediction"] for row in found] == [row["prediction"] for row in expected]
        assert [[top["class"] for top in row["top"]] for row in found] == h5["top_classes"][:, :2].tolist()
        assert f"{COUNT} predictions" in said

    @pytest.mark.parametrize("words", (["-o", "x.txt"], ["-o", "-", "--format", "hdf5"], ["-o", "-", "--json"]))
    def test_what_cannot_be_written_is_refused(self, trained, words):
        refusal(USAGE, "predict", trained.checkpoint(), *words)


class TestFolderOfARun:
    def test_eval_says_which_checkpoint_and_which_split_it_takes(self, trained):
        out, said = run(1, "eval", trained.out)
        assert f"{trained.out}/checkpoints/best.h5 (best)" in said
        assert "split test (of test, train, validation)" in out

    def test_without_a_best_checkpoint_it_is_the_newest(self, scratch, trained):
        shutil.copytree(trained.out, f"{scratch}/b", symlinks=True)
        os.remove(f"{scratch}/b/checkpoints/best.h5")
        assert "latest.h5 (newest" in run(1, "inspect", f"{scratch}/b")[1]

    def test_verify_takes_it(self, trained):
        assert "best.h5: good: a checkpoint" in run(1, "verify", trained.out)[0]

    def test_a_folder_without_checkpoints_is_refused(self, scratch):
        assert "is a folder without checkpoints" in refusal(CHECKPOINT, "eval", scratch)

    def test_the_validation_split_is_taken_if_there_is_no_test_split(self, folder, trained, data):
        other = f"{folder}/no-test.h5"
        shutil.copy(data, other)
        with h5py.File(other, "r+") as file:
            del file["test"]
        assert "split validation (of train, validation)" in run(1, "eval", trained.out, "--data", other)[0]


def test_a_raw_table_is_predicted_as_the_imported_one(scratch):
    """Its categories become features as the checkpoint says; without the column of classes no truth is known."""
    lines = [f"{i % 7},{'xyz'[i % 3]},{'ab'[i % 2]}" for i in range(30)]
    table = write(f"{scratch}/t.csv", "size,kind,class\n" + "\n".join(lines) + "\n")
    new = write(f"{scratch}/new.csv", "kind,size\n" + "\n".join(f"{'xyz'[i % 3]},{i % 7}" for i in range(30)) + "\n")
    run(1, "dataset", "import", "--format", "table", table, "--label", "class", "-o", f"{scratch}/t.h5")
    recipe = write(f"{scratch}/run.yaml", f"""data: {{file: {scratch}/t.h5, validation: none}}
model: [flatten, {{linear: {{out: 2}}}}]
optimizer: {{sgd: {{rate: 0.1}}}}
train: {{batch: 10, shards: 1, length: 5 steps}}
""")
    out = train(1, recipe, f"{scratch}/run").out
    run(1, "predict", out, "--split", "train", "-o", f"{scratch}/1.csv")
    run(1, "predict", out, table, "-o", f"{scratch}/2.csv")
    run(1, "predict", out, new, "-o", f"{scratch}/3.csv")
    first, second, third = (rows(f"{scratch}/{i}.csv") for i in (1, 2, 3))
    assert numbers(first) == numbers(second) == numbers(third)
    assert [row["truth"] for row in second] == [row["truth"] for row in first] and "truth" not in third[0]
    assert third[29]["source"] == f"{new}[29]"
    assert "note: stdin: column 'kind': 1 row has a category" in run(1, "predict", out, "-", "-o", "-",
                                                                     input="kind,size\nw,3\n")[1]
    for words in (("dataset", "info", f"{scratch}/t.h5"), ("inspect", out)):
        assert "kind                     3 categories: x, y, z\nclass                    2 classes: a, b\n" in run(
            1, *words)[0]
    assert [(column["name"], column["role"], column["categories"])
            for column in result(1, "dataset", "info", f"{scratch}/t.h5")["columns"]] == [
        ("size", "number", []), ("kind", "categories", ["x", "y", "z"]), ("class", "label", ["a", "b"])]


@pytest.fixture
def kinds(scratch, folder, data, trained):
    """A file of each kind, none of which an output of another kind may replace."""
    shutil.copy(data, f"{scratch}/data.h5")
    shutil.copy(trained.checkpoint(), f"{scratch}/checkpoint.h5")
    write(f"{scratch}/table.csv", "a,b\n1,2\n")
    write(f"{scratch}/run.yaml", RECIPE % data)
    run(1, "dataset", "preview", data, "-o", f"{scratch}/picture.png")
    run(1, "predict", trained.checkpoint(), "-o", f"{scratch}/predictions.csv")
    run(1, "predict", trained.checkpoint(), "-o", f"{scratch}/predictions.h5")
    os.link(f"{scratch}/table.csv", f"{scratch}/link.csv")
    return scratch


def test_outputs_replace_files_of_their_own_kind_alone(kinds, data, trained):
    """Every writer with every file as its output; a file that may not be replaced keeps its bytes."""
    writers = {
        "predictions.csv": ("predict", trained.checkpoint(), "--format", "csv", "-o"),
        "predictions.h5": ("predict", trained.checkpoint(), "--format", "hdf5", "-o"),
        "data.h5": ("dataset", "synthesize", "--train", 10, "--test", 10, "-o"),
        "picture.png": ("dataset", "preview", data, "-o"),
    }
    before = {name: read(f"{kinds}/{name}", "rb") for name in os.listdir(kinds)}
    for own, words in writers.items():
        for name in sorted(before):
            if own == "picture.png" and not name.endswith(".png"):
                continue
            if name == own:
                run(1, *words, f"{kinds}/{name}")
            else:
                assert "would overwrite " in refusal(USAGE, *words, f"{kinds}/{name}")
                assert name in writers or read(f"{kinds}/{name}", "rb") == before[name]


UNREADABLE = "/sys/class/net/lo/speed"  # a regular file, whose reading fails


@pytest.mark.skipif(not os.path.exists(UNREADABLE), reason="no file at hand that cannot be read")
def test_an_output_that_cannot_be_read_is_no_file_of_another_kind(trained):
    line = refusal(SYSTEM, "predict", trained.checkpoint(), "--format", "csv", "-o", UNREADABLE)
    assert f"{UNREADABLE}: is there, and cannot be read, so that it is not replaced: " in line


def test_a_run_does_not_replace_its_run_file(scratch, data):
    before = write(f"{scratch}/run.yaml", RECIPE % data)
    line = refusal(USAGE, "train", before, "--out", scratch)
    assert "would overwrite the input" in line and os.listdir(scratch) == ["run.yaml"]


def test_a_table_does_not_replace_itself_through_a_link(kinds):
    line = refusal(USAGE, "dataset", "import", "--format", "table", f"{kinds}/table.csv", "--target", "a", "-o",
                   f"{kinds}/link.csv")
    assert "would overwrite the input" in line


@pytest.fixture(scope="module")
def pictures(folder, data):
    """The test images as PNG files, some of them in a folder of their own; with them what hides."""
    os.makedirs(f"{folder}/pictures/more")
    with h5py.File(data) as file:
        for i, image in enumerate(file["test/images"][:]):
            write_png(f"{folder}/pictures/{'more/' if i > 200 else ''}{i:03}.png", image)
    write(f"{folder}/pictures/.hidden", "")
    return f"{folder}/pictures"


class TestPictures:
    @pytest.fixture(scope="class")
    def found(self, folder, trained, pictures):
        run(1, "predict", trained.out, pictures, "-o", f"{folder}/pictures.csv")
        return rows(f"{folder}/pictures.csv")

    def test_of_a_nested_folder_are_predicted_as_in_hdf5(self, found, expected):
        assert numbers(found) == numbers(expected)

    def test_are_named_in_the_order_of_their_names(self, found, pictures):
        assert [found[i]["source"] for i in (0, COUNT - 1)] == [f"{pictures}/000.png", f"{pictures}/more/229.png"]

    def test_of_a_list_on_stdin_are_the_same(self, trained, pictures, found):
        names = "".join(f"{row['source']}\n" for row in found)
        for text in (names, names.replace("\n", "\0")):  # find, and find -print0
            out = run(1, "predict", trained.out, "-", "-o", "-", input=text)[0]
            assert list(csv.DictReader(out.splitlines())) == found

    def test_of_a_table_with_paths_are_found_beside_it(self, scratch, trained, pictures):
        names = write(f"{pictures}/.list.csv", 'label,path\n1,007.png\n2,"more/229.png"\n')
        run(1, "predict", trained.out, names, "-o", f"{scratch}/p.csv")
        assert [row["source"] for row in rows(f"{scratch}/p.csv")] == ["007.png", "more/229.png"]

    def test_without_a_known_rule_say_how_they_are_resized(self, trained, pictures):
        assert "does not say how its training pictures" in run(1, "predict", trained.out, f"{pictures}/001.png", "-o",
                                                               "-")[1]


class TestBadPictures:
    @pytest.fixture(scope="class")
    def mixed(self, folder, pictures):
        path = shutil.copytree(f"{pictures}/more", f"{folder}/mixed")
        picture = read(f"{path}/210.png", "rb")
        with open(f"{path}/210.png", "wb") as file:
            file.write(picture[:200])
        os.symlink("nothing.png", f"{path}/link.png")
        write(f"{path}/notes.txt", "words")
        return path

    def test_are_named_and_nothing_is_written(self, scratch, trained, mixed):
        os.remove(f"{mixed}/link.png")
        os.rename(f"{mixed}/notes.txt", f"{mixed}/.notes.txt")
        line = refusal(DATA, "predict", trained.checkpoint(), mixed, "-o", f"{scratch}/p.csv", "--quiet",
                       "--resize", "crop", alone=False)
        os.symlink("nothing.png", f"{mixed}/link.png")
        os.rename(f"{mixed}/.notes.txt", f"{mixed}/notes.txt")
        assert "210.png" in line and "--skip-bad leaves it out" in line
        assert not os.listdir(scratch)

    def test_are_left_out_and_listed_on_request(self, scratch, trained, mixed):
        for ranks in (1, 2):
            said = run(ranks, "predict", trained.out, mixed, "-o", f"{scratch}/{ranks}.csv", "--skip-bad")[1]
            listed = [line for line in said.splitlines() if line.startswith("left out: ")]
            assert [name for name in ("210.png", "link.png", "notes.txt") if name in "".join(listed)] == [
                "210.png", "link.png", "notes.txt"] and len(listed) == 3
        assert read(f"{scratch}/1.csv") == read(f"{scratch}/2.csv")
        assert len(rows(f"{scratch}/1.csv")) == COUNT - 201 - 1


def test_pictures_are_resized_as_the_training_pictures_were(scratch):
    """The import pads to 12x8; the checkpoint remembers it, so that the files give what the imported split gives."""
    for i in range(6):
        os.makedirs(f"{scratch}/train/{'ab'[i % 2]}", exist_ok=True)
        write_png(f"{scratch}/train/{'ab'[i % 2]}/{i}.png",
                  (np.arange(20 * (9 + i) * 3) * (i + 3) % 251).astype("u1").reshape(20, 9 + i, 3))
    run(1, "dataset", "import", "--format", "image-folder", "--split", f"train={scratch}/train", "-o",
        f"{scratch}/d.h5", "--size", "12x8", "--resize", "pad")
    recipe = write(f"{scratch}/run.yaml", f"""data: {{file: {scratch}/d.h5, validation: none}}
model: [flatten, {{linear: {{out: 2}}}}]
optimizer: {{sgd: {{rate: 0.01}}}}
train: {{batch: 6, shards: 1, length: 1 step}}
""")
    out = train(1, recipe, f"{scratch}/run").out
    run(1, "predict", out, "--split", "train", "-o", f"{scratch}/1.csv")
    said = run(1, "predict", out, f"{scratch}/train", "-o", f"{scratch}/2.csv")[1]
    run(1, "predict", out, f"{scratch}/train", "-o", f"{scratch}/3.csv", "--resize", "crop")
    assert numbers(rows(f"{scratch}/1.csv")) == numbers(rows(f"{scratch}/2.csv")) != numbers(rows(f"{scratch}/3.csv"))
    assert "does not say" not in said
    assert "pictures        resized by: pad; values: uint8" in run(1, "inspect", out)[0]
    assert result(1, "inspect", out)["preprocessing"]["picture_resize"] == "pad"
