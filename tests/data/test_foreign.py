"""HDF5 files of other programs, in place: each layout is described by the lines of a run file, imported by these
lines, and compared with the arrays that were written. The lines that `dataset info` proposes say the same."""
import json
import os
import re
import subprocess
import sys

import pytest
from support.program import DATA, RUN_FILE, TRAINER, USAGE, refusal, result, run, settings, start
from support.runs import arrays, read, train, write

h5py = pytest.importorskip("h5py")
np = pytest.importorskip("numpy")

COUNT, CLASSES = 24, 3
LABELS = np.arange(COUNT) * 7 % CLASSES
IMAGES = (np.arange(COUNT * 8 * 6 * 3) * 37 % 251).astype(np.uint8).reshape(COUNT, 8, 6, 3)
GREY = IMAGES[..., 0]
VECTORS = IMAGES.reshape(COUNT, -1).astype("f4")
ONE_HOT = np.eye(CLASSES)[LABELS]
NET = """
model:
  - flatten
  - linear: {out: %d}
%soptimizer: {sgd: {rate: 0.001}}
train: {batch: 8, shards: 1, length: 2 steps}
"""


def save(folder, name, **contents):
    """An HDF5 file; "__" in a keyword stands for a slash."""
    path = os.path.join(folder, name)
    with h5py.File(path, "w") as file:
        for key, value in contents.items():
            file[key.replace("__", "/")] = value
    return path


def recipe(folder, data, outputs=CLASSES, more=""):
    return write(f"{folder}/run.yaml", data + NET % (outputs, more))


def imported(folder, source, name="own.h5"):
    path = f"{folder}/{name}"
    run(1, "dataset", "import", "--format", "hdf5", source, "-o", path, cwd=folder)
    return path


def split(lines, **more):
    """The section `data` with one split."""
    return f"data: {{file: x.h5, validation: none, splits: {{train: {lines}}}}}\n"


# ---- Layouts of public repositories. In the order: what writes it, the arrays, the lines, the images that come out,
# and whether `dataset info` is to propose the same. docs/your-data.md lists them.

RECORDS = np.zeros(COUNT, [("image", "u1", IMAGES.shape[1:]), ("name", "S9"), ("label", ">i2")])
RECORDS["image"], RECORDS["label"] = IMAGES, LABELS
MATLAB = dict(X=IMAGES.transpose(0, 3, 2, 1), y=np.where(LABELS == 0, CLASSES, LABELS)[None, :].astype("u1"))
LAYOUTS = {
    "groups for what arrays hold": (dict(images__train=IMAGES, images__test=IMAGES[:4], labels__train=LABELS,
                                         labels__test=LABELS[:4]),
                                    "{images: /images/train, labels: /labels/train}", IMAGES, True),
    "names without a sign between words": (dict(trainImages=IMAGES, trainLabels=LABELS, testImages=IMAGES[:4],
                                                testLabels=LABELS[:4]),
                                           "{images: /trainImages, labels: /trainLabels}", IMAGES, True),
    "names as those of variables": (dict(Xtrain=IMAGES, Ytrain=LABELS, Xtest=IMAGES[:4], Ytest=LABELS[:4]),
                                    "{images: /Xtrain, labels: /Ytrain}", IMAGES, True),
    "BVLC/caffe": (dict(data=IMAGES.transpose(0, 3, 1, 2).astype("f4"), label=LABELS.astype("f4")),
                   "{images: /data, labels: /label, axes: NCHW}", IMAGES, True),
    "mila-iqia/fuel": (dict(features=IMAGES.transpose(0, 3, 1, 2), targets=LABELS[:, None].astype("u1")),
                       "{images: /features, labels: /targets, axes: NCHW}", IMAGES, True),
    "basveeling/pcam": (dict(x=IMAGES, y=LABELS.reshape(-1, 1, 1, 1).astype("u1")), "{images: /x, labels: /y}", IMAGES,
                        True),
    "henrysky/Galaxy10": (dict(images=IMAGES, ans=LABELS.astype("u1")), "{images: /images, labels: /ans}", IMAGES,
                          True),
    "the course's train_catvnoncat.h5": (dict(train_set_x=IMAGES, train_set_y=LABELS,
                                                list_classes=np.bytes_(["no", "cat", "dog"])),
                                         "{images: /train_set_x, labels: /train_set_y}", IMAGES, True),
    "Rosebrock's HDF5DatasetWriter": (dict(images=IMAGES.astype("f4"), labels=LABELS,
                                           label_names=np.bytes_(["a", "b", "c"])),
                                      "{images: /images, labels: /labels}", IMAGES.astype("f4"), True),
    "IanPTan/resnest-test": ({"train images": GREY, "train labels": LABELS},
                             '{images: "/train images", labels: "/train labels"}', GREY[..., None], True),
    "the course's train_signs.h5": (dict(train_set_x=IMAGES, train_set_y=LABELS, list_classes=np.arange(CLASSES)),
                                    "{images: /train_set_x, labels: /train_set_y}", IMAGES, True),
    "SVHN in MATLAB 7.3": (MATLAB, "{images: /X, labels: /y, axes: NCWH, first_label: 1}", IMAGES, False),
    "tensorflow/datasets": (dict(train__image=GREY, train__label=LABELS),
                            "{images: /train/image, labels: /train/label}",
                            GREY[..., None], True),
    "Kaggle's 3D MNIST": (dict(X_train=VECTORS, y_train=LABELS), "{images: /X_train, labels: /y_train}",
                          VECTORS[:, None, None], True),
    "charlesq34/pointnet": (dict(data=VECTORS[:, :36].reshape(COUNT, 12, 3), label=LABELS[:, None].astype("u1")),
                            "{images: /data, labels: /label}", VECTORS[:, :36].reshape(COUNT, 12, 3, 1), True),
    "Kaggle's usps.h5": (dict(train__data=VECTORS, train__target=LABELS),
                         "{images: /train/data, labels: /train/target}", VECTORS[:, None, None], True),
    "Kaggle's food41": (dict(images=IMAGES, category=ONE_HOT.astype(bool), category_names=np.bytes_(["a", "b", "c"])),
                        "{images: /images, labels: /category}", IMAGES, True),
    "ajbrock/BigGAN-PyTorch": (dict(imgs=IMAGES.transpose(0, 3, 1, 2), labels=LABELS),
                               "{images: /imgs, labels: /labels, axes: NCHW}", IMAGES, True),
    "zhu-xlab/So2Sat-LCZ42": (dict(sen1=np.repeat(IMAGES, 3, 3) / 251., sen2=IMAGES / 251., label=ONE_HOT),
                              "{images: /sen2, labels: /label}", (IMAGES / 251.).astype("f4"), False),
    "ANSSI-FR/ASCAD": (dict(Profiling_traces__traces=VECTORS.astype("i1"),
                             Profiling_traces__labels=LABELS.astype("u1")),
                       "{images: Profiling_traces/traces, labels: Profiling_traces/labels}",
                       VECTORS.astype("i1").astype("f4")[:, None, None], False),
    "DeepSig RadioML 2018.01A": (dict(X=VECTORS[:, :32].reshape(COUNT, 16, 2), Y=ONE_HOT.astype("i8"),
                                      Z=np.zeros((COUNT, 1))),
                                 "{images: /X, labels: /Y}", VECTORS[:, :32].reshape(COUNT, 16, 2, 1), True),
    "the train_img tables of PyTables": (dict(train_img=IMAGES, train_labels=LABELS, train_mean=IMAGES.mean(0)),
                                         "{images: /train_img, labels: /train_labels}", IMAGES, True),
    "keras-team/keras": (dict(x_train=IMAGES, y_train=LABELS[:, None]), "{images: /x_train, labels: /y_train}", IMAGES,
                         True),
    "tflearn/tflearn": (dict(X=IMAGES.astype("f4"), Y=ONE_HOT.astype("f4")), "{images: /X, labels: /Y}",
                        IMAGES.astype("f4"), True),
    "WuJie1010/Facial-Expression-Recognition.Pytorch": (
        dict(Training_pixel=VECTORS.astype("u1"), Training_label=LABELS, PublicTest_pixel=VECTORS[:4].astype("u1"),
             PublicTest_label=LABELS[:4]),
        "{images: /Training_pixel, labels: /Training_label}", VECTORS.astype("u1")[:, None, None], False),
    "TSchlosser13/Hexnet": (dict(train_data=IMAGES, train_labels=np.array(["0", "1", "2"], "S")[LABELS],
                                 train_filenames=np.array(["%d.png" % i for i in range(COUNT)], "S"),
                                 train_classes=np.bytes_(["0", "1", "2"])),
                            "{images: /train_data, labels: /train_labels}", IMAGES, False),
    "the-full-stack/fsdl-text-recognizer": (dict(x_train=GREY, y_train=LABELS.astype("u1")),
                                            "{images: /x_train, labels: /y_train}", GREY[..., None], True),
    "TimofonicJunkRoom/withLinux": (dict(data=VECTORS.astype("f8"), label=LABELS), "{images: /data, labels: /label}",
                                    VECTORS.astype("f4")[:, None, None], True),
    "realpython/materials": (dict(images=IMAGES.astype(">u1"), meta=LABELS[:, None].astype("u1")),
                             "{images: /images, labels: /meta}", IMAGES, False),
    "hkust-vgd/scanobjectnn": (dict(data=VECTORS[:, :36].astype("f4").reshape(COUNT, 12, 3), label=LABELS,
                                    mask=np.zeros((COUNT, 12), "i8")),
                               "{images: /data, labels: /label}",
                               VECTORS[:, :36].astype("f4").reshape(COUNT, 12, 3, 1), True),
    "PyTables' tables of records": (dict(data=RECORDS), "{images: /data/image, labels: /data/label}", IMAGES, True),
    "microscopy in 16 bits": (dict(images=IMAGES.astype(">u2") * 100, labels=LABELS.astype(">i2")),
                              "{images: /images, labels: /labels}", IMAGES.astype("f4") * 100, True),
    "names in words": (dict(data=IMAGES, labels=np.array(["c%d" % label for label in LABELS], "S")),
                       "{images: /data, labels: /labels}", IMAGES, True),
    "MATLAB's whole reversal": (dict(images=IMAGES.T, labels=LABELS[None].astype("f8") + 1),
                                "{images: /images, labels: /labels, axes: CWHN, first_label: 1}", IMAGES, True),
    "samples last": (dict(images=IMAGES.transpose(1, 2, 3, 0), labels=LABELS),
                     "{images: /images, labels: /labels, axes: HWCN}", IMAGES, True),
}
# deepmind/3d-shapes and NASA's N-CMAPSS hold values, below.


@pytest.mark.parametrize("name", LAYOUTS)
class TestLayout:
    @pytest.fixture
    def written(self, name, scratch):
        contents, lines, images, _ = LAYOUTS[name]
        save(scratch, "x.h5", **contents)
        with h5py.File(f"{scratch}/x.h5", "r+") as file:
            if name.startswith("SVHN"):
                file["X"].attrs["MATLAB_class"] = np.bytes_("uint8")
        return lines, images

    def test_is_read_as_it_was_meant(self, name, scratch, written):
        lines, images = written
        own = arrays(imported(scratch, recipe(scratch, split(lines))), "train")
        labels = LABELS if "SVHN" not in name else np.where(LABELS == 0, CLASSES, LABELS) - 1
        assert np.array_equal(own["images"], images) and np.array_equal(own["labels"], labels)
        assert own["images"].dtype == (np.uint8 if images.dtype == np.uint8 else np.float32) or "caffe" in name

    def test_trains_where_it_is(self, name, scratch, written):
        path = recipe(scratch, split(written[0]))
        run(1, "train", path, "--out", f"{scratch}/o", "--quiet", cwd=scratch)

    def test_gets_these_lines_proposed(self, name, scratch, written):
        lines, images = written
        said = result(1, "dataset", "info", "x.h5", cwd=scratch)
        assert {entry["path"] for entry in said["arrays"]} >= {"/" + key.replace("__", "/")
                                                               for key in LAYOUTS[name][0]}
        if not LAYOUTS[name][3]:
            return
        assert said["convention"]
        path = write(f"{scratch}/proposed.yaml", said["proposal"])
        own = imported(scratch, path)
        whole = np.concatenate([arrays(own, part)["images"] for part in ("train", "validation")])
        assert sorted(map(bytes, whole)) == sorted(map(bytes, images.astype(whole.dtype)))


def test_grey_images_of_matlab_get_their_axes_proposed(scratch):
    """Their rows and columns cannot be told apart by their sizes: what wrote them tells."""
    path = save(scratch, "x.h5", train_images=GREY.transpose(0, 2, 1), train_labels=LABELS[None] + 1.)
    with h5py.File(path, "r+") as file:
        file["train_images"].attrs["MATLAB_class"] = np.bytes_("uint8")
    said = result(1, "dataset", "info", path)
    assert "{images: /train_images, labels: /train_labels, axes: NWH, first_label: 1}" in said["proposal"]
    own = arrays(imported(scratch, recipe(scratch, said["proposal"])), "train")
    assert own["images"].shape[1:] == (8, 6, 1)


def test_values_are_targets(scratch):
    values = np.stack([LABELS * 0.5, LABELS ** 2], 1)
    save(scratch, "x.h5", images=IMAGES, labels=values)
    said = result(1, "dataset", "info", "x.h5", cwd=scratch)
    assert "targets: /labels" in said["proposal"]
    path = recipe(scratch, split("{images: /images, targets: /labels}"), 2, "loss: mse\n")
    assert np.array_equal(arrays(imported(scratch, path), "train")["targets"], values.astype("f4"))
    run(1, "train", path, "--out", f"{scratch}/o", "--quiet", cwd=scratch)


# ---- Types, shapes and orders

@pytest.mark.parametrize("kind", ("u1", "i1", "<u2", ">u2", "i2", ">i4", "u4", "i8", "u8", "<f2", ">f4", "f8"))
def test_every_type_of_image(scratch, kind):
    images = (IMAGES % 100).astype(kind)
    save(scratch, "x.h5", train__images=images, train__labels=LABELS)
    found = arrays(imported(scratch, recipe(scratch, "data: {file: x.h5, validation: none}\n")), "train")["images"]
    assert np.array_equal(found, images) and found.dtype == (np.uint8 if kind == "u1" else np.float32)


@pytest.mark.parametrize("labels", (
    LABELS.astype("f4"), LABELS.astype("f8"), LABELS.astype(">i8"), LABELS.astype("u8"), LABELS[:, None], LABELS[None],
    LABELS.reshape(-1, 1, 1, 1), ONE_HOT, ONE_HOT.astype("i4"), ONE_HOT.astype(bool), ONE_HOT.T.copy(),
    np.array(["ant", "bee", "cat"], "S")[LABELS], np.array(["ant", "bee", "cat"], dtype=object)[LABELS][:, None]),
    ids=lambda labels: f"{labels.dtype}{labels.shape}")
def test_every_kind_of_labels(scratch, labels):
    if labels.dtype == object:
        labels = labels.astype(h5py.string_dtype())
    save(scratch, "x.h5", train__images=IMAGES, train__labels=labels)
    own = imported(scratch, recipe(scratch, "data: {file: x.h5, validation: none}\n"))
    assert np.array_equal(arrays(own, "train")["labels"], LABELS)
    if labels.dtype.kind in "SO":
        with h5py.File(own) as file:
            assert [name.decode() for name in file["classes"]] == ["ant", "bee", "cat"]


def test_booleans_are_two_classes(scratch):
    save(scratch, "x.h5", train__images=IMAGES, train__labels=LABELS > 0)
    own = imported(scratch, recipe(scratch, "data: {file: x.h5, validation: none}\n"))
    assert np.array_equal(arrays(own, "train")["labels"], LABELS > 0)


@pytest.mark.parametrize("axes", ("NHWC", "NCHW", "CWHN", "HWCN", "WHCN", "NCWH"))
@pytest.mark.parametrize("packed", (False, True), ids=("plain", "gzip"))
def test_every_order_of_dimensions(scratch, axes, packed):
    turned = IMAGES.transpose([("NHWC").index(letter) for letter in axes])
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        file.create_dataset("images", data=turned, **(dict(chunks=tuple(min(5, n) for n in turned.shape),
                                                           compression="gzip", shuffle=True) if packed else {}))
        file["labels"] = LABELS
    path = recipe(scratch, split(f"{{images: /images, labels: /labels, axes: {axes}}}"))
    assert np.array_equal(arrays(imported(scratch, path), "train")["images"], IMAGES)


@pytest.mark.parametrize("array, lines", (
    (IMAGES.reshape(COUNT, -1), "shape: [8, 6, 3]"), (IMAGES.reshape(COUNT, 12, 12), "shape: [8, 6, 3]"),
    (IMAGES.transpose(0, 3, 1, 2).reshape(COUNT, -1), "shape: [3, 8, 6], axes: NCHW"),
    (IMAGES.T.reshape(-1, COUNT), "shape: [3, 6, 8], axes: CWHN")), ids=("rows", "squares", "NCHW", "CWHN"))
def test_images_of_another_shape(scratch, array, lines):
    """Training, import and predictions take them as they are meant, packed or not."""
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        file["x"], file["y"] = array, LABELS
        chunks = tuple(min(size, 5) for size in array.shape)
        file.create_dataset("packed", data=array, chunks=chunks, compression="gzip")
    for name in ("x", "packed"):
        path = recipe(scratch, split("{images: /%s, labels: /y, %s}" % (name, lines)))
        assert np.array_equal(arrays(imported(scratch, path, f"{name}.own.h5"), "train")["images"], IMAGES)
    run(1, "train", path, "--out", f"{scratch}/o", "--quiet", cwd=scratch)
    found = []
    for source in ("x.h5:/x", "x.own.h5:/train/images"):
        run(1, "predict", f"{scratch}/o", source, "-o", "p.csv", cwd=scratch)
        found.append([line.split(",")[2:] for line in read(f"{scratch}/p.csv").splitlines()])
    assert found[0] == found[1] and len(found[0]) == COUNT + 1


def test_names_of_the_classes(scratch):
    save(scratch, "x.h5", x=IMAGES, y=LABELS, names=np.bytes_(["c", "a", "b"]),
         z=np.array(["c", "a", "b"], "S")[LABELS])
    save(scratch, "n.h5", numbers=[30, 10, 20])
    own = imported(scratch, recipe(scratch, "data: {file: x.h5, classes: n.h5:/numbers, validation: none, splits: "
                                   "{train: {images: /x, labels: /y}}}\n"), "numbers.h5")
    with h5py.File(own) as file:
        assert list(file["classes"].asstr()) == ["30", "10", "20"]
    for classes, labels, expected in (("[c, a, b]", "y", "cab"), ("/names", "y", "cab"), ("/names", "z", "cab"),
                                      ("[b, c, a]", "z", "bca"), ("5", "y", "01234")):
        path = recipe(scratch, "data: {file: x.h5, classes: %s, splits: {train: {images: /x, labels: /%s}}}\n"
                      % (classes, labels))
        own = imported(scratch, path, f"{classes[0:1].strip('/[')}{labels}{expected}.h5")
        with h5py.File(own) as file:
            assert b"".join(file["classes"]).decode() == expected
            names = [name.decode() for name in file["classes"]]
            assert [names[label] for label in file["train/labels"][()]] == [
                "cab"[label] if expected != "01234" else str(label) for label in LABELS]


ENUMERATION = h5py.enum_dtype({"cat": 1, "ant": 3, "bee": 7}, basetype=">i2")


@pytest.mark.parametrize("labels, key, names", (
    (np.array([1, -1, -1])[LABELS], "", ["-1", "1"]),
    (np.array([1., -1., -1.])[LABELS][:, None], "", ["-1", "1"]),
    (np.array([-2, 0, 7], "i1")[LABELS], "", ["-2", "0", "7"]),
    (np.array([9, 4, 4])[LABELS], "classes: values, ", ["4", "9"]),
    (np.array([10, 20, 5])[LABELS], "classes: values, ", ["5", "10", "20"]),
    (np.array([-1, 0, 1])[LABELS], "classes: values, ", ["-1", "0", "1"]),
    (np.array([2**40, 3, 5])[LABELS], "classes: values, ", ["3", "5", str(2**40)]),
    (np.array([3, 1, 7], ">i2")[LABELS].astype(ENUMERATION), "", ["cat", "ant", "bee"]),
    (np.array([3, 1, 7], ">i2")[LABELS].astype(ENUMERATION), "classes: [bee, cat, ant], ", ["bee", "cat", "ant"])),
    ids=lambda value: "-".join(value) if isinstance(value, list) else "")
def test_numbers_that_are_names(scratch, labels, key, names):
    """Classes are the labels that occur, or the members of an enumeration; the proposed lines say so."""
    save(scratch, "x.h5", x=IMAGES, y=labels)
    words = labels.ravel().astype("i8").astype(str)
    if "cat" in names:
        words = np.array(["", "cat", "", "ant", "", "", "", "bee"])[labels.astype("i8")]
    path = recipe(scratch, split("{images: /x, labels: /y}").replace("{file", "{%sfile" % key, 1))
    own = imported(scratch, path)
    proposal = result(1, "dataset", "info", "x.h5", cwd=scratch)["proposal"]
    assert ("classes: values" in proposal) == ("cat" not in names) and "first_label" not in proposal
    with h5py.File(own) as file:
        assert list(file["classes"].asstr()) == names
        assert list(np.array(names)[file["train/labels"][()]]) == list(words)


def test_predictions_name_the_labels(scratch):
    """Also where only some of them occur, or none are there."""
    for name, labels in (("x", np.where(LABELS, 1, -1)), ("one", np.ones(COUNT))):
        save(scratch, f"{name}.h5", x=IMAGES, y=labels)
    run(1, "train", recipe(scratch, split("{images: /x, labels: /y}"), 2), "--out", f"{scratch}/o", "--quiet",
        cwd=scratch)
    checkpoint = f"{scratch}/o/checkpoints/latest.h5"
    found = {}
    for data in ("x", "one"):
        run(1, "predict", checkpoint, "--data", f"{data}.h5", "--split", "train", "-o", "p.csv", cwd=scratch)
        found[data] = [line.split(",")[:4] for line in read(f"{scratch}/p.csv").splitlines()[1:]]
    assert {line[2] for line in found["x"]} == {"-1", "1"} and {line[2] for line in found["one"]} == {"1"}
    assert [line[3] for line in found["x"]] == [line[3] for line in found["one"]]


@pytest.mark.parametrize("labels, key, says", (
    ([-1, 0, 1], "", "row 0 is -1, expected 0 to 999999; if -1 is a class, say data.classes: values"),
    ([-1, 0, 1], "first_label: 1, ", "row 0 is -1, expected 1 to 1000000"),
    ([1, 2, 3], "", "has 4 classes; if the classes are counted from 1, say data.first_label: 1"),
    ([10, 20, 30], "", "has 31 classes; with data.classes: values, only labels that occur are classes"),
    ([1, 2, 3], "classes: values, first_label: 1, ", "data.first_label: has no meaning with data.classes: values")))
def test_numbers_that_may_be_no_names(scratch, labels, key, says):
    save(scratch, "x.h5", x=IMAGES, y=np.array(labels)[LABELS])
    path = recipe(scratch, split("{images: /x, labels: /y}").replace("{file", "{%sfile" % key, 1))
    done = start(1, "train", path, "--out", f"{scratch}/o", cwd=scratch)
    assert done.returncode in (DATA, RUN_FILE) and says in done.stderr


def test_a_number_that_is_no_member_of_the_enumeration(scratch):
    """Also if none of the members is a class, so that labels are numbers."""
    save(scratch, "x.h5", x=IMAGES, y=np.array([1, 3, 2], ">i2")[LABELS].astype(ENUMERATION))
    for key in ("", "classes: [a, b, c, d], "):
        path = recipe(scratch, split("{images: /x, labels: /y}").replace("{file", "{%sfile" % key, 1))
        line = refusal(DATA, "train", path, "--out", f"{scratch}/o", cwd=scratch)
        assert "/y: row 2 is 2, which is no member of the enumeration" in line


def cells(file, name, words):
    """A cell array of texts, as MATLAB 7.3 writes it."""
    group, references = file.require_group("#refs#"), []
    for i, word in enumerate(words):
        units = np.frombuffer(word.encode("utf-16-le"), "u2")
        cell = group.create_dataset(f"{name}{i}", data=units[:, None] if word else np.zeros(2, "u8"))
        if not word:
            cell.attrs["MATLAB_empty"] = 1
        references.append(cell.ref)
    file.create_dataset(name, data=np.array(references, h5py.ref_dtype)[None])


def test_cell_arrays_of_matlab(scratch):
    words = ["zebra", "\u00e4pfel", "cat \U0001f408"]
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        file["X"] = IMAGES.transpose(0, 3, 2, 1)
        file["X"].attrs["MATLAB_class"] = np.bytes_("uint8")
        cells(file, "y", np.array(words)[LABELS])
        cells(file, "names", ["one", "", "three"])
        file["numbers"], file["object"] = LABELS[None] + 1., np.zeros((1, 6), "u4")
        file["object"].attrs["MATLAB_object_decode"] = 3
        file.create_dataset("stray", data=np.array([file.ref] * COUNT, h5py.ref_dtype))
    said = result(1, "dataset", "info", "x.h5", cwd=scratch)
    assert "{images: /X, labels: /y, axes: NCWH}" in said["proposal"] and len(said["arrays"]) == 6
    order = [sorted(words).index(words[label]) for label in LABELS]
    for lines, key, names, numbers in (
            ("labels: /y", "", sorted(words), order),
            ("labels: /numbers, first_label: 1", "classes: /names, ", ["one", "", "three"], LABELS)):
        path = recipe(scratch, split("{images: /X, axes: NCWH, %s}" % lines).replace("{file", "{%sfile" % key, 1))
        own = imported(scratch, path, f"{len(key)}.h5")
        with h5py.File(own) as file:
            assert list(file["classes"].asstr()) == names and list(file["train/labels"]) == list(numbers)
            assert np.array_equal(file["train/images"], IMAGES)
    for name, says in (("object", "save cellstr(...) or double(...)"),
                       ("stray", "leads to nothing that /#refs# holds")):
        path = recipe(scratch, split("{images: /X, labels: /%s, axes: NCWH}" % name))
        assert says in start(1, "train", path, "--out", f"{scratch}/o", cwd=scratch).stderr


def test_members_of_records(scratch):
    """Each is an array of its own, also one that is an array in each record, whatever else the records have."""
    words = np.array(["ant", "bee", "cat"], "S")[LABELS]
    whole = np.zeros(COUNT, [("image", "u1", IMAGES.shape[1:]), ("label", ">i2"), ("name", "S5"),
                             ("hot", "?", CLASSES), ("weight", "f8"), ("long", h5py.string_dtype()),
                             ("inner", [("a", "f4")])])
    whole["image"], whole["label"], whole["name"], whole["hot"] = IMAGES, LABELS, words, ONE_HOT
    whole["weight"], whole["long"] = LABELS + 1, "text"
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        file["plain"] = whole
        file.create_dataset("packed", data=whole, chunks=(5,), compression="gzip")
        file.create_dataset("elements", (COUNT,), np.dtype((np.uint8, IMAGES.shape[1:])))[...] = IMAGES
    for images, labels in (("plain/image", "packed/label"), ("packed/image", "plain/name"),
                           ("elements", "packed/hot")):
        path = recipe(scratch, split(f"{{images: /{images}, labels: /{labels}, weights: /plain/weight}}"))
        own = arrays(imported(scratch, path, f"{labels[-4:]}.h5"), "train")
        assert np.array_equal(own["images"], IMAGES) and np.array_equal(own["labels"], LABELS)
        assert np.array_equal(own["weights"], LABELS + 1)
    for name, says in (("long", "variable length inside records"), ("inner", "holds records"),
                       ("lable", "'/plain/label'")):
        path = recipe(scratch, split("{images: /plain/image, labels: /plain/%s}" % name))
        assert says in start(1, "train", path, "--out", f"{scratch}/o", cwd=scratch).stderr


# ---- Splits

def test_several_files_make_a_split(scratch):
    save(scratch, "a.h5", x=IMAGES[:10], y=LABELS[:10])
    save(scratch, "b.h5", x=IMAGES[10:], y=LABELS[10:])
    path = recipe(scratch, 'data: {splits: {train: {images: ["a.h5:/x", "b.h5:/x"], labels: ["a.h5:/y", "b.h5:/y"]}}, '
                  'validation: none}\n')
    own = arrays(imported(scratch, path), "train")
    assert np.array_equal(own["images"], IMAGES) and np.array_equal(own["labels"], LABELS)
    run(1, "train", path, "--out", f"{scratch}/o", "--quiet", cwd=scratch)


def test_an_array_for_each_sample_or_class(scratch):
    words = np.array(["ant", "bee", "cat"])[LABELS]
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        for i, image in enumerate(IMAGES):
            file[f"all/s{i:02}/image"], file[f"all/s{i:02}/label"] = image, LABELS[i]
            file.create_dataset(f"packed/s{i:02}/image", data=image.transpose(2, 0, 1), chunks=(3, 8, 6),
                                compression="gzip")
            file[f"classes/{words[i]}/{i:02}"] = image
        for name in ("ant", "bee", "cat"):
            file[f"kinds/{name}"] = IMAGES[words == name]
    sorted_images = np.concatenate([IMAGES[LABELS == label] for label in range(CLASSES)])
    for i, (lines, images) in enumerate((
            ('images: "/all/s*/image", labels: "/all/*/label", axes: HWC', IMAGES),
            ('images: "/packed/s??/image", labels: "/all/*/label", axes: CHW', IMAGES),
            ('images: "/classes/*/*", labels: group_name, axes: HWC', sorted_images),
            ('images: "/kinds/*", labels: array_name', sorted_images),
            ('images: [/kinds/bee, /kinds/ant, /kinds/cat], labels: array_name, indices: "8:"',
             np.concatenate([sorted_images[:8], sorted_images[16:]])))):
        path = imported(scratch, recipe(scratch, split("{%s}" % lines)), f"own-{i}.h5")
        own = arrays(path, "train")
        assert np.array_equal(own["images"], images)
        label_of = {bytes(image): label for image, label in zip(IMAGES, LABELS)}
        assert list(own["labels"]) == [label_of[bytes(image)] for image in images]
        with h5py.File(path) as file:
            assert list(file["classes"].asstr()) == (["ant", "bee", "cat"] if "_name" in lines else ["0", "1", "2"])
    run(1, "train", recipe(scratch, split('{images: "/packed/*/image", labels: "/all/*/label", axes: CHW}')), "--out",
        f"{scratch}/o", "--quiet", cwd=scratch)
    save(scratch, "files.h5", s1__image=IMAGES[0], s1__label=0, s2__image=IMAGES[1], s3__label=1)
    for lines, says in (('images: "/s*/image", labels: "/s*/label", axes: HWC', "belongs to the images /s2/image"),
                        ('images: "/t*/image", labels: /s1/label, axes: HWC', "/t*/image: no array matches this path"),
                        ("images: /s1/image, labels: /s1/label", "if each array of images is one, say axes: HWC")):
        path = recipe(scratch, split("{%s}" % lines).replace("x.h5", "files.h5"))
        assert says in start(1, "train", path, "--out", f"{scratch}/n", cwd=scratch).stderr


def png_bytes(scratch, image):
    from support.png import write_png
    write_png(f"{scratch}/p.png", image)
    return read(f"{scratch}/p.png", "rb")


def test_a_picture_or_a_label_for_each_array(scratch):
    """The bytes of a picture as an array of its own, and labels that are attributes; the proposal says the same."""
    with h5py.File(f"{scratch}/bytes.h5", "w") as bytes_file, h5py.File(f"{scratch}/marked.h5", "w") as marked, \
            h5py.File(f"{scratch}/grouped.h5", "w") as grouped, h5py.File(f"{scratch}/opaque.h5", "w") as opaque:
        for i, image in enumerate(IMAGES):
            content = png_bytes(scratch, image)
            bytes_file[f"{'abc'[LABELS[i]]}/{i:02}"] = np.frombuffer(content, "u1")
            opaque[f"s{i:02}/image"], opaque[f"s{i:02}/label"] = np.void(content), LABELS[i]
            marked[f"s{i:02}"], grouped[f"s{i:02}/image"] = image, image
            marked[f"s{i:02}"].attrs["class"], grouped[f"s{i:02}"].attrs["label"] = "abc"[LABELS[i]], LABELS[i]
    order = np.argsort(LABELS, kind="stable")
    for name, lines, rows in (
            ("bytes", '{images: "/*/*", labels: group_name}', order),
            ("opaque", '{images: "/*/image", labels: "/*/label"}', range(COUNT)),
            ("marked", '{images: "/*", labels: "@class", axes: HWC}', range(COUNT)),
            ("grouped", '{images: "/*/image", labels: "@label", axes: HWC}', range(COUNT))):
        assert f"train: {lines}" in result(1, "dataset", "info", f"{name}.h5", cwd=scratch)["proposal"]
        path = recipe(scratch, split(lines).replace("x.h5", f"{name}.h5"))
        own = arrays(imported(scratch, path, f"own-{name}.h5"), "train")
        assert np.array_equal(own["images"], IMAGES[list(rows)]) and np.array_equal(own["labels"], LABELS[list(rows)])
    path = recipe(scratch, split('{images: "/*", labels: "@kind", axes: HWC}').replace("x.h5", "marked.h5"))
    assert "/s00: neither the array nor its group has an attribute 'kind'" in start(
        1, "train", path, "--out", f"{scratch}/o", cwd=scratch).stderr


def test_names_with_the_characters_of_patterns(scratch):
    path = save(scratch, "x[1].h5", **{"x[0]": IMAGES, "y?": LABELS})
    lines = 'data: {splits: {train: {images: "x[1].h5:/x[0]", labels: "x[1].h5:/y?"}}, validation: none}\n'
    assert os.path.exists(path)
    assert np.array_equal(arrays(imported(scratch, recipe(scratch, lines)), "train")["images"], IMAGES)


def test_files_named_by_a_pattern(scratch):
    for i in range(4):
        save(scratch, f"part-{i}.h5", x=IMAGES[6 * i:6 * i + 6], y=LABELS[6 * i:6 * i + 6])
    lines = 'data: {splits: {train: {images: "part-?.h5:/x", labels: "part-*.h5:/y"}}, validation: none}\n'
    own = arrays(imported(scratch, recipe(scratch, lines)), "train")
    assert np.array_equal(own["images"], IMAGES) and np.array_equal(own["labels"], LABELS)
    run(1, "train", recipe(scratch, lines), "--out", f"{scratch}/o", "--quiet", cwd=scratch)
    run(1, "predict", f"{scratch}/o", "--split", "train", "-o", "p.csv", cwd=scratch)
    own_lines = split('{images: "ow?.h5:/train/images", labels: "ow?.h5:/train/labels"}').replace("file: x.h5, ", "")
    assert "would overwrite the input own.h5" in refusal(
        USAGE, "dataset", "import", "--format", "hdf5", recipe(scratch, own_lines), "-o", "own.h5", cwd=scratch)
    assert "none*.h5: no file matches this name" in start(
        1, "train", recipe(scratch, lines.replace("part-?", "none*")), "--out", f"{scratch}/n", cwd=scratch).stderr


def test_what_is_there_is_proposed_or_said(scratch):
    samples = {f"s{i}__{name}": value[i] for i in range(COUNT)
               for name, value in (("image", IMAGES), ("label", LABELS))}
    kinds = {name: IMAGES[LABELS == i] for i, name in enumerate(("ant", "bee", "cat"))}
    singles = {f"{'abc'[LABELS[i]]}__{i}": IMAGES[i] for i in range(COUNT)}
    pair = dict(images=IMAGES, labels=LABELS)
    for contents, says in (
            (samples, 'train: {images: "/*/image", labels: "/*/label", axes: HWC}'),
            (kinds, 'train: {images: "/*", labels: array_name}'),
            (singles, 'train: {images: "/*/*", labels: group_name, axes: HWC}'),
            ({**pair, "set": LABELS + 1}, 'indices: "/set == VALUE"'),
            ({**pair, "labels": LABELS[:5]},
             "/labels is int64 (5), which are not labels of /images uint8 (24,8,6,3)")):
        assert says in run(1, "dataset", "info", save(scratch, "x.h5", **contents))[0]


PARTS = """data:
  file: x.h5
  splits:
    train: {images: /x, labels: /y}
    validation: {fraction_of: train, fraction: 0.25, seed: 5}
    test: {fraction_of: train, fraction: 0.25}
"""


def test_parts_of_a_split_are_disjoint_and_stratified(scratch):
    save(scratch, "x.h5", x=IMAGES, y=LABELS)
    own = imported(scratch, recipe(scratch, PARTS))
    parts = [arrays(own, name) for name in ("train", "validation", "test")]
    assert sorted(bytes(image) for part in parts for image in part["images"]) == sorted(map(bytes, IMAGES))
    for part, count in zip(parts, (4, 2, 2)):
        assert np.array_equal(np.bincount(part["labels"]), [count] * CLASSES)
    other = arrays(imported(scratch, recipe(scratch, PARTS.replace("seed: 5", "seed: 6")), "6.h5"), "validation")
    assert not np.array_equal(other["images"], parts[1]["images"])


def test_a_part_is_that_of_an_import(scratch):
    """The same samples as --split-validation takes of the same data."""
    save(scratch, "x.h5", x=IMAGES[:, :, :, 0], y=LABELS)
    for split_name, images, labels in (("train", IMAGES, LABELS), ("t10k", IMAGES, LABELS)):
        for kind, dims, data in (("images-idx3", images[..., 0].shape, images[..., 0]),
                                 ("labels-idx1", (COUNT,), labels)):
            with open(f"{scratch}/{split_name}-{kind}-ubyte", "wb") as file:
                file.write(bytes([0, 0, 8, len(dims)]) + b"".join(n.to_bytes(4, "big") for n in dims)
                           + data.astype("u1").tobytes())
    run(1, "dataset", "import", "--format", "idx", scratch, "-o", f"{scratch}/idx.h5", "--split-validation", "0.25",
        "--seed", "5")
    own = imported(scratch, recipe(scratch, PARTS[:PARTS.index("    test")]))
    for name in ("train", "validation"):
        assert np.array_equal(arrays(own, name)["images"], arrays(f"{scratch}/idx.h5", name)["images"])


@pytest.mark.parametrize("indices, rows", (("0:20", range(20)), ("[3, 5, 7]", [3, 5, 7]),
                                           ('["20:", 0]', [20, 21, 22, 23, 0]),
                                           ("/rows", [9, 1, 4]), ("/mask", range(1, COUNT, 2)),
                                           ("/doubles", [9, 1, 4]), ('":3"', [0, 1, 2]),
                                           ('"::5"', range(0, COUNT, 5)), ('"1:-10:4"', range(1, COUNT - 10, 4)),
                                           ("/logical", range(1, COUNT, 2)),
                                           ('"-2:"', [22, 23]), ('["5:-18", -1]', [5, 23]),
                                           ('"/doubled == 2"', range(1, COUNT, 3)),
                                           ('"/mask==true"', range(1, COUNT, 2)),
                                           ('["/word == test", "/doubled==4.0"]', [*range(1, COUNT, 3),
                                                                                  *range(2, COUNT, 3)])))
def test_indices_choose_rows(scratch, indices, rows):
    save(scratch, "x.h5", x=IMAGES, y=LABELS, rows=np.array([9, 1, 4]), doubles=[[9., 1., 4.]],
         mask=np.arange(COUNT) % 2 == 1, logical=np.arange(COUNT, dtype="u1")[None] % 2,
         doubled=np.arange(COUNT)[None] % 3 * 2.,
         word=np.array(["train", "test", "dev"], "S")[np.arange(COUNT) % 3])
    path = recipe(scratch, split(f"{{images: /x, labels: /y, indices: {indices}}}"))
    own = arrays(imported(scratch, path), "train")
    assert np.array_equal(own["images"], IMAGES[list(rows)]) and np.array_equal(own["labels"], LABELS[list(rows)])


# ---- Links and pictures

def test_links_are_followed_only_if_they_may_be(scratch):
    os.mkdir(f"{scratch}/in")
    save(scratch, "outside.h5", images=IMAGES, labels=LABELS)
    save(f"{scratch}/in", "a.h5", images=IMAGES, labels=LABELS)
    with h5py.File(f"{scratch}/in/links.h5", "w") as file:
        file["train"] = h5py.ExternalLink("a.h5", "/")
        file["far"] = h5py.ExternalLink("../outside.h5", "/")
    with h5py.File(f"{scratch}/in/virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(IMAGES.shape, "u1")
        layout[:] = h5py.VirtualSource("a.h5", "images", IMAGES.shape)
        file.create_virtual_dataset("train/images", layout)
        file["train/labels"] = LABELS
    with h5py.File(f"{scratch}/in/far.h5", "w") as file:
        layout = h5py.VirtualLayout(IMAGES.shape, "u1")
        layout[:] = h5py.VirtualSource(f"{scratch}/outside.h5", "images", IMAGES.shape)
        file.create_virtual_dataset("train/images", layout)
        file["train/labels"] = LABELS
    data = f"data: {{file: {scratch}/in/%s, validation: none, links: %s, train: %s}}\n"
    for name in ("links.h5", "virtual.h5"):
        own = imported(scratch, recipe(scratch, data % (name, "follow", "train")), f"own-{name}") \
            if name != "links.h5" else None
        path = recipe(scratch, data % (name, "follow", "train"))
        run(1, "train", path, "--out", f"{scratch}/o-{name}", "--quiet")
        assert own is None or np.array_equal(arrays(own, "train")["images"], IMAGES)
        path = recipe(scratch, data % (name, "refuse", "train"))
        assert "links: follow reads what lies in the folder" in refusal(DATA, "train", path, "--out", f"{scratch}/n")
    said = result(1, "dataset", "info", "links.h5", cwd=f"{scratch}/in")
    assert "links: follow" in said["proposal"] and "images: /train/images" in said["proposal"]
    for name, train_split in (("links.h5", "far"), ("far.h5", "train")):
        path = recipe(scratch, data % (name, "follow", train_split))
        assert "in the folder of the file" in refusal(DATA, "train", path, "--out", f"{scratch}/n")


@pytest.mark.parametrize("name, target, says", (
    ("validation/images", h5py.ExternalLink("a.h5", "/images"), "is a link to another file, a.h5:/images"),
    ("validation/labels", h5py.ExternalLink("a.h5", "/labels"), "is a link to another file, a.h5:/labels"),
    ("validation/weights", h5py.ExternalLink("a.h5", "/labels"), "is a link to another file, a.h5:/labels"),
    ("validation/images", h5py.SoftLink("/nowhere"), "is missing (a link that leads to nothing)"),
    ("validation/images", h5py.SoftLink("/validation/images"), "is a link that leads back to itself, or"),
))
def test_a_split_that_leads_elsewhere_is_not_passed_over(scratch, name, target, says):
    path = save(scratch, "x.h5", train__images=IMAGES, train__labels=LABELS, validation__images=IMAGES,
                validation__labels=LABELS)
    save(scratch, "a.h5", images=IMAGES, labels=LABELS)
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = target
    for words in (("verify",), ("dataset", "verify")):
        assert f"x.h5:/{name}: {says}" in refusal(DATA, *words, path)
    said = run(1, "dataset", "info", path)[0]
    assert "train         24 images" in said
    assert f"note: split validation cannot be used: {path}:/{name}: {says}" in said
    run(1, "train", recipe(scratch, f"data: {{file: {path}, validation: none}}\n"), "--out", f"{scratch}/o", "--quiet")
    assert says in refusal(DATA, "eval", f"{scratch}/o", alone=False)


def test_verify_says_what_it_does_not_check(scratch):
    path = save(scratch, "x.h5", train__images=IMAGES, train__labels=LABELS)
    assert "not checked" not in run(1, "verify", path)[0]
    with h5py.File(path, "r+") as file:
        file["test/images"], file["meta/x"] = IMAGES, [1, 2]
        file["train/depth"], file["train/more/labels"] = IMAGES, [1, 2]
        file["raw"] = h5py.ExternalLink("a.h5", "/x")
        file["statistics/entropy"], file["statistics/pca/none/more"] = [1.0], [1.0]
        file["statistics/target_mean"], file["encoding/codes"] = [1.0], [1.0]
    said = run(1, "verify", path)[0]
    assert "x.h5: good: train 24 images\n" in said
    others = ["/encoding/codes", "/meta/x", "/raw", "/statistics/entropy", "/statistics/pca/none/more",
              "/statistics/target_mean", "/test/images", "/train/depth", "/train/more/labels"]
    assert f"\nnot checked: {', '.join(others[:8])} and 1 more (no part of this data set)\n" in said
    assert result(1, "dataset", "verify", path)["not_checked"] == others


def test_verify_reads_components_and_how_pictures_were_resized(scratch):
    path = save(scratch, "x.h5", train__images=IMAGES, train__labels=LABELS)
    run(1, "dataset", "statistics", path, "--pca")
    assert result(1, "dataset", "verify", path)["not_checked"] == []
    with h5py.File(path, "r+") as file:
        file.attrs["picture_resize"] = "strech"
    said = refusal(DATA, "dataset", "verify", path)
    assert "x.h5:/, attribute picture_resize: is 'strech', expected one of crop, stretch, pad" in said
    with h5py.File(path, "r+") as file:
        del file.attrs["picture_resize"]
        scale = next(iter(file["statistics/pca"]))
        file[f"statistics/pca/{scale}/eigenvectors"][1] *= 2
    said = refusal(DATA, "dataset", "verify", path)
    assert f"x.h5:/statistics/pca/{scale}/eigenvectors: vector 1 has the length 2, expected 1" in said


def test_pictures_inside_the_file(scratch):
    from support.png import write_png
    files = []
    for image in IMAGES:
        write_png(f"{scratch}/p.png", image)
        files.append(np.frombuffer(read(f"{scratch}/p.png", "rb"), np.uint8))
    longest = max(map(len, files))
    whole = [content.tobytes().ljust(longest, b"\0") for content in files]
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        ragged = file.create_dataset("ragged", (COUNT,), h5py.vlen_dtype(np.uint8))
        for i, content in enumerate(files):
            ragged[i] = content
        file["padded"] = np.stack([np.pad(content, (0, longest - len(content))) for content in files])
        file["texts"], file["opaque"] = np.array(whole, f"S{longest}"), np.array(whole, f"V{longest}")
        column = file.create_dataset("column", (COUNT, 1), h5py.vlen_dtype(np.int8))
        for i, content in enumerate(files):
            column[i, 0] = content.view(np.int8)
        file["labels"] = LABELS
    for name in ("ragged", "padded", "texts", "opaque", "column"):
        path = recipe(scratch, split(f"{{images: /{name}, labels: /labels}}"))
        assert np.array_equal(arrays(imported(scratch, path, f"{name}.h5"), "train")["images"], IMAGES)


# ---- Other objects in the file, refusals, warnings

def test_only_what_is_asked_for_has_to_be_whole(scratch):
    path = save(scratch, "x.h5", train__images=IMAGES, train__labels=LABELS, validation__images=IMAGES,
                validation__labels=LABELS, meta__labels=[1, 2], test__images=IMAGES, odd=np.zeros(3, "c8"))
    with h5py.File(path, "r+") as file:
        file["raw"] = h5py.ExternalLink("gone.h5", "/x")
        file["soft"] = h5py.SoftLink("/nowhere")
    said = run(1, "dataset", "info", path)[0]
    assert "train         24 images" in said and "/test: has images, but neither labels nor targets" in said
    run(1, "train", recipe(scratch, f"data: {{file: {path}}}\n"), "--out", f"{scratch}/o", "--quiet")


@pytest.mark.parametrize("lines, says", (
    ("{images: /z, labels: /y}", "/z: is missing; the file holds /hot float64 (24,3), /real float64 (24), "
     "/short int64 (5), /words text (24), /x uint8 (24,8,6,3)"),
    ("{images: /X, labels: /y}", "; did you mean '/x'?"),
    ("{images: /x, labels: /yfar}", "/yfar: row 1 is 1000000, expected 0 to 999999; if the numbers are names, say "
     "data.classes: values"),
    ("{images: /x, labels: /ypairs}",
     "/ypairs: holds records (compound; each member is an array, RECORDS/MEMBER), expected integers or texts"),
    ("{images: /x}", "missing key 'labels'"),
    ("{images: /x, labels: /y, shape: [9, 6, 3]}", "has 144 values for each sample, which cannot have the shape 162"),
    ("{images: /x, labels: /y, shape: [8, 6, 3], axes: HNWC}", "shape needs the samples as the first or the last"),
    ("{images: /x, labels: /y, axes: NCXW}", "'NCXW' is not an order of dimensions"),
    ("{images: /x, labels: /y, axes: NHW}", "'NHW' names 3 dimensions, the array has 4"),
    ("{images: /x, labels: /short}", "has 5 labels for 24 images"),
    ("{images: /x, labels: /x}", "has shape (24,8,6,3) for 24 images"),
    ("{images: /x, labels: /real}", "row 1 is 0.5, expected a whole number, the class; name the array under targets"),
    ("{images: /yframes, labels: /y}", "has 5 dimensions, expected 4: (N, height, width, channels), 3: (N, height, "
                                      "width), or 2: (N, features); images of other dimensions need the key shape"),
    ("{images: /words, labels: /y}", "holds text, expected numbers"),
    ("{images: /x, labels: /ygaps}", "/ygaps: row 3 is an empty text, expected the name of a class"),
    ("{images: /x, labels: /y, indices: '::0'}", "expected rows within 0:24"),
    ("{images: /x, labels: /y, first_label: 1}", "row 0 is 0, expected 1 to"),
    ("{images: /x, labels: /y, indices: 0:25}", "expected rows within 0:24"),
    ("{images: /x, labels: /y, indices: '-25:'}", "expected rows within 0:24"),
    ("{images: /x, labels: /y, indices: '/y == 7'}", "/y: has no value '7'; it has 0, 1, 2"),
    ("{images: /x, labels: /y, indices: '/short == 1'}", "/short: holds int64 of shape (5); expected a number or"),
    ("{images: /x, labels: /y, indices: /real}", "element 1 is 0.5, expected a row"),
    ("{images: [/x, /x], labels: [/y, /hot]}", "/hot: has 3 columns, x.h5:/y has 1"),
    ("{images: none.h5, labels: /y}", "is missing"),
    ("{fraction_of: train}", "leads from split 'train' back to itself"),
))
def test_what_cannot_be_used_is_refused(scratch, lines, says):
    save(scratch, "x.h5", x=IMAGES, y=LABELS, short=LABELS[:5], real=LABELS / 2., hot=ONE_HOT,
         words=np.bytes_(["a"] * COUNT), yfar=LABELS * 10**6, ypairs=np.zeros(COUNT, "i4,f8"),
         ygaps=np.bytes_(["a", "b", "c", ""] * (COUNT // 4)), yframes=IMAGES[:, None])
    path = recipe(scratch, split(lines))
    done = start(1, "train", path, "--out", f"{scratch}/o", cwd=scratch)
    assert done.returncode in (DATA, RUN_FILE) and says in done.stderr
    assert done.stderr.startswith(f"trainer: {path}:1: data.")


def test_a_file_of_nothing_known_is_listed(scratch):
    path = save(scratch, "x.h5", a=IMAGES, b=LABELS)
    line = refusal(DATA, "train", recipe(scratch, f"data: {{file: {path}}}\n"), "--out", f"{scratch}/o")
    assert "has no split 'train'" in line and "/a uint8 (24,8,6,3), /b int64 (24)" in line
    assert f"trainer dataset info {path}" in line
    assert "No convention is recognised" in run(1, "dataset", "info", path)[0]


def test_links_that_make_circles(scratch):
    """Each array is listed once for each way to it, and a circle is no damage."""
    with h5py.File(f"{scratch}/x.h5", "w") as file:
        file["g/x"], file["g/y"] = IMAGES, LABELS
        file["g/again"], file["g/top"], file["h"] = file["g"], file["/"], file["/"]
    assert [array["path"] for array in result(1, "dataset", "info", "x.h5", cwd=scratch)["arrays"]] == ["/g/x", "/g/y"]
    run(1, "train", recipe(scratch, split("{images: /g/x, labels: /g/y}")), "--out", f"{scratch}/o", "--quiet",
        cwd=scratch)
    with h5py.File(f"{scratch}/x.h5", "r+") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    said = run(1, "dataset", "info", "x.h5", cwd=scratch)[0]
    assert "  /a                           unreadable: x.h5:/a: is a link that leads back to itself" in said


def test_sources_without_a_name(scratch):
    """A file with one array that fits, whatever it is called, and an array that is a single image."""
    save(scratch, "x.h5", x=IMAGES, y=LABELS)
    save(scratch, "other.h5", pictures=IMAGES[:5], y=LABELS)
    save(scratch, "one.h5", picture=IMAGES[2], planes=IMAGES[2].transpose(2, 0, 1))
    run(1, "train", recipe(scratch, split("{images: /x, labels: /y}")), "--out", f"{scratch}/o", "--quiet",
        cwd=scratch)
    found = {}
    for source in ("x.h5:/x", "other.h5", "one.h5:/picture", "one.h5:/planes"):
        run(1, "predict", f"{scratch}/o", source, "-o", "p.csv", cwd=scratch)
        found[source] = [line.split(",")[2:] for line in read(f"{scratch}/p.csv").splitlines()[1:]]
    rows = found["x.h5:/x"]
    assert found["other.h5"] == rows[:5]
    assert found["one.h5:/picture"] == found["one.h5:/planes"] == [rows[2]]


@pytest.mark.parametrize("block", (512, 8192, 1 << 20))
def test_a_user_block_before_the_data_of_hdf5(scratch, block):
    """MATLAB writes one of 512 bytes. It may have any size that is 512 times a power of two."""
    save(scratch, "plain.h5", x=IMAGES, y=LABELS)
    with h5py.File(f"{scratch}/plain.h5") as plain, h5py.File(f"{scratch}/x.h5", "w", userblock_size=block) as file:
        for name in plain:
            plain.copy(name, file)
    run(1, "train", recipe(scratch, split("{images: /x, labels: /y}")), "--out", f"{scratch}/o", "--quiet",
        cwd=scratch)
    for source in ("plain.h5", "x.h5"):
        run(1, "predict", f"{scratch}/o", source, "-o", f"{source}.csv", cwd=scratch)
    predictions = [re.sub(r"\S+?\.h5", "", read(f"{scratch}/{source}.csv")) for source in ("plain.h5", "x.h5")]
    assert predictions[0] == predictions[1]
    line = refusal(USAGE, "predict", f"{scratch}/o", "plain.h5", "-o", "x.h5", cwd=scratch, alone=False)
    assert "would overwrite an HDF5 file of another program" in line


def test_a_newer_format_is_no_damage(scratch):
    """The version of the layout message is one that this HDF5 does not know."""
    path = save(scratch, "x.h5", train__images=IMAGES[:2], train__labels=LABELS[:2])
    with h5py.File(path, "w", libver="latest") as file:
        file["train/images"], file["train/labels"] = IMAGES[:2], LABELS[:2]
    content = read(path, "rb")
    whole = content[:8] + bytes([9]) + content[9:]
    content = read(save(scratch, "y.h5", train__images=IMAGES[:2], train__labels=LABELS[:2]), "rb")
    one_array, layouts = re.subn(b"(?s)(\x08\x00.\x00.\x00\x00\x00)\x03\x01", b"\\1\x09\x01", content)
    assert layouts
    for changed in (whole, one_array):
        with open(path, "wb") as file:
            file.write(changed)
        line = refusal(DATA, "dataset", "info", path)
        assert "is written in a newer format than HDF5" in line and "h5repack" in line and "damaged" not in line


@pytest.mark.parametrize("name, part, options", (
    ("x", "x-m.h5", {"driver": "split"}),
    ("x-%d.h5", "x-0.h5", {"driver": "family", "memb_size": 2048}),
    ("x-%d.h5", "x-0.h5", {"driver": "family", "memb_size": 2048, "libver": "latest"}),
    ("x-%d.h5", "x-0.h5", {"driver": "family", "memb_size": 1 << 20})), ids=("split", "family", "latest", "whole"))
def test_one_of_several_files_is_no_damage(scratch, name, part, options):
    with h5py.File(f"{scratch}/{name}", "w", **options) as file:
        file["train/images"], file["train/labels"] = IMAGES, LABELS
    line = refusal(DATA, "dataset", "info", f"{scratch}/{part}")
    assert f"{part}: is one of the files that a driver of HDF5 made of one; expected one file" in line


def test_a_file_that_was_never_closed(scratch):
    code = "import h5py, os; file = h5py.File('x.h5', 'w'); file['x'] = range(9); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], cwd=scratch, check=True)
    line = refusal(DATA, "dataset", "info", "x.h5", cwd=scratch)
    assert "x.h5: was never closed by the program that wrote it" in line


def warnings(scratch, contents, lines="{images: /x, labels: /y}", name="w"):
    save(scratch, "x.h5", **contents)
    stderr = run(1, "train", recipe(scratch, split(lines)), "--out", f"{scratch}/{name}", "--quiet", cwd=scratch)[1]
    return [line for line in stderr.splitlines() if "warning" in line]


def test_packed_values_of_netcdf_are_warned_of(scratch):
    path = save(scratch, "x.h5", x=IMAGES.astype("i2"), y=LABELS)
    with h5py.File(path, "r+") as file:
        file["x"].attrs.update({"scale_factor": [0.1], "add_offset": 0.0, "_FillValue": np.int16(-32767)})
        file["x"].attrs["missing_value"] = IMAGES[7, 0, 0, 0].astype("i2")
        file["y"].attrs["_FillValue"] = -1
    said = run(1, "train", recipe(scratch, split("{images: /x, labels: /y}")), "--out", f"{scratch}/o", "--quiet",
               cwd=scratch)[1]
    assert said.count("warning") == 1
    assert "x.h5:/x: values are used as they are stored; its attributes are not applied: " \
        f"scale_factor 0.1, missing_value {IMAGES[7, 0, 0, 0]}\n" in said  # no value is -32767


def test_one_line_of_warning_each(scratch):
    turned = IMAGES.transpose(0, 3, 1, 2)
    assert ["data.axes: NCHW" in line for line in warnings(scratch, dict(x=turned, y=LABELS))] == [True]
    assert not warnings(scratch, dict(x=turned, y=LABELS), "{images: /x, labels: /y, axes: NCHW}", "a")
    said = run(1, "dataset", "import", "--format", "hdf5", recipe(scratch, split("{images: /x, labels: /y}")), "-o",
               "own.h5", cwd=scratch)[1]
    assert said.count("data.axes: NCHW") == 1
    blank = IMAGES.copy()
    blank[5] = 7
    assert ["1 of 24 images have the same value everywhere, first image 5" in line
            for line in warnings(scratch, dict(x=blank, y=LABELS), name="b")] == [True]
    table = VECTORS[:, :5].copy()
    table[:, 2] = 1
    assert ["1 of 5 features have the same value in all samples, first feature 2" in line
            for line in warnings(scratch, dict(x=table, y=LABELS), name="c")] == [True]


# ---- Runs

@pytest.fixture(scope="module")
def in_place(folder):
    save(folder, "x.h5", x=IMAGES.transpose(0, 3, 1, 2), y=LABELS)
    return recipe(folder, PARTS.replace("/y}", "/y, axes: NCHW}"))


def test_the_same_bits_in_place_imported_and_on_any_ranks(folder, in_place):
    def digest(ranks, name, *more):
        return train(ranks, in_place, f"{folder}/{name}", *settings("train.shards=2", "augment=[flip]", *more),
                     cwd=folder)["digest"]
    own = imported(folder, in_place)
    assert len({digest(1, "one"), digest(2, "two"), digest(1, "own", f"data.file={own}", "data.splits={}")}) == 1


def test_the_checkpoint_knows_the_mapping(folder, in_place, scratch):
    out = f"{scratch}/o"
    run(1, "train", in_place, "--out", out, "--quiet", "--stop-after", 1, cwd=folder)
    run(1, "train", in_place, "--out", out, "--quiet", "--resume", cwd=folder)
    checkpoint = f"{out}/checkpoints/latest.h5"
    here = result(1, "eval", checkpoint, cwd=folder)["members"][0]["loss"]
    os.mkdir(f"{scratch}/moved")
    save(f"{scratch}/moved", "x.h5", x=IMAGES.transpose(0, 3, 1, 2), y=LABELS)
    for place in (f"{scratch}/moved/x.h5", f"{scratch}/moved", f"{folder}/own.h5"):
        if os.path.exists(place):
            assert result(1, "eval", checkpoint, "--data", place, cwd=folder)["members"][0]["loss"] == here
    line = refusal(5, "train", in_place, "--out", out, "--resume", "--quiet",
                   *settings("data.splits.validation.seed=6"),
                   cwd=folder)
    assert "was trained on other data" in line


# ---- Statistics belong to the run

STATISTICS = ("channel_mean", "channel_std", "channel_covariance", "mean_image", "pixel_std")
MANY = np.random.default_rng(7).integers(0, 255, (203, 6, 5, 3)).astype("u1")
MANY_LABELS = np.arange(203) % CLASSES


def statistics_recipe(folder, data, more=""):
    return write(f"{folder}/run.yaml", data + more + NET.replace("shards: 1", "shards: 4") % (CLASSES, ""))


def expected_statistics(images):
    pixels = images.reshape(-1, images.shape[-1]).astype("f8")
    return dict(channel_mean=pixels.mean(0), channel_std=pixels.std(0), channel_covariance=np.cov(pixels.T, bias=True),
                mean_image=images.astype("f8").mean(0), pixel_std=images.astype("f8").std(0))


@pytest.mark.parametrize("kind", ("u1", "f4"))
def test_statistics_have_the_same_bits_on_any_ranks(scratch, kind):
    images = MANY if kind == "u1" else (MANY / 255.).astype("f4") + 3
    save(scratch, "x.h5", trainval__images=images, trainval__labels=MANY_LABELS)
    path = statistics_recipe(scratch, "data: {file: x.h5, train: trainval, validation: none}\n")
    runs = [train(ranks, path, f"{scratch}/o{ranks}", cwd=scratch) for ranks in (1, 2, 4)]
    assert len({one["digest"] for one in runs}) == 1
    assert len({read(f"{one.out}/statistics.h5", "rb") for one in runs}) == 1
    for place in (f"{runs[0].out}/statistics.h5", runs[0].checkpoint()):
        found = arrays(place, "statistics")
        for name, values in expected_statistics(images).items():
            assert np.allclose(found[name], values, rtol=1e-6, atol=1e-9), name
    found = arrays(runs[0].checkpoint(), "preprocessing")["mean"]
    assert np.allclose(found, expected_statistics(images)["channel_mean"])


def test_statistics_of_another_split_are_not_believed(scratch):
    dark = MANY // 10
    path = save(scratch, "x.h5", train__images=dark, train__labels=MANY_LABELS, trainval__images=MANY,
                trainval__labels=MANY_LABELS, validation__images=MANY[:9], validation__labels=MANY_LABELS[:9])
    run(1, "dataset", "statistics", path)
    before = read(path, "rb")
    recipe_path = statistics_recipe(scratch, f"data: {{file: {path}}}\n")
    for name, images in (("trainval", MANY), ("train", dark)):
        out = train(1, recipe_path, f"{scratch}/{name}", *settings(f"data.train={name}"))
        mean = arrays(out.checkpoint(), "preprocessing")["mean"]
        assert np.allclose(mean, expected_statistics(images)["channel_mean"], rtol=1e-6)
        assert os.path.exists(f"{out.out}/statistics.h5") == (name == "trainval")
    assert read(path, "rb") == before


def test_statistics_of_other_names_and_read_only_files(scratch):
    os.mkdir(f"{scratch}/ro")
    path = save(f"{scratch}/ro", "x.h5", training__images=MANY, training__labels=MANY_LABELS,
                testing__images=MANY[:9], testing__labels=MANY_LABELS[:9])
    os.chmod(path, 0o444)
    os.chmod(f"{scratch}/ro", 0o555)
    before = read(path, "rb")
    run(1, "train", statistics_recipe(scratch, f"data: {{file: {path}, train: training, validation: testing}}\n"),
        "--out", f"{scratch}/o", "--quiet")
    assert read(path, "rb") == before
    os.chmod(f"{scratch}/ro", 0o755)
    assert "training      203 images" in run(1, "dataset", "statistics", path)[0]
    with h5py.File(path) as file:
        assert file["statistics"].attrs["split"] == b"training"


def test_statistics_of_a_sample(scratch):
    save(scratch, "x.h5", train__images=MANY, train__labels=MANY_LABELS)
    path = statistics_recipe(scratch, "data: {file: x.h5, validation: none}\n", "statistics: {sample: 50}\n")
    runs = [train(ranks, path, f"{scratch}/o{ranks}", cwd=scratch) for ranks in (1, 2)]
    found = [arrays(one.checkpoint(), "statistics")["channel_mean"] for one in runs]
    whole = expected_statistics(MANY)["channel_mean"]
    assert np.array_equal(*found)
    assert not np.allclose(found[0], whole, rtol=1e-6) and np.allclose(found[0], whole, rtol=.05)


def test_statistics_are_taken_over_by_a_run_that_goes_on(scratch):
    save(scratch, "x.h5", train__images=MANY, train__labels=MANY_LABELS)
    path = statistics_recipe(scratch, "data: {file: x.h5, validation: none}\n", "augment: [lighting]\n")
    whole = train(1, path, f"{scratch}/whole", cwd=scratch)["digest"]
    run(1, "train", path, "--out", f"{scratch}/o", "--quiet", "--stop-after", 1, cwd=scratch)
    said = run(2, "train", path, "--out", f"{scratch}/o", "--quiet", "--resume", "--log", "debug", cwd=scratch)[1]
    assert "as the checkpoint holds them" in said and "measured" not in said
    assert train(1, path, f"{scratch}/o", "--resume", cwd=scratch)["digest"] == whole


@pytest.mark.parametrize("kind", ("u1", "f4"))
def test_components_are_measured_at_the_start(scratch, kind):
    path = save(scratch, "x.h5", train__images=MANY.astype(kind), train__labels=MANY_LABELS)
    rule = "preprocess: {decorrelate: pca_whiten, components: 8}\n"
    recipe_path = statistics_recipe(scratch, "data: {file: x.h5, validation: none}\n", rule)
    runs = [train(ranks, recipe_path, f"{scratch}/o{ranks}", cwd=scratch) for ranks in (1, 2, 4)]
    assert len({one["digest"] for one in runs}) == 1
    run(1, "train", recipe_path, "--out", f"{scratch}/part", "--quiet", "--stop-after", 1, cwd=scratch)
    assert train(2, recipe_path, f"{scratch}/part", "--resume", cwd=scratch)["digest"] == runs[0]["digest"]
    run(1, "dataset", "statistics", path, "--pca")
    again = train(1, recipe_path, f"{scratch}/file", cwd=scratch)
    assert np.allclose(arrays(again.checkpoint(), "preprocessing")["matrix"],
                       arrays(runs[0].checkpoint(), "preprocessing")["matrix"], rtol=1e-4, atol=1e-6)


def test_a_value_that_is_no_number_is_named(scratch):
    images = MANY.astype("f4")
    images[3, 2, 1, 1] = np.nan
    save(scratch, "x.h5", train__images=images, train__labels=MANY_LABELS)
    line = refusal(DATA, "train", statistics_recipe(scratch, "data: {file: x.h5, validation: none}\n"), "--out",
                   f"{scratch}/o", ranks=2, cwd=scratch)
    assert "channel 1 of split 'train' holds a value that is not finite" in line
