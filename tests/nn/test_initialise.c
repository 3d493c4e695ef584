/* Initialisers: the moments and bounds of what they draw, and that a draw does not depend on the
 * layout in memory. */
#include "base/memory.h"
#include "net.h"
#include "nn/initialise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static const double in = 8 * 9, out = 200 * 9; /* fans of the convolution below */

struct Draw {
    double mean, std, smallest, largest, fourth; /* fourth: kurtosis, 3 if normal, 1.8 if uniform */
};

static struct Draw draw(const char *initialiser) {
    char *text = memory_print("[{conv: {out: 200, kernel: 3, weight_init: %s}}]", initialiser);
    struct Net net = net_create(text, (struct Shape){4, 4, 8, 1, 1});
    const struct Arena *arena = model_arena(net.model);
    float *state = memory_allocate((size_t)arena_state_elements(arena) * sizeof *state, "test");
    model_initialise(net.model, 7, state);
    const float *values = state + arena->rows[0].offset;
    double n = (double)arena->rows[0].count;
    struct Draw result = {.smallest = INFINITY, .largest = -INFINITY};
    for (int64_t i = 0; i < arena->rows[0].count; i++) {
        result.mean += (double)values[i] / n;
        result.smallest = fmin(result.smallest, (double)values[i]);
        result.largest = fmax(result.largest, (double)values[i]);
    }
    for (int64_t i = 0; i < arena->rows[0].count; i++) {
        result.std += pow((double)values[i] - result.mean, 2) / n;
        result.fourth += pow((double)values[i] - result.mean, 4) / n;
    }
    result.fourth /= result.std * result.std;
    result.std = sqrt(result.std);
    const float *bias = state + arena->rows[1].offset;
    for (int i = 0; i < 200; i++)
        assert_true(bias[i] == 0);
    memory_release(state);
    memory_release(text);
    net_release(&net);
    return result;
}

static void test_normal_kinds(void **unused) {
    (void)unused;
    const struct {
        const char *name;
        double std;
    } kinds[] = {
        {"{normal: {std: 0.01}}", 0.01},
        {"xavier", sqrt(1 / in)},
        {"glorot_normal", sqrt(2 / (in + out))},
        {"kaiming_normal", sqrt(2 / in)},
        {"{kaiming_normal: {mode: fan_out}}", sqrt(2 / out)},
        {"{kaiming_normal: {gain: linear}}", sqrt(1 / in)},
        {"{kaiming_normal: {gain: leaky_relu, slope: 0.5}}", sqrt(2 / 1.25 / in)},
        {"{kaiming_normal: {gain: tanh}}", 5.0 / 3 / sqrt(in)},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct Draw found = draw(kinds[i].name);
        double n = 200 * in;
        assert_true(fabs(found.mean) < 4 * kinds[i].std / sqrt(n));
        assert_true(fabs(found.std / kinds[i].std - 1) < 4 / sqrt(2 * n));
        assert_true(fabs(found.fourth - 3) < 4 * sqrt(24 / n));
    }
}

static void test_uniform_kinds(void **unused) {
    (void)unused;
    const struct {
        const char *name;
        double limit;
    } kinds[] = {
        {"{uniform: {limit: 0.3}}", 0.3},
        {"glorot_uniform", sqrt(6 / (in + out))},
        {"kaiming_uniform", sqrt(6 / in)},
        {"{kaiming_uniform: {mode: fan_out, gain: sigmoid}}", sqrt(3 / out)},
        {"fan_in_uniform", sqrt(1 / in)},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct Draw found = draw(kinds[i].name);
        double n = 200 * in, std = kinds[i].limit / sqrt(3);
        assert_true(fabs(found.mean) < 4 * std / sqrt(n));
        assert_true(fabs(found.std / std - 1) < 4 / sqrt(5 * n));
        assert_true(fabs(found.fourth - 1.8) < 0.05);
        assert_true(found.smallest >= -kinds[i].limit && found.largest <= kinds[i].limit);
        assert_true(found.largest > 0.99 * kinds[i].limit);
    }
}

static void test_constants(void **unused) {
    (void)unused;
    struct Draw zero = draw("zeros"), constant = draw("{constant: {value: -2.5}}");
    assert_true(zero.smallest == 0 && zero.largest == 0);
    assert_true(constant.smallest == -2.5 && constant.largest == -2.5);
}

/* A linear layer behind a flatten lies permuted in memory; in file order its draw is that of one
 * whose input has as many features in one pixel. */
static void test_draw_is_in_file_order(void **unused) {
    (void)unused;
    struct Net folded = net_create("[flatten, {linear: {out: 5}}]", (struct Shape){3, 4, 6, 1, 1});
    struct Net plain = net_create("[flatten, {linear: {out: 5}}]", (struct Shape){1, 1, 72, 1, 1});
    float state[2][1024], file[2][360];
    const struct Net *nets[] = {&folded, &plain};
    for (int i = 0; i < 2; i++) {
        const struct Arena *arena = model_arena(nets[i]->model);
        assert_true(arena_state_elements(arena) <= 1024);
        model_initialise(nets[i]->model, 3, state[i]);
        arena_to_file(&arena->rows[0], state[i], file[i]);
    }
    assert_memory_equal(file[0], file[1], sizeof file[0]);
    assert_memory_not_equal(state[0], state[1], sizeof file[0]);
    net_release(&folded);
    net_release(&plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_kinds),
        cmocka_unit_test(test_uniform_kinds),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_draw_is_in_file_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
