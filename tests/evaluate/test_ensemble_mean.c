/* Means of predictions, against their formulas. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "evaluate/ensemble_mean.h"

#include <cmocka.h>

enum { SAMPLES = 2, OUTPUTS = 3, VALUES = SAMPLES * OUTPUTS };

static const float first[VALUES] = {0.5f, 0.25f, 0.25f, 0.125f, 0.75f, 0.125f};
static const float second[VALUES] = {0.25f, 0.5f, 0.25f, 0, 0.5f, 0.5f};

static void mean(enum EnsembleMean kind, bool distributions, double weight, float found[VALUES]) {
    double sum[VALUES] = {0};
    ensemble_mean_add(sum, kind, weight, first, VALUES);
    ensemble_mean_add(sum, kind, 1 - weight, second, VALUES);
    ensemble_mean_finish(sum, kind, distributions, SAMPLES, OUTPUTS, found);
}

static void test_arithmetic(void **state) {
    (void)state;
    float found[VALUES];
    mean(ENSEMBLE_MEAN_ARITHMETIC, false, 0.25, found);
    for (int i = 0; i < VALUES; i++)
        assert_float_equal(found[i], 0.25 * (double)first[i] + 0.75 * (double)second[i], 1e-7);
}

/* Π p^w, scaled to sum to one; a probability of 0 in one of them remains 0. */
static void test_geometric(void **state) {
    (void)state;
    float found[VALUES];
    mean(ENSEMBLE_MEAN_GEOMETRIC, true, 0.25, found);
    for (int s = 0; s < SAMPLES; s++) {
        double product[OUTPUTS], total = 0;
        for (int o = 0; o < OUTPUTS; o++) {
            int i = s * OUTPUTS + o;
            product[o] = pow((double)first[i], 0.25) * pow((double)second[i], 0.75);
            total += product[o];
        }
        for (int o = 0; o < OUTPUTS; o++)
            assert_float_equal(found[s * OUTPUTS + o], product[o] / total, 1e-6);
    }
    assert_true(found[OUTPUTS] == 0);
}

/* Rows that do not quite sum to one are scaled if they are distributions, and only then. */
static void test_distributions(void **state) {
    (void)state;
    static const float scores[VALUES] = {1, 2, 5, 2, 2, 4};
    for (int distributions = 0; distributions < 2; distributions++) {
        double sum[VALUES] = {0};
        float found[VALUES];
        ensemble_mean_add(sum, ENSEMBLE_MEAN_ARITHMETIC, 1, scores, VALUES);
        ensemble_mean_finish(sum, ENSEMBLE_MEAN_ARITHMETIC, distributions, SAMPLES, OUTPUTS, found);
        for (int i = 0; i < VALUES; i++)
            assert_true(found[i] == (distributions ? scores[i] / 8 : scores[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arithmetic),
                                       cmocka_unit_test(test_geometric),
                                       cmocka_unit_test(test_distributions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
