/* The binary files of STL-10: planes that stand column by column, labels from 1, no labels. */
#include "sources/opened.h"

enum { SIDE = 96, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };

static uint8_t pixel_of(int64_t i, int row, int column, int c) {
    return (uint8_t)(c * 80 + row * 7 + column + i);
}

static void make_images(const char *name, int64_t count, int64_t extra_bytes) {
    uint8_t *bytes = memory_array(uint8_t, count * PIXELS + extra_bytes, "images");
    for (int64_t i = 0; i < count; i++)
        for (int p = 0; p < PIXELS; p++)
            bytes[i * PIXELS + p] = pixel_of(i, p % SIDE, p % PLANE / SIDE, p / PLANE);
    scratch_write(scratch_path(name), bytes, (size_t)(count * PIXELS + extra_bytes));
    memory_release(bytes);
}

static struct SourceOptions make_stl10(void) {
    scratch_empty();
    make_images("train_X.bin", 4, 0);
    make_images("test_X.bin", 2, 0);
    make_images("unlabeled_X.bin", 3, 0);
    scratch_write(scratch_path("train_y.bin"), "\1\2\12\1", 4);
    scratch_write(scratch_path("test_y.bin"), "\3\4", 2);
    return options_of("stl10", scratch);
}

static void splits_labels_and_pixels(void **state) {
    (void)state;
    struct SourceOptions options = make_stl10();
    struct Source source = open_source(&options);
    const struct SourceSplit *train = split_of(&source, "train");
    const int32_t labels[] = {0, 1, 9, 0};
    assert_memory_equal(train->labels, labels, sizeof labels);
    assert_string_equal(source.targets.names[9], "truck");
    assert_int_equal(split_of(&source, "test")->labels[1], 3);
    assert_int_equal(split_of(&source, "unlabeled")->count, 3);
    assert_null(split_of(&source, "unlabeled")->labels);
    uint8_t *sample = read_sample(&source, train, 2);
    for (int p = 0; p < PIXELS; p++)
        assert_int_equal(sample[p], pixel_of(2, p / 3 / SIDE, p / 3 % SIDE, p % 3));
    memory_release(sample);
    source_release(&source);
}

static void one_file_and_its_labels(void **state) {
    (void)state;
    make_stl10();
    struct SourceOptions options = options_of("stl10", scratch_path("test_X.bin"));
    struct Source source = open_source(&options);
    assert_int_equal(source.split_count, 1);
    assert_int_equal(split_of(&source, "test")->labels[0], 2);
    source_release(&source);
}

static void what_does_not_fit(void **state) {
    (void)state;
    struct SourceOptions options = make_stl10();
    scratch_write(scratch_path("train_y.bin"), "\1\2\13\1", 4);
    expect_refusal(&options, ERROR_DATA, "train_y.bin: has a label 11", "1 ... 10");
    scratch_write(scratch_path("train_y.bin"), "\1\2\0\1", 4);
    expect_refusal(&options, ERROR_DATA, "label 2 is 0", "expected 1");
    scratch_write(scratch_path("train_y.bin"), "\1\2\3", 3);
    expect_refusal(&options, ERROR_DATA, "train_y.bin: 3 labels", "4 images");
    make_images("train_X.bin", 4, 5);
    expect_refusal(&options, ERROR_DATA, "train_X.bin", "multiple of 27648");
    unlink(scratch_path("train_X.bin"));
    expect_refusal(&options, ERROR_SYSTEM, "train_X.bin", "cannot open");
    unlink(scratch_path("test_y.bin"));
    options = options_of("stl10", scratch_path("test_X.bin"));
    expect_refusal(&options, ERROR_SYSTEM, "test_y.bin", "cannot open");
    options = options_of("stl10", scratch_path("train_y.bin"));
    expect_refusal(&options, ERROR_DATA, "train_y.bin", "train_X.bin");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_labels_and_pixels),
        cmocka_unit_test(one_file_and_its_labels),
        cmocka_unit_test(what_does_not_fit),
    };
    return cmocka_run_group_tests_name("stl10", tests, scratch_make, scratch_remove);
}
