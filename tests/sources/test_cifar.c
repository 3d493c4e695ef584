/* The binary files of CIFAR-10 and CIFAR-100: records, label bytes, class names, and
 * records beyond 2 GiB. Their Python files: pickles, of which nothing is executed. */
#include "sources/opened.h"

#include <fcntl.h>

#include "base/random.h"

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE };
enum { RECORD_10 = 1 + PIXELS, RECORD_100 = 2 + PIXELS };

/* Pixel (row, column) of channel c in record i of a file. */
static uint8_t pixel_of(int64_t i, int row, int column, int c) {
    return (uint8_t)(c * 80 + row * 7 + column + i);
}

static void fill_pixels(uint8_t *planes, int64_t i) {
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < PLANE; p++)
            planes[c * PLANE + p] = pixel_of(i, p / SIDE, p % SIDE, c);
}

/* `count` records. Labels: i % 10; of CIFAR-100 coarse i % 20 and then fine i % 100. */
static void make_records(const char *name, int label_bytes, int64_t count, int64_t extra_bytes) {
    int64_t record = label_bytes + PIXELS;
    uint8_t *bytes = memory_array(uint8_t, record * count + extra_bytes, "records");
    for (int64_t i = 0; i < count; i++) {
        uint8_t *at = bytes + i * record;
        at[0] = (uint8_t)(label_bytes == 1 ? i % 10 : i % 20);
        at[label_bytes - 1] = (uint8_t)(label_bytes == 1 ? i % 10 : i % 100);
        fill_pixels(at + label_bytes, i);
    }
    scratch_write(scratch_path(name), bytes, (size_t)(record * count + extra_bytes));
    memory_release(bytes);
}

static void make_names(const char *name, const char *prefix, int count) {
    FILE *file = fopen(scratch_path(name), "w");
    for (int i = 0; i < count; i++)
        fprintf(file, "%s%d\n", prefix, i);
    fclose(file);
}

static const char *batch_name(int i) {
    static char name[32];
    snprintf(name, sizeof name, i < 6 ? "data_batch_%d.bin" : "test_batch.bin", i);
    return name;
}

/* CIFAR-10: five files of 20 records, and a test file of 10. */
static struct SourceOptions make_cifar10(void) {
    scratch_empty();
    for (int i = 1; i <= 6; i++)
        make_records(batch_name(i), 1, i < 6 ? 20 : 10, 0);
    return options_of("cifar10", scratch);
}

/* CIFAR-100: 200 records to train with and 100 to test. */
static struct SourceOptions make_cifar100(void) {
    scratch_empty();
    make_records("train.bin", 2, 200, 0);
    make_records("test.bin", 2, 100, 0);
    make_names("fine_label_names.txt", "fine", 100);
    make_names("coarse_label_names.txt", "coarse", 20);
    return options_of("cifar100", scratch);
}

static void expect_record(const struct Source *source, const struct SourceSplit *split,
                          int64_t index, int64_t record) {
    uint8_t *sample = read_sample(source, split, index);
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(sample[(row * SIDE + column) * 3 + c],
                                 pixel_of(record, row, column, c));
    memory_release(sample);
}

static void the_size_of_cifar10(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    struct Source source = open_source(&options);
    assert_int_equal(source.height, SIDE);
    assert_int_equal(source.width, SIDE);
    assert_int_equal(source.channels, 3);
    assert_int_equal(split_of(&source, "train")->count, 100);
    assert_int_equal(split_of(&source, "test")->count, 10);
    source_release(&source);
}

/* Sample 21 of the split is record 1 of the second file. */
static void records_are_read_from_their_file(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    struct Source source = open_source(&options);
    for (int64_t i = 0; i < 100; i++) {
        expect_record(&source, split_of(&source, "train"), i, i % 20);
        assert_int_equal(split_of(&source, "train")->labels[i], i % 20 % 10);
    }
    expect_record(&source, split_of(&source, "test"), 9, 9);
    source_release(&source);
}

static void a_missing_batch(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    unlink(scratch_path("test_batch.bin"));
    expect_refusal(&options, ERROR_SYSTEM, "test_batch.bin", "cannot open");
}

static void bytes_that_make_no_record(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    make_records("data_batch_3.bin", 1, 20, 5);
    expect_refusal(&options, ERROR_DATA, "data_batch_3.bin", "multiple of 3073");
}

static void an_empty_file(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    make_records("data_batch_3.bin", 1, 0, 0);
    expect_refusal(&options, ERROR_DATA, "data_batch_3.bin", "0 bytes");
}

static void a_label_beyond_the_classes(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    const uint8_t record[RECORD_10] = {10};
    scratch_write(scratch_path("data_batch_3.bin"), record, sizeof record);
    expect_refusal(&options, ERROR_DATA, "label 10", "0 ... 9");
}

static void more_files_than_fit(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    const char *paths[17];
    char *path = memory_copy_text(scratch_path("data_batch_1.bin"));
    for (int i = 0; i < 17; i++)
        paths[i] = path;
    options.paths = paths;
    options.path_count = 17;
    expect_refusal(&options, ERROR_USAGE, "more than", "16 files");
    memory_release(path);
}

/* Records stand one after another, however far they reach: 2^31 bytes are 698,820 records. The file
 * grows, with a hole in it, after it was opened, because reading 700,000 labels would take long; an
 * item plus n is the item n records further on. */
static void records_beyond_2_gib(void **state) {
    (void)state;
    const int64_t record = 700000;
    struct SourceOptions options = make_cifar10();
    struct Source source = open_source(&options);
    uint8_t bytes[RECORD_10] = {7};
    fill_pixels(bytes + 1, record);
    int file = open(scratch_path("data_batch_1.bin"), O_WRONLY);
    assert_true(file >= 0);
    ssize_t written = pwrite(file, bytes, sizeof bytes, record * RECORD_10);
    close(file);
    if (written != (ssize_t)sizeof bytes) {
        source_release(&source);
        skip(); /* this folder takes no large files */
    }
    int64_t item = split_of(&source, "train")->items[0] + record;
    struct SourceSplit far = {.items = &item};
    expect_record(&source, &far, 0, record);
    source_release(&source);
}

static void cifar10_knows_its_classes(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    struct Source source = open_source(&options);
    assert_string_equal(source.targets.names[3], "cat");
    source_release(&source);
}

static void the_archives_names_come_first(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar10();
    make_names("batches.meta.txt", "kind", 10);
    struct Source source = open_source(&options);
    assert_int_equal(source.targets.count, 10);
    assert_string_equal(source.targets.names[3], "kind3");
    source_release(&source);
    make_names("batches.meta.txt", "kind", 9);
    expect_refusal(&options, ERROR_DATA, "batches.meta.txt: 9 class names", "expected 10");
}

static void labels_of_cifar100(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar100();
    for (int coarse = 0; coarse < 2; coarse++) {
        options.coarse_labels = coarse;
        struct Source source = open_source(&options);
        const struct SourceSplit *train = split_of(&source, "train");
        assert_int_equal(source.targets.count, coarse ? 20 : 100);
        assert_string_equal(source.targets.names[7], coarse ? "coarse7" : "fine7");
        for (int64_t i = 0; i < train->count; i++)
            assert_int_equal(train->labels[i], i % (coarse ? 20 : 100));
        source_release(&source);
    }
}

/* Two label bytes stand before the pixels. */
static void records_of_cifar100(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar100();
    struct Source source = open_source(&options);
    for (int64_t i = 0; i < 100; i++) {
        expect_record(&source, split_of(&source, "train"), 100 + i, 100 + i);
        expect_record(&source, split_of(&source, "test"), i, i);
    }
    source_release(&source);
    make_records("test.bin", 1, 100, 0);
    expect_refusal(&options, ERROR_DATA, "test.bin", "multiple of 3074");
}

static void cifar100_needs_its_names(void **state) {
    (void)state;
    struct SourceOptions options = make_cifar100();
    unlink(scratch_path("fine_label_names.txt"));
    expect_refusal(&options, ERROR_SYSTEM, "fine_label_names.txt", "names the classes");
    make_names("coarse_label_names.txt", "coarse", 19);
    options.coarse_labels = true;
    expect_refusal(&options, ERROR_DATA, "coarse_label_names.txt: 19 class names", "expected 20");
}

/* A pickle in the making. */
struct Written {
    uint8_t *bytes;
    size_t count;
};

static void put(struct Written *to, const void *bytes, size_t count) {
    memcpy(to->bytes + to->count, bytes, count);
    to->count += count;
}
#define PUT(to, text) put(to, text, sizeof(text) - 1)

static void put_length(struct Written *to, char code, size_t length) {
    put(to,
        (const uint8_t[]){(uint8_t)code, (uint8_t)length, (uint8_t)(length >> 8),
                          (uint8_t)(length >> 16), 0},
        5);
}

/* As Python 2 wrote CIFAR's files: "labels", a list of i % 10, and "data", an array of bytes. */
static void make_pickle(const char *name, int64_t count, bool by_columns) {
    struct Written to = {memory_array(uint8_t, count * (PIXELS + 2) + 1000, "a pickle"), 0};
    PUT(&to, "\x80\x02}q\x01(U\x0b"
             "batch_labelq\x02U\x03oneU\x06labels]q\x03(");
    for (int64_t i = 0; i < count; i++)
        put(&to, (const uint8_t[]){'K', (uint8_t)(i % 10)}, 2);
    PUT(&to, "eU\x04"
             "datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01"
             "b\x87Rq\x05(K\x01K");
    put(&to, (const uint8_t[]){(uint8_t)count, 'M', 0, PIXELS >> 8, 0x86}, 5);
    PUT(&to, "cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff"
             "J\xff\xff\xff\xffK\0tb");
    put(&to, by_columns ? "\x88" : "\x89", 1);
    put_length(&to, 'T', (size_t)(count * PIXELS));
    uint8_t *rows = memory_array(uint8_t, count * PIXELS, "pixels");
    for (int64_t i = 0; i < count; i++)
        fill_pixels(rows + i * PIXELS, i);
    for (int64_t i = 0; i < count * PIXELS; i++)
        put(&to, by_columns ? rows + i % count * PIXELS + i / count : rows + i, 1);
    PUT(&to, "tbu.");
    scratch_write(scratch_path(name), to.bytes, to.count);
    memory_release(rows);
    memory_release(to.bytes);
}

static struct SourceOptions make_pickles(void) {
    static const char names[] = "\x80\x02}q\x01U\x0blabel_names]q\x02("
                                "U\x01"
                                "aU\x01"
                                "bU\x01"
                                "cU\x01"
                                "dU\x01"
                                "eU\x01"
                                "fU\x01g"
                                "U\x01hU\x01iU\x01jes.";
    scratch_empty();
    for (int i = 1; i <= 6; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s", batch_name(i));
        *strrchr(name, '.') = 0;
        make_pickle(name, i < 6 ? 20 : 10, i == 2);
    }
    scratch_write(scratch_path("batches.meta"), names, sizeof names - 1);
    return options_of("cifar10", scratch);
}

static void the_python_version(void **state) {
    (void)state;
    struct SourceOptions options = make_pickles();
    struct Source source = open_source(&options);
    const struct SourceSplit *train = split_of(&source, "train");
    assert_int_equal(train->count, 100);
    assert_string_equal(source.targets.names[3], "d");
    for (int64_t i = 0; i < 100; i++) {
        expect_record(&source, train, i, i % 20);
        assert_int_equal(train->labels[i], i % 20 % 10);
    }
    expect_record(&source, split_of(&source, "test"), 9, 9);
    source_release(&source);
}

static void expect_refused_pickle(const void *bytes, size_t count, const char *word,
                                  const char *other) {
    scratch_empty();
    const char *path = scratch_path("data_batch_1");
    scratch_write(path, bytes, count);
    struct SourceOptions options = options_of("cifar10", path);
    expect_refusal(&options, ERROR_DATA, word, other);
}
#define EXPECT_REFUSED(text, word, other) expect_refused_pickle(text, sizeof(text) - 1, word, other)

static void pickles_of_something_else(void **state) {
    (void)state;
    EXPECT_REFUSED("\x80\x02"
                   "cposix\nsystem\nU\x02ls\x85R.",
                   "calls 'system'", "nothing in a");
    EXPECT_REFUSED("\x80\x04\x8c\x08"
                   "builtins\x8c\x04"
                   "eval\x93\x8c\x03"
                   "1+1\x85R.",
                   "calls 'eval'", "executed");
    EXPECT_REFUSED("\x80\x02]K\x01"
                   "a.",
                   "data_batch_1", "does not hold a dictionary");
    EXPECT_REFUSED("\x80\x02}U\x06labels]K\x01"
                   "as.",
                   "a pickle of labels", "expected 'labels'");
    EXPECT_REFUSED("\x80\x02}U\x64labels", "damaged pickle", "byte");
    EXPECT_REFUSED("\x80\x02}u.", "damaged pickle", "byte 4");
    EXPECT_REFUSED("\x80\x02}h\x07s.", "damaged pickle", "byte");
}

/* Whatever is changed in the instructions, the file is read, or refused in one line. */
static void damaged_pickles(void **state) {
    (void)state;
    scratch_empty();
    size_t count;
    make_pickle("data_batch_1", 1, false);
    char *path = memory_copy_text(scratch_path("data_batch_1"));
    uint8_t *good = scratch_read(path, &count);
    struct SourceOptions options = options_of("cifar10", path);
    for (uint64_t mutant = 0; mutant < 500; mutant++) {
        struct RandomStream stream = random_stream(5, RANDOM_TEST, 0, 0, mutant);
        uint32_t words[4];
        random_block(&stream, 0, words);
        size_t at = random_below(words[0], 2 * 200);
        at = at < 200 ? at : count - 1 - (at - 200) % 8;
        uint8_t kept = good[at];
        good[at] = words[1] % 2 ? (uint8_t)words[2]
                                : (uint8_t) "()]}tuseqhKMUTRbc\x85\x88."[words[2] % 20];
        scratch_write(path, good, words[3] % 8 ? count : at);
        good[at] = kept;
        struct Source source;
        struct Error error = {0};
        if (source_open(&source, &options, NULL, &error) == OK)
            source_release(&source);
        else
            assert_true(error.text[0] && !strchr(error.text, '\n'));
    }
    free(good);
    memory_release(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_size_of_cifar10),
        cmocka_unit_test(records_are_read_from_their_file),
        cmocka_unit_test(a_missing_batch),
        cmocka_unit_test(bytes_that_make_no_record),
        cmocka_unit_test(an_empty_file),
        cmocka_unit_test(a_label_beyond_the_classes),
        cmocka_unit_test(more_files_than_fit),
        cmocka_unit_test(records_beyond_2_gib),
        cmocka_unit_test(cifar10_knows_its_classes),
        cmocka_unit_test(the_archives_names_come_first),
        cmocka_unit_test(labels_of_cifar100),
        cmocka_unit_test(records_of_cifar100),
        cmocka_unit_test(cifar100_needs_its_names),
        cmocka_unit_test(the_python_version),
        cmocka_unit_test(pickles_of_something_else),
        cmocka_unit_test(damaged_pickles),
    };
    return cmocka_run_group_tests_name("cifar", tests, scratch_make, scratch_remove);
}
