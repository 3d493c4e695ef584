/* Words against a table of flags. */
#include <string.h>

#include "base/memory.h"
#include "cli/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

static const struct Flag flags[] = {
    {.name = "out", .argument = "DIR", .help = "where", .short_name = 'o'},
    {.name = "set", .argument = "KEY=VALUE", .repeated = true, .help = "overrides"},
    {.name = "rate", .argument = "NUMBER", .help = "how fast"},
    {.name = "resume", .help = "go on", .short_name = 'r'},
    {.name = "trace", .argument = "FILE", .optional = true, .help = "what it did"},
    {0},
};
static const struct Command command = {.name = "train",
                                       .operands = "RUN.yaml [MORE]",
                                       .least_operands = 1,
                                       .most_operands = 2,
                                       .flags = flags};

static struct Arguments arguments;
static struct Error error;

/* Splits `line` at spaces and parses it; the code. */
static int parse(const char *line, bool *help) {
    static char copy[500];
    static char *words[50];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    arguments_release(&arguments);
    error = (struct Error){0};
    return arguments_parse(&arguments, &command, count, words, help, &error);
}

static void expect_good(const char *line) {
    bool help;
    assert_int_equal(parse(line, &help), OK);
    assert_false(help);
}

static void expect_refusal(const char *line, const char *words) {
    bool help;
    assert_int_equal(parse(line, &help), ERROR_USAGE);
    if (!strstr(error.text, words) || !strstr(error.text, "usage: trainer train RUN.yaml"))
        fail_msg("\"%s\" does not say \"%s\" and the usage", error.text, words);
    assert_null(strchr(error.text, '\n'));
}

static int release(void **state) {
    (void)state;
    arguments_release(&arguments);
    return 0;
}

static void any_order(void **state) {
    (void)state;
    static const char *const lines[] = {
        "a.yaml --out d --resume", "--out d --resume a.yaml", "--resume a.yaml --out=d",
        "-o d a.yaml -r",          "-od -r a.yaml",           "--out d --resume -- a.yaml",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        expect_good(lines[i]);
        assert_int_equal(arguments.operand_count, 1);
        assert_string_equal(arguments.operands[0], "a.yaml");
        assert_string_equal(argument_value(&arguments, "out"), "d");
        assert_true(argument_given(&arguments, "resume"));
        assert_false(argument_given(&arguments, "set"));
        assert_null(argument_value(&arguments, "set"));
    }
}

static void values_as_given(void **state) {
    (void)state;
    const char **values;
    expect_good("a.yaml --set x=1 --set=y=--z --set -3");
    assert_int_equal(argument_values(&arguments, "set", &values), 3);
    assert_string_equal(values[0], "x=1");
    assert_string_equal(values[1], "y=--z");
    assert_string_equal(values[2], "-3");
    memory_release(values);
    expect_good("- -- --resume");
    assert_int_equal(arguments.operand_count, 2);
    assert_string_equal(arguments.operands[0], "-");
    assert_string_equal(arguments.operands[1], "--resume");
}

/* Its argument does not stand in the next word, which is an operand. */
static void optional_argument(void **state) {
    (void)state;
    expect_good("--trace a.yaml");
    assert_true(argument_given(&arguments, "trace"));
    assert_null(argument_value(&arguments, "trace"));
    assert_string_equal(arguments.operands[0], "a.yaml");
    expect_good("a.yaml --trace=t.json");
    assert_string_equal(argument_value(&arguments, "trace"), "t.json");
    expect_good("a.yaml --trace");
    expect_refusal("a.yaml --trace --trace=t.json", "--trace is given twice");
}

static void refusals(void **state) {
    (void)state;
    expect_refusal("", "RUN.yaml [MORE] is missing");
    expect_refusal("a b c", "unexpected operand \"c\"");
    expect_refusal("a --ou d", "unknown flag --ou; did you mean --out?");
    expect_refusal("a --resum=3", "unknown flag --resum; did you mean --resume?");
    expect_refusal("a --zzzzzzzz", "unknown flag --zzzzzzzz (usage");
    expect_refusal("a -x", "unknown flag -x");
    expect_refusal("a -rx", "unknown flag -rx");
    expect_refusal("a --out", "--out needs its argument DIR");
    expect_refusal("a --out --resume", "--out needs its argument DIR");
    expect_refusal("a --resume=yes", "--resume takes no argument, found \"yes\"");
    expect_refusal("a --out x -o y", "--out is given twice");
    expect_refusal("a --out=", "--out is empty; expected DIR");
    expect_refusal("a --rate=", "--rate is empty; expected");
    char first[] = "a", empty[] = "", *words[] = {first, empty};
    bool help;
    arguments_release(&arguments);
    assert_int_equal(arguments_parse(&arguments, &command, 2, words, &help, &error), ERROR_USAGE);
    assert_non_null(strstr(error.text, "operand 2 of 2 is an empty text"));
}

static void help(void **state) {
    (void)state;
    bool help;
    assert_int_equal(parse("a b c d --nonsense -h", &help), OK);
    assert_true(help);
    assert_int_equal(parse("a -- --help", &help), OK);
    assert_false(help);
}

static void numbers(void **state) {
    (void)state;
    int64_t whole;
    double real;
    static const char *const bad[] = {"x", "1.5", "0x10", "1e3", "--1", "-", "9999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[100];
        snprintf(line, sizeof line, "a --rate=%s", bad[i]);
        expect_good(line);
        assert_int_equal(argument_integer(&arguments, "rate", -10, 10, 5, &whole, &error),
                         ERROR_USAGE);
        assert_non_null(strstr(error.text, "--rate: "));
    }
    expect_good("a --rate -7");
    assert_int_equal(argument_integer(&arguments, "rate", -10, 10, 5, &whole, &error), OK);
    assert_int_equal(whole, -7);
    assert_int_equal(argument_integer(&arguments, "rate", 0, 10, 5, &whole, &error), ERROR_USAGE);
    assert_string_equal(error.text, "--rate: -7 is outside 0 ... 10");
    assert_int_equal(argument_integer(&arguments, "rate", 1, INT64_MAX, 5, &whole, &error),
                     ERROR_USAGE);
    assert_string_equal(error.text, "--rate: expected at least 1, found -7");
    expect_good("a");
    assert_int_equal(argument_integer(&arguments, "rate", 0, 10, 5, &whole, &error), OK);
    assert_int_equal(whole, 5);
    static const char *const not_real[] = {"nan", "inf", "0x1p3", "1,5", "1e999", "2"};
    for (size_t i = 0; i < sizeof not_real / sizeof *not_real; i++) {
        char line[100];
        snprintf(line, sizeof line, "a --rate=%s", not_real[i]);
        expect_good(line);
        assert_int_equal(argument_real(&arguments, "rate", 0, 1, 0, &real, &error), ERROR_USAGE);
    }
    expect_good("a --rate 2.5e-1");
    assert_int_equal(argument_real(&arguments, "rate", 0, 1, 0, &real, &error), OK);
    assert_true(real == 0.25);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order),
        cmocka_unit_test(values_as_given),
        cmocka_unit_test(optional_argument),
        cmocka_unit_test(refusals),
        cmocka_unit_test(help),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
