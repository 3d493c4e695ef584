/* The table of a profile: rates, shares and sums of rows, and the spread over the ranks. */
#include "report/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

/* Two ranks with steps of 10 ms; each at most 100 GFLOP/s and 10 GB/s. */
static struct Profile *example(void) {
    static const struct ProfileRow rows[] = {
        {.operation = "input wait", .bytes = 1e6, .floor = 1e-4},
        {"0", "conv", "forward", "onednn", 2e8, 4e6, 2e-3},
        {"3", "conv", "forward", "winograd", 2e8, 1e6, 5e-4},
        {.operation = "exchange"},
    };
    static const double seconds[] = {1e-3, 2e-3, 4e-3, 3e-3, 2e-3, 4e-3, 3e-3, 1e-3};
    struct Profile *profile = memory_array(struct Profile, 1, "a profile");
    *profile = (struct Profile){.ranks = 2,
                                .threads = 1,
                                .steps = 7,
                                .warm_up = 2,
                                .samples = 20,
                                .peak = 1e11,
                                .bandwidth = 1e10,
                                .rows = memory_copy_array(rows, 4, "rows"),
                                .row_count = 4,
                                .seconds = memory_copy_array(seconds, 8, "seconds"),
                                .checkpoints = {2, 0.03, 0.01, 0.05}};
    return profile;
}

/* The columns of the line that begins with `begin`, the nth of them. */
static int columns_of(const char *table, const char *begin, int nth, char columns[16][32]) {
    const char *line = table;
    for (int seen = 0; strncmp(line, begin, strlen(begin)) || seen++ < nth;) {
        line = strchr(line, '\n');
        assert_non_null(line);
        line++;
    }
    int count = 0, length;
    for (const char *at = line; sscanf(at, "%*[ ]%n", &length) >= 0 && *at && *at != '\n';) {
        at += strspn(at, " ");
        length = (int)strcspn(at, " \n");
        snprintf(columns[count++], 32, "%.*s", length, at);
        at += length;
    }
    return count;
}

static void expect_line(const char *table, const char *begin, int nth, const char *expected) {
    char columns[16][32], line[600] = "";
    int count = columns_of(table, begin, nth, columns);
    for (int i = 0; i < count; i++) {
        strcat(line, i ? " " : "");
        strcat(line, columns[i]);
    }
    assert_string_equal(line, expected);
}

static void test_rows_and_sums(void **state) {
    (void)state;
    struct Profile *profile = example();
    struct Text table = {0};
    profile_add_table(profile, &table);
    assert_true(profile_step_seconds(profile) == 1e-2 && profile_row_seconds(profile, 2) == 2e-3);
    /* 2e8 operations in 4 ms are 50 GFLOP/s, half of the peak; 4 MB in 4 ms 1 GB/s, a tenth. */
    expect_line(table.data, "0 ", 0, "0 conv forward 4.000 40.0% 3.000 4.000");
    expect_line(table.data, "0 ", 1, "0 forward onednn 50.0 50% 4.00 10% 2.000 50%");
    /* Winograd may be faster than the peak. */
    expect_line(table.data, "3 ", 1, "3 forward winograd 100.0 100% 1.00 5% 0.500 25%");
    /* The sum over both, on rank 0 6 ms, on rank 1 7 ms. */
    expect_line(table.data, "conv ", 0, "conv forward 6.000 60.0% 6.000 7.000");
    expect_line(table.data, "conv ", 1, "conv forward 66.7 67% 5.00 8% 2.500 42%");
    expect_line(table.data, "exchange ", 0, "exchange 3.000 30.0% 1.000 3.000");
    expect_line(table.data, "input wait ", 0, "input wait 1.00 10% 0.100 10%");
    expect_line(table.data, "the whole step", 0, "the whole step 10.000 100.0% 10.000 10.000");
    expect_line(table.data, "the whole step", 1, "the whole step 40.0 40% 6.00 6% 2.600 26%");
    assert_non_null(strstr(table.data, "checkpoints 2, 15.000 ms each (1.50 steps); ranks "
                                       "5.000 to 25.000 ms\n"));
    assert_non_null(strstr(table.data, "profile     7 steps of 10.000 ms after 2 to warm up, "
                                       "2000.0 samples/s of a rank"));
    assert_null(strstr(table.data, "validations"));
    /* The sums come with the longest first. */
    assert_true(strstr(table.data, "\nconv ") < strstr(table.data, "\nexchange "));
    text_release(&table);
    profile_release(profile);
}

static void test_one_rank(void **state) {
    (void)state;
    struct Profile *profile = example();
    struct Text table = {0};
    profile->ranks = 1;
    profile_add_table(profile, &table);
    assert_null(strstr(table.data, "slowest"));
    expect_line(table.data, "the whole step", 0, "the whole step 10.000 100.0%");
    text_release(&table);
    profile_release(profile);
}

/* The names and times of a deep residual network on many ranks. */
static void test_width(void **state) {
    (void)state;
    struct Profile *profile = example();
    struct Text table = {0};
    snprintf(profile->rows[1].layer, PROFILE_TEXT, "18.shortcut.0");
    snprintf(profile->rows[1].operation, PROFILE_TEXT, "batchnorm+add+relu");
    snprintf(profile->rows[2].pass, PROFILE_TEXT, "backward weights");
    profile->seconds[2] = 0.123;
    profile_add_table(profile, &table);
    for (char *line = strtok(table.data, "\n"); line; line = strtok(NULL, "\n"))
        if (strlen(line) > 80)
            fail_msg("wider than 80 columns: %s", line);
    text_release(&table);
    profile_release(profile);
}

static void test_no_step(void **state) {
    (void)state;
    struct Profile *profile = memory_array(struct Profile, 1, "a profile");
    struct Text table = {0};
    profile_add_table(profile, &table);
    assert_string_equal(table.data, "profile     no step was made\n");
    text_release(&table);
    profile_release(profile);
    profile_release(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_sums),
        cmocka_unit_test(test_one_rank),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_no_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
