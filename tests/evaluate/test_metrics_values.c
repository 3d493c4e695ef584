/* R² and RMSE where they are hard to define: a target that never varies, in one block or several.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "evaluate/metrics.h"

#include <cmocka.h>

enum { ROWS = 7, OUTPUTS = 3 };

/* Of a target that varies, and of two that are 0.1f throughout. */
static float truth[ROWS * OUTPUTS], predictions[ROWS * OUTPUTS];

static void judge(struct Evaluation *evaluation, int64_t block) {
    struct Split split = {.count = ROWS, .targets = truth};
    double tally[2 * OUTPUTS] = {0};
    *evaluation = (struct Evaluation){.samples = ROWS, .outputs = OUTPUTS};
    assert_int_equal(judge_values.tallies(OUTPUTS), 2 * OUTPUTS);
    judge_values.start(evaluation, &split);
    for (int64_t first = 0; first < ROWS; first += block) {
        int64_t count = first + block < ROWS ? block : ROWS - first;
        struct JudgedBlock judged = {.split = &split,
                                     .first = first,
                                     .count = count,
                                     .predictions = predictions + first * OUTPUTS};
        judge_values.block(evaluation, &judged, tally);
    }
    judge_values.finish(evaluation, NULL, tally);
}

static void a_target_that_never_varies(void **state) {
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        truth[i * OUTPUTS] = (float)i;
        truth[i * OUTPUTS + 1] = truth[i * OUTPUTS + 2] = 0.1f;
        predictions[i * OUTPUTS] = (float)i + (i % 2 ? 0.5f : -0.5f);
        predictions[i * OUTPUTS + 1] = 0.1f;
        predictions[i * OUTPUTS + 2] = nextafterf(0.1f, 1);
    }
    for (int64_t block = 1; block <= ROWS; block += 3) {
        struct Evaluation evaluation;
        judge(&evaluation, block);
        assert_true(fabs(evaluation.r2[0] - (1 - 7 * 0.25 / 28)) < 1e-12);
        assert_true(evaluation.rmse[0] == 0.5);
        assert_true(evaluation.r2[1] == 1 && evaluation.rmse[1] == 0); /* nothing was left */
        assert_true(evaluation.r2[2] == 0 && evaluation.rmse[2] > 0);  /* nothing to explain */
        assert_true(fabs(evaluation.overall_r2 - (evaluation.r2[0] + 1) / 3) < 1e-12);
        assert_true(fabs(evaluation.overall_rmse - 0.5 / sqrt(3)) < 1e-7);
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
    judge(&evaluation, ROWS);
    assert_true(evaluation.r2[0] < -2000 && isfinite(evaluation.overall_r2));
    evaluation_release(&evaluation);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_never_varies),
        cmocka_unit_test(worse_than_the_mean),
    };
    return cmocka_run_group_tests_name("judge_values", tests, NULL, NULL);
}
