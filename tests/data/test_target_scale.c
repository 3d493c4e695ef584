/* Targets that are values: their statistics, and their way to the network's scale and back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "data/preprocessing/target_scale.h"

#include <cmocka.h>

enum {
    ROWS = 1013,
    OUTPUTS = 3
}; /* the targets: one that varies, one that never does, one with tiny differences */

static float targets[ROWS * OUTPUTS];

static void fill(void) {
    for (int i = 0; i < ROWS; i++) {
        targets[i * OUTPUTS] = (float)(i * i % 101) * 30 - 5000;
        targets[i * OUTPUTS + 1] = 0.1f;
        targets[i * OUTPUTS + 2] = i % 2 ? 1.0f : nextafterf(1, 2);
    }
}

static void statistics_by_definition(void **state) {
    (void)state;
    double mean[OUTPUTS], deviation[OUTPUTS];
    fill();
    target_statistics(targets, ROWS, OUTPUTS, mean, deviation);
    for (int k = 0; k < OUTPUTS; k += 2) {
        long double sum = 0, squares = 0;
        for (int i = 0; i < ROWS; i++) {
            sum += targets[i * OUTPUTS + k];
            squares += (long double)targets[i * OUTPUTS + k] * targets[i * OUTPUTS + k];
        }
        double variance = (double)(squares / ROWS - sum / ROWS * (sum / ROWS));
        assert_true(fabs(mean[k] - (double)(sum / ROWS)) <= 1e-14 * fabs(mean[k]));
        assert_true(fabs(deviation[k] - sqrt(variance)) <= 1e-4 * deviation[k]);
    }
    /* Exact: no rounding of a sum may leave a deviation in a target that never varies. */
    assert_true(mean[1] == (double)0.1f && deviation[1] == 0);
    target_statistics(targets, 1, OUTPUTS, mean, deviation);
    assert_true(mean[0] == (double)targets[0] && deviation[0] == 0);
}

static struct Dataset dataset_of(struct Split *split) {
    fill();
    *split = (struct Split){.count = ROWS, .targets = targets};
    return (struct Dataset){
        .targets = {TARGET_VALUES, OUTPUTS, NULL}, .split_count = 1, .splits = split};
}

static void there_and_back(void **state) {
    (void)state;
    struct Split split;
    struct Dataset dataset = dataset_of(&split);
    for (enum TargetRule rule = TARGETS_STANDARDISE; rule <= TARGETS_NONE; rule++) {
        struct TargetScale scale;
        static float there[ROWS * OUTPUTS];
        static double wide[ROWS * OUTPUTS], back[ROWS * OUTPUTS], again[ROWS * OUTPUTS];
        target_scale_create(&scale, rule, &dataset, &split);
        target_scale_apply(&scale, ROWS, targets, there);
        for (int i = 0; i < ROWS * OUTPUTS; i++)
            wide[i] = (double)there[i];
        target_scale_values(&scale, ROWS, wide, back);
        target_scale_scores(&scale, ROWS, back, again);
        for (int i = 0; i < ROWS * OUTPUTS; i++) {
            assert_true(isfinite(there[i]));
            assert_true(fabs(back[i] - (double)targets[i]) <= 1e-6 * fabs((double)targets[i]));
            assert_true(fabs(again[i] - wide[i]) <= 1e-9 * (1 + fabs(wide[i])));
            if (rule == TARGETS_NONE)
                assert_true(there[i] == targets[i]);
            else if (i % OUTPUTS == 1)
                assert_true(there[i] == 0); /* centred and not divided */
            else
                assert_true(fabsf(there[i]) < 3);
        }
        double weights[OUTPUTS], sum = 0, unscaled = 0, scaled = 0;
        double unit = target_scale_weights(&scale, weights);
        for (int k = 0; k < OUTPUTS; k++) {
            double difference = k + 0.5;
            sum += weights[k];
            scaled += weights[k] * difference * difference;
            unscaled += difference * difference * scale.deviation[k] * scale.deviation[k] / OUTPUTS;
        }
        assert_true(fabs(sum - 1) < 1e-12);
        assert_true(fabs(unit * scaled - unscaled) < 1e-12 * unscaled);
        target_scale_release(&scale);
    }
}

static void of_the_file(void **state) {
    (void)state;
    struct Split split;
    struct Dataset dataset = dataset_of(&split);
    double mean[] = {1, 2, 3}, deviation[] = {4, 0, 5};
    struct TargetScale scale;
    dataset.target_mean = mean;
    dataset.target_std = deviation;
    target_scale_create(&scale, TARGETS_STANDARDISE, &dataset, &split);
    assert_true(scale.mean[2] == 3 && scale.deviation[2] == 5);
    assert_true(scale.deviation[1] == 1); /* a deviation of 0 divides by 1 */
    target_scale_release(&scale);
    target_scale_create(&scale, TARGETS_NONE, &dataset, &split);
    assert_true(scale.mean[2] == 0 && scale.deviation[2] == 1);
    target_scale_release(&scale);
    dataset.targets = (struct Targets){.count = OUTPUTS}; /* classes */
    target_scale_create(&scale, TARGETS_STANDARDISE, &dataset, &split);
    assert_int_equal(scale.count, 0);
    target_scale_release(&scale);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_by_definition),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(of_the_file),
    };
    return cmocka_run_group_tests_name("target_scale", tests, NULL, NULL);
}
