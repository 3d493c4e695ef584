/* R² and RMSE where they are hard to define: a target that never varies, in
 * one block or several; a single sample. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "evaluate/metrics.h"

#include <cmocka.h>

enum { ROWS = 7, OUTPUTS = 3 };

/* A target that varies, and two that are 0.1f throughout. */
static float truth[ROWS * OUTPUTS];
static double predictions[ROWS * OUTPUTS];

static void measure(struct Evaluation *evaluation, int64_t rows, int64_t block) {
    struct Split split = {.count = rows, .targets = truth};
    double sums[2 * OUTPUTS] = {0};
    *evaluation = (struct Evaluation){.samples = rows, .outputs = OUTPUTS};
    assert_int_equal(metrics_values.sum_count(OUTPUTS), 2 * OUTPUTS);
    metrics_values.start(evaluation, &split);
    for (int64_t first = 0; first < rows; first += block) {
        int64_t count = first + block < rows ? block : rows - first;
        struct PredictedBlock predicted = {.split = &split,
                                           .first = first,
                                           .count = count,
                                           .predictions = predictions + first * OUTPUTS};
        metrics_values.add_block(evaluation, &predicted, sums);
    }
    metrics_values.finish(evaluation, NULL, sums);
}

static double r2(const struct Evaluation *evaluation, int output) {
    return evaluation->of_output[output].value[FIGURE_R2];
}

static double rmse(const struct Evaluation *evaluation, int output) {
    return evaluation->of_output[output].value[FIGURE_RMSE];
}

static void a_target_that_never_varies(void **state) {
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        truth[i * OUTPUTS] = (float)i;
        truth[i * OUTPUTS + 1] = truth[i * OUTPUTS + 2] = 0.1f;
        predictions[i * OUTPUTS] = i + (i % 2 ? 0.5 : -0.5);
        predictions[i * OUTPUTS + 1] = (double)0.1f;
        predictions[i * OUTPUTS + 2] = (double)nextafterf(0.1f, 1);
    }
    for (int64_t block = 1; block <= ROWS; block += 3) {
        struct Evaluation evaluation;
        measure(&evaluation, ROWS, block);
        assert_true(fabs(r2(&evaluation, 0) - (1 - 7 * 0.25 / 28)) < 1e-12);
        assert_true(rmse(&evaluation, 0) == 0.5);
        assert_true(r2(&evaluation, 1) == 1 && rmse(&evaluation, 1) == 0); /* nothing was left */
        assert_true(r2(&evaluation, 2) == 0 && rmse(&evaluation, 2) > 0);  /* nothing to explain */
        assert_true(fabs(evaluation.figures.value[FIGURE_R2] - (r2(&evaluation, 0) + 1) / 3) <
                    1e-12);
        assert_true(fabs(evaluation.figures.value[FIGURE_RMSE] - 0.5 / sqrt(3)) < 1e-7);
        evaluation_release(&evaluation);
    }
}

static void worse_than_the_mean(void **state) {
    (void)state;
    for (int i = 0; i < ROWS * OUTPUTS; i++) {
        truth[i] = (float)(i / OUTPUTS);
        predictions[i] = -100;
    }
    struct Evaluation evaluation;
    measure(&evaluation, ROWS, ROWS);
    assert_true(r2(&evaluation, 0) < -2000 && isfinite(evaluation.figures.value[FIGURE_R2]));
    evaluation_release(&evaluation);
}

static void one_sample(void **state) {
    (void)state;
    char text[FIGURE_TEXT];
    struct Evaluation evaluation;
    truth[0] = 1;
    predictions[0] = 1.5;
    measure(&evaluation, 1, 1);
    assert_true(isnan(r2(&evaluation, 0)) && isnan(evaluation.figures.value[FIGURE_R2]));
    assert_true(rmse(&evaluation, 0) == 0.5);
    assert_string_equal(figure_text(FIGURE_R2, r2(&evaluation, 0), FIGURE_DIGITS, text), "-");
    evaluation_release(&evaluation);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_never_varies),
        cmocka_unit_test(worse_than_the_mean),
        cmocka_unit_test(one_sample),
    };
    return cmocka_run_group_tests_name("metrics_values", tests, NULL, NULL);
}
