/* Up to where the first loss of a run is usual. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "run/chance.h"

#include <cmocka.h>

#define CHANCE 2.0

static double usual(const char *loss, int64_t outputs) {
    struct Kind kind = {.name = loss};
    struct RunOptions options = {.loss.kind = &kind};
    return run_usual_loss_of_values(&options, outputs, 6, CHANCE) / CHANCE;
}

/* 1 + 2 χ²/k at the 99.9th percentile: χ² is 10.828 for one degree of freedom, 16.266 for three. */
static void squares_of_few_outputs_vary(void **state) {
    (void)state;
    assert_true(fabs(usual("mse", 1) - (1 + 2 * 10.828)) < 1);
    assert_true(fabs(usual("mse", 3) - (1 + 2 * 16.266 / 3)) < 0.2);
}

static void others_vary_less(void **state) {
    (void)state;
    assert_true(usual("mse", 100) == 6);
    assert_true(usual("mae", 1) == 6);
}

static void few_classes_are_as_far_above_chance_as_ten(void **state) {
    (void)state;
    assert_true(fabs(run_usual_loss(3, log(10)) - 3 * log(10)) < 1e-12);
    assert_true(fabs(run_usual_loss(3, log(2)) - (log(2) + 2 * log(10))) < 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squares_of_few_outputs_vary),
        cmocka_unit_test(others_vary_less),
        cmocka_unit_test(few_classes_are_as_far_above_chance_as_ten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
