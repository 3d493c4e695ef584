/* The idx files of MNIST and its relatives: every field of their heads, plain and compressed. */
#include "sources/opened.h"

#include <zlib.h>

enum { BYTES_TYPE = 8, MOST_DIMENSIONS = 3 };

/* The head of an idx file. */
struct Head {
    uint8_t zeros[2], type, dimensions;
    uint32_t size[MOST_DIMENSIONS];
};

static struct Head images_head(uint32_t count, uint32_t height, uint32_t width) {
    return (struct Head){.type = BYTES_TYPE, .dimensions = 3, .size = {count, height, width}};
}

static struct Head labels_head(uint32_t count) {
    return (struct Head){.type = BYTES_TYPE, .dimensions = 1, .size = {count}};
}

/* Value i of a file is i modulo 251, or modulo 10 in files of labels. */
static uint8_t value_at(const struct Head *head, int64_t i) {
    return (uint8_t)(i % (head->dimensions == 1 ? 10 : 251));
}

/* Writes the head and `values` values. The name ends in ".gz": compressed. */
static void make(const char *name, struct Head head, int64_t values) {
    uint8_t *bytes = memory_array(uint8_t, 16 + values, "an idx file"), *at = bytes;
    *at++ = head.zeros[0];
    *at++ = head.zeros[1];
    *at++ = head.type;
    *at++ = head.dimensions;
    for (int i = 0; i < head.dimensions && i < MOST_DIMENSIONS; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            *at++ = (uint8_t)(head.size[i] >> shift);
    for (int64_t i = 0; i < values; i++)
        *at++ = value_at(&head, i);
    bool compressed = strstr(name, ".gz") != NULL;
    gzFile file = gzopen(scratch_path(name), compressed ? "wb1" : "wbT");
    assert_int_equal(gzwrite(file, bytes, (unsigned)(at - bytes)), (int)(at - bytes));
    assert_int_equal(gzclose(file), Z_OK);
    memory_release(bytes);
}

static struct SourceOptions idx_options(void) {
    return options_of("idx", scratch);
}

/* A split "train" of `count` images of height x width. */
static struct Source open_images(uint32_t count, uint32_t height, uint32_t width) {
    scratch_empty();
    make("train-images-idx3-ubyte.gz", images_head(count, height, width),
         (int64_t)count * height * width);
    make("train-labels-idx1-ubyte.gz", labels_head(count), count);
    struct SourceOptions options = idx_options();
    return open_source(&options);
}

/* Every file in place: 40 and 20 images of 6x5. */
static void make_good(void) {
    scratch_empty();
    make("train-images-idx3-ubyte.gz", images_head(40, 6, 5), 40 * 30);
    make("train-labels-idx1-ubyte", labels_head(40), 40);
    make("t10k-images-idx3-ubyte", images_head(20, 6, 5), 20 * 30);
    make("t10k-labels-idx1-ubyte.gz", labels_head(20), 20);
}

static void expect_idx_refusal(const char *word, const char *other) {
    struct SourceOptions options = idx_options();
    expect_refusal(&options, ERROR_DATA, word, other);
}

static void both_splits_are_read(void **state) {
    (void)state;
    make_good();
    struct SourceOptions options = idx_options();
    struct Source source = open_source(&options);
    assert_int_equal(source.split_count, 2);
    assert_int_equal(source.height, 6);
    assert_int_equal(source.width, 5);
    assert_int_equal(source.channels, 1);
    assert_false(source.floats);
    assert_int_equal(split_of(&source, "train")->count, 40);
    assert_int_equal(split_of(&source, "test")->count, 20);
    source_release(&source);
}

static void samples_belong_to_their_split(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(20, 6, 5), 20 * 30);
    struct SourceOptions options = idx_options();
    struct Source source = open_source(&options);
    static const char *const names[] = {"train", "test"};
    for (int s = 0; s < 2; s++) {
        const struct SourceSplit *split = split_of(&source, names[s]);
        for (int64_t i = 0; i < split->count; i++) {
            uint8_t *pixels = read_sample(&source, split, i);
            for (int64_t p = 0; p < 30; p++)
                assert_int_equal(pixels[p], (i * 30 + p) % 251);
            memory_release(pixels);
        }
    }
    source_release(&source);
}

static void classes_are_named_by_number(void **state) {
    (void)state;
    make_good();
    struct SourceOptions options = idx_options();
    struct Source source = open_source(&options);
    assert_int_equal(source.targets.count, 10);
    assert_string_equal(source.targets.names[9], "9");
    source_release(&source);
}

/* Sizes are 32 bits, most significant byte first. Each size below has all the bytes of one place
 * in it, so that a byte that is dropped or shifted wrongly changes the number. */
static void counts_beyond_16_bits(void **state) {
    (void)state;
    const uint32_t count = 0x00010203; /* 66,051 */
    struct Source source = open_images(count, 1, 1);
    const struct SourceSplit *train = split_of(&source, "train");
    assert_int_equal(train->count, count);
    assert_int_equal(train->labels[count - 1], (count - 1) % 10);
    uint8_t *pixel = read_sample(&source, train, count - 1);
    assert_int_equal(*pixel, (count - 1) % 251);
    memory_release(pixel);
    source_release(&source);
}

static void heights_beyond_24_bits(void **state) {
    (void)state;
    const uint32_t height = 0x01020304; /* 16,909,060 */
    struct Source source = open_images(1, height, 1);
    assert_int_equal(source.height, height);
    assert_int_equal(source.width, 1);
    source_release(&source);
}

static void widths_beyond_16_bits(void **state) {
    (void)state;
    const uint32_t width = 0x00010203;
    struct Source source = open_images(1, 1, width);
    assert_int_equal(source.height, 1);
    assert_int_equal(source.width, width);
    source_release(&source);
}

static void sizes_beyond_31_bits(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(0x80000000, 0x80000000, 2), 100);
    expect_idx_refusal("t10k-images-idx3-ubyte", "and this machine has");
}

static void sizes_whose_product_overflows(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), 100);
    expect_idx_refusal("t10k-images-idx3-ubyte", "and this machine has");
}

static void a_size_of_zero(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(20, 0, 5), 100);
    expect_idx_refusal("t10k-images-idx3-ubyte", "no values");
}

static void a_wrong_magic_number(void **state) {
    (void)state;
    static const struct {
        struct Head head;
        const char *shown;
    } cases[] = {{{.type = 8, .dimensions = 1, .size = {600}}, "00000801"},
                 {{.type = 10, .dimensions = 3, .size = {20, 6, 5}}, "00000a03"},
                 {{.zeros = {1, 0}, .type = 8, .dimensions = 3, .size = {20, 6, 5}}, "01000803"},
                 {{.zeros = {0, 2}, .type = 8, .dimensions = 3, .size = {20, 6, 5}}, "00020803"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_good();
        make("t10k-images-idx3-ubyte", cases[i].head, 600);
        expect_idx_refusal(cases[i].shown, "expected 00000803");
    }
}

static void a_file_that_ends_early(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(20, 6, 5), 19 * 30);
    expect_idx_refusal("t10k-images-idx3-ubyte", "30 bytes too early");
}

/* Nothing is allocated for values that a small file cannot hold. */
static void a_file_that_declares_too_much(void **state) {
    (void)state;
    static const char *const names[] = {"t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"};
    for (int i = 0; i < 2; i++) {
        make_good();
        unlink(scratch_path(names[0]));
        make(names[i], images_head(1000, 1000, 1000), 600);
        expect_idx_refusal(names[i], "declares 1000000000 bytes of values");
    }
}

static void a_file_that_goes_on(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(20, 6, 5), 21 * 30);
    expect_idx_refusal("t10k-images-idx3-ubyte", "after its last value");
}

static void labels_and_images_that_differ_in_number(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(19, 6, 5), 19 * 30);
    expect_idx_refusal("t10k-labels", "20 labels for the 19 images");
}

static void splits_that_differ_in_size(void **state) {
    (void)state;
    make_good();
    make("t10k-images-idx3-ubyte", images_head(20, 5, 6), 20 * 30);
    expect_idx_refusal("images of 5x6", "6x5");
}

static void a_missing_file(void **state) {
    (void)state;
    make_good();
    unlink(scratch_path("train-labels-idx1-ubyte"));
    expect_idx_refusal("no file of labels beside it", "train-images-idx3-ubyte.gz");
}

static void too_few_class_names(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b"};
    make_good();
    struct SourceOptions options = idx_options();
    options.classes = names;
    options.class_count = 2;
    expect_refusal(&options, ERROR_USAGE, "2 classes", "need 10");
}

/* EMNIST's names have a prefix, and its images are stored by columns. Renamed, they are not known
 * for what they are. */
static void emnist(void **state) {
    (void)state;
    scratch_empty();
    make("emnist-letters-train-images-idx3-ubyte.gz", images_head(20, 6, 5), 20 * 30);
    make("emnist-letters-train-labels-idx1-ubyte.gz", labels_head(20), 20);
    make("emnist-letters-test-images-idx3-ubyte.gz", images_head(20, 6, 5), 20 * 30);
    make("emnist-letters-test-labels-idx1-ubyte.gz", labels_head(20), 20);
    static const enum SourceTranspose asked[] = {TRANSPOSE_AUTO, TRANSPOSE_YES, TRANSPOSE_NO};
    for (int k = 0; k < 3; k++) {
        struct SourceOptions options = idx_options();
        options.arrays.transpose = asked[k];
        struct Source source = open_source(&options);
        bool turned = asked[k] != TRANSPOSE_NO;
        assert_int_equal(source.height, turned ? 5 : 6);
        assert_int_equal(split_of(&source, "test")->count, 20);
        uint8_t *pixels = read_sample(&source, split_of(&source, "train"), 2);
        for (int i = 0; i < 30; i++)
            assert_int_equal(pixels[i], 60 + (turned ? i % 6 * 5 + i / 6 : i));
        memory_release(pixels);
        source_release(&source);
    }
}

/* A folder of several data sets, of which one is named; characters' codes beside it. */
static void one_prefix_of_several(void **state) {
    (void)state;
    make("emnist-digits-train-images-idx3-ubyte", images_head(20, 6, 5), 20 * 30);
    make("emnist-digits-train-labels-idx1-ubyte", labels_head(20), 20);
    expect_idx_refusal("'emnist-digits' and 'emnist-letters'", "expected one");
    const char codes[] = "0 65 97\n1 66 98\n2 67\n3 68\n4 69\n5 70\n6 71\n7 72\n8 73\n9 74\n";
    scratch_write(scratch_path("emnist-digits-mapping.txt"), codes, sizeof codes - 1);
    struct SourceOptions options = options_of("idx", scratch_path("emnist-digits"));
    struct Source source = open_source(&options);
    assert_int_equal(source.split_count, 1);
    assert_int_equal(source.targets.count, 10);
    assert_string_equal(source.targets.names[1], "B");
    source_release(&source);
}

static void floats_and_the_first_label(void **state) {
    (void)state;
    static const uint8_t images[] = {
        0,    0,    0x0D, 3, 0,    0,    0, 2, 0,    0, 0, 1,
        0,    0,    0,    2, 0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0, /* 1, -2 */
        0x40, 0x40, 0,    0, 0x3E, 0x80, 0, 0 /* 3, 0.25 */};
    static const uint8_t labels[] = {0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 1, 0, 2};
    scratch_empty();
    scratch_write(scratch_path("train-images-idx3-float"), images, sizeof images);
    scratch_write(scratch_path("train-labels-idx1-short"), labels, sizeof labels);
    struct SourceOptions options = idx_options();
    options.arrays.first_label = 1;
    struct Source source = open_source(&options);
    assert_true(source.floats);
    assert_int_equal(source.targets.count, 2);
    assert_string_equal(source.targets.names[1], "2");
    assert_int_equal(split_of(&source, "train")->labels[1], 1);
    uint8_t *sample = read_sample(&source, split_of(&source, "train"), 1);
    assert_memory_equal(sample, ((float[]){3, 0.25f}), 8);
    memory_release(sample);
    source_release(&source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_splits_are_read),
        cmocka_unit_test(samples_belong_to_their_split),
        cmocka_unit_test(classes_are_named_by_number),
        cmocka_unit_test(counts_beyond_16_bits),
        cmocka_unit_test(heights_beyond_24_bits),
        cmocka_unit_test(widths_beyond_16_bits),
        cmocka_unit_test(sizes_beyond_31_bits),
        cmocka_unit_test(sizes_whose_product_overflows),
        cmocka_unit_test(a_size_of_zero),
        cmocka_unit_test(a_wrong_magic_number),
        cmocka_unit_test(a_file_that_ends_early),
        cmocka_unit_test(a_file_that_declares_too_much),
        cmocka_unit_test(a_file_that_goes_on),
        cmocka_unit_test(labels_and_images_that_differ_in_number),
        cmocka_unit_test(splits_that_differ_in_size),
        cmocka_unit_test(a_missing_file),
        cmocka_unit_test(too_few_class_names),
        cmocka_unit_test(emnist),
        cmocka_unit_test(one_prefix_of_several),
        cmocka_unit_test(floats_and_the_first_label),
    };
    return cmocka_run_group_tests_name("idx", tests, scratch_make, scratch_remove);
}
