/* MATLAB's files of level 5: plain and packed, in both orders of bytes, structures, samples that
 * come last, what holds no numbers, damage. */
#include "sources/opened.h"

#include <zlib.h>

#include "base/random.h"

enum { SAMPLES = 12, ROOM = 1 << 16 };
enum { INT8 = 1, UINT8 = 2, INT32 = 5, UINT32 = 6, DOUBLE = 9, MATRIX = 14, PACKED = 15 };
enum { CELLS = 1, STRUCTURE = 2, SPARSE = 5, CLASS_DOUBLE = 6, CLASS_UINT8 = 9 };

/* A file in the making. */
struct Written {
    uint8_t bytes[ROOM];
    size_t count;
    bool swapped;
};

static void put(struct Written *to, const void *bytes, size_t count) {
    memcpy(to->bytes + to->count, bytes, count);
    to->count += count;
}

static void put_word(struct Written *to, uint32_t word) {
    word = to->swapped ? __builtin_bswap32(word) : word;
    put(to, &word, 4);
}

static void put_item(struct Written *to, uint32_t type, const void *bytes, size_t count) {
    put_word(to, type);
    put_word(to, (uint32_t)count);
    put(to, bytes, count);
    put(to, "\0\0\0\0\0\0\0", -count & 7);
}

/* The tag of a matrix, whose bytes end_matrix writes. */
static size_t begin_matrix(struct Written *to, uint32_t class, const int32_t *sizes, int rank,
                           const char *name) {
    size_t start = to->count;
    struct Written words = {.swapped = to->swapped};
    put_word(to, MATRIX);
    put_word(to, 0);
    put_word(&words, class);
    put_word(&words, 0);
    for (int i = 0; i < rank; i++)
        put_word(&words, (uint32_t)sizes[i]);
    put_item(to, UINT32, words.bytes, 8);
    put_item(to, INT32, words.bytes + 8, 4 * (size_t)rank);
    put_item(to, INT8, name, strlen(name));
    return start;
}

static void end_matrix(struct Written *to, size_t start) {
    size_t end = to->count;
    to->count = start + 4;
    put_word(to, (uint32_t)(end - start - 8));
    to->count = end;
}

/* Value k of the images: (6, 5, 3, 12), the first dimension fastest. */
static uint8_t value_of(int64_t k) {
    return (uint8_t)(k * 37 % 251);
}

static void put_images(struct Written *to, const char *name) {
    uint8_t values[6 * 5 * 3 * SAMPLES];
    for (int k = 0; k < 6 * 5 * 3 * SAMPLES; k++)
        values[k] = value_of(k);
    size_t start = begin_matrix(to, CLASS_UINT8, (int32_t[]){6, 5, 3, SAMPLES}, 4, name);
    put_item(to, UINT8, values, sizeof values);
    end_matrix(to, start);
}

/* 1, 2, 3, 1, … as doubles that are stored as bytes. */
static void put_labels(struct Written *to, const char *name) {
    uint8_t labels[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        labels[i] = (uint8_t)(i % 3 + 1);
    size_t start = begin_matrix(to, CLASS_DOUBLE, (int32_t[]){SAMPLES, 1}, 2, name);
    put_item(to, UINT8, labels, sizeof labels);
    end_matrix(to, start);
}

static struct Written *begin_file(bool swapped) {
    static struct Written file;
    file = (struct Written){.swapped = swapped};
    memset(file.bytes, ' ', 128);
    memcpy(file.bytes, "MATLAB 5.0 MAT-file", 19);
    memcpy(file.bytes + 124, swapped ? "\1\0MI" : "\0\1IM", 4);
    file.count = 128;
    return &file;
}

/* Puts the elements after the head through zlib, into one packed element for each matrix. */
static void pack(struct Written *file) {
    struct Written *packed = malloc(sizeof *packed);
    *packed = *file;
    packed->count = 128;
    for (size_t at = 128; at < file->count;) {
        uint32_t bytes;
        memcpy(&bytes, file->bytes + at + 4, 4);
        uLongf room = ROOM / 2;
        uint8_t *out = malloc(room);
        assert_int_equal(compress(out, &room, file->bytes + at, bytes + 8), Z_OK);
        put_word(packed, PACKED);
        put_word(packed, (uint32_t)room);
        put(packed, out, room);
        free(out);
        at += bytes + 8;
    }
    *file = *packed;
    free(packed);
}

static struct SourceOptions write_file(const struct Written *file) {
    scratch_empty();
    const char *path = scratch_path("data.mat");
    scratch_write(path, file->bytes, file->count);
    struct SourceOptions options = options_of("matlab", path);
    options.arrays.first_label = 1;
    return options;
}

static void expect_images(const struct SourceOptions *options, const char *split) {
    struct Source source = open_source(options);
    const struct SourceSplit *found = split_of(&source, split);
    assert_int_equal(found->count, SAMPLES);
    assert_int_equal(source.height * 100 + source.width * 10 + source.channels, 653);
    assert_false(source.floats);
    for (int n = 0; n < SAMPLES; n++) {
        uint8_t *sample = read_sample(&source, found, n);
        assert_int_equal(found->labels[n], n % 3);
        for (int y = 0; y < 6; y++)
            for (int x = 0; x < 5; x++)
                for (int c = 0; c < 3; c++)
                    assert_int_equal(sample[(y * 5 + x) * 3 + c],
                                     value_of(y + 6 * (x + 5 * (c + 3 * n))));
        memory_release(sample);
    }
    source_release(&source);
}

static void samples_that_come_last(void **state) {
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct Written *file = begin_file(way == 2);
        put_images(file, "X");
        put_labels(file, "y");
        if (way == 1)
            pack(file);
        struct SourceOptions options = write_file(file);
        expect_images(&options, "train");
    }
}

static void members_of_a_structure(void **state) {
    (void)state;
    struct Written *file = begin_file(false);
    char names[16] = "images\0\0labels";
    size_t outer = begin_matrix(file, STRUCTURE, (int32_t[]){1, 1}, 2, "test");
    put_word(file, INT32 | 4 << 16);
    put_word(file, 8);
    put_item(file, INT8, names, sizeof names);
    put_images(file, "");
    put_labels(file, "");
    end_matrix(file, outer);
    struct SourceOptions options = write_file(file);
    expect_images(&options, "test");
}

/* Four labels fit into the tag. */
static void values_in_a_tag(void **state) {
    (void)state;
    struct Written *file = begin_file(false);
    double images[8] = {1, 2, 3, 4, 5, 6, 7, 8.5};
    size_t start = begin_matrix(file, CLASS_DOUBLE, (int32_t[]){4, 2}, 2, "x");
    put_item(file, DOUBLE, images, sizeof images);
    end_matrix(file, start);
    start = begin_matrix(file, CLASS_UINT8, (int32_t[]){1, 4}, 2, "y");
    put_word(file, UINT8 | 4 << 16);
    put(file, "\1\2\2\1", 4);
    end_matrix(file, start);
    struct SourceOptions options = write_file(file);
    struct Source source = open_source(&options);
    const struct SourceSplit *train = split_of(&source, "train");
    assert_memory_equal(train->labels, ((int32_t[]){0, 1, 1, 0}), 16);
    float *sample = (float *)(void *)read_sample(&source, train, 3);
    assert_true(source.floats && sample[0] == 4 && sample[1] == 8.5f);
    memory_release(sample);
    source_release(&source);
}

static void what_holds_no_numbers(void **state) {
    (void)state;
    static const struct {
        uint32_t class;
        const char *word;
    } kinds[] = {{CELLS, "texts or cells"}, {SPARSE, "full("}, {CLASS_UINT8 | 0x800, "complex"}};
    for (int i = 0; i < 3; i++) {
        struct Written *file = begin_file(false);
        put_images(file, "X");
        end_matrix(file, begin_matrix(file, kinds[i].class, (int32_t[]){SAMPLES, 1}, 2, "y"));
        struct SourceOptions options = write_file(file);
        expect_refusal(&options, ERROR_DATA, "data.mat:y", kinds[i].word);
    }
    struct Written *file = begin_file(false);
    put_images(file, "X");
    size_t start = begin_matrix(file, CLASS_UINT8, (int32_t[]){5, 1}, 2, "y");
    put_item(file, UINT8, "\1\2\1\2\1", 5);
    end_matrix(file, start);
    struct SourceOptions options = write_file(file);
    expect_refusal(&options, ERROR_DATA, "X: has shape (6,5,3,12)", "y (5,1); expected as many");
}

/* Whatever is changed, the file is read, or refused in one line. */
static void damaged_files(void **state) {
    (void)state;
    for (uint64_t mutant = 0; mutant < 600; mutant++) {
        struct Written *file = begin_file(false);
        put_labels(file, "y");
        put_images(file, "X");
        if (mutant % 2)
            pack(file);
        struct RandomStream stream = random_stream(7, RANDOM_TEST, 0, 0, mutant);
        uint32_t words[4];
        random_block(&stream, 0, words);
        size_t end = mutant % 2 ? file->count : 300;
        size_t at = 128 + random_below(words[0], (uint32_t)end - 128);
        file->bytes[at] = (uint8_t)(words[1] % 2 ? words[2] : 1u << words[2] % 8);
        file->count = words[3] % 8 ? file->count : at;
        struct SourceOptions options = write_file(file);
        struct Source source;
        struct Error error = {0};
        if (source_open(&source, &options, NULL, &error) == OK)
            source_release(&source);
        else
            assert_true(error.text[0] && !strchr(error.text, '\n'));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_come_last), cmocka_unit_test(members_of_a_structure),
        cmocka_unit_test(values_in_a_tag),        cmocka_unit_test(what_holds_no_numbers),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests_name("mat", tests, scratch_make, scratch_remove);
}
