#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/error_line.h"

#include <cmocka.h>

static void expect_line(const struct Error *error, const char *expected) {
    struct Text line = {0};
    error_line(error, &line);
    assert_string_equal(line.data, expected);
    text_release(&line);
}

static void test_options(void **state) {
    (void)state;
    struct Error error;
    (fail)(&error, ERROR_DATA, "d.h5: damaged");
    expect_line(&error, "d.h5: damaged");
    fail_option(&error, "views", "mirror", "needs images");
    expect_line(&error, "--views mirror: needs images");
    fail_option(&error, "classes", NULL, "too few");
    expect_line(&error, "--classes: too few");
}

static void test_advice(void **state) {
    (void)state;
    static const struct {
        enum AdviceKind kind;
        int64_t count;
        const char *expected;
    } cases[] = {
        {ADVICE_NONE, 0, "x"},
        {ADVICE_STATISTICS, 0, "x; run: trainer dataset statistics d.h5"},
        {ADVICE_COMPONENTS, 0, "x; run: trainer dataset statistics d.h5 --pca --scale none"},
        {ADVICE_COMPONENTS, 9,
         "x; run: trainer dataset statistics d.h5 --pca --scale none --components 9"},
        {ADVICE_VERIFY, 0, "x; trainer dataset verify d.h5 checks it"},
        {ADVICE_UNLABELLED, 0, "x; without its labels: trainer predict RUN d.h5 -o FILE.csv"},
        {ADVICE_DATA, 0, "x; --data FILE says where the data set is now"},
        {ADVICE_CONTINUE_RUN, 0, "x; --resume continues it, another --out starts a new one"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct Error error;
        (fail)(&error, ERROR_DATA, "x");
        error_advise(&error, cases[i].kind, "d.h5", "none", cases[i].count);
        expect_line(&error, cases[i].expected);
    }
}

/* Neither the key nor the option of an older failure stays, and the first one that is blamed is
 * kept.
 */
static void test_blame(void **state) {
    (void)state;
    struct Error error;
    fail_key(&error, ERROR_RUN_FILE, "train.batch", "x");
    error_blame_key(&error, "train.shards");
    assert_string_equal(error.key, "train.batch");
    (fail)(&error, ERROR_RUN_FILE, "y");
    assert_string_equal(error.key, "");
    fail_option(&error, "views", "a", "x");
    error_blame_option(&error, "data", "b");
    error_blame_key(&error, "train.shards");
    assert_string_equal(error.key, "");
    expect_line(&error, "--views a: x");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_options),
                                       cmocka_unit_test(test_advice), cmocka_unit_test(test_blame)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
