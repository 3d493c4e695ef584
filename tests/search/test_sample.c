/* The values of trials. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/sample.h"

#include <cmocka.h>

static const char *const words[] = {"adam", "sgd", "lars"};
static const struct Axis axes[] = {
    {.key = "rate", .kind = AXIS_LOG, .low = 1e-4, .high = 1},
    {.key = "rest", .kind = AXIS_UNIFORM, .low = -1, .high = 3},
    {.key = "kind", .kind = AXIS_CHOICE, .count = 3, .values = words},
};
#define AXES 3

/* The largest gap between the positions of `trials` trials on an axis. */
static double largest_gap(const struct SearchOptions *options, int axis, int trials) {
    double sorted[64], gap = 0, last = 0;
    for (int i = 0; i < trials; i++) {
        double u = sample__position(options, axes, AXES, 1, i, axis);
        int at = i;
        assert_true(u >= 0 && u < 1);
        for (; at > 0 && sorted[at - 1] > u; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = u;
    }
    for (int i = 0; i < trials; i++) {
        gap = fmax(gap, sorted[i] - last);
        last = sorted[i];
    }
    return fmax(gap, 1 - last);
}

static void a_trial_depends_on_seed_stage_and_number(void **state) {
    (void)state;
    for (int method = SEARCH_RANDOM; method <= SEARCH_HALTON; method += 2) {
        struct SearchOptions one = {.method = method, .trials = 32, .seed = 1}, two = one;
        two.seed = 2;
        double u = sample__position(&one, axes, AXES, 1, 7, 0);
        assert_true(u == sample__position(&one, axes, AXES, 1, 7, 0));
        assert_true(u != sample__position(&two, axes, AXES, 1, 7, 0));
        assert_true(u != sample__position(&one, axes, AXES, 2, 7, 0));
        assert_true(u != sample__position(&one, axes, AXES, 1, 8, 0));
        assert_true(u != sample__position(&one, axes, AXES, 1, 7, 1));
        one.trials = 64;
        assert_true(u == sample__position(&one, axes, AXES, 1, 7, 0));
    }
}

static void halton_leaves_small_gaps(void **state) {
    (void)state;
    for (int seed = 1; seed <= 10; seed++) {
        struct SearchOptions random = {.method = SEARCH_RANDOM, .trials = 64, .seed = seed};
        struct SearchOptions halton = {.method = SEARCH_HALTON, .trials = 64, .seed = seed};
        for (int axis = 0; axis < 2; axis++) {
            assert_true(largest_gap(&halton, axis, 64) < 2.6 / 64); /* each 1/64 or 1/81 has one */
            assert_true(largest_gap(&random, axis, 64) > largest_gap(&halton, axis, 64));
        }
    }
}

static void a_grid_has_all_combinations(void **state) {
    (void)state;
    struct SearchOptions options = {.method = SEARCH_GRID, .trials = 50};
    assert_int_equal(sample__trials(&options, axes, AXES), 48); /* 4 · 4 · 3 */
    bool seen[4][4][3] = {{{false}}};
    for (int i = 0; i < 48; i++) {
        int a = (int)lround(3 * sample__position(&options, axes, AXES, 1, i, 0));
        int b = (int)lround(3 * sample__position(&options, axes, AXES, 1, i, 1));
        int c = (int)(3 * sample__position(&options, axes, AXES, 1, i, 2));
        assert_false(seen[a][b][c]);
        seen[a][b][c] = true;
    }
    options.trials = 11;
    assert_int_equal(sample__trials(&options, axes, AXES), 0); /* two of each need 12 */
}

/* How far the best of 64 trials over two keys is from the optimum, if one key matters alone: a grid
 * tries 8 values of it, random trials 64. */
static double nearest(const struct SearchOptions *options, double optimum) {
    static const struct Axis two[] = {{.key = "a", .kind = AXIS_UNIFORM, .low = 0, .high = 1},
                                      {.key = "b", .kind = AXIS_UNIFORM, .low = 0, .high = 1}};
    double distance = 1;
    for (int i = 0; i < 64; i++)
        distance = fmin(distance, fabs(sample__position(options, two, 2, 1, i, 0) - optimum));
    return distance;
}

static void random_finds_more_than_a_grid(void **state) {
    (void)state;
    enum { REPETITIONS = 200 };
    double random_sum = 0, grid_sum = 0;
    int better = 0;
    for (int k = 0; k < REPETITIONS; k++) {
        struct SearchOptions random = {.method = SEARCH_RANDOM, .trials = 64, .seed = k};
        struct SearchOptions grid = {.method = SEARCH_GRID, .trials = 64};
        double optimum = (k * 89 % REPETITIONS + 0.5) / REPETITIONS;
        double by_random = nearest(&random, optimum), by_grid = nearest(&grid, optimum);
        random_sum += by_random;
        grid_sum += by_grid;
        better += by_random < by_grid;
    }
    print_message("distance from the optimum: random %.4f, grid %.4f; random nearer in %d of %d\n",
                  random_sum / REPETITIONS, grid_sum / REPETITIONS, better, REPETITIONS);
    assert_true(random_sum < grid_sum / 3);
    assert_true(better > REPETITIONS * 3 / 4);
}

static void values_follow_their_scale(void **state) {
    (void)state;
    char text[AXIS_TEXT];
    const struct Axis whole = {.key = "out", .kind = AXIS_INTEGER, .low = 3, .high = 5};
    int counts[3] = {0};
    assert_string_equal(axis_value(&axes[0], 0.5, text), "0.01");
    assert_string_equal(axis_value(&axes[0], 0, text), "0.0001");
    assert_string_equal(axis_value(&axes[0], 1, text), "1");
    assert_string_equal(axis_value(&axes[1], 0.25, text), "0");
    assert_string_equal(axis_value(&axes[2], 0.99, text), "lars");
    for (int i = 0; i < 300; i++)
        counts[atoi(axis_value(&whole, (i + 0.5) / 300, text)) - 3]++;
    assert_true(counts[0] == 100 && counts[1] == 100 && counts[2] == 100);
    for (int axis = 0; axis < AXES; axis++)
        for (int i = 0; i < 10; i++) {
            double u = (i + 0.5) / 10,
                   back = axis_position(&axes[axis], axis_value(&axes[axis], u, text));
            assert_true(fabs(back - u) < (axis == 2 ? 0.17 : 0.001));
        }
}

static void narrow_and_shift(void **state) {
    (void)state;
    const double best[] = {0.5, 0.6, 0.75};
    const char *values[3];
    struct Axis rate = axis_narrow(&axes[0], best, 3, values); /* from 0.4 to 0.85 of 1e-4 … 1 */
    assert_true(fabs(log10(rate.low) + 2.4) < 1e-9 && fabs(log10(rate.high) + 0.6) < 1e-9);
    const double high[] = {0.95, 1};
    rate = axis_narrow(&axes[1], high, 2, values);
    assert_true(fabs(rate.low - 2.4) < 1e-9 && rate.high == 3); /* never beyond the range */
    const double of_kinds[] = {0.1, 0.9};
    struct Axis kind = axis_narrow(&axes[2], of_kinds, 2, values);
    assert_int_equal(kind.count, 2);
    assert_string_equal(kind.values[1], "lars");
    rate = axis_shift(&axes[0], true, 1);
    assert_true(fabs(rate.low - 0.01) < 1e-9 && fabs(rate.high - 100) < 1e-6);
    rate = axis_shift(&axes[0], false, 0.5);
    assert_true(fabs(log10(rate.low) + 5) < 1e-9 && fabs(rate.high - 0.01) < 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_trial_depends_on_seed_stage_and_number),
                                       cmocka_unit_test(halton_leaves_small_gaps),
                                       cmocka_unit_test(a_grid_has_all_combinations),
                                       cmocka_unit_test(random_finds_more_than_a_grid),
                                       cmocka_unit_test(values_follow_their_scale),
                                       cmocka_unit_test(narrow_and_shift)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
