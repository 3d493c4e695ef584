/* Laps: all of the time belongs to some work, and the first and the latest are kept. */
#include "base/stopwatch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static double now;

double __wrap_clock_seconds(void);
double __wrap_clock_seconds(void) {
    return now;
}

static void lap(struct Stopwatch *stopwatch, double seconds, int work) {
    now += seconds;
    stopwatch_lap(stopwatch, work);
}

static void test_every_second_belongs_to_a_work(void **state) {
    (void)state;
    now = 100;
    struct Stopwatch *stopwatch = stopwatch_create(3, 0);
    lap(stopwatch, 1, 0);
    lap(stopwatch, 2, 2);
    lap(stopwatch, 4, 0);
    assert_true(stopwatch->seconds[0] == 5 && stopwatch->seconds[1] == 0);
    assert_true(stopwatch->seconds[2] == 2);
    assert_int_equal(stopwatch->counts[0], 2);
    stopwatch_clear(stopwatch, 2);
    assert_true(stopwatch->seconds[0] == 0 && stopwatch->counts[0] == 0);
    assert_true(stopwatch->seconds[2] == 2 && stopwatch->counts[2] == 1);
    now += 50;
    stopwatch_start(stopwatch);
    lap(stopwatch, 8, 1);
    assert_true(stopwatch->seconds[1] == 8);
    stopwatch_release(stopwatch);
}

static void test_no_stopwatch(void **state) {
    (void)state;
    stopwatch_lap(NULL, 7);
    stopwatch_release(NULL);
}

/* Lap number n lasts n seconds. */
static void expect_kept(int64_t laps, const int64_t *numbers, int64_t count) {
    struct Lap kept[6];
    now = 0;
    struct Stopwatch *stopwatch = stopwatch_create(1, 3);
    for (int64_t n = 0; n < laps; n++) {
        stopwatch->step = n;
        lap(stopwatch, (double)n, 0);
    }
    assert_int_equal(stopwatch_laps(stopwatch, kept), count);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(kept[i].step, numbers[i]);
        assert_true(kept[i].end - kept[i].begin == (double)numbers[i]);
        assert_true(!i || kept[i].begin >= kept[i - 1].end);
    }
    stopwatch_release(stopwatch);
}

static void test_the_first_and_the_latest_are_kept(void **state) {
    (void)state;
    expect_kept(0, NULL, 0);
    expect_kept(2, (const int64_t[]){0, 1}, 2);
    expect_kept(5, (const int64_t[]){0, 1, 2, 3, 4}, 5);
    expect_kept(6, (const int64_t[]){0, 1, 2, 3, 4, 5}, 6);
    expect_kept(11, (const int64_t[]){0, 1, 2, 8, 9, 10}, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_second_belongs_to_a_work),
        cmocka_unit_test(test_no_stopwatch),
        cmocka_unit_test(test_the_first_and_the_latest_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
