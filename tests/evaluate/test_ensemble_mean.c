/* Means of predictions, against their formulas in extended precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/softmax.h"
#include "evaluate/ensemble_mean.h"

#include <cmocka.h>

enum { MEMBERS = 5, SAMPLES = 3, OUTPUTS = 4, VALUES = SAMPLES * OUTPUTS, ROUNDS = 50 };

static const struct MeanKind arithmetic = {ENSEMBLE_MEAN_ARITHMETIC, true, false};
static const struct MeanKind geometric = {ENSEMBLE_MEAN_GEOMETRIC, true, false};
static const struct MeanKind of_values = {ENSEMBLE_MEAN_ARITHMETIC, false, false};

struct Ensemble {
    double weights[MEMBERS], scores[MEMBERS][VALUES];
};

/* Scores of magnitude 10^0 to 10^3, so that most probabilities are below the smallest float; the
 * first weight is 0. */
static void draw(uint64_t round, struct Ensemble *ensemble) {
    struct RandomStream stream = random_stream(21, RANDOM_TEST, 0, 0, round);
    double total = 0;
    uint32_t next = 0;
    for (int m = 1; m < MEMBERS; m++)
        total += ensemble->weights[m] = 0.1 + (double)random_uniform(random_word(&stream, next++));
    for (int m = 0; m < MEMBERS; m++) {
        ensemble->weights[m] = m ? ensemble->weights[m] / total : 0;
        for (int i = 0; i < VALUES; i++)
            ensemble->scores[m][i] =
                (2 * (double)random_uniform(random_word(&stream, next++)) - 1) *
                pow(10, (double)(round % 4));
    }
}

static void mean_of(const struct Ensemble *ensemble, struct MeanKind kind, double mean[VALUES]) {
    ensemble_mean_start(kind, VALUES, mean);
    for (int m = 0; m < MEMBERS; m++)
        ensemble_mean_add(kind, ensemble->weights[m], SAMPLES, OUTPUTS, ensemble->scores[m], mean);
}

static long double log_of(const double *row, int k) {
    long double sum = 0, largest = row[0];
    for (int j = 1; j < OUTPUTS; j++)
        largest = fmaxl(largest, row[j]);
    for (int j = 0; j < OUTPUTS; j++)
        sum += expl(row[j] - largest);
    return row[k] - largest - logl(sum);
}

/* log Σ w p. Extended precision has an exponent for every p here. */
static void test_arithmetic(void **unused) {
    (void)unused;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct Ensemble ensemble;
        double found[VALUES];
        draw(round, &ensemble);
        mean_of(&ensemble, arithmetic, found);
        for (int i = 0; i < VALUES; i++) {
            long double sum = 0;
            for (int m = 0; m < MEMBERS; m++)
                sum += ensemble.weights[m] *
                       expl(log_of(ensemble.scores[m] + i / OUTPUTS * OUTPUTS, i % OUTPUTS));
            assert_true(fabsl(found[i] - logl(sum)) <= 1e-12L * (1 + fabsl(logl(sum))));
        }
    }
}

/* Σ w log p. */
static void test_geometric(void **unused) {
    (void)unused;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct Ensemble ensemble;
        double found[VALUES];
        draw(round, &ensemble);
        mean_of(&ensemble, geometric, found);
        for (int i = 0; i < VALUES; i++) {
            long double sum = 0;
            for (int m = 0; m < MEMBERS; m++)
                sum += ensemble.weights[m] *
                       log_of(ensemble.scores[m] + i / OUTPUTS * OUTPUTS, i % OUTPUTS);
            assert_true(fabsl(found[i] - sum) <= 1e-12L * (1 + fabsl(sum)));
        }
    }
}

static void test_values(void **unused) {
    (void)unused;
    struct Ensemble ensemble;
    double found[VALUES];
    draw(3, &ensemble);
    mean_of(&ensemble, of_values, found);
    for (int i = 0; i < VALUES; i++) {
        double sum = 0;
        for (int m = 0; m < MEMBERS; m++)
            sum += ensemble.weights[m] * ensemble.scores[m][i];
        assert_true(fabs(found[i] - sum) <= 1e-12 * fabs(sum));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arithmetic),
                                       cmocka_unit_test(test_geometric),
                                       cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
