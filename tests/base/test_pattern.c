/* Names by pattern. */
#include "base/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char name_text[][20] = {"0.weight", "0.bias", "3.body.0.weight", "3.body.1.weight",
                               "10.head.weight"};
#define NAMES (int)(sizeof name_text / sizeof *name_text)
static const char *const names[NAMES] = {name_text[0], name_text[1], name_text[2], name_text[3],
                                         name_text[4]};

static void test_match(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        int matched; /* bit i: names[i] */
    } cases[] = {{"*", 31},         {"0.weight", 1}, {"*.bias", 2},
                 {"3.body.*", 12},  {"?.weight", 1}, {"*.[01].weight", 12},
                 {"0", 0},          {"weight", 0},   {"*0.weight", 5},
                 {"[!3]*", 19},     {"", 0},         {"3.body.0.weigh", 0},
                 {"3\\.body*", 12}, {"\\*", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int name = 0; name < NAMES; name++)
            if (pattern_match(cases[i].pattern, names[name]) != (cases[i].matched >> name & 1))
                fail_msg("%s against %s", cases[i].pattern, names[name]);
}

static void test_nearest(void **state) {
    (void)state;
    assert_string_equal(pattern_nearest("0.wieght", names, NAMES), "0.weight");
    assert_string_equal(pattern_nearest("3.boby.*", names, NAMES), "3.body.0.weight");
    assert_string_equal(pattern_nearest("*.baes", names, NAMES), "0.bias");
    assert_string_equal(pattern_nearest("?.body.1.weights", names, NAMES), "3.body.1.weight");
    assert_string_equal(pattern_nearest("*haed.weight", names, NAMES), "10.head.weight");
    assert_string_equal(pattern_nearest("", names, NAMES), "0.bias");
    static const char *const numbered[] = {"2.weight", "3.weight", "22.weight", "22.bias"};
    assert_string_equal(pattern_nearest("23.*", numbered, 4), "22.weight");
    assert_string_equal(pattern_nearest("23.bias", numbered, 4), "22.bias");
    assert_string_equal(pattern_nearest("24.weight", numbered, 2), "2.weight");
    assert_null(pattern_nearest("0.weight", names, 0));
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_non_null(pattern_nearest(longer, names, NAMES));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
