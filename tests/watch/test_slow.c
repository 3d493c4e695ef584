/* When a rank is called slow. */
#include "watch/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RANKS 4

struct Course {
    struct SlowRanks slow;
    struct Pace paces[RANKS];
    struct WatchClock clock;
    int ranks;
};

static void start(struct Course *course, int ranks) {
    *course = (struct Course){.ranks = ranks};
    slow_ranks__create(&course->slow, ranks, 30);
}

/* `seconds` pass with steps of 0.1 s, of which rank r computes share[r]. How often a rank was
 * named. */
static int pass(struct Course *course, double seconds, const double *share,
                struct SlowRank *found) {
    int named = 0;
    for (int i = 0; i < (int)(seconds * 10); i++) {
        for (int rank = 0; rank < course->ranks; rank++) {
            course->paces[rank].step++;
            course->paces[rank].busy += (uint64_t)(share[rank] * 1e8);
        }
        course->clock.seconds += 0.1;
        named += slow_ranks__observe(&course->slow, &course->clock, course->paces, found);
    }
    return named;
}

static void a_rank_that_takes_four_times_as_long_is_named_once(void **state) {
    struct Course course;
    struct SlowRank found;
    (void)state;
    start(&course, 4);
    assert_int_equal(pass(&course, 100, (double[]){0.2, 0.2, 0.8, 0.22}, &found), 1);
    assert_int_equal(found.rank, 2);
    assert_float_equal(found.times, 4, 0.01);
    assert_float_equal(found.seconds, 0.08, 1e-4);
    assert_float_equal(found.median, 0.02, 1e-4);
    slow_ranks__release(&course.slow);
}

/* The rank that computed while the job was suspended seems to have computed all that time. */
static void a_job_that_was_suspended_has_no_slow_rank(void **state) {
    struct Course course;
    struct SlowRank found;
    (void)state;
    start(&course, 3);
    assert_int_equal(pass(&course, 10, (double[]){0.2, 0.2, 0.2}, &found), 0);
    course.clock.seconds += 1;
    course.clock.stops++;
    assert_int_equal(pass(&course, 0.1, (double[]){0.2, 0.2, 0.2}, &found), 0);
    course.paces[2].busy += (uint64_t)100e9;
    assert_int_equal(pass(&course, 60, (double[]){0.2, 0.2, 0.2}, &found), 0);
    assert_int_equal(pass(&course, 40, (double[]){0.2, 0.2, 0.9}, &found), 1);
    assert_int_equal(found.rank, 2);
    slow_ranks__release(&course.slow);
}

static void two_ranks_can_be_compared(void **state) {
    struct Course course;
    struct SlowRank found;
    (void)state;
    start(&course, 2);
    assert_int_equal(pass(&course, 40, (double[]){0.9, 0.25}, &found), 1);
    assert_int_equal(found.rank, 0);
    slow_ranks__release(&course.slow);
}

static void it_is_named_again_much_later(void **state) {
    struct Course course;
    struct SlowRank found;
    double share[] = {0.2, 0.2, 0.8, 0.22};
    (void)state;
    start(&course, 4);
    assert_int_equal(pass(&course, 500, share, &found), 1);
    assert_int_equal(pass(&course, 500, share, &found), 1);
    assert_int_equal(pass(&course, 800, share, &found), 0);
    slow_ranks__release(&course.slow);
}

static void nobody_is_named_below_three_times(void **state) {
    struct Course course;
    struct SlowRank found;
    (void)state;
    start(&course, 4);
    assert_int_equal(pass(&course, 100, (double[]){0.3, 0.3, 0.88, 0.3}, &found), 0);
    slow_ranks__release(&course.slow);
}

/* Three times next to nothing is next to nothing. */
static void what_does_not_matter_is_not_named(void **state) {
    struct Course course;
    struct SlowRank found;
    (void)state;
    start(&course, 4);
    assert_int_equal(pass(&course, 100, (double[]){0.02, 0.02, 0.1, 0.02}, &found), 0);
    slow_ranks__release(&course.slow);
}

/* Steps of 7 s: a window lasts until there are ten. */
static void long_steps_are_measured_too(void **state) {
    struct Course course;
    struct SlowRank found;
    int named = 0;
    (void)state;
    start(&course, 2);
    for (int step = 0; step < 20; step++) {
        course.clock.seconds += 7;
        for (int rank = 0; rank < 2; rank++) {
            course.paces[rank].step++;
            course.paces[rank].busy += rank ? 6900000000 : 2000000000;
        }
        named += slow_ranks__observe(&course.slow, &course.clock, course.paces, &found);
    }
    assert_int_equal(named, 1);
    assert_int_equal(found.rank, 1);
    assert_float_equal(found.seconds, 6.9, 1e-6);
    slow_ranks__release(&course.slow);
}

static void a_validation_is_no_reason(void **state) {
    struct Course course;
    struct SlowRank found;
    (void)state;
    start(&course, 4);
    for (int i = 0; i < 100; i++) { /* no steps, and one rank is at work */
        course.clock.seconds += 1;
        course.paces[0].busy += 900000000;
        assert_false(slow_ranks__observe(&course.slow, &course.clock, course.paces, &found));
    }
    slow_ranks__release(&course.slow);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rank_that_takes_four_times_as_long_is_named_once),
        cmocka_unit_test(a_job_that_was_suspended_has_no_slow_rank),
        cmocka_unit_test(two_ranks_can_be_compared),
        cmocka_unit_test(it_is_named_again_much_later),
        cmocka_unit_test(nobody_is_named_below_three_times),
        cmocka_unit_test(what_does_not_matter_is_not_named),
        cmocka_unit_test(long_steps_are_measured_too),
        cmocka_unit_test(a_validation_is_no_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
