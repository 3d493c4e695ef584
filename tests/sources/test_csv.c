/* Tables in CSV files: good ones; bad ones, which are refused with file and line; and random edits
 * of a good one, none of which may crash, hang, or take much more memory than the size
 * of the file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/text.h"
#include "sources/csv.h"
#include "sources/mutate.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { MUTANTS = 10000 };

static struct Csv csv;
static struct Error error;

static int read_bytes(const void *text, size_t bytes) {
    unlink(scratch_path("t.csv")); /* overwriting a file waits for the disk on some systems */
    scratch_write(scratch_path("t.csv"), text, bytes);
    error = (struct Error){0};
    return csv__read(&csv, scratch_path("t.csv"), &error);
}

/* Reads every field of every row as a number, as the format table does. */
static int read_numbers(int64_t *count) {
    float value;
    for (int64_t row = 0; row < csv.rows; row++)
        for (int64_t column = 0; column < csv.columns; column++, ++*count) {
            int code = csv__number(&csv, row, column, &value, &error);
            if (code)
                return code;
            assert_true(isfinite(value));
        }
    return OK;
}

static void assert_line(const char *words) {
    assert_int_equal(error.code, ERROR_DATA);
    assert_null(strchr(error.text, '\n'));
    if (strncmp(error.text, csv.path, strlen(csv.path)) != 0 || !strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\" of the file", error.text, words);
}

static void good_tables(void **state) {
    (void)state;
    static const char *const texts[] = {
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n3,4\r\n\x1A",
        "a;b\n1;2\n3;4\n",
        "a\tb\r\n1\t2\r\n3\t4",
        "a,b\r\n1,2\r\n3,4\r\n",
        "\xEF\xBB\xBF"
        "a,b\n\n1,2\n\n\n3,4\n\n",
        "\"a\",\"b\"\n\"1\",2\n3,\"4\"\n",
        "a,\t b \r\n 1,2\t\n3.0,+4e0\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_bytes(texts[i], strlen(texts[i])), OK);
        assert_int_equal(csv.rows, 2);
        assert_int_equal(csv.columns, 2);
        for (int place = 0; place < 4; place++) {
            float value;
            assert_int_equal(csv__number(&csv, place / 2, place % 2, &value, &error), OK);
            assert_true(value == (float)(place + 1));
        }
        assert_int_equal(csv__column(&csv, "b", &error), 1);
        csv__release(&csv);
    }
    static const char quoted[] = "name,\"a \"\"b\"\", c\"\n\"two\nlines\",1\nK\xC3\xA4"
                                 "fer,2\n";
    assert_int_equal(read_bytes(quoted, strlen(quoted)), OK);
    assert_string_equal(csv__field(&csv, -1, 1), "a \"b\", c");
    assert_string_equal(csv__field(&csv, 0, 0), "two\nlines");
    assert_int_equal(csv.lines[2], 4);
    csv__release(&csv);
}

static void refused_tables(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "t.csv: has no line"},
        {"\n\r\n\n", "t.csv: has no line"},
        {"\xEF\xBB\xBF", "t.csv: has no line"},
        {"a,b\n", "t.csv: has no row"},
        {"a,b", "t.csv: has no row"},
        {"a,b\n1,2\n3\n", "t.csv:3: has 1 field, the head has 2"},
        {"a,b\n1,2\n\n3,4,5\n", "t.csv:4: has 3 fields, the head has 2"},
        {"a,b\n1,2\n3,\"4\n5,6\n", "t.csv:3: the quote that begins here is never closed"},
        {"a,\"x\x01y\"\n1,2\n", "t.csv:1: the name of column 2 holds the byte 0x01"},
        {"a,caf\xE9\n1,2\n", "t.csv:1: the name of column 2 holds the byte 0xe9"},
        {"a,b,c,b\n1,2,3,4\n", "t.csv:1: two columns are called 'b'"},
        {"a, b ,c,b\n1,2,3,4\n", "t.csv:1: two columns are called 'b'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_bytes(cases[i].text, strlen(cases[i].text)), ERROR_DATA);
        assert_line(cases[i].words);
        csv__release(&csv);
    }
    assert_int_equal(read_bytes("a,b\n1,2\n3,\0\n", 12), ERROR_DATA);
    assert_line("t.csv:3: holds a zero byte");
    csv__release(&csv);
}

static void refused_numbers(void **state) {
    (void)state;
    static const char *const fields[] = {"",     "nan",   "NaN",  "inf",        "-Infinity",
                                         "0x10", "1e",    "1e39", "-1e999",     "1 2",
                                         "1,5",  "12abc", "--1",  "\xFF\xFE\n", "1\n2"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char *text = memory_print("a,b\n1,2\n3,\"%s\"\n", fields[i]);
        float value;
        assert_int_equal(read_bytes(text, strlen(text)), OK);
        assert_int_equal(csv__number(&csv, 1, 1, &value, &error), ERROR_DATA);
        assert_line("t.csv:3: column 'b' is '");
        bool large = !strcmp(fields[i], "1e39") || !strcmp(fields[i], "-1e999");
        assert_true(large ==
                    (strstr(error.text, "expected a number that a float can hold") != NULL));
        memory_release(text);
        csv__release(&csv);
    }
}

static void large_tables(void **state) {
    (void)state;
    enum { WIDE = 300000 };
    struct Text text = {0};
    for (int line = 0; line < 2;
         line++) /* so many columns that comparing their names pair by pair would take minutes */
        for (int i = 0; i < WIDE; i++)
            text_add(&text, "%d%c", i, i + 1 < WIDE ? ',' : '\n');
    assert_int_equal(read_bytes(text.data, text.length), OK);
    assert_int_equal(csv.columns, WIDE);
    csv__release(&csv);
    text.length -= 1;
    text_add(&text, ",1\n");
    assert_int_equal(read_bytes(text.data, text.length), ERROR_DATA);
    assert_line("t.csv:2: has 300001 fields, the head has 300000");
    csv__release(&csv);
    memset(text.data, '7', text.length); /* the whole file is one field */
    memcpy(text.data, "a\n", 2);
    assert_int_equal(read_bytes(text.data, text.length), OK);
    float value;
    assert_int_equal(csv__number(&csv, 0, 0, &value, &error), ERROR_DATA);
    assert_line("t.csv:2: column 'a' is '7777777777777777777777777777777777777777'");
    csv__release(&csv);
    memcpy(text.data + text.length - 2, "\n1", 2);
    assert_int_equal(read_bytes(text.data + 2, text.length - 2), ERROR_DATA);
    assert_line("t.csv:1: the name of column 1 has");
    csv__release(&csv);
    text_release(&text);
    error = (struct Error){0};
    assert_int_equal(csv__read(&csv, "/dev/zero", &error), ERROR_DATA); /* a file that never ends */
    assert_line("/dev/zero:1: holds a zero byte");
    csv__release(&csv);
}

static void mutants(void **state) {
    (void)state;
    static const char good[] =
        "mass,\"drift, \"\"x\"\"\",note\r\n1.5,-2e3,0\r\n+4,\"5\",.5\n\n7,8,9\n";
    int refused = 0, bad_numbers = 0, whole = 0;
    char text[MUTANT_ROOM];
    for (uint64_t mutant = 0; mutant < MUTANTS; mutant++) {
        memcpy(text, good, sizeof good);
        size_t length = mutate(text, sizeof good - 1, mutant);
        int64_t count = 0;
        if (read_bytes(text, length)) {
            assert_line(":");
            refused++;
        } else if (read_numbers(&count)) {
            assert_line(": column '");
            bad_numbers++;
        } else {
            assert_int_equal(count, csv.rows * csv.columns);
            whole++;
        }
        csv__release(&csv);
    }
    print_message("%d mutants: %d refused, %d with a field that is no number, %d good\n", MUTANTS,
                  refused, bad_numbers, whole);
    assert_true(refused > MUTANTS / 10 && bad_numbers > MUTANTS / 10 && whole > MUTANTS / 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_tables),     cmocka_unit_test(refused_tables),
        cmocka_unit_test(refused_numbers), cmocka_unit_test(large_tables),
        cmocka_unit_test(mutants),
    };
    return cmocka_run_group_tests_name("csv", tests, scratch_make, scratch_remove);
}
