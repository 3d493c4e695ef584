/* Damaged data set files. Each is opened and verified in a process of its own, which must end by
 * itself. Data sets have no seal, because they are mapped and not read as a whole, so it is up to
 * HDF5 to find damage to its own structures; if its library crashes instead, that is counted and
 * printed. Damage to what the digest covers must be found. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "data/dataset/dataset.h"
#include "data/made_dataset.h"
#include "data/statistics/statistics_file.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { EXIT_BASE = 40 /* not the exit code of a sanitizer */ };

/* HDF5 asks malloc for as much as a damaged size says and copes with NULL; the sanitizer must not
 * stop at that. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* 0: good; 1: refused with a message; 2: opened, but verify found the damage; 3: refused without a
 * message. */
static int read_and_verify(const char *path, bool read_components) {
    struct Error error = {0};
    struct Dataset *dataset;
    if (dataset_open(&dataset, path, &error) != OK)
        return error.code == ERROR_DATA && strstr(error.text, path) ? 1 : 3;
    int code = dataset_verify(dataset, NULL, &error);
    struct Pca pca = {0};
    if (code == OK && read_components) {
        code = pca_read(&pca, dataset, "none", &error);
        pca_release(&pca);
        if (code != OK && !strstr(error.text, path))
            return 3;
    }
    dataset_close(dataset);
    return code == OK ? 0 : 2;
}

static int read_apart(const char *path,
                      bool components) { /* −1: killed by a signal, −2: took longer than 10 s */
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        alarm(10);
        _exit(EXIT_BASE + read_and_verify(path, components));
    }
    int code;
    waitpid(child, &code, 0);
    if (WIFEXITED(code) && WEXITSTATUS(code) >= EXIT_BASE)
        return WEXITSTATUS(code) - EXIT_BASE;
    return WIFSIGNALED(code) && WTERMSIG(code) == SIGALRM ? -2 : -1;
}

/* A file with everything that statistics can add: covariance, deviations, principal components. */
static void add_components(const char *path) {
    struct Error error;
    struct Dataset *dataset;
    struct Statistics statistics;
    struct StatisticValues values;
    struct Pca pca;
    assert_int_equal(dataset_open(&dataset, path, &error), OK);
    const struct Split *train = dataset_split(dataset, "train", &error);
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    statistics_add(&statistics, train->bytes, train->images, train->count);
    statistics_result(&statistics, &values);
    statistics_release(&statistics);
    assert_int_equal(pca_compute(&pca, dataset, train, &values, "none", 0, NULL, &error), OK);
    assert_int_equal(statistics_store(dataset, &values, &pca, "none", &error), OK);
    pca_release(&pca);
    statistic_values_release(&values);
    dataset_close(dataset);
}

/* Writes a good file of that kind, with the digest of its training split. */
static void write_good(const char *path, struct Made made, bool components) {
    struct Error error;
    struct Dataset *dataset;
    char digest[33];
    made_write(path, made);
    assert_int_equal(dataset_open(&dataset, path, &error), OK);
    dataset_digest(dataset, dataset_split(dataset, "train", &error), digest);
    dataset_close(dataset);
    made.digest = digest;
    made_write(path, made);
    if (components)
        add_components(path);
    assert_int_equal(read_apart(path, components), 0);
}

/* Changes one byte of the file, or cuts off its end. Returns the new length. */
static size_t mutate(unsigned char *copy, size_t bytes, int mutant) {
    size_t at = (size_t)random() % bytes;
    if (mutant % 3 == 2)
        return at;
    if (mutant % 3 == 0)
        copy[at] ^= (unsigned char)(1u << random() % 8);
    else
        copy[at] = (unsigned char)(copy[at] + 1 + random() % 255);
    return bytes;
}

static void mutants_of(struct Made made, bool components, int mutants) {
    const char *path = scratch_path("good.h5"), *mutant = scratch_path("mutant.h5");
    write_good(path, made, components);
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes), *copy = malloc(bytes);
    int counts[4] = {0}, crashed = 0;
    srandom(7);
    for (int i = 0; i < mutants; i++) {
        memcpy(copy, data, bytes);
        size_t length = mutate(copy, bytes, i);
        unlink(mutant); /* writing over a file waits for the disk on some systems */
        scratch_write(mutant, copy, length);
        int verdict = read_apart(mutant, components);
        if (verdict == -2 || verdict == 3)
            fail_msg("mutant %d: %s", i, verdict == 3 ? "refused without words" : "hangs");
        if (i % 3 == 2)
            assert_int_equal(verdict, 1); /* a file whose end is cut off must never pass */
        if (verdict == -1)
            crashed++;
        else
            counts[verdict]++;
    }
    print_message("%d mutants: %d refused, %d found by verify, %d harmless or unnoticed, "
                  "%d crashed HDF5\n",
                  mutants, counts[1], counts[2], counts[0], crashed);
    assert_true(counts[1] > mutants / 3 && counts[2] > mutants / 20 && crashed < mutants / 50);
    free(data);
    free(copy);
    scratch_empty();
}

static void of_classes(void **state) {
    (void)state;
    mutants_of((struct Made){0}, false, 400);
}

static void of_values(void **state) {
    (void)state;
    mutants_of((struct Made){.targets = true, .no_classes = true, .no_labels = true}, false, 250);
}

static void of_components(void **state) {
    (void)state;
    mutants_of((struct Made){0}, true, 250);
}

/* Files that HDF5 reads without an error, but that make no data set. */
static void pieces_that_do_not_fit(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int rank;
        int64_t size[3];
        double first;
        const char *words;
    } cases[] = {
        {"/statistics/target_mean", 1, {2}, NAN, "/statistics/target_mean: element 0 is nan"},
        {"/statistics/target_std", 1, {2}, -1, "/statistics/target_std: element 0 is -1"},
        {"/statistics/target_std", 1, {2}, 1e-300, "element 0 is 1e-300, expected 0, or 1.17"},
        {"/statistics/channel_std", 1, {3}, 1e-40, "element 0 is 1e-40, expected 0, or 1e-10"},
        {"/statistics/target_std", 1, {3}, 1, "/statistics/target_std: "},
        {"/statistics/pixel_std",
         3,
         {6, 5, 3},
         INFINITY,
         "/statistics/pixel_std: element 0 is inf"},
        {"/statistics/channel_covariance", 2, {3, 3}, NAN, "channel_covariance: element 0 is nan"},
        {"/statistics/channel_covariance", 2, {2, 3}, 1, "/statistics/channel_covariance: "},
        {"/train/targets", 2, {40, 2}, NAN, "/train/targets: row 0, 'mass': is nan"},
        {"/train/targets", 2, {39, 2}, 1, "/train/targets: has 39 rows for 40 images"},
        {"/train/targets", 2, {40, 1}, 1, "/train/targets: has 1 columns, expected 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = scratch_path("good.h5");
        struct H5Writer *writer;
        struct Dataset *dataset;
        struct Error error = {0};
        double values[100] = {cases[i].first};
        made_write(path, (struct Made){.targets = true, .no_classes = true, .no_labels = true});
        assert_int_equal(h5_update(&writer, path, ERROR_DATA, &error), OK);
        assert_int_equal(h5_write(writer, cases[i].name, H5_FLOAT64, cases[i].rank, cases[i].size,
                                  values, &error),
                         OK);
        assert_int_equal(h5_commit(writer, &error), OK);
        assert_int_equal(dataset_open(&dataset, path, &error), ERROR_DATA);
        if (!strstr(error.text, path) || !strstr(error.text, cases[i].words))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].words);
    }
    scratch_empty();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_classes),
        cmocka_unit_test(of_values),
        cmocka_unit_test(of_components),
        cmocka_unit_test(pieces_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
