#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>

#include "data/dataset/dataset.h"
#include "data/made_dataset.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;

static struct Dataset *opened(const char *path) {
    struct Dataset *dataset;
    if (dataset_open(&dataset, path, &error) != OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void refused(const char *path, const char *words) {
    struct Dataset *dataset = (struct Dataset *)&error;
    assert_int_equal(dataset_open(&dataset, path, &error), ERROR_DATA);
    assert_null(dataset);
    if (!strstr(error.text, words) || !strstr(error.text, path) || strchr(error.text, '\n'))
        fail_msg("\"%s\" does not say \"%s\" of %s", error.text, words, path);
}

static void refused_made(struct Made made, const char *words) {
    const char *path = scratch_path("bad.h5");
    made_write(path, made);
    refused(path, words);
}

static void check_split(const struct Split *split, int64_t count) {
    assert_int_equal(split->count, count);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(split->labels[i], made_label(i));
        for (int64_t e = 0; e < MADE_ELEMENTS; e++) {
            int64_t at = i * MADE_ELEMENTS + e;
            if (split->bytes)
                assert_int_equal(((const uint8_t *)split->images)[at], made_pixel(i, e));
            else
                assert_true(((const float *)split->images)[at] == (float)made_pixel(i, e) / 4);
        }
    }
}

static void check_good(const char *path, bool floats, bool statistics, bool classes) {
    struct Dataset *dataset = opened(path);
    assert_int_equal(dataset->height, MADE_HEIGHT);
    assert_int_equal(dataset->width, MADE_WIDTH);
    assert_int_equal(dataset->channels, MADE_CHANNELS);
    assert_int_equal(targets_classes(&dataset->targets), MADE_CLASSES);
    assert_string_equal(dataset->targets.names[3], classes ? "dog" : "3");
    assert_int_equal(dataset->split_count, 2);
    const struct Split *train = dataset_split(dataset, "train", &error);
    assert_non_null(train);
    assert_int_equal(train->bytes, !floats);
    check_split(train, MADE_TRAIN);
    check_split(dataset_split(dataset, "test", &error), MADE_TEST);
    assert_int_equal(dataset->statistics.channel_mean != NULL, statistics);
    if (statistics) {
        double mean[MADE_CHANNELS], deviation[MADE_CHANNELS];
        float image[MADE_ELEMENTS];
        made_statistics(floats, mean, deviation, image);
        assert_memory_equal(dataset->statistics.channel_mean, mean, sizeof mean);
        assert_memory_equal(dataset->statistics.channel_std, deviation, sizeof deviation);
        assert_memory_equal(dataset->statistics.mean_image, image, sizeof image);
    }
    if (dataset_verify(dataset, NULL, &error) != OK)
        fail_msg("%s", error.text);
    assert_null(dataset_split(dataset, "validation", &error));
    assert_non_null(strstr(error.text, "has no split 'validation'; it has test, train"));
    dataset_close(dataset);
}

static void round_trips(void **state) {
    (void)state;
    const char *path = scratch_path("good.h5");
    for (int i = 0; i < 8; i++) {
        struct Made made = {.floats = i & 1, .no_statistics = i & 2, .no_classes = i & 4};
        made.label_type = i & 4 ? H5_INT64 : H5_INT32;
        made_write(path, made);
        check_good(path, made.floats, !made.no_statistics, !made.no_classes);
    }
    dataset_close(NULL);
}

static void not_data_sets(void **state) {
    (void)state;
    refused(scratch_path("none.h5"), "No such file");
    refused(scratch, "is a folder");
    scratch_write(scratch_path("empty.h5"), "", 0);
    refused(scratch_path("empty.h5"), "is empty");
    scratch_write(scratch_path("words.h5"), "not an HDF5 file at all", 23);
    refused(scratch_path("words.h5"), "is not an HDF5 file");
    refused_made((struct Made){.no_splits = true}, "has no split");
    refused_made((struct Made){.version = 7}, "has format_version 7, this program reads 1");
}

static void wrong_parts(void **state) {
    (void)state;
    refused_made((struct Made){.no_images = true}, "has no split, a group with images and labels");
    refused_made((struct Made){.no_labels = true},
                 "/test: has images, but neither labels nor targets");
    refused_made((struct Made){.rank = 3},
                 "/train/images: has images of (6,5,1), expected (6,5,3) as in /test/images");
    refused_made((struct Made){.samples = -1}, "/train/images: has no samples");
    refused_made((struct Made){.test_width = 4},
                 "/train/images: has images of (6,5,3), expected (6,4,3) as in /test/images");
    refused_made((struct Made){.labels = 39}, "/train/labels: has 39 labels for 40 images");
    refused_made((struct Made){.bad_row = 17, .bad_label = 4},
                 "/train/labels: row 17 is 4, expected 0 to 3 (one for each name in /classes)");
    refused_made((struct Made){.bad_row = 39, .bad_label = -1},
                 "/train/labels: row 39 is -1, expected 0 to 3");
    refused_made((struct Made){.class_count = 3}, "row 1 is 3, expected 0 to 2");
    refused_made((struct Made){.no_classes = true, .bad_row = 3, .bad_label = 2000000},
                 "row 3 is 2000000, expected 0 to 999999");
    refused_made((struct Made){.mean_count = 2},
                 "/statistics/channel_mean: has shape (2), expected (3)");
    refused_made((struct Made){.std0 = -1}, "/statistics/channel_std: element 0 is -1");
    refused_made((struct Made){.std0 = 0.0 / 0.0}, "channel_std: element 0 is");
    refused_made((struct Made){.digest = "short"}, "attribute digest: is 'short'");
}

static void cut_short(void **state) {
    (void)state;
    const char *path = scratch_path("whole.h5"), *cut = scratch_path("cut.h5");
    made_write(path, (struct Made){0});
    size_t bytes;
    char *data = scratch_read(path, &bytes);
    for (size_t length = 100; length < bytes; length += length / 3) {
        scratch_write(cut, data, length);
        refused(cut, "is cut short");
    }
    free(data);
}

/* Changes the address of the images in their header, so that it points near the end of the file. */
static void map_beyond_the_end(void **state) {
    (void)state;
    const char *path = scratch_path("whole.h5"), *cut = scratch_path("cut.h5");
    made_write(path, (struct Made){.samples = 90});
    struct H5File *file;
    struct H5Info info;
    assert_int_equal(h5_open(&file, path, ERROR_DATA, &error), OK);
    assert_int_equal(h5_info(file, "train/images", &info, &error), OK);
    h5_close(file);
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes);
    uint64_t near_end = bytes - 100;
    size_t places = 0;
    for (size_t at = 0; at + 8 <= bytes; at += 2)
        if (memcmp(data + at, &info.offset, 8) == 0) {
            memcpy(data + at, &near_end, 8);
            places++;
        }
    assert_int_equal(places, 1);
    scratch_write(cut, data, bytes);
    free(data);
    struct Dataset *dataset;
    assert_int_equal(dataset_open(&dataset, cut, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "/train/images"));
}

static void damage_is_verified(void **state) {
    (void)state;
    const char *path = scratch_path("good.h5");
    made_write(path, (struct Made){0});
    struct Dataset *dataset = opened(path);
    const struct Split *train = dataset_split(dataset, "train", &error);
    char digest[33];
    dataset_digest(dataset, train, digest);
    assert_int_equal(train->digest[0], 0); /* the file stores no digest */
    dataset_close(dataset);

    made_write(path, (struct Made){.digest = digest});
    dataset = opened(path);
    assert_int_equal(dataset_verify(dataset, NULL, &error), OK);
    dataset_close(dataset);
    size_t bytes;
    char *data = scratch_read(path, &bytes), *found = NULL;
    for (size_t i = 0; i + 4 < bytes && !found;
         i++) /* the first pixels are those of /train, which is written first */
        if ((uint8_t)data[i] == made_pixel(0, 0) && (uint8_t)data[i + 1] == made_pixel(0, 1) &&
            (uint8_t)data[i + 2] == made_pixel(0, 2) && (uint8_t)data[i + 3] == made_pixel(0, 3))
            found = data + i;
    assert_non_null(found);
    found[5] ^= 1;
    scratch_write(path, data, bytes);
    dataset = opened(path);
    assert_int_equal(dataset_verify(dataset, NULL, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "/train: pixels or labels are damaged"));
    dataset_close(dataset);
    free(data);

    made_write(path, (struct Made){.std0 = 3});
    dataset = opened(path);
    assert_int_equal(dataset_verify(dataset, NULL, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "/statistics/channel_std: channel 0 is 3"));
    dataset_close(dataset);
}

static const char python[] =
    "import h5py, numpy as np, sys\n"
    "d = sys.argv[1] + '/'\n"
    "e = np.arange(90)\n"
    "def images(n): return np.stack([(s * 37 + e * 11 + s * e * e // 5).astype(np.uint8)"
    ".reshape(6, 5, 3) for s in range(n)])\n"
    "def labels(n): return np.arange(n) * 7 % 4\n"
    "def make(name, kind=np.uint8, label=np.int64, classes=True, root={}, image={}, extra={}):\n"
    "    with h5py.File(d + name, 'w', **root) as f:\n"
    "        for split, n in (('train', 40), ('test', 13)):\n"
    "            p = images(n) if kind is np.uint8 else (images(n) / 4).astype(kind)\n"
    "            f.create_dataset(split + '/images', data=p, **image)\n"
    "            f.create_dataset(split + '/labels', data=labels(n).astype(label), **extra)\n"
    "        if classes: f['classes'] = ['ant', 'bee', 'cat', 'dog']\n"
    "make('plain.h5')\n"
    "make('chunked.h5', label=np.uint8, image=dict(chunks=(7, 6, 5, 3), compression='gzip',"
    " shuffle=True, fletcher32=True))\n"
    "make('latest.h5', label=np.uint16, root=dict(libver='latest'))\n"
    "make('block.h5', label='>i4', root=dict(userblock_size=512))\n"
    "make('float.h5', kind=np.float32, label=np.int8)\n"
    "make('big.h5', kind='>f4', classes=False)\n"
    "make('half.h5', kind=np.float16, image=dict(compression='gzip'))\n"
    "make('lzf.h5', image=dict(compression='lzf'))\n"
    "packed = open(d + 'lzf.h5', 'rb').read()\n"
    "at = packed.index(b'lzf\\0') - 8\n"
    "assert packed[at:at + 2] == (32000).to_bytes(2, 'little')\n"
    "open(d + 'zstd.h5', 'wb').write(packed[:at] + (32015).to_bytes(2, 'little') + packed[at + "
    "2:])\n"
    "make('double.h5', kind=np.float64)\n"
    "make('huge.h5', label=np.uint64)\n"
    "with h5py.File(d + 'huge.h5', 'a') as f:\n"
    "    f['train/labels'][3] = 2**64 - 1\n"
    "for name, shape in (('terabytes', (2**32, 32, 32, 3)), ('overflow', (2**31, 2**31, 2**31, "
    "3))):\n"
    "    with h5py.File(d + name + '.h5', 'w') as f:\n"
    "        f.create_dataset('train/images', shape, dtype=np.uint8, chunks=(1, 32, 32, 3))\n"
    "        f.create_dataset('train/labels', shape[:1], dtype=np.uint8, chunks=(1000,))\n"
    "with h5py.File(d + 'late.h5', 'w') as f:\n" /* contiguous, but never written: no bytes in the
                                                  * file */
    "    f.create_dataset('train/images', (1000, 32, 32, 3), dtype=np.uint8)\n"
    "    f['train/labels'] = np.zeros(1000, int)\n"
    "with h5py.File(d + 'outside.h5', 'w') as f:\n"
    "    f.create_dataset('train/images', (4, 2, 2, 1), dtype=np.uint8,"
    " external=[('/etc/hostname', 0, h5py.h5f.UNLIMITED)])\n"
    "    f['train/labels'] = np.zeros(4, int)\n"
    "with h5py.File(d + 'flat.h5', 'w') as f:\n"
    "    f['images'] = images(4)\n"
    "with h5py.File(d + 'compound.h5', 'w') as f:\n"
    "    f['train/images'] = np.zeros(4, dtype=[('a', 'i4'), ('b', 'f4')])\n"
    "    f['train/labels'] = labels(4)\n";

static bool run_python(void) {
    pid_t child = fork();
    if (child == 0) {
        execl("/usr/bin/python3", "/usr/bin/python3", "-c", python, scratch, (char *)NULL);
        _exit(127);
    }
    int code;
    waitpid(child, &code, 0);
    return WIFEXITED(code) && WEXITSTATUS(code) == 0;
}

static void files_of_h5py(void **state) {
    (void)state;
    if (system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) {
        print_message("skipped: Debian's python3-h5py is not installed\n");
        skip();
    }
    assert_true(run_python());
    check_good(scratch_path("plain.h5"), false, false, true);
    check_good(scratch_path("chunked.h5"), false, false, true);
    check_good(scratch_path("latest.h5"), false, false, true);
    check_good(scratch_path("block.h5"), false, false, true);
    check_good(scratch_path("float.h5"), true, false, true);
    check_good(scratch_path("big.h5"), true, false, false);
    check_good(scratch_path("half.h5"), true, false, true);
    check_good(scratch_path("lzf.h5"), false, false, true);
    refused(scratch_path("zstd.h5"), "is packed with the filter 'zstd' (number 32015), which this "
                                     "HDF5 lacks; data.plugins: load");
    check_good(scratch_path("double.h5"), true, false, true);
    refused(scratch_path("huge.h5"), "/train/labels");
    refused(scratch_path("terabytes.h5"), "stores 0 bytes of it");
    refused(scratch_path("overflow.h5"), "most was never written");
    refused(scratch_path("outside.h5"), "keeps its values in other files");
    refused(scratch_path("flat.h5"), "has no split, a group with images and labels such as /train; "
                                     "it holds /images uint8 (4,6,5,3)");
    refused(scratch_path("compound.h5"), "/train/images: holds records (compound");
    refused(scratch_path("late.h5"), "/train/images: has no values: they were never written");
}

static int empty(void **state) {
    (void)state;
    scratch_empty();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(round_trips, empty),
        cmocka_unit_test_teardown(not_data_sets, empty),
        cmocka_unit_test_teardown(wrong_parts, empty),
        cmocka_unit_test_teardown(cut_short, empty),
        cmocka_unit_test_teardown(map_beyond_the_end, empty),
        cmocka_unit_test_teardown(damage_is_verified, empty),
        cmocka_unit_test_teardown(files_of_h5py, empty),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
