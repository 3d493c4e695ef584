/* Chunks that store, or unpack to, another size than the array's: every way to read them refuses
 * them, since HDF5 would read or write beyond its buffers. */
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
        cmocka_unit_test(chunks_of_another_size_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
