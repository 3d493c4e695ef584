#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <hdf5.h>

#include "base/memory.h"
#include "store/h5.h"
#include "store/scratch.h"

#include <cmocka.h>

#define SIZE(...) ((const int64_t[]){__VA_ARGS__})

static struct Error error;

static void ok(int result) {
    if (result != OK)
        fail_msg("%d: %s", result, error.text);
}

static void refused(int result, int code, const char *words) {
    assert_int_equal(result, code);
    assert_int_equal(error.code, code);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    assert_null(strchr(error.text, '\n'));
}

/* --- round trips ------------------------------------------------------------------------------ */

static const char *const names[] = {"aeroplane", "", "vogel \xc3\xa4", "z"};
static float big[700][33][5]; /* spans several pages */

static void fill(struct H5Writer *writer) {
    uint8_t bytes[3][5];
    memset(bytes, 7, sizeof bytes);
    for (size_t i = 0; i < sizeof big / sizeof(float); i++)
        ((float *)big)[i] = sinf((float)i);
    ok(h5_write(writer, "train/images", H5_UINT8, 2, SIZE(3, 5), bytes, &error));
    ok(h5_write_texts(writer, "/classes", names, 4, &error));
    ok(h5_reserve(writer, "model/big", H5_FLOAT32, 3, SIZE(700, 33, 5), &error));
    ok(h5_write(writer, "a/b/c/d", H5_INT64, 0, NULL, (int64_t[]){INT64_MIN}, &error));
    ok(h5_write_rows(writer, "model/big", H5_FLOAT32, 300, 400, big[300], &error));
    ok(h5_write_rows(writer, "model/big", H5_FLOAT32, 0, 300, big[0], &error));
    ok(h5_write(writer, "empty", H5_FLOAT64, 1, SIZE(0), NULL, &error));
    ok(h5_write_text(writer, "run/text", "model:\n  - linear\n", &error));
    ok(h5_write_text(writer, "run/nothing", "", &error));
    ok(h5_write_attribute(writer, "/", "format_version", H5_INT32, (int32_t[]){1}, &error));
    ok(h5_write_attribute(writer, "train", "digest", H5_TEXT, "0123", &error));
    ok(h5_write_attribute(writer, "statistics", "value", H5_FLOAT64, (double[]){0.1}, &error));
    ok(h5_reserve(writer, "zeros", H5_INT32, 1, SIZE(5), &error));
}

static int collect(void *context, const char *name, bool is_group, struct Error *unused) {
    (void)unused;
    strcat(context, name);
    strcat(context, is_group ? "/ " : " ");
    return OK;
}

static void check(struct H5File *file) {
    static float read_big[700][33][5];
    ok(h5_read(file, "model/big", H5_FLOAT32, 3, SIZE(700, -1, 5), read_big, &error));
    assert_memory_equal(read_big, big, sizeof big);
    double wide[2][33][5];
    ok(h5_read_rows(file, "/model/big", H5_FLOAT64, 698, 2, wide, &error));
    assert_true(wide[1][32][4] == (double)big[699][32][4]);
    int32_t seven[15], zeros[5];
    ok(h5_read(file, "train/images", H5_INT32, 2, SIZE(3, 5), seven, &error));
    assert_int_equal(seven[14], 7);
    ok(h5_read(file, "zeros", H5_INT32, 1, SIZE(5), zeros, &error));
    assert_int_equal(zeros[0] | zeros[4], 0);
    int64_t lowest, count;
    ok(h5_read(file, "a/b/c/d", H5_INT64, 0, NULL, &lowest, &error));
    assert_true(lowest == INT64_MIN);

    char **texts, *text;
    ok(h5_read_texts(file, "classes", &texts, &count, &error));
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(texts[i], names[i]);
        memory_release(texts[i]);
    }
    memory_release(texts);
    ok(h5_read_text(file, "run/text", &text, &error));
    assert_string_equal(text, "model:\n  - linear\n");
    memory_release(text);
    ok(h5_read_text(file, "run/nothing", &text, &error));
    assert_string_equal(text, "");
    memory_release(text);
    ok(h5_read_attribute(file, "train", "digest", H5_TEXT, &text, &error));
    assert_string_equal(text, "0123");
    memory_release(text);
    int64_t version;
    ok(h5_read_attribute(file, "/", "format_version", H5_INT64, &version, &error));
    assert_int_equal(version, 1);
    double value;
    ok(h5_read_attribute(file, "statistics", "value", H5_FLOAT64, &value, &error));
    assert_true(value == 0.1);

    char list[200] = "";
    ok(h5_list(file, "/", collect, list, &error));
    assert_string_equal(list, "a/ classes empty model/ run/ statistics/ train/ zeros ");
    assert_true(h5_exists(file, "a/b/c"));
    assert_false(h5_exists(file, "a/x/c"));
    assert_false(h5_exists(file, "a/b/c/d/e"));
    assert_true(h5_has_attribute(file, "/", "format_version"));
    assert_false(h5_has_attribute(file, "train", "format_version"));
    assert_false(h5_has_attribute(file, "nowhere", "digest"));
}

static void make(const char *path, bool in_memory) {
    struct H5Writer *writer;
    ok((in_memory ? h5_create_in_memory : h5_create)(&writer, path, &error));
    fill(writer);
    ok(h5_commit(writer, &error));
}

static void streamed_round_trip(void **state) {
    (void)state;
    const char *path = scratch_path("streamed.h5");
    make(path, false);
    assert_int_equal(scratch_count(), 1);
    struct H5File *file;
    ok(h5_open(&file, path, ERROR_DATA, &error));
    check(file);
    struct H5Info info;
    ok(h5_info(file, "model/big", &info, &error));
    assert_true(info.contiguous && info.type == H5_FLOAT32 && info.offset % 64 == 0);
    assert_string_equal(info.type_name, "float32");
    struct H5Map *map;
    ok(h5_map(file, &map, &error));
    assert_int_equal(map->bytes, h5_bytes(file));
    h5_close(file);
    assert_memory_equal((const char *)map->image + info.offset, big, sizeof big);
    h5_unmap(map);
    scratch_empty();
}

static void sealed_round_trip(void **state) {
    (void)state;
    const char *path = scratch_path("sealed.h5");
    make(path, true);
    assert_int_equal(scratch_count(), 1);
    struct H5File *file;
    bool sealed = false;
    ok(h5_open_sealed(&file, path, ERROR_CHECKPOINT, NULL, &sealed, &error));
    assert_true(sealed);
    check(file);
    h5_close(file);
    ok(h5_open(&file, path, ERROR_CHECKPOINT, &error)); /* HDF5 ignores the seal */
    check(file);
    h5_close(file);
    make(path, false); /* replaces the file; no seal now */
    sealed = true;
    ok(h5_open_sealed(&file, path, ERROR_CHECKPOINT, NULL, &sealed, &error));
    assert_false(sealed);
    check(file);
    h5_close(file);
    scratch_empty();
}

static int refuse_unsealed(struct H5File *file, struct Error *reason) {
    const char *content = h5_exists(file, "model/big") ? "model/big" : "nothing";
    return (fail)(reason, ERROR_CHECKPOINT, "%s: holds %s", h5_path(file), content);
}

/* A terabyte would not fit into memory. */
static void a_large_file_without_a_seal_is_not_read(void **state) {
    (void)state;
    const char *path = scratch_path("large.h5");
    struct H5File *file;
    bool sealed;
    make(path, true);
    ok(h5_open_sealed(&file, path, ERROR_CHECKPOINT, refuse_unsealed, &sealed, &error));
    assert_true(sealed);
    h5_close(file);
    make(path, false);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    refused(h5_open_sealed(&file, path, ERROR_CHECKPOINT, refuse_unsealed, &sealed, &error),
            ERROR_CHECKPOINT, "large.h5: holds model/big");
    assert_null(file);
    scratch_empty();
}

static void published_or_abandoned(void **state) {
    (void)state;
    const char *path = scratch_path("c.h5");
    struct H5Writer *writer;
    ok(h5_create_in_memory(&writer, path, &error));
    fill(writer);
    assert_int_equal(scratch_count(), 0);
    ok(h5_commit(writer, &error));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(scratch_count(), 1);
    ok(h5_create(&writer, path, &error));
    fill(writer);
    assert_int_equal(scratch_count(), 2);
    h5_abandon(writer);
    h5_abandon(NULL);
    assert_int_equal(scratch_count(), 1);
    scratch_empty();
}

/* --- bad input -------------------------------------------------------------------------------- */

static void bad_files(void **state) {
    (void)state;
    struct H5File *file;
    bool sealed;
    refused(h5_open(&file, scratch_path("none.h5"), ERROR_DATA, &error), ERROR_DATA,
            "No such file");
    assert_null(file);
    refused(h5_open(&file, scratch, ERROR_DATA, &error), ERROR_DATA, "is a folder");
    refused(h5_open(&file, "/dev/null", ERROR_DATA, &error), ERROR_DATA, "not a regular file");
    assert_int_equal(mkfifo(scratch_path("pipe"), 0600), 0);
    refused(h5_open(&file, scratch_path("pipe"), ERROR_DATA, &error), ERROR_DATA,
            "not a regular file");
    scratch_write(scratch_path("empty"), "", 0);
    refused(h5_open(&file, scratch_path("empty"), ERROR_DATA, &error), ERROR_DATA, "is empty");
    refused(h5_open_sealed(&file, scratch_path("empty"), ERROR_CHECKPOINT, NULL, &sealed, &error),
            ERROR_CHECKPOINT, "is empty");
    scratch_write(scratch_path("text"), "hello\n", 6);
    refused(h5_open(&file, scratch_path("text"), ERROR_DATA, &error), ERROR_DATA,
            "is not an HDF5 file");

    const char *path = scratch_path("whole.h5");
    make(path, false);
    size_t bytes;
    char *data = scratch_read(path, &bytes);
    scratch_write(scratch_path("short"), data, bytes / 2);
    refused(h5_open(&file, scratch_path("short"), ERROR_DATA, &error), ERROR_DATA, "is cut short");
    scratch_write(scratch_path("head"), data, 40);
    refused(h5_open(&file, scratch_path("head"), ERROR_DATA, &error), ERROR_DATA,
            "is cut short or damaged: the header of HDF5 cannot be read from its 40 bytes");
    data[8] = 99; /* the superblock's version */
    scratch_write(scratch_path("odd"), data, bytes);
    refused(h5_open(&file, scratch_path("odd"), ERROR_DATA, &error), ERROR_DATA,
            "is written in a newer format than HDF5");
    free(data);
    scratch_empty();
}

static void a_file_that_becomes_shorter(void **state) {
    (void)state;
    struct H5File *file;
    struct H5Info info;
    static float values[700][33][5];
    make(scratch_path("whole.h5"), false);
    assert_int_equal(h5_open(&file, scratch_path("whole.h5"), ERROR_DATA, &error), OK);
    assert_int_equal(h5_info(file, "model/big", &info, &error), OK);
    assert_int_equal(truncate(scratch_path("whole.h5"), 1000), 0);
    refused(h5_read(file, "model/big", H5_FLOAT32, 3, SIZE(700, 33, 5), values, &error), ERROR_DATA,
            "whole.h5: was cut short while it was in use");
    refused(h5_check(file, &error), ERROR_DATA, "whole.h5: was cut short while it was in use");
    h5_close(file);
    scratch_empty();
}

static void bad_requests(void **state) {
    (void)state;
    const char *path = scratch_path("whole.h5");
    make(path, false);
    struct H5File *file;
    ok(h5_open(&file, path, ERROR_DATA, &error));
    float out[16];
    char *text, **texts;
    int64_t count;
    struct H5Info info;
    refused(h5_read(file, "none", H5_FLOAT32, 1, SIZE(1), out, &error), ERROR_DATA,
            "whole.h5:/none: is missing");
    refused(h5_info(file, "model", &info, &error), ERROR_DATA, "is a group");
    refused(h5_read(file, "train/images", H5_FLOAT32, 2, SIZE(3, 4), out, &error), ERROR_DATA,
            "has shape (3,5), expected (3,4)");
    refused(h5_read(file, "train/images", H5_FLOAT32, 1, SIZE(-1), out, &error), ERROR_DATA,
            "has shape (3,5), expected (any)");
    refused(h5_read(file, "model/big", H5_INT32, 3, SIZE(-1, -1, -1), out, &error), ERROR_DATA,
            "holds float32, expected integers");
    refused(h5_read(file, "classes", H5_FLOAT32, 1, SIZE(4), out, &error), ERROR_DATA,
            "holds text, expected numbers");
    refused(h5_read(file, "a/b/c/d", H5_INT32, 0, NULL, out, &error), ERROR_DATA, "does not fit 4");
    refused(h5_read_rows(file, "train/images", H5_UINT8, 2, 2, out, &error), ERROR_DATA,
            "has 3 rows, 2 from row 2 on");
    refused(h5_read_rows(file, "train/images", H5_UINT8, INT64_MAX, 2, out, &error), ERROR_DATA,
            "has 3 rows");
    refused(h5_read_text(file, "classes", &text, &error), ERROR_DATA, "holds 4 texts");
    refused(h5_read_texts(file, "zeros", &texts, &count, &error), ERROR_DATA,
            "holds int32, expected text");
    refused(h5_read_attribute(file, "train", "digits", H5_TEXT, &text, &error), ERROR_DATA,
            "train, attribute digits: is missing");
    refused(h5_read_attribute(file, "train", "digest", H5_INT32, out, &error), ERROR_DATA,
            "holds text, expected integers");
    h5_close(file);
    scratch_empty();
}

/* The layout message of a contiguous dataset, format specification IV.A.2.i: version 3, class 1,
 * address, size; padded to 24 bytes. */
static unsigned char *find_layout(unsigned char *data, size_t bytes, const struct H5Info *info) {
    unsigned char message[18] = {3, 1};
    memcpy(message + 2, &info->offset, 8);
    memcpy(message + 10, &info->stored, 8);
    unsigned char *found = memmem(data, bytes, message, sizeof message);
    assert_non_null(found);
    return found;
}

static int read_five(const char *path, int32_t *out) {
    struct H5File *file;
    ok(h5_open(&file, path, ERROR_DATA, &error));
    int result = h5_read(file, "five", H5_INT32, 1, SIZE(5), out, &error);
    h5_close(file);
    return result;
}

/* A dataset whose header says that fewer bytes are stored than its shape needs. */
static void too_few_bytes(void **state) {
    (void)state;
    const char *path = scratch_path("five.h5");
    struct H5Writer *writer;
    struct H5File *file;
    struct H5Info info;
    int32_t five[] = {11, 12, 13, 14, 15}, out[5];
    ok(h5_create(&writer, path, &error));
    ok(h5_write(writer, "five", H5_INT32, 1, SIZE(5), five, &error));
    ok(h5_commit(writer, &error));
    ok(h5_open(&file, path, ERROR_DATA, &error));
    ok(h5_info(file, "five", &info, &error));
    h5_close(file);
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes), *layout = find_layout(data, bytes, &info);
    for (unsigned char stored = 0; stored < 20; stored++) { /* contiguous; 0: but has an address */
        layout[10] = stored;
        scratch_write(path, data, bytes);
        refused(read_five(path, out), ERROR_DATA, "too few for shape (5) of int32");
    }
    memset(layout + 2, 255, 8); /* contiguous, never written */
    scratch_write(path, data, bytes);
    ok(read_five(path, out));
    layout[1] = 0; /* compact: version 3, class 0, size, values */
    memcpy(layout + 2, &(uint16_t){20}, 2);
    memcpy(layout + 4, five, 20);
    scratch_write(path, data, bytes);
    ok(read_five(path, out));
    assert_memory_equal(out, five, sizeof five);
    for (unsigned char stored = 0; stored < 20; stored++) {
        layout[2] = stored;
        scratch_write(path, data, bytes);
        refused(read_five(path, out), ERROR_DATA, "too few for shape (5) of int32");
    }
    free(data);
    scratch_empty();
}

/* A packed dataset whose header says that its one chunk is much larger than the dataset. */
static void too_large_chunk(void **state) {
    (void)state;
    const char *path = scratch_path("chunk.h5");
    const hsize_t size[] = {2, 7};
    const int32_t values[2][7] = {{1}};
    hid_t made = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, size, NULL), create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(create, 2, size);
    H5Pset_fletcher32(create);
    hid_t id = H5Dcreate2(made, "x", H5T_NATIVE_INT32, space, H5P_DEFAULT, create, H5P_DEFAULT);
    assert_true(H5Dwrite(id, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(id);
    H5Pclose(create);
    H5Sclose(space);
    H5Fclose(made);
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes);
    const uint32_t chunk[] = {2, 7, 4}; /* in the layout message, with the size of an element */
    unsigned char *found = memmem(data, bytes, chunk, sizeof chunk);
    assert_non_null(found);
    struct H5File *file;
    int32_t out[2][7];
    ok(h5_open(&file, path, ERROR_DATA, &error));
    ok(h5_read(file, "x", H5_INT32, 2, SIZE(2, 7), out, &error));
    h5_close(file);
    assert_memory_equal(out, values, sizeof values);
    found[5] = 127;
    scratch_write(path, data, bytes);
    ok(h5_open(&file, path, ERROR_DATA, &error));
    refused(h5_read(file, "x", H5_INT32, 2, SIZE(2, 7), out, &error), ERROR_DATA,
            "a chunk has 32519 elements in dimension 1, which has at most 7");
    h5_close(file);
    free(data);
    scratch_empty();
}

static void too_many_texts(void **state) {
    (void)state;
    const int64_t count = 1000001;
    const size_t length = ((size_t)64 << 20) + 1;
    const char **many = memory_array(const char *, count, "texts");
    for (int64_t i = 0; i < count; i++)
        many[i] = "a";
    char *text = memory_array(char, (int64_t)length + 1, "a text"), **texts;
    memset(text, 'a', length);
    const char *path = scratch_path("texts.h5");
    struct H5Writer *writer;
    struct H5File *file;
    ok(h5_create(&writer, path, &error));
    ok(h5_write_texts(writer, "many", many, count, &error));
    ok(h5_write_texts(writer, "most", many, count - 1, &error));
    ok(h5_write_text(writer, "long", text, &error));
    ok(h5_commit(writer, &error));
    memory_release(many);
    memory_release(text);
    ok(h5_open(&file, path, ERROR_DATA, &error));
    int64_t found;
    refused(h5_read_texts(file, "many", &texts, &found, &error), ERROR_DATA,
            "has shape (1000001), expected a list of at most 1000000 texts");
    refused(h5_read_text(file, "long", &text, &error), ERROR_DATA,
            "holds 1 texts of 67108865 bytes, at most 67108864 bytes in all are read");
    ok(h5_read_texts(file, "most", &texts, &found, &error));
    assert_int_equal(found, count - 1);
    for (int64_t i = 0; i < found; i++)
        memory_release(texts[i]);
    memory_release(texts);
    h5_close(file);
    scratch_empty();
}

static void unwritable_places(void **state) {
    (void)state;
    struct H5Writer *writer;
    refused(h5_create(&writer, scratch_path("no/such/folder.h5"), &error), ERROR_SYSTEM,
            "No such file");
    assert_null(writer);
    ok(h5_create_in_memory(&writer, scratch_path("no/such/folder.h5"), &error));
    fill(writer);
    refused(h5_commit(writer, &error), ERROR_SYSTEM, "No such file");
    ok(h5_create(&writer, scratch, &error)); /* there is a folder of that name */
    fill(writer);
    refused(h5_commit(writer, &error), ERROR_SYSTEM, "is a folder, expected a file");
    ok(h5_create(&writer, scratch_path("twice.h5"), &error));
    fill(writer);
    refused(h5_reserve(writer, "zeros", H5_INT32, 1, SIZE(5), &error), ERROR_SYSTEM,
            "twice.h5:/zeros: cannot be written");
    refused(h5_reserve(writer, "huge", H5_INT32, 3, SIZE(INT64_MAX, 2, 2), &error), ERROR_SYSTEM,
            "beyond any file");
    h5_abandon(writer);
    assert_int_equal(scratch_count(), 0);
}

/* --- a full disk ------------------------------------------------------------------------------ */

/* Writes with files limited to `limit` bytes; 0: refused cleanly, 1: written,
 * else what is wrong. */
static int write_limited(rlim_t limit, bool in_memory) {
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit});
    struct H5Writer *writer;
    const char *path = scratch_path("limited.h5");
    if ((in_memory ? h5_create_in_memory : h5_create)(&writer, path, &error) != OK)
        return 2;
    uint8_t row[1000] = {1};
    int result = h5_reserve(writer, "images", H5_UINT8, 2, SIZE(300, 1000), &error);
    for (int64_t i = 0; result == OK && i < 300; i++)
        result = h5_write_rows(writer, "images", H5_UINT8, i, 1, row, &error);
    if (result == OK)
        result = h5_write_texts(writer, "classes", names, 4, &error);
    if (result == OK)
        result = h5_commit(writer, &error);
    else
        h5_abandon(writer);
    if (result == OK)
        return access(path, F_OK) == 0 && scratch_count() == 1 ? 1 : 3;
    return result == ERROR_SYSTEM && scratch_count() == 0 && strstr(error.text, "limited.h5") ? 0
                                                                                              : 4;
}

/* With HDF5's clean-up, which must not crash; without the sanitizer's search for leaks, which takes
 * long. */
static _Noreturn void end_child(int code) {
    H5close();
    _exit(code);
}

static void full_disk(void **state) {
    (void)state;
    int written = 0, clean = 0;
    for (int in_memory = 0; in_memory < 2; in_memory++)
        for (rlim_t limit = 0; limit < 330000; limit += limit < 4096 ? 512 : 9973) {
            pid_t child = fork();
            if (child == 0)
                end_child(write_limited(limit, in_memory));
            int status;
            waitpid(child, &status, 0);
            if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
                fail_msg("limit %lu, in memory %d: status %#x", (unsigned long)limit, in_memory,
                         status);
            written += WEXITSTATUS(status) == 1;
            clean += WEXITSTATUS(status) == 0;
            scratch_empty();
        }
    assert_true(written >= 2 && clean >= 50);
}

/* --- changing a file that is there ------------------------------------------------------------ */

static void change(struct H5Writer *writer) {
    static float other[700][33][5];
    memset(other, 0, sizeof other);
    ok(h5_write(writer, "model/big", H5_FLOAT32, 3, SIZE(700, 33, 5), other, &error));
    ok(h5_write(writer, "a/b/c/d", H5_FLOAT64, 1, SIZE(2), (double[]){1.5, 2.5}, &error));
    ok(h5_write(writer, "statistics/new", H5_FLOAT32, 2, SIZE(33, 5), big[3], &error));
    ok(h5_write_attribute(writer, "train", "digest", H5_TEXT, "a longer one", &error));
    ok(h5_write_text(writer, "run/text", "another text", &error));
}

static void check_changed(const char *path) {
    struct H5File *file;
    ok(h5_open(&file, path, ERROR_DATA, &error));
    static float values[700][33][5];
    double two[2];
    char *text;
    uint8_t bytes[15];
    ok(h5_read(file, "model/big", H5_FLOAT32, 3, SIZE(700, 33, 5), values, &error));
    assert_true(values[0][0][1] == 0 && values[699][32][4] == 0);
    ok(h5_read(file, "a/b/c/d", H5_FLOAT64, 1, SIZE(2), two, &error));
    assert_true(two[0] == 1.5 && two[1] == 2.5);
    ok(h5_read(file, "statistics/new", H5_FLOAT32, 2, SIZE(33, 5), values, &error));
    assert_memory_equal(values, big[3], sizeof big[3]);
    ok(h5_read(file, "train/images", H5_UINT8, 2, SIZE(3, 5), bytes, &error));
    assert_int_equal(bytes[14], 7);
    ok(h5_read_attribute(file, "train", "digest", H5_TEXT, &text, &error));
    assert_string_equal(text, "a longer one");
    memory_release(text);
    ok(h5_read_text(file, "run/text", &text, &error));
    assert_string_equal(text, "another text");
    memory_release(text);
    char list[200] = "";
    ok(h5_list(file, "/", collect, list, &error));
    assert_string_equal(list, "a/ classes empty model/ run/ statistics/ train/ zeros ");
    h5_close(file);
}

/* The old file is whole until the new one takes its place, and who has it open keeps it. */
static void updated(void **state) {
    (void)state;
    const char *path = scratch_path("updated.h5"), *link = scratch_path("link.h5");
    make(path, false);
    chmod(path, 0640);
    assert_int_equal(symlink("updated.h5", link), 0);
    struct H5File *open_before;
    ok(h5_open(&open_before, link, ERROR_DATA, &error));
    struct H5Writer *writer;
    ok(h5_update(&writer, link, ERROR_DATA, &error));
    change(writer);
    h5_abandon(writer);
    assert_int_equal(scratch_count(), 2);
    check(open_before);
    ok(h5_update(&writer, link, ERROR_DATA, &error));
    change(writer);
    ok(h5_commit(writer, &error));
    check(open_before);
    h5_close(open_before);
    check_changed(path);
    struct stat status, first;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(first.st_mode & 0777, 0640);
    /* The same shapes once more: in their old places. */
    ok(h5_update(&writer, path, ERROR_DATA, &error));
    change(writer);
    ok(h5_commit(writer, &error));
    check_changed(path);
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < first.st_size + 10000);
    refused(h5_update(&writer, scratch_path("none.h5"), ERROR_DATA, &error), ERROR_DATA,
            "none.h5: cannot be opened: No such file");
    scratch_write(path, "no HDF5", 7);
    refused(h5_update(&writer, path, ERROR_DATA, &error), ERROR_DATA, "HDF5 cannot change it");
    assert_null(writer);
    assert_int_equal(scratch_count(), 2);
    scratch_empty();
}

static int update_limited(const char *path, rlim_t limit) {
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit});
    struct H5Writer *writer;
    int result = h5_update(&writer, path, ERROR_DATA, &error);
    if (result == OK)
        result = h5_write(writer, "more/big", H5_FLOAT32, 3, SIZE(700, 33, 5), big, &error);
    if (result == OK)
        result = h5_write_texts(writer, "more/classes", names, 4, &error);
    if (result == OK)
        return h5_commit(writer, &error) == OK ? 1 : scratch_count() == 1 ? 0 : 2;
    h5_abandon(writer);
    return result == ERROR_SYSTEM && scratch_count() == 1 ? 0 : 3;
}

static void full_disk_while_updating(void **state) {
    (void)state;
    const char *path = scratch_path("limited.h5");
    make(path, false);
    size_t bytes, after;
    char *before = scratch_read(path, &bytes);
    int written = 0, clean = 0;
    for (rlim_t limit = 0; limit < 2 * bytes + 20000; limit += bytes / 13) {
        pid_t child = fork();
        if (child == 0)
            end_child(update_limited(path, limit));
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("limit %lu: status %#x: %s", (unsigned long)limit, status, error.text);
        written += WEXITSTATUS(status) == 1;
        clean += WEXITSTATUS(status) == 0;
        if (WEXITSTATUS(status) == 0) {
            char *now = scratch_read(path, &after);
            assert_int_equal(after, bytes);
            assert_memory_equal(now, before, bytes);
            free(now);
        }
    }
    assert_true(written >= 1 && clean >= 13);
    free(before);
    scratch_empty();
}

/* --- damage to sealed files ------------------------------------------------------------------- */

static void damage(unsigned char *data, size_t *bytes, unsigned kind) {
    size_t at = (size_t)random() % *bytes;
    if (kind == 0)
        data[at] ^= (unsigned char)(1u << random() % 8);
    else if (kind == 1)
        data[at] = (unsigned char)(data[at] + 1 + random() % 255);
    else if (kind == 2)
        *bytes = at;
    else
        memset(data + at / 512 * 512, 0, *bytes - at / 512 * 512 < 512 ? *bytes % 512 : 512);
}

/* Every single damage is found before HDF5 sees the file, so here it runs in this process. */
static void sealed_mutants(void **state) {
    (void)state;
    const char *path = scratch_path("sealed.h5"), *mutant = scratch_path("mutant.h5");
    struct H5Writer *writer;
    ok(h5_create_in_memory(&writer, path, &error));
    ok(h5_write(writer, "model/0.weight", H5_FLOAT32, 2, SIZE(20, 30), big, &error));
    ok(h5_write_text(writer, "run/text", "seed: 1\n", &error));
    ok(h5_commit(writer, &error));
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes), *copy = malloc(bytes);
    srandom(1);
    int unnoticed = 0;
    for (int i = 0; i < 4000; i++) {
        size_t length = bytes;
        memcpy(copy, data, bytes);
        /* Every length of the file's last bytes too: a cut seal is no missing seal. */
        if (i < 64)
            length = bytes - 1 - (size_t)i;
        else
            damage(copy, &length, (unsigned)i % 4);
        if (length == bytes && memcmp(copy, data, bytes) == 0)
            continue; /* zeros over zeros */
        scratch_write(mutant, copy, length);
        struct H5File *file;
        bool sealed;
        int result = h5_open_sealed(&file, mutant, ERROR_CHECKPOINT, NULL, &sealed, &error);
        if (result == OK) {
            /* Cut exactly at the seal: a good file without one. */
            assert_false(sealed);
            assert_int_equal(length, bytes - 32);
            unnoticed++;
            h5_close(file);
        } else {
            assert_int_equal(result, ERROR_CHECKPOINT);
        }
    }
    assert_true(unnoticed >= 1 && unnoticed < 10);
    free(data);
    free(copy);
    scratch_empty();
}

/* --- nothing stays open ----------------------------------------------------------------------- */

static int descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

static void nothing_leaks(void **state) {
    (void)state;
    int before = descriptors();
    streamed_round_trip(NULL);
    sealed_round_trip(NULL);
    bad_files(NULL);
    bad_requests(NULL);
    unwritable_places(NULL);
    assert_int_equal(descriptors(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streamed_round_trip),
        cmocka_unit_test(sealed_round_trip),
        cmocka_unit_test(a_large_file_without_a_seal_is_not_read),
        cmocka_unit_test(published_or_abandoned),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(a_file_that_becomes_shorter),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(too_many_texts),
        cmocka_unit_test(too_few_bytes),
        cmocka_unit_test(too_large_chunk),
        cmocka_unit_test(unwritable_places),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(updated),
        cmocka_unit_test(full_disk_while_updating),
        cmocka_unit_test(sealed_mutants),
        cmocka_unit_test(nothing_leaks),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
