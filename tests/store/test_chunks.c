/* Reading of chunks: their conversion, and chunks that store, or unpack to, another size than the
 * array's. Every way to read refuses these, since HDF5 would read or write beyond its buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <hdf5.h>
#include <zlib.h>

#include "base/memory.h"
#include "store/h5.h"
#include "store/scratch.h"

#include <cmocka.h>

#define COUNT 40
#define CHUNK 20
#define MOST 100000

static struct Error error;

static hid_t properties(bool packed) {
    hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(create, 1, (hsize_t[]){CHUNK}) >= 0);
    if (packed)
        assert_true(H5Pset_deflate(create, 1) >= 0);
    return create;
}

/* A file with one array of two chunks. The first chunk is written twice, the second time as `bytes`
 * bytes; 0 bytes: once. */
static void make(bool packed, size_t bytes) {
    static unsigned char plain[MOST], deflated[MOST];
    int32_t values[COUNT];
    uLongf length = MOST;
    for (int i = 0; i < COUNT; i++)
        values[i] = i;
    hid_t file = H5Fcreate(scratch_path("x.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t create = properties(packed), space = H5Screate_simple(1, (hsize_t[]){COUNT}, NULL);
    hid_t set = H5Dcreate2(file, "x", H5T_STD_I32LE, space, H5P_DEFAULT, create, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    assert_int_equal(compress(deflated, &length, plain, bytes), Z_OK);
    if (bytes)
        assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, 0, (hsize_t[]){0}, packed ? length : bytes,
                                   packed ? deflated : plain) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(create);
    H5Fclose(file);
}

static int read_whole(struct H5File *file, enum H5Type type, void *values) {
    return h5_read(file, "/x", type, 1, (int64_t[]){COUNT}, values, &error);
}

static int read_part(struct H5File *file, enum H5Type type, void *values) {
    return h5_read_part(file, "/x", type, 1, (int64_t[]){3}, (int64_t[]){5}, values, &error);
}

static int read_ahead(struct H5File *file, enum H5Type type, void *values) {
    struct H5Reader *reader;
    int code = h5_reader_open(&reader, file, "/x", type, 0, &error);
    code = code ? code : h5_reader_read(reader, 3, 5, values, &error);
    h5_reader_close(reader);
    return code;
}

typedef int read_function(struct H5File *file, enum H5Type type, void *values);
static read_function *const ways[] = {read_whole, read_part, read_ahead};

/* Each way to read, as the type of the file and as another. */
static void try_all(bool packed, size_t bytes) {
    double values[COUNT];
    make(packed, bytes);
    for (int way = 0; way < 6; way++) {
        struct H5File *file;
        assert_int_equal(h5_open(&file, scratch_path("x.h5"), ERROR_DATA, &error), OK);
        int code = ways[way / 2](file, way % 2 ? H5_FLOAT64 : H5_INT32, values);
        h5_close(file);
        assert_int_equal(code, bytes ? ERROR_DATA : OK);
        if (bytes && !strstr(error.text, "/x: "))
            fail_msg("says '%s'", error.text);
    }
}

static void good_chunks_are_read(void **state) {
    (void)state;
    try_all(false, 0);
    try_all(true, 0);
}

/* Big-endian integers in chunks that divide no side, one of which was never written, with a fill
 * value. HDF5 itself says what they are. */
static void make_table(const char *path, int16_t largest) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t create = H5Pcreate(H5P_DATASET_CREATE),
          space = H5Screate_simple(2, (hsize_t[]){7, 5}, NULL);
    hid_t upper = H5Screate_simple(2, (hsize_t[]){3, 5}, NULL);
    int16_t values[15];
    for (int i = 0; i < 15; i++)
        values[i] = (int16_t)(i == 14 ? largest : 3 * i - 20);
    H5Pset_chunk(create, 2, (hsize_t[]){3, 2});
    H5Pset_fill_value(create, H5T_NATIVE_INT, &(int){-5});
    H5Pset_shuffle(create);
    H5Pset_deflate(create, 1);
    hid_t set = H5Dcreate2(file, "x", H5T_STD_I16BE, space, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, (hsize_t[]){0, 0}, NULL, (hsize_t[]){3, 5}, NULL);
    assert_true(H5Dwrite(set, H5T_NATIVE_INT16, upper, space, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Sclose(upper);
    H5Sclose(space);
    H5Pclose(create);
    H5Fclose(file);
}

static void packed_values_are_converted(void **state) {
    (void)state;
    const char *path = scratch_path("table.h5");
    float expected[35], whole[35], part[12];
    struct H5File *file;
    make_table(path, 300);
    hid_t id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(id, "x", H5P_DEFAULT);
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, expected) >= 0);
    H5Dclose(set);
    H5Fclose(id);
    assert_int_equal(h5_open(&file, path, ERROR_DATA, &error), OK);
    assert_int_equal(h5_read(file, "x", H5_FLOAT32, 2, (int64_t[]){7, 5}, whole, &error), OK);
    assert_memory_equal(whole, expected, sizeof whole);
    assert_int_equal(
        h5_read_part(file, "x", H5_FLOAT32, 2, (int64_t[]){2, 1}, (int64_t[]){4, 3}, part, &error),
        OK);
    for (int i = 0; i < 12; i++)
        assert_true(part[i] == expected[(2 + i / 3) * 5 + 1 + i % 3]);
    h5_close(file);
}

static void values_that_do_not_fit_are_refused(void **state) {
    (void)state;
    const char *path = scratch_path("table.h5");
    uint8_t values[15];
    struct H5File *file;
    make_table(path, 300);
    assert_int_equal(h5_open(&file, path, ERROR_DATA, &error), OK);
    int code =
        h5_read_part(file, "x", H5_UINT8, 2, (int64_t[]){2, 4}, (int64_t[]){1, 1}, values, &error);
    assert_int_equal(code, ERROR_DATA);
    assert_non_null(strstr(error.text, "x: a value of type int16 does not fit 1 bytes"));
    h5_close(file);
}

static void chunks_of_another_size_are_refused(void **state) {
    (void)state;
    static const size_t right = CHUNK * sizeof(int32_t);
    const size_t sizes[] = {1, right - 1, right + 1, MOST};
    for (int i = 0; i < 4; i++) {
        try_all(false, sizes[i]);
        try_all(true, sizes[i]);
    }
}

int main(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_chunks_are_read),
        cmocka_unit_test(packed_values_are_converted),
        cmocka_unit_test(values_that_do_not_fit_are_refused),
        cmocka_unit_test(chunks_of_another_size_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
