/* Texts and runs of bytes of variable length, in files of HDF5 itself, good and damaged. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>

#include <hdf5.h>

#include "base/memory.h"
#include "store/h5.h"
#include "store/scratch.h"

#include <cmocka.h>

#define SHORT 40 /* texts */
#define RUNS 6   /* of bytes */
#define LONG 9000
#define HEAD 16  /* bytes of a collection's head, and of an object's */
#define USER 512 /* bytes before the superblock */

static struct Error error;
static char long_text[LONG + 1];
static uint8_t runs[RUNS][300];

static const char *text(int i) {
    static char words[40];
    snprintf(words, sizeof words, "name %d of %s", i, i % 3 ? "many" : "a few more");
    return i == 7 ? "" : i == 9 ? long_text : words;
}

/* ---- Files ---- */

static hid_t text_type(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    return type;
}

static void add(hid_t file, const char *name, H5D_layout_t layout, hid_t type, hsize_t count,
                const void *values) {
    hid_t space = H5Screate_simple(1, &count, NULL), create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(create, layout);
    if (layout == H5D_CHUNKED) {
        H5Pset_chunk(create, 1, (hsize_t[]){count < 7 ? count : 7});
        H5Pset_deflate(create, 6);
    }
    hid_t made = H5Dcreate2(file, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    assert_true(H5Dwrite(made, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(made);
    H5Pclose(create);
    H5Sclose(space);
}

static void add_texts(hid_t file, const char *name, H5D_layout_t layout) {
    const char *values[SHORT];
    hid_t type = text_type();
    for (int i = 0; i < SHORT; i++)
        values[i] = memory_copy_text(text(i));
    add(file, name, layout, type, SHORT, values);
    for (int i = 0; i < SHORT; i++)
        memory_release((void *)(uintptr_t)values[i]);
    H5Tclose(type);
}

static void add_runs(hid_t file) {
    hvl_t values[RUNS];
    hid_t type = H5Tvlen_create(H5T_NATIVE_UINT8);
    for (size_t i = 0; i < RUNS; i++)
        values[i] = (hvl_t){i * 50, memset(runs[i], (int)i, sizeof runs[i])};
    add(file, "runs", H5D_CONTIGUOUS, type, RUNS, values);
    H5Tclose(type);
}

static void add_attribute(hid_t file) {
    const char *value = text(3);
    hid_t type = text_type(), space = H5Screate(H5S_SCALAR);
    hid_t made = H5Acreate2(file, "note", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(made, type, &value) >= 0);
    H5Aclose(made);
    H5Sclose(space);
    H5Tclose(type);
}

static const char *make(const char *name, hsize_t user_block) {
    const char *path = scratch_path(name);
    hid_t create = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(create, user_block);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, H5P_DEFAULT);
    memset(long_text, 'x', LONG);
    add_texts(file, "contiguous", H5D_CONTIGUOUS);
    add_texts(file, "chunked", H5D_CHUNKED);
    add_texts(file, "compact", H5D_COMPACT);
    add_runs(file);
    add_attribute(file);
    H5Fclose(file);
    H5Pclose(create);
    return path;
}

/* ---- Reading ---- */

/* Whether all of a dataset is what was written; −1: it is refused, with one line about it. */
static int texts_are_right(struct H5File *file, const char *name) {
    char **texts;
    int64_t count;
    int right = 1;
    if (h5_read_texts(file, name, &texts, &count, &error) != OK) {
        assert_int_equal(error.code, ERROR_DATA);
        assert_non_null(strstr(error.text, name));
        assert_null(strchr(error.text, '\n'));
        return -1;
    }
    assert_int_equal(count, SHORT);
    for (int i = 0; i < SHORT; i++)
        right &= !strcmp(texts[i], text(i));
    memory_release_texts(texts, count);
    return right;
}

static int runs_are_right(struct H5File *file) {
    struct H5Bytes items[RUNS];
    int code = h5_read_bytes(file, "runs", 0, RUNS, items, &error), right = code ? -1 : 1;
    for (size_t i = 0; i < RUNS; i++) {
        if (code == OK)
            right &= items[i].bytes == i * 50 && !memcmp(items[i].data, runs[i], i * 50);
        memory_release(items[i].data);
    }
    return right;
}

static int note_is_right(struct H5File *file) {
    char *note = NULL;
    if (h5_read_attribute(file, "/", "note", H5_TEXT, &note, &error) != OK)
        return -1;
    int right = !strcmp(note, text(3));
    memory_release(note);
    return right;
}

static const char *const names[] = {"contiguous", "chunked", "compact"};

static void all_is_right(struct H5File *file) {
    for (int i = 0; i < 3; i++)
        assert_int_equal(texts_are_right(file, names[i]), 1);
    assert_int_equal(runs_are_right(file), 1);
    assert_int_equal(note_is_right(file), 1);
}

static struct H5File *open_file(const char *path) {
    struct H5File *file;
    if (h5_open(&file, path, ERROR_DATA, &error) != OK)
        fail_msg("%s", error.text);
    return file;
}

static void reads_what_hdf5_wrote(void **state) {
    (void)state;
    for (hsize_t user_block = 0; user_block <= USER; user_block += USER) {
        struct H5File *file = open_file(make("good.h5", user_block));
        all_is_right(file);
        h5_close(file);
    }
}

static void reads_a_part(void **state) {
    (void)state;
    struct H5File *file = open_file(make("part.h5", 0));
    struct H5Bytes items[2];
    assert_int_equal(h5_read_bytes(file, "runs", 3, 2, items, &error), OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(items[i].bytes, (3 + i) * 50);
        assert_memory_equal(items[i].data, runs[3 + i], items[i].bytes);
        memory_release(items[i].data);
    }
    h5_close(file);
}

static void reads_a_linked_file(void **state) {
    (void)state;
    make("far.h5", USER);
    const char *path = scratch_path("near.h5");
    hid_t made = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    add_texts(made, "own", H5D_CONTIGUOUS);
    H5Lcreate_external("far.h5", "/contiguous", made, "contiguous", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(made);
    struct H5File *file = open_file(path);
    assert_int_equal(texts_are_right(file, "contiguous"), -1);
    h5_follow_links(file, true);
    assert_int_equal(texts_are_right(file, "contiguous"), 1);
    assert_int_equal(texts_are_right(file, "own"), 1);
    h5_close(file);
}

static void never_written_texts_are_empty(void **state) {
    (void)state;
    const char *path = scratch_path("empty.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), type = text_type();
    hid_t space = H5Screate_simple(1, (hsize_t[]){3}, NULL);
    hid_t filled = H5Pcreate(H5P_DATASET_CREATE);
    const char *fill = "fill";
    H5Pset_fill_value(filled, type, &fill);
    H5Dclose(H5Dcreate2(file, "a", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Pset_chunk(filled, 1, (hsize_t[]){3});
    H5Dclose(H5Dcreate2(file, "b", type, space, H5P_DEFAULT, filled, H5P_DEFAULT));
    H5Pclose(filled);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
    struct H5File *opened = open_file(path);
    char **texts;
    int64_t count;
    assert_int_equal(h5_read_texts(opened, "a", &texts, &count, &error), OK);
    assert_string_equal(texts[2], "");
    memory_release_texts(texts, count);
    assert_int_equal(h5_read_texts(opened, "b", &texts, &count, &error), ERROR_DATA);
    if (!strstr(error.text, "fill value"))
        fail_msg("%s", error.text);
    h5_close(opened);
}

/* ---- Damage ---- */

static unsigned char *bytes;
static size_t length;

/* The first collection at or after `from`; 0: there is none. */
static size_t collection(size_t from) {
    for (size_t at = from; at + 4 <= length; at += 8)
        if (!memcmp(bytes + at, "GCOL", 4))
            return at;
    return 0;
}

static struct H5File *open_bytes(void) {
    struct H5File *file;
    bool sealed;
    void *image = memory_copy(bytes, length, "an image");
    if (h5_open_image(&file, "x.h5", image, length, ERROR_DATA, &sealed, &error) != OK)
        return NULL;
    return file;
}

static void put(size_t at, uint64_t value, size_t width) {
    memcpy(bytes + at, &value, width); /* the machine is little-endian, as files are */
}

static void refused(const char *words) {
    struct H5File *file = open_bytes();
    assert_non_null(file);
    assert_int_equal(texts_are_right(file, "contiguous"), -1);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    h5_close(file);
}

/* Where the contiguous array has its reference to object 1. */
static size_t first_reference(size_t heap) {
    unsigned char wanted[8];
    memcpy(wanted, &(uint64_t){heap}, 8);
    for (size_t at = 4; at + 12 <= length; at++)
        if (!memcmp(bytes + at, wanted, 8) && bytes[at + 8] == 1)
            return at - 4;
    fail_msg("no reference");
    return 0;
}

struct Damage {
    const char *words;
    size_t at; /* from the first collection, or of the first reference */
    uint64_t value;
    size_t width;
    bool reference;
};

static void says_what_is_wrong(void **state) {
    (void)state;
    static const struct Damage damages[] = {
        {"leads to no heap", 0, 'X', 1, false},
        {"unknown version", 4, 2, 1, false},
        {"does not end inside the file", 8, UINT64_MAX - 4000, 8, false},
        {"does not end inside the file", 8, 3, 8, false},
        {"longer than the collection", HEAD + 8, (uint64_t)1 << 40, 8, false},
        {"longer than the collection", HEAD + 8, UINT64_MAX, 8, false},
        {"free space", HEAD, 0, 2, false},
        {"one number", HEAD, 2, 2, false},
        {"longer than the object", HEAD + 8, 9, 8, false},
        {"longer than the object", 0, 16, 4, true},
        {"more text than is read", 0, 0xf0000000, 4, true},
        {"leads to no heap", 4, UINT64_MAX, 8, true},
        {"leads to no heap", 4, 8, 8, true},
        {"leads to no object", 12, 0xffff, 4, true},
        {"leads to no object", 12, 0x10001, 4, true},
    };
    bytes = scratch_read(make("damaged.h5", 0), &length);
    size_t heap = collection(8), reference = first_reference(heap);
    unsigned char *good = memory_copy(bytes, length, "bytes");
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        put((damages[i].reference ? reference : heap) + damages[i].at, damages[i].value,
            damages[i].width);
        refused(damages[i].words);
        memcpy(bytes, good, length);
    }
    memory_release(good);
    free(bytes);
}

/* A collection inside the text of another one, to which a later reference leads. */
static void collections_that_overlap(void **state) {
    (void)state;
    bytes = scratch_read(make("overlap.h5", 0), &length);
    size_t heap = collection(8), inner = heap + 4000;
    memcpy(bytes + inner, bytes + heap, 64);
    put(inner + 8, 64, 8);
    put(first_reference(heap) + 16 + 4, inner, 8);
    refused("overlap");
    free(bytes);
}

/* Every byte of a heap and of its references, in some ways: refused, or no other text than those
 * of the file. Nothing here may run beyond a buffer (the sanitizers look) or for ever. */
static void every_byte(void **state) {
    (void)state;
    static const unsigned char changes[] = {0x01, 0x80, 0xff};
    bytes = scratch_read(make("every.h5", 0), &length);
    size_t heap = collection(8), reference = first_reference(heap);
    int counts[2] = {0};
    alarm(60);
    for (size_t i = 0; i < 400; i++) {
        size_t at = i < 240 ? heap + i : reference + i - 240;
        for (size_t change = 0; change < sizeof changes; change++) {
            bytes[at] ^= changes[change];
            struct H5File *file = open_bytes();
            assert_non_null(file);
            counts[texts_are_right(file, "contiguous") < 0]++;
            texts_are_right(file, "compact");
            note_is_right(file);
            runs_are_right(file);
            h5_close(file);
            bytes[at] ^= changes[change];
        }
    }
    alarm(0);
    assert_true(counts[0] > 100 && counts[1] > 100);
    free(bytes);
}

/* HDF5 would convert such a type beyond its buffers. */
static void an_enumeration_of_larger_numbers_is_damaged(void **state) {
    (void)state;
    const char *path = scratch_path("type.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    H5Tenum_insert(type, "FALSE", (int8_t[]){0});
    H5Tenum_insert(type, "TRUE", (int8_t[]){1});
    add(file, "flags", H5D_CONTIGUOUS, type, 12, (int8_t[12]){1, 0, 1});
    H5Tclose(type);
    H5Fclose(file);
    bytes = scratch_read(path, &length);
    static const unsigned char two_of_one_byte[] = {2, 0, 0, 1, 0, 0, 0}; /* format, IV.A.2.d */
    size_t at = 1;
    while (at + 20 < length && ((bytes[at - 1] & 0x0f) != 8 ||
                                memcmp(bytes + at, two_of_one_byte, sizeof two_of_one_byte) != 0))
        at++;
    assert_true(at + 20 < length);
    put(at + 7 + 4, 4, 4);        /* the size of its base */
    put(at + 7 + 8, 32 << 16, 4); /* bits: from 0 on, 32 */
    struct H5File *opened = open_bytes();
    double values[12];
    assert_non_null(opened);
    assert_int_equal(h5_read(opened, "flags", H5_FLOAT64, 1, (int64_t[]){12}, values, &error),
                     ERROR_DATA);
    if (!strstr(error.text, "a damaged type"))
        fail_msg("%s", error.text);
    h5_close(opened);
    free(bytes);
}

int main(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_hdf5_wrote),
        cmocka_unit_test(reads_a_part),
        cmocka_unit_test(reads_a_linked_file),
        cmocka_unit_test(never_written_texts_are_empty),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(collections_that_overlap),
        cmocka_unit_test(every_byte),
        cmocka_unit_test(an_enumeration_of_larger_numbers_is_damaged),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
