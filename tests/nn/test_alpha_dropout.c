/* Alpha dropout against its formula, with PyTorch's constants,
 * and that it keeps mean and variance. */
#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#define SAMPLES 30
static const int64_t elements = 11 * 9 * 13;

static struct Result run_once(const struct Net *net, int64_t samples, int64_t first,
                              enum Variant variant) {
    struct NetRun run = {.variant = variant,
                         .samples = samples,
                         .first = first,
                         .batch = SAMPLES,
                         .seed = 3,
                         .step = 8};
    return net_run(net, &run);
}

static struct Net make(double rate) {
    char *text = memory_print("[{alpha_dropout: {rate: %g}}, flatten]", rate);
    struct Net net = net_create(text, (struct Shape){11, 9, 13, 1, 1});
    memory_release(text);
    return net;
}

/* torch.nn.functional.alpha_dropout: α' = −1.7580993408473766, a = ((α'² p + 1) (1 − p))^−½,
 * b = −a α' p; a dropped element is α' a + b, a kept one a x + b. */
static void test_formula(void **unused) {
    (void)unused;
    static const double rates[] = {0, 0.05, 0.1, 0.5, 0.9}, floor_of = -1.7580993408473766;
    for (int r = 0; r < 5; r++) {
        double p = rates[r], a = 1 / sqrt((floor_of * floor_of * p + 1) * (1 - p));
        double b = -a * floor_of * p, dropped = 0;
        struct Net net = make(p);
        for (int v = 0; v < VARIANT_COUNT; v++) {
            if (!variant_available((enum Variant)v))
                continue;
            struct Result found = run_once(&net, SAMPLES, 0, (enum Variant)v);
            dropped = 0;
            for (int64_t i = 0; i < found.outputs; i++) {
                bool kept = fabs(found.scores[i] - (a * found.input[i] + b)) < 1e-5;
                if (!kept && !(fabs(found.scores[i] - (floor_of * a + b)) < 1e-5))
                    fail_msg("rate %g: %g gives %g", p, found.input[i], found.scores[i]);
                assert_true(kept == (found.input_gradient[i] != 0));
                dropped += !kept;
            }
            result_release(&found);
        }
        double n = (double)(SAMPLES * elements);
        assert_true(fabs(dropped / n - p) <= 4 * sqrt(p * (1 - p) / n));
        net_release(&net);
    }
}

/* The input is standard normal. */
static void test_mean_and_variance_stay(void **unused) {
    (void)unused;
    static const double rates[] = {0.05, 0.2, 0.5};
    for (int r = 0; r < 3; r++) {
        struct Net net = make(rates[r]);
        struct Result found = run_once(&net, SAMPLES, 0, variant_best(VARIANT_F32_V4));
        double n = (double)found.outputs, sum = 0, squares = 0;
        for (int64_t i = 0; i < found.outputs; i++) {
            sum += found.scores[i];
            squares += found.scores[i] * found.scores[i];
        }
        double mean = sum / n, variance = squares / n - mean * mean;
        assert_true(fabs(mean) < 5 / sqrt(n));
        assert_true(fabs(variance - 1) < 5 * sqrt(2 / n));
        result_release(&found);
        net_release(&net);
    }
}

static void test_predicting_and_shards(void **unused) {
    (void)unused;
    struct Net net = make(0.3);
    enum Variant best = variant_best(VARIANT_F32_V4);
    struct NetRun run = {.variant = best, .samples = SAMPLES, .inference = true};
    struct Result plain = net_run(&net, &run), whole = run_once(&net, SAMPLES, 0, best);
    assert_memory_equal(plain.scores, plain.input, (size_t)plain.outputs * sizeof(double));
    run.sample_dropout = true; /* Monte Carlo: masks in inference, different from training's */
    struct Result sampled = net_run(&net, &run);
    double floor_of = -1.7580993408473766, a = 1 / sqrt((floor_of * floor_of * 0.3 + 1) * 0.7);
    double value = floor_of * a * 0.7, n = (double)sampled.outputs, dropped = 0, both = 0;
    for (int64_t i = 0; i < sampled.outputs; i++) {
        bool here = fabs(sampled.scores[i] - value) < 1e-6;
        dropped += here;
        both += here && fabs(whole.scores[i] - value) < 1e-6;
    }
    assert_true(fabs(dropped / n - 0.3) < 4 * sqrt(0.3 * 0.7 / n));
    assert_true(fabs(both / n - 0.09) < 4 * sqrt(0.09 * 0.91 / n));
    result_release(&sampled);
    static const int64_t cuts[] = {0, 7, 8, SAMPLES};
    for (int i = 0; i < 3; i++) {
        struct Result part = run_once(&net, cuts[i + 1] - cuts[i], cuts[i], best);
        assert_memory_equal(part.scores, whole.scores + cuts[i] * elements,
                            (size_t)part.outputs * sizeof(double));
        result_release(&part);
    }
    result_release(&plain);
    result_release(&whole);
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_mean_and_variance_stay),
        cmocka_unit_test(test_predicting_and_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
