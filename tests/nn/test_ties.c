/* If several values are equally large, the first in row-major order gets the gradient, as in
 * PyTorch: in every layer that takes a largest value, for every vector width and variant. Such ties
 * are common after a ReLU. */
#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <math.h>

enum { SAMPLES = 2, SIDE = 8 };

/* Windows of `kernel` x `kernel` taps on an image of SIDE x SIDE. */
struct Windows {
    const char *layer;
    int kernel, stride, padding, dilation;
    int out; /* windows on an axis */
};
static const struct Windows windows[] = {
    {"{maxpool: {kernel: 2}}", 2, 2, 0, 1, 4},
    {"{maxpool: {kernel: 3, stride: 1, padding: 1}}", 3, 1, 1, 1, 8},
    {"{maxpool: {kernel: 3, stride: 2, padding: 1}}", 3, 2, 1, 1, 4},
    {"{maxpool: {kernel: 3, stride: 2, ceil_mode: true}}", 3, 2, 0, 1, 4},
    {"{maxpool: {kernel: 2, stride: 3}}", 2, 3, 0, 1, 3},
    {"{maxpool: {kernel: 2, stride: 1, dilation: 3}}", 2, 1, 0, 3, 5},
    {"{maxpool: {kernel: 3, stride: 2, padding: 2, dilation: 2}}", 3, 2, 2, 2, 4},
    {"global_maxpool", SIDE, SIDE, 0, 1, 1},
    {"{fractional_maxpool: {out: 4, overlapping: false}}", 2, 2, 0, 1, 4},
};

/* The index in the input of the first largest value that output `i` sees. */
static int64_t first_largest(const struct Windows *w, int64_t channels, const double *input,
                             int64_t i) {
    int64_t c = i % channels, q = i / channels % w->out, p = i / channels / w->out % w->out;
    int64_t n = i / channels / w->out / w->out, best = -1;
    for (int r = 0; r < w->kernel; r++)
        for (int s = 0; s < w->kernel; s++) {
            int64_t y = p * w->stride - w->padding + r * w->dilation;
            int64_t x = q * w->stride - w->padding + s * w->dilation;
            if (y < 0 || y >= SIDE || x < 0 || x >= SIDE)
                continue;
            int64_t at = ((n * SIDE + y) * SIDE + x) * channels + c;
            if (best < 0 || input[at] > input[best])
                best = at;
        }
    return best;
}

/* d(loss)/d(score) of the mean squared error over outputs and samples. */
static double output_gradient(const struct Result *result, int64_t i) {
    return 2 * (result->scores[i] - (double)result->target[i]) / (double)result->outputs;
}

static void expect_near(const char *what, enum Variant variant, int64_t channels,
                        const struct Result *result, const double *expected) {
    for (int64_t i = 0; i < result->inputs; i++)
        if (!(fabs(result->input_gradient[i] - expected[i]) < 1e-6))
            fail_msg(
                "%s, %" PRId64 " channels, %s: input %" PRId64 " gets the gradient %g, expected %g",
                what, channels, variant_name(variant), i, result->input_gradient[i], expected[i]);
}

static void check_windows(const struct Windows *w, int64_t channels, enum Variant variant) {
    char *text = memory_print("[%s]\nloss: mse", w->layer);
    struct Net net = net_create(text, (struct Shape){SIDE, SIDE, channels, 1, 1});
    struct NetRun run = {.variant = variant, .samples = SAMPLES, .whole_inputs = true};
    struct Result result = net_run(&net, &run);
    assert_int_equal(result.outputs, SAMPLES * w->out * w->out * channels);
    double *expected = memory_array(double, result.inputs, "test");
    for (int64_t i = 0; i < result.outputs; i++)
        expected[first_largest(w, channels, result.input, i)] += output_gradient(&result, i);
    expect_near(w->layer, variant, channels, &result, expected);
    memory_release(expected);
    memory_release(text);
    result_release(&result);
    net_release(&net);
}

/* Channels on both sides of every vector width, so that whole, half and quarter vectors, their
 * overlapping last ones and single channels all occur. */
static void test_pooling(void **unused) {
    (void)unused;
    static const int64_t channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 20, 21, 24, 31, 33};
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
            for (int v = 0; v < VARIANT_COUNT; v++)
                if (variant_available((enum Variant)v))
                    check_windows(&windows[i], channels[c], (enum Variant)v);
}

static void check_maxout(int64_t pieces, int64_t channels, enum Variant variant) {
    char *text = memory_print("[{maxout: {pieces: %" PRId64 "}}]\nloss: mse", pieces);
    struct Net net = net_create(text, (struct Shape){3, 2, pieces * channels, 1, 1});
    struct NetRun run = {.variant = variant, .samples = SAMPLES, .whole_inputs = true};
    struct Result result = net_run(&net, &run);
    double *expected = memory_array(double, result.inputs, "test");
    for (int64_t i = 0; i < result.outputs; i++) {
        int64_t first = i / channels * channels * pieces + i % channels, best = first;
        for (int64_t j = 1; j < pieces; j++)
            if (result.input[first + j * channels] > result.input[best])
                best = first + j * channels;
        expected[best] += output_gradient(&result, i);
    }
    expect_near(text, variant, channels, &result, expected);
    memory_release(expected);
    memory_release(text);
    result_release(&result);
    net_release(&net);
}

static void test_maxout(void **unused) {
    (void)unused;
    static const int64_t channels[] = {1, 5, 16, 19, 37};
    for (size_t c = 0; c < sizeof channels / sizeof *channels; c++)
        for (int v = 0; v < VARIANT_COUNT; v++)
            if (variant_available((enum Variant)v))
                check_maxout(4, channels[c], (enum Variant)v);
}

/* Activations with a kink at 0 take there the slope that they have below it, as in PyTorch. */
static void check_kink(const char *layer, double slope, enum Variant variant) {
    char *text = memory_print("[%s]\nloss: mse", layer);
    struct Net net = net_create(text, (struct Shape){SIDE, SIDE, 5, 1, 1});
    struct NetRun run = {.variant = variant, .samples = SAMPLES, .whole_inputs = true};
    struct Result result = net_run(&net, &run);
    int zeros = 0;
    for (int64_t i = 0; i < result.inputs; i++) {
        double expected = slope * output_gradient(&result, i);
        if (result.input[i] != 0)
            continue;
        zeros++;
        if (!(fabs(result.input_gradient[i] - expected) < 1e-6))
            fail_msg("%s, %s: the gradient at 0 is %g, expected %g", layer, variant_name(variant),
                     result.input_gradient[i], expected);
    }
    assert_in_range(zeros, 10, result.inputs);
    memory_release(text);
    result_release(&result);
    net_release(&net);
}

static void test_kinks(void **unused) {
    (void)unused;
    static const struct {
        const char *layer;
        double slope;
    } kinks[] = {{"relu", 0},
                 {"{leaky_relu: {slope: 0.25}}", 0.25},
                 {"{elu: {alpha: 0.5}}", 0.5},
                 {"selu", 1.0507009873554805 * 1.6732632423543772}};
    for (size_t i = 0; i < sizeof kinks / sizeof *kinks; i++)
        for (int v = 0; v < VARIANT_COUNT; v++)
            if (variant_available((enum Variant)v))
                check_kink(kinks[i].layer, kinks[i].slope, (enum Variant)v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pooling),
        cmocka_unit_test(test_maxout),
        cmocka_unit_test(test_kinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
