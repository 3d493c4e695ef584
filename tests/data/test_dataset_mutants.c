/* Damaged data set files: each is opened and verified in a process of its own, which must end by
 * itself. Data sets carry no seal (they are mapped, not read), so damage to HDF5's own structures
 * is for HDF5 to find; where its library crashes instead, that is counted and printed. What the
 * digest covers must be found. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "data/dataset.h"
#include "data/made_dataset.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { MUTANTS = 2000, EXIT_BASE = 40 /* away from a sanitizer's own exit code */ };

/* HDF5 asks malloc for what a damaged size says, and copes with NULL; so does the sanitizer then.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* 0: good, 1: refused with a line, 2: opened, but found bad by verify, 3: refused without words. */
static int judge(const char *path) {
    struct Error error = {0};
    struct Dataset *dataset;
    if (dataset_open(&dataset, path, &error) != OK)
        return error.code == ERROR_DATA && strstr(error.text, path) ? 1 : 3;
    int result = dataset_verify(dataset, &error);
    dataset_close(dataset);
    return result == OK ? 0 : 2;
}

static int judge_apart(const char *path) { /* −1: killed by a signal, −2: took longer than 10 s */
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        alarm(10);
        _exit(EXIT_BASE + judge(path));
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) >= EXIT_BASE)
        return WEXITSTATUS(status) - EXIT_BASE;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? -2 : -1;
}

static void mutants(void **state) {
    (void)state;
    const char *path = scratch_path("good.h5"), *mutant = scratch_path("mutant.h5");
    struct Error error;
    struct Dataset *dataset;
    made_write(path, (struct Made){0});
    assert_int_equal(dataset_open(&dataset, path, &error), OK);
    char digest[33];
    dataset_digest(dataset, dataset_split(dataset, "train", &error), digest);
    dataset_close(dataset);
    made_write(path, (struct Made){.digest = digest});
    assert_int_equal(judge_apart(path), 0);
    size_t bytes;
    unsigned char *data = scratch_read(path, &bytes), *copy = malloc(bytes);
    srandom(7);
    int counts[4] = {0}, crashed = 0;
    for (int i = 0; i < MUTANTS; i++) {
        size_t length = bytes, at = (size_t)random() % bytes;
        memcpy(copy, data, bytes);
        if (i % 3 == 0)
            copy[at] ^= (unsigned char)(1u << random() % 8);
        else if (i % 3 == 1)
            copy[at] = (unsigned char)(copy[at] + 1 + random() % 255);
        else
            length = at;
        scratch_write(mutant, copy, length);
        int verdict = judge_apart(mutant);
        if (verdict == -2 || verdict == 3)
            fail_msg("mutant %d: %s", i, verdict == 3 ? "refused without words" : "hangs");
        if (i % 3 == 2)
            assert_int_equal(verdict, 1); /* no file that is cut is taken for whole */
        if (verdict == -1)
            crashed++;
        else
            counts[verdict]++;
    }
    print_message("%d mutants: %d refused, %d found by verify, %d harmless or unnoticed, "
                  "%d crashed HDF5\n",
                  MUTANTS, counts[1], counts[2], counts[0], crashed);
    assert_true(counts[1] > MUTANTS / 3 && counts[2] > MUTANTS / 20 && crashed < MUTANTS / 50);
    free(data);
    free(copy);
    scratch_empty();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(mutants)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
