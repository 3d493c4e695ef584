/* Array pairs of other programs' files: what is read, and what becomes of damaged ones. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "data/dataset/contents.h"
#include "data/dataset/conventions.h"
#include "data/made_dataset.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { COUNT = 30, CLASSES = 3, HIGH = 4, WIDE = 5, CHANNELS = 3 };
enum { ELEMENTS = HIGH * WIDE * CHANNELS, EXIT_BASE = 40 };

/* HDF5 asks malloc for as much as a damaged size says. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static double value_of(int64_t sample, int64_t h, int64_t w, int64_t c) {
    return (double)(sample * 7 + h * 5 + w * 3 + c * 50);
}

/* /x (N,C,H,W) float64; /y (N,1) int64 from 1; /hot (N,K); /rows; /names. */
static void write_file(const char *path) {
    struct Error error;
    struct H5Writer *writer;
    static double x[COUNT * ELEMENTS];
    int64_t y[COUNT], rows[COUNT / 2];
    float hot[COUNT * CLASSES] = {0};
    static const char *const names[] = {"ant", "bee", "cat"};
    for (int64_t i = 0, at = 0; i < COUNT; i++) {
        y[i] = i % CLASSES + 1;
        rows[i / 2] = COUNT - 1 - i;
        hot[i * CLASSES + i % CLASSES] = 1;
        for (int64_t c = 0; c < CHANNELS; c++)
            for (int64_t h = 0; h < HIGH; h++)
                for (int64_t w = 0; w < WIDE; w++)
                    x[at++] = value_of(i, h, w, c);
    }
    assert_int_equal(h5_create(&writer, path, &error), OK);
    int code =
        h5_write(writer, "/x", H5_FLOAT64, 4, (int64_t[]){COUNT, CHANNELS, HIGH, WIDE}, x, &error);
    code |= h5_write(writer, "/y", H5_INT64, 2, (int64_t[]){COUNT, 1}, y, &error);
    code |= h5_write(writer, "/hot", H5_FLOAT32, 2, (int64_t[]){COUNT, CLASSES}, hot, &error);
    code |= h5_write(writer, "/rows", H5_INT64, 1, (int64_t[]){COUNT / 2}, rows, &error);
    code |= h5_write_texts(writer, "/names", names, CLASSES, &error);
    assert_int_equal(code, OK);
    assert_int_equal(h5_commit(writer, &error), OK);
}

static int open_mapped(struct Dataset **dataset, const char *path, struct SplitOptions *train,
                       struct Error *error) {
    static const char *classes[] = {"/names"};
    struct SplitOptions part = {
        .fraction_of = "train", .fraction = 0.2, .stratified = true, .first_label = -1};
    struct NamedItem items[] = {{"train", train}, {"part", &part}};
    const struct DataOptions options = {.file = path,
                                        .axes = "NCHW",
                                        .first_label = 1,
                                        .classes = {1, classes},
                                        .splits = {2, items}};
    static const struct WantedSplit wanted[] = {{.name = "train"}, {.name = "part"}};
    const struct DatasetRequest request = {.options = &options, .splits = wanted, .split_count = 2};
    return dataset_open_request(dataset, &request, error);
}

static struct SplitOptions options_of(const char **images, const char **labels) {
    return (struct SplitOptions){.images = {1, images}, .labels = {1, labels}, .first_label = -1};
}

static void check_split(const struct Dataset *dataset, const struct Split *split, int64_t count) {
    assert_int_equal(split->count, count);
    for (int64_t i = 0; i < count; i++) {
        const float *pixels = dataset_image(dataset, split, i);
        int64_t sample = (int64_t)pixels[0] / 7;
        assert_int_equal(split->labels[i], sample % CLASSES);
        for (int64_t h = 0, at = 0; h < HIGH; h++)
            for (int64_t w = 0; w < WIDE; w++)
                for (int64_t c = 0; c < CHANNELS; c++)
                    assert_true(pixels[at++] == (float)value_of(sample, h, w, c));
    }
}

static void reads_what_was_meant(void **state) {
    (void)state;
    const char *path = scratch_path("x.h5"), *images[] = {"/x"};
    const char *arrays[] = {"/y", "/hot"};
    write_file(path);
    for (int i = 0; i < 2; i++) {
        struct Error error;
        struct Dataset *dataset;
        struct SplitOptions train = options_of(images, &arrays[i]);
        if (open_mapped(&dataset, path, &train, &error) != OK)
            fail_msg("%s", error.text);
        check_split(dataset, &dataset->splits[0], COUNT - 6);
        check_split(dataset, &dataset->splits[1], 6);
        assert_string_equal(dataset->targets.names[2], "cat");
        dataset_close(dataset);
    }
}

/* 0: opened; 1: refused with the file's name; 2: refused without. */
static int read_all(const char *path) {
    const char *images[] = {"/x"}, *labels[] = {"/y"}, *rows[] = {"/rows"};
    struct SplitOptions train = options_of(images, labels);
    struct Error error = {0};
    struct Dataset *dataset;
    struct H5File *file;
    train.indices = (struct Strings){1, rows};
    int code = open_mapped(&dataset, path, &train, &error);
    dataset_close(dataset);
    if (h5_open(&file, path, ERROR_DATA, &(struct Error){0}) == OK) {
        struct Contents contents;
        struct Proposal proposal;
        contents_read(file, &contents);
        proposal_make(&proposal, file, path, false, &contents);
        proposal_release(&proposal);
        contents_release(&contents);
        h5_close(file);
    }
    return code == OK ? 0 : strstr(error.text, path) || error.key[0] ? 1 : 2;
}

static int read_apart(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        alarm(10);
        _exit(EXIT_BASE + read_all(path));
    }
    int code;
    waitpid(child, &code, 0);
    if (WIFEXITED(code) && WEXITSTATUS(code) >= EXIT_BASE)
        return WEXITSTATUS(code) - EXIT_BASE;
    return WIFSIGNALED(code) && WTERMSIG(code) == SIGALRM ? -2 : -1;
}

static void damaged_files(void **state) {
    (void)state;
    enum { MUTANTS = 300 };
    const char *path = scratch_path("x.h5"), *mutant = scratch_path("mutant.h5");
    write_file(path);
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes), *copy = malloc(bytes);
    int counts[3] = {0}, crashed = 0;
    srandom(11);
    for (int i = 0; i < MUTANTS; i++) {
        size_t at = (size_t)random() % (i % 2 ? bytes : 4096), length = i % 5 ? bytes : at;
        memcpy(copy, data, bytes);
        copy[at] = (unsigned char)(copy[at] + 1 + random() % 255);
        unlink(mutant);
        scratch_write(mutant, copy, length);
        int verdict = read_apart(mutant);
        if (verdict == -2 || verdict == 2)
            fail_msg("mutant %d: %s", i, verdict == 2 ? "refused without words" : "hangs");
        if (verdict == -1)
            crashed++;
        else
            counts[verdict]++;
    }
    print_message("%d mutants: %d refused, %d read, %d crashed HDF5\n", MUTANTS, counts[1],
                  counts[0], crashed);
    assert_true(counts[1] > MUTANTS / 5 && counts[0] > MUTANTS / 5 && crashed < MUTANTS / 50);
    free(data);
    free(copy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_meant),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
