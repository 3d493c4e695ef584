/* Arrays of NumPy: types, orders, names, texts; alone and packed. */
#include "sources/opened.h"

#include <zip.h>

#define COUNT 4
#define AREA 6 /* images of 2x3 */

/* The bytes of an NPY file; the caller releases them. */
static uint8_t *make_npy(const char *type, bool fortran, const char *shape, const void *values,
                         size_t bytes, size_t *count) {
    char head[128];
    int length =
        snprintf(head, sizeof head, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", type,
                 fortran ? "True" : "False", shape);
    *count = 10 + (size_t)length + bytes;
    uint8_t *file = memory_array(uint8_t, (int64_t)*count, "an NPY file");
    memcpy(file, "\x93NUMPY\x01\0", 8);
    file[8] = (uint8_t)length;
    memcpy(file + 10, head, (size_t)length);
    memcpy(file + 10 + length, values, bytes);
    return file;
}

static const char *write_npy(const char *name, const char *type, bool fortran, const char *shape,
                             const void *values, size_t bytes) {
    size_t count;
    const char *path = scratch_path(name);
    uint8_t *file = make_npy(type, fortran, shape, values, bytes, &count);
    FILE *stream = fopen(path, "wb");
    assert_int_equal(fwrite(file, 1, count, stream), count);
    fclose(stream);
    memory_release(file);
    return path;
}

static uint8_t pixels[COUNT * AREA];
static const int64_t numbers[COUNT] = {2, 0, 1, 2};

static void write_labels(void) {
    write_npy("y_train.npy", "<i8", false, "(4, 1)", numbers, sizeof numbers);
}

static struct Source open_scratch(void) {
    struct SourceOptions options = options_of("numpy", scratch);
    return open_source(&options);
}

static void bytes_are_read_row_by_row(void **state) {
    (void)state;
    scratch_empty();
    write_npy("x_train.npy", "|u1", false, "(4, 2, 3)", pixels, sizeof pixels);
    write_labels();
    struct Source source = open_scratch();
    const struct SourceSplit *split = split_of(&source, "train");
    assert_false(source.floats);
    assert_int_equal(source.height, 2);
    assert_int_equal(source.width, 3);
    assert_int_equal(source.targets.count, 3);
    for (int i = 0; i < COUNT; i++) {
        uint8_t *sample = read_sample(&source, split, i);
        assert_memory_equal(sample, pixels + i * AREA, AREA);
        assert_int_equal(split->labels[i], numbers[i]);
        memory_release(sample);
    }
    source_release(&source);
}

/* Each type, in both orders of bytes, and in Fortran's order of elements. */
static void other_types_become_floats(void **state) {
    (void)state;
    static const struct {
        const char *type;
        int bytes;
    } types[] = {{"<i2", 2}, {">i2", 2}, {"<i4", 4}, {">i4", 4}, {"<i8", 8}, {">i8", 8}};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int fortran = 0; fortran < 2; fortran++) {
            uint8_t values[COUNT * AREA * 8] = {0};
            for (int i = 0; i < COUNT * AREA; i++) {
                int64_t value = i * 11 - 100;
                int sample = i / AREA, y = i / 3 % 2, x = i % 3, bytes = types[t].bytes;
                int place = fortran ? sample + COUNT * (y + 2 * x) : i;
                for (int b = 0; b < bytes; b++)
                    values[place * bytes + (*types[t].type == '>' ? bytes - 1 - b : b)] =
                        (uint8_t)(value >> 8 * b);
            }
            scratch_empty();
            write_npy("x_train.npy", types[t].type, fortran, "(4, 2, 3)", values,
                      (size_t)(COUNT * AREA * types[t].bytes));
            write_labels();
            struct Source source = open_scratch();
            assert_true(source.floats);
            for (int i = 0; i < COUNT * AREA; i++) {
                uint8_t *sample = read_sample(&source, split_of(&source, "train"), i / AREA);
                assert_float_equal(((const float *)(const void *)sample)[i % AREA], i * 11 - 100,
                                   0);
                memory_release(sample);
            }
            source_release(&source);
        }
}

static void add_member(zip_t *zip, const char *name, const char *type, const char *shape,
                       const void *values, size_t bytes) {
    size_t count;
    uint8_t *file = make_npy(type, false, shape, values, bytes, &count);
    zip_source_t *member =
        zip_source_buffer_create(memcpy(malloc(count), file, count), count, 1, NULL);
    assert_true(zip_file_add(zip, name, member, 0) >= 0);
    memory_release(file);
}

/* Packed with labels that are texts of four bytes a letter; channels first. */
static void npz_with_texts(void **state) {
    (void)state;
    const uint32_t texts[COUNT][3] = {{'d', 'o', 'g'}, {'c', 'a', 't'}, {0xFC}, {'d', 'o', 'g'}};
    scratch_empty();
    int why;
    zip_t *zip = zip_open(scratch_path("a.npz"), ZIP_CREATE, &why);
    assert_non_null(zip);
    add_member(zip, "train_images.npy", "|u1", "(4, 3, 2, 1)", pixels, sizeof pixels);
    add_member(zip, "train_labels.npy", "<U3", "(4,)", texts, sizeof texts);
    assert_int_equal(zip_close(zip), 0);
    struct SourceOptions options = options_of("npz", scratch_path("a.npz"));
    options.arrays.axes = "NCHW";
    struct Source source = open_source(&options);
    const struct SourceSplit *split = split_of(&source, "train");
    assert_int_equal(source.channels, 3);
    assert_int_equal(source.height, 2);
    assert_string_equal(source.targets.names[0], "cat");
    assert_string_equal(source.targets.names[2], "ü");
    assert_memory_equal(split->labels, ((int32_t[]){1, 0, 2, 1}), sizeof(int32_t[4]));
    uint8_t *sample = read_sample(&source, split, 1);
    for (int i = 0; i < AREA; i++)
        assert_int_equal(sample[i], pixels[AREA + i % 3 * 2 + i / 3]);
    memory_release(sample);
    source_release(&source);
}

static void what_cannot_be_used(void **state) {
    (void)state;
    scratch_empty();
    struct SourceOptions options = options_of("numpy", scratch);
    expect_refusal(&options, ERROR_DATA, "holds no arrays", "x_train");
    write_labels();
    write_npy("x_train.npy", "|O", false, "(4, 2, 3)", pixels, sizeof pixels);
    expect_refusal(&options, ERROR_DATA, "x_train.npy", "elements of type |O;");
    write_npy("x_train.npy", "|u1", false, "(4, 2, 4)", pixels, sizeof pixels);
    expect_refusal(&options, ERROR_DATA, "declares 32 bytes of elements", "holds 24");
    write_npy("x_train.npy", "|u1", false, "(3, 2, 3)", pixels, 18);
    expect_refusal(&options, ERROR_DATA, "4 labels for the 3 images", "y_train.npy");
    write_npy("x_train.npy", "|u1", false, "(4294967295, 4294967295, 4)", pixels, 18);
    expect_refusal(&options, ERROR_DATA, "x_train.npy", "takes more than any memory");
    options = options_of("npz", write_npy("x.npz", "|u1", false, "(4, 2, 3)", pixels, 24));
    expect_refusal(&options, ERROR_DATA, "x.npz", "is not an NPZ");
}

/* A double beyond the largest float becomes Inf. */
static void values_that_are_not_finite(void **state) {
    (void)state;
    double values[COUNT * AREA] = {[AREA + 2] = 1e39};
    float sample[AREA];
    struct Error error;
    scratch_empty();
    write_npy("x_train.npy", "<f8", false, "(4, 2, 3)", values, sizeof values);
    write_labels();
    struct Source source = open_scratch();
    const struct SourceSplit *split = split_of(&source, "train");
    assert_int_equal(source_read(&source, split->items, 1, sample, &error), OK);
    assert_int_equal(source_read(&source, split->items + 1, 1, sample, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "x_train.npy: row 1 holds inf, expected finite numbers"));
    source_release(&source);
}

static void the_first_label(void **state) {
    (void)state;
    const uint8_t labels[COUNT] = {1, 2, 1, 3};
    scratch_empty();
    write_npy("x.npy", "|u1", false, "(4, 6)", pixels, sizeof pixels);
    write_npy("y.npy", "|u1", false, "(4,)", labels, sizeof labels);
    struct SourceOptions options = options_of("numpy", scratch);
    options.arrays.first_label = 1;
    struct Source source = open_source(&options);
    assert_int_equal(source.targets.count, 3);
    assert_string_equal(source.targets.names[0], "1");
    assert_int_equal(source.channels, 6);
    assert_int_equal(split_of(&source, "train")->labels[3], 2);
    source_release(&source);
    options.arrays.first_label = 2;
    expect_refusal(&options, ERROR_DATA, "label 0 is 1", "expected 2");
}

static int set_up(void **state) {
    (void)state;
    for (int i = 0; i < COUNT * AREA; i++)
        pixels[i] = (uint8_t)(i * 9);
    return scratch_make(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_read_row_by_row),
        cmocka_unit_test(other_types_become_floats),
        cmocka_unit_test(npz_with_texts),
        cmocka_unit_test(what_cannot_be_used),
        cmocka_unit_test(values_that_are_not_finite),
        cmocka_unit_test(the_first_label),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
