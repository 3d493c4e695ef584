/* Softmax cross-entropy against its plain formula, and with scores for which the plain formula
 * overflows. */
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

/* As the options of cross_entropy. */
struct CrossEntropy {
    struct LossCommon common;
    double smoothing;
};

#define OUTPUTS 7
#define SAMPLES 5

static const struct Loss *cross_entropy(enum Variant variant) {
    return loss_variant((const struct Loss *)loss_kinds.kinds[0], variant);
}

static void make_target(uint64_t instance, float target[SAMPLES * OUTPUTS]) {
    struct RandomStream stream = random_stream(6, RANDOM_TEST, (uint32_t)instance, 0, 0);
    for (int i = 0; i < SAMPLES; i++) {
        float sum = 0;
        for (int k = 0; k < OUTPUTS; k++)
            sum += target[i * OUTPUTS + k] =
                i == 0 ? (float)(k == 3) /* one-hot */
                       : random_uniform(random_word(&stream, (uint64_t)(i * OUTPUTS + k)));
        for (int k = 0; k < OUTPUTS; k++)
            target[i * OUTPUTS + k] /= sum;
    }
}

static void test_against_formula(void **unused) {
    (void)unused;
    float target[SAMPLES * OUTPUTS];
    double scores[SAMPLES * OUTPUTS], gradient[SAMPLES * OUTPUTS], loss[SAMPLES];
    float single[SAMPLES * OUTPUTS], single_gradient[SAMPLES * OUTPUTS],
        probability[SAMPLES * OUTPUTS];
    struct RandomStream stream = random_stream(6, RANDOM_TEST, 99, 0, 0);
    random_normal(&stream, SAMPLES * OUTPUTS, scores);
    make_target(1, target);
    for (int i = 0; i < SAMPLES * OUTPUTS; i++)
        single[i] = (float)scores[i];
    for (double smoothing = 0; smoothing < 0.5; smoothing += 0.1) {
        const struct Loss *exact = cross_entropy(VARIANT_F64);
        struct CrossEntropy options = {.smoothing = smoothing};
        exact->evaluate(&options, SAMPLES, OUTPUTS, scores, target, 0.25, loss, gradient);
        for (int i = 0; i < SAMPLES; i++) {
            double sum = 0, expected = 0, mass = 0;
            for (int k = 0; k < OUTPUTS; k++)
                sum += exp(scores[i * OUTPUTS + k]);
            for (int k = 0; k < OUTPUTS; k++)
                mass += (1 - smoothing) * (double)target[i * OUTPUTS + k] + smoothing / OUTPUTS;
            for (int k = 0; k < OUTPUTS; k++) {
                double p = exp(scores[i * OUTPUTS + k]) / sum;
                double t = (1 - smoothing) * (double)target[i * OUTPUTS + k] + smoothing / OUTPUTS;
                expected -= t * log(p);
                assert_true(fabs(gradient[i * OUTPUTS + k] - 0.25 * (p * mass - t)) < 1e-12);
            }
            assert_true(fabs(loss[i] - expected) < 1e-12);
        }
        const struct Loss *fast = cross_entropy(variant_best(VARIANT_F32_V4));
        double single_loss[SAMPLES];
        fast->evaluate(&options, SAMPLES, OUTPUTS, single, target, 0.25, single_loss,
                       single_gradient);
        for (int i = 0; i < SAMPLES * OUTPUTS; i++)
            assert_true(fabs((double)single_gradient[i] - gradient[i]) < 1e-6);
        for (int i = 0; i < SAMPLES; i++)
            assert_true(fabs(single_loss[i] - loss[i]) < 1e-6);
        fast->predict(&options, SAMPLES, OUTPUTS, scores, probability);
        for (int i = 0; i < SAMPLES; i++) {
            double sum = 0;
            for (int k = 0; k < OUTPUTS; k++)
                sum += (double)probability[i * OUTPUTS + k];
            assert_true(fabs(sum - 1) < 1e-6);
        }
    }
}

static void test_extreme_scores(void **unused) {
    (void)unused;
    struct CrossEntropy options = {.smoothing = 0};
    double loss;
    const struct Loss *fast = cross_entropy(VARIANT_F32);
    float target[] = {0, 1, 0}, far[] = {3e38f, -3e38f, 0}, gradient[3];
    fast->evaluate(&options, 1, 3, far, target, 1, &loss, gradient);
    assert_true(isfinite(loss) && loss > 5e38);
    assert_true(gradient[0] == 1 && gradient[1] == -1 && gradient[2] == 0);
    float equal[] = {1e30f, 1e30f, 1e30f};
    fast->evaluate(&options, 1, 3, equal, target, 1, &loss, NULL);
    assert_true(fabs(loss - log(3)) < 1e-6);
    float broken[] = {NAN, 0, 0};
    fast->evaluate(&options, 1, 3, broken, target, 1, &loss, gradient);
    assert_true(isnan(loss) && isnan(gradient[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_formula),
        cmocka_unit_test(test_extreme_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
