/* The mask: how much it drops, and that it depends on its key and nothing else. */
#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* An input gradient is the output gradient through the mask; scores are the input through it. */
static struct Result drop(const struct Net *net, int64_t samples, int64_t first, uint64_t seed,
                          uint64_t step) {
    struct NetRun run = {.variant = variant_best(VARIANT_F32_V4),
                         .samples = samples,
                         .first = first,
                         .batch = 64,
                         .seed = seed,
                         .step = step};
    return net_run(net, &run);
}

static bool dropped(const struct Result *result, int64_t i) {
    return result->scores[i] == 0;
}

static void test_rate_and_scale(void **unused) {
    (void)unused;
    static const double rates[] = {0, 0.1, 0.5, 0.9};
    static const int64_t elements = 9 * 11 * 13;
    for (int r = 0; r < 4; r++) {
        char *text = memory_print("[{dropout: {rate: %g}}, flatten]", rates[r]);
        struct Net net = net_create(text, (struct Shape){9, 11, 13, 1, 1});
        struct Result result = drop(&net, 40, 0, 1, 1);
        struct NetRun run = {
            .variant = variant_best(VARIANT_F32_V4), .samples = 40, .inference = true};
        struct Result plain = net_run(&net, &run);
        double zeros = 0, n = (double)(40 * elements);
        for (int64_t i = 0; i < result.outputs; i++) {
            zeros += dropped(&result, i);
            if (!dropped(&result, i))
                assert_true(fabs(result.scores[i] * (1 - rates[r]) - plain.scores[i]) <
                            1e-6 * (1 + fabs(plain.scores[i])));
            else /* the gradient goes the same way */
                assert_true(result.input_gradient[i] == 0);
        }
        double deviation = sqrt(rates[r] * (1 - rates[r]) / n);
        assert_true(fabs(zeros / n - rates[r]) <= 4 * deviation);
        assert_int_equal(plain.operations, 1); /* the flatten alone */
        memory_release(text);
        result_release(&result);
        result_release(&plain);
        net_release(&net);
    }
}

static void test_cut_into_shards_it_is_the_same(void **unused) {
    (void)unused;
    struct Net net = net_create("[{dropout: {rate: 0.5}}, flatten]", (struct Shape){5, 5, 7, 1, 1});
    struct Result whole = drop(&net, 12, 0, 1, 1);
    static const int64_t cuts[] = {0, 5, 6, 12};
    for (int i = 0; i < 3; i++) {
        struct Result part = drop(&net, cuts[i + 1] - cuts[i], cuts[i], 1, 1);
        assert_memory_equal(part.scores, whole.scores + cuts[i] * 175,
                            (size_t)part.outputs * sizeof(double));
        result_release(&part);
    }
    result_release(&whole);
    net_release(&net);
}

/* Masks of another seed, step, sample, element or layer agree in about half of the places. */
static void test_masks_are_independent(void **unused) {
    (void)unused;
    struct Net net =
        net_create("[{dropout: {rate: 0.5}}, flatten]", (struct Shape){16, 16, 16, 1, 1});
    struct Result masks[] = {drop(&net, 4, 0, 1, 1), drop(&net, 4, 0, 2, 1), drop(&net, 4, 0, 1, 2),
                             drop(&net, 4, 4, 1, 1)};
    double n = (double)masks[0].outputs;
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < a; b++) {
            double equal = 0;
            for (int64_t i = 0; i < masks[0].outputs; i++)
                equal += dropped(&masks[a], i) == dropped(&masks[b], i);
            assert_true(fabs(equal / n - 0.5) < 4 * 0.5 / sqrt(n));
        }
    for (int64_t shift = 1; shift <= 256; shift++) { /* along one mask */
        double equal = 0;
        for (int64_t i = shift; i < masks[0].outputs; i++)
            equal += dropped(&masks[0], i) == dropped(&masks[0], i - shift);
        assert_true(fabs(equal / (n - (double)shift) - 0.5) < 5 * 0.5 / sqrt(n));
    }
    for (int i = 0; i < 4; i++)
        result_release(&masks[i]);
    net_release(&net);
    /* After two layers a quarter stays. */
    net = net_create("[{dropout: {rate: 0.5}}, {dropout: {rate: 0.5}}, flatten]",
                     (struct Shape){16, 16, 16, 1, 1});
    struct Result twice = drop(&net, 4, 0, 1, 1);
    double kept = 0;
    for (int64_t i = 0; i < twice.outputs; i++)
        kept += !dropped(&twice, i);
    assert_true(fabs(kept / n - 0.25) < 4 * sqrt(0.25 * 0.75 / n));
    result_release(&twice);
    net_release(&net);
}

/* Both forms, for elements and channels: training, predicting, and the average over training's
 * masks, which predicting replaces. */
static void test_forms(void **unused) {
    (void)unused;
    static const char *const forms[] = {"inverted", "plain"}, *const drops[] = {"elements",
                                                                                "channels"};
    for (int f = 0; f < 2; f++)
        for (int d = 0; d < 2; d++) {
            char *text = memory_print("[{dropout: {rate: 0.25, form: %s, drops: %s}}, flatten]",
                                      forms[f], drops[d]);
            struct Net net = net_create(text, (struct Shape){3, 2, 77, 1, 1});
            struct Result result = drop(&net, 200, 0, 1, 1);
            struct NetRun run = {
                .variant = variant_best(VARIANT_F32_V4), .samples = 200, .inference = true};
            struct Result plain = net_run(&net, &run);
            assert_int_equal(plain.operations, f ? 2 : 1);
            double training_scale = f ? 1 : 1 / 0.75, scale = f ? 0.75 : 1, zeros = 0;
            for (int64_t i = 0; i < result.outputs; i++) {
                int64_t sample = i / (6 * 77), channel = i % 77;
                double x = result.input[i];
                assert_true(fabs(plain.scores[i] - scale * x) <= 1e-6 * fabs(x));
                assert_true(dropped(&result, i) ||
                            fabs(result.scores[i] - training_scale * x) <= 1e-6 * fabs(x));
                assert_true(!dropped(&result, i) || result.input_gradient[i] == 0);
                if (d) /* all pixels of a channel alike */
                    assert_int_equal(dropped(&result, i),
                                     dropped(&result, sample * 6 * 77 + channel));
                zeros += dropped(&result, i);
            }
            double n = (double)result.outputs, draws = d ? n / 6 : n;
            assert_true(fabs(zeros / n - 0.25) <= 4 * sqrt(0.25 * 0.75 / draws));
            memory_release(text);
            result_release(&result);
            result_release(&plain);
            net_release(&net);
        }
}

/* Up to the rounding of matrix products, which the library makes in an order of its own for each
 * number of rows. */
static void assert_close(const double *found, const double *right, size_t count) {
    for (size_t i = 0; i < count; i++)
        assert_true(fabs(found[i] - right[i]) <= 1e-5 * (1 + fabs(right[i])));
}

/* A plan with sample_dropout: its masks depend on seed, place and draw and differ from training's;
 * layers that are not random predict as without it. */
static void test_sampling(void **unused) {
    (void)unused;
    static const char *const nets[] = {
        "[{dropout: {rate: 0.4}}, flatten]", "[{dropout: {rate: 0.4, form: plain}}, flatten]",
        "[{dropout: {rate: 0.4, drops: channels}}, flatten]",
        "[batchnorm, {dropout: {rate: 0.4}}, flatten, {linear: {out: 33}}]"};
    for (size_t t = 0; t < sizeof nets / sizeof *nets; t++) {
        struct Net net = net_create(nets[t], (struct Shape){5, 4, 21, 1, 1});
        assert_true(model_is_random(net.model));
        struct NetRun run = {.variant = variant_best(VARIANT_F32_V4),
                             .samples = 7,
                             .first = 3,
                             .seed = 11,
                             .step = 2,
                             .inference = true,
                             .sample_dropout = true};
        struct Result whole = net_run(&net, &run), training = drop(&net, 7, 3, 11, 2);
        size_t outputs = (size_t)whole.outputs / 7;
        run.samples = 3, run.first = 5;
        struct Result part = net_run(&net, &run);
        run.step = 3;
        struct Result other = net_run(&net, &run);
        assert_close(part.scores, whole.scores + 2 * outputs, 3 * outputs);
        assert_memory_not_equal(other.scores, part.scores, 3 * outputs * sizeof(double));
        assert_memory_not_equal(training.scores, whole.scores, 7 * outputs * sizeof(double));
        struct Result *all[] = {&whole, &training, &part, &other};
        for (int i = 0; i < 4; i++)
            result_release(all[i]);
        net_release(&net);
    }
    struct Net net = net_create("[batchnorm, relu, flatten]", (struct Shape){5, 4, 21, 1, 1});
    assert_false(model_is_random(net.model));
    struct NetRun run = {.samples = 7, .inference = true};
    struct Result plain = net_run(&net, &run);
    run.sample_dropout = true;
    struct Result sampled = net_run(&net, &run);
    assert_memory_equal(plain.scores, sampled.scores, (size_t)plain.outputs * sizeof(double));
    result_release(&plain);
    result_release(&sampled);
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_and_scale),
        cmocka_unit_test(test_cut_into_shards_it_is_the_same),
        cmocka_unit_test(test_masks_are_independent),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_sampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
