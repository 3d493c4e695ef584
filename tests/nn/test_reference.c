/* What no gradient check can see: that every number is in its place. Plain loops over file order,
 * and the channels of the shortcut. */
#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#define SAMPLES 3

/* A row of the state in file order. */
static float *file_row(const struct Net *net, const struct Result *result, int row) {
    const struct Arena *arena = model_arena(net->model);
    int64_t elements = arena_state_elements(arena);
    float *state = memory_array(float, elements, "test");
    float *file = memory_array(float, arena->rows[row].count, "test");
    for (int64_t i = 0; i < elements; i++)
        state[i] = (float)result->state[i];
    arena_to_file(&arena->rows[row], state, file);
    memory_release(state);
    return file;
}

/* y = w · x with w (O, C·H·W), as PyTorch flattens. */
static void test_linear_after_flatten(void **unused) {
    (void)unused;
    enum { H = 3, W = 4, C = 5, OUT = 6 };
    struct Net net =
        net_create("[flatten, {linear: {out: 6, bias: false}}]", (struct Shape){H, W, C, 1, 1});
    struct NetRun run = {.samples = SAMPLES};
    struct Result result = net_run(&net, &run);
    float *w = file_row(&net, &result, 0);
    for (int n = 0; n < SAMPLES; n++)
        for (int o = 0; o < OUT; o++) {
            double sum = 0;
            for (int c = 0; c < C; c++)
                for (int y = 0; y < H; y++)
                    for (int x = 0; x < W; x++)
                        sum += (double)w[((o * C + c) * H + y) * W + x] *
                               result.input[((n * H + y) * W + x) * C + c];
            assert_true(fabs(sum - result.scores[n * OUT + o]) < 1e-10);
        }
    memory_release(w);
    result_release(&result);
    net_release(&net);
}

/* y = w * x with w (O, I, KH, KW): OIHW. */
static void test_convolution(void **unused) {
    (void)unused;
    enum { H = 7, W = 6, C = 4, OUT = 6, KERNEL = 3, STRIDE = 2, PAD = 1, GROUPS = 2 };
    enum { P = (H + 2 * PAD - KERNEL) / STRIDE + 1, Q = (W + 2 * PAD - KERNEL) / STRIDE + 1 };
    struct Net net =
        net_create("[{conv: {out: 6, kernel: 3, stride: 2, padding: 1, groups: 2, bias: false}}]",
                   (struct Shape){H, W, C, 1, 1});
    struct NetRun run = {.samples = SAMPLES};
    struct Result result = net_run(&net, &run);
    assert_int_equal(result.outputs, SAMPLES * P * Q * OUT);
    float *w = file_row(&net, &result, 0);
    for (int i = 0; i < result.outputs; i++) {
        int o = i % OUT, q = i / OUT % Q, p = i / OUT / Q % P, n = i / OUT / Q / P;
        double sum = 0;
        for (int c = 0; c < C / GROUPS; c++)
            for (int r = 0; r < KERNEL; r++)
                for (int s = 0; s < KERNEL; s++) {
                    int y = p * STRIDE - PAD + r, x = q * STRIDE - PAD + s;
                    int channel = o / (OUT / GROUPS) * (C / GROUPS) + c;
                    if (y >= 0 && y < H && x >= 0 && x < W)
                        sum += (double)w[((o * C / GROUPS + c) * KERNEL + r) * KERNEL + s] *
                               result.input[((n * H + y) * W + x) * C + channel];
                }
        assert_true(fabs(sum - result.scores[i]) < 1e-10);
    }
    memory_release(w);
    result_release(&result);
    net_release(&net);
}

/* The block minus its body: every second pixel, with channels 0 … 2 in the places 2 … 4 of 8. */
static void test_pad_shortcut(void **unused) {
    (void)unused;
    enum { H = 5, W = 6, C = 3, OUT = 8, P = 3, Q = 3, FRONT = 2 };
    static const char body[] = "[{conv: {out: 8, kernel: 3, padding: 1, stride: 2}}]";
    char *block = memory_print("[{residual: {body: %s, shortcut: pad}}]", body);
    struct Net nets[] = {net_create(block, (struct Shape){H, W, C, 1, 1}),
                         net_create(body, (struct Shape){H, W, C, 1, 1})};
    struct NetRun run = {.samples = SAMPLES};
    struct Result whole = net_run(&nets[0], &run), part = net_run(&nets[1], &run);
    assert_int_equal(whole.outputs, SAMPLES * P * Q * OUT);
    for (int i = 0; i < whole.outputs; i++) {
        int c = i % OUT - FRONT, q = i / OUT % Q, p = i / OUT / Q % P, n = i / OUT / Q / P;
        double shortcut = c >= 0 && c < C ? whole.input[((n * H + 2 * p) * W + 2 * q) * C + c] : 0;
        assert_true(fabs(whole.scores[i] - part.scores[i] - shortcut) < 1e-10);
    }
    memory_release(block);
    for (int i = 0; i < 2; i++)
        net_release(&nets[i]);
    result_release(&whole);
    result_release(&part);
}

static void check_pool(const char *layer, int kernel, int stride, int pad, bool largest) {
    enum { H = 9, W = 8, C = 19 };
    int heights = (H + 2 * pad - kernel) / stride + 1, widths = (W + 2 * pad - kernel) / stride + 1;
    char *text =
        memory_print("[{%s: {kernel: %d, stride: %d, padding: %d}}]", layer, kernel, stride, pad);
    struct Net net = net_create(text, (struct Shape){H, W, C, 1, 1});
    struct NetRun run = {.samples = SAMPLES};
    struct Result result = net_run(&net, &run);
    assert_int_equal(result.outputs, SAMPLES * heights * widths * C);
    for (int i = 0; i < result.outputs; i++) {
        int c = i % C, q = i / C % widths, p = i / C / widths % heights,
            n = i / C / widths / heights;
        double best = -INFINITY, sum = 0;
        for (int y = p * stride - pad; y < p * stride - pad + kernel; y++)
            for (int x = q * stride - pad; x < q * stride - pad + kernel; x++)
                if (y >= 0 && y < H && x >= 0 && x < W) {
                    double value = result.input[((n * H + y) * W + x) * C + c];
                    best = fmax(best, value);
                    sum += value / (kernel * kernel);
                }
        assert_true(fabs(result.scores[i] - (largest ? best : sum)) < 1e-12);
    }
    memory_release(text);
    result_release(&result);
    net_release(&net);
}

static void test_pooling(void **unused) {
    (void)unused;
    check_pool("maxpool", 2, 2, 0, true);
    check_pool("maxpool", 3, 2, 1, true);
    check_pool("maxpool", 5, 1, 2, true);
    check_pool("avgpool", 2, 2, 0, false);
    check_pool("avgpool", 3, 2, 1, false);
    check_pool("avgpool", 4, 3, 2, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_after_flatten),
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_pad_shortcut),
        cmocka_unit_test(test_pooling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
