/* Space files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "search/space.h"

#include <cmocka.h>

#define HEAD "run: a.yaml\nkeys:\n"

static const char good[] = HEAD "  optimizer.rate: {log_uniform: [1.0e-4, 1]}\n"
                                "  model.2.dropout.rate: {uniform: [0, 0.5]}\n"
                                "  train.batch: {choice: [32, 64]}\n"
                                "  optimizer: {choice: [\"adam: {rate: 0.1}\", 'it''s']}\n"
                                "  model.0.linear.out: {integer: [3, 9]}\n"
                                "time_limit: 1 min 30 s\n"
                                "halving: {first: 2, factor: 4}\n"
                                "crashes: 5\n";

static void a_space_is_read_and_written(void **state) {
    (void)state;
    struct Space space, again;
    struct Error error;
    assert_int_equal(space_read(&space, "s.yaml", good, &error), OK);
    assert_int_equal(space.count, 5);
    assert_int_equal(space.axes[0].kind, AXIS_LOG);
    assert_true(space.axes[0].low == 1e-4 && space.axes[0].high == 1);
    assert_string_equal(space.axes[2].values[1], "64");
    assert_true(space.options.time_limit == 90);
    char *text = space_text(&space, space.axes, "# c\n");
    assert_int_equal(space_read(&again, "t.yaml", text, &error), OK);
    struct Difference difference;
    assert_false(runfile_difference(search_keys, &space.options, &again.options, &difference));
    difference_release(&difference);
    memory_release(text);
    space_release(&again);
    space_release(&space);
}

static void refuses(const char *text, const char *words) {
    struct Space space;
    struct Error error = {0};
    assert_int_equal(space_read(&space, "s.yaml", text, &error), ERROR_RUN_FILE);
    if (!strstr(error.text, words))
        fail_msg("'%s' lacks '%s'", error.text, words);
    space_release(&space);
}

static void wrong_spaces_are_refused(void **state) {
    (void)state;
    refuses("keys:\n  a: {uniform: [0, 1]}\n", "run");
    refuses("run: a.yaml\nkeys: {}\n", "1 to 64");
    refuses("run: a.yaml\na.b: {uniform: [0, 1]}\n",
            "a.b: unknown key; does it belong below 'keys'?");
    refuses(HEAD "  a.b: {uniform: [1]}\n", ":3: keys.a.b: expected [LOW, HIGH]");
    refuses(HEAD "  a: {uniform: [1, 0]}\n", "LOW below HIGH, found [1, 0]");
    refuses(HEAD "  a: {uniform: [1]}\n", "[LOW, HIGH]");
    refuses(HEAD "  a: {integer: [9, 9]}\n", "found [9, 9]; a single value");
    refuses(HEAD "  a: {log_uniform: [0, 1]}\n", "above 0, found [0, 1]");
    refuses(HEAD "  a: {uniform: [0, 1, 2]}\n", "found 3 numbers");
    refuses(HEAD "  a: {choice: [3]}\n", "two values or more to choose from, found '3'");
    refuses(HEAD "  a: {choice: [3, 3]}\n", "the value '3' twice");
    refuses(HEAD "  a: {choice: []}\n", "with values, found none");
    refuses(HEAD "  a: {uniform: [0, 1], integer: [0, 1]}\n", "one of uniform");
    refuses(HEAD "  a: {log_unifrom: [1, 2]}\n", "log_uniform");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_space_is_read_and_written),
                                       cmocka_unit_test(wrong_spaces_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
