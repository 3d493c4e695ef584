/* Batch normalisation folded into the convolution before it: the same scores up to rounding, fewer
 * operations, and the same bits in training. */
#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct Shape image = {9, 7, 3, 1, 1};

/* %1$s: the batch normalisation that may be folded. */
static const struct {
    const char *layers;
    int folded, alone; /* operations with and without */
} cases[] = {
    {"[{conv: {out: 5, kernel: 3}}, %1$s, flatten]", 2, 3},
    {"[{conv: {out: 17, kernel: 3, padding: 1, bias: false}}, %1$s, relu, flatten]", 2, 3},
    {"[{conv: {out: 6, kernel: 1}}, %1$s, tanh, %1$s, flatten]", 4, 5}, /* not after the tanh */
    {"[{conv: {out: 9, kernel: 3, groups: 3}}, %1$s, relu, {conv: {out: 9, kernel: 3, groups: 9}}, "
     "%1$s, flatten]",
     3, 5},
    {"[{conv: {out: 4, kernel: 3, padding: 1}}, %1$s, relu, {residual: {shortcut: projection, "
     "body: "
     "[{conv: {out: 8, kernel: 3, stride: 2, padding: 1}}, %1$s, relu, {conv: {out: 8, kernel: 3, "
     "padding: 1}}, %1$s]}}, relu, {residual: {body: [{conv: {out: 8, kernel: 1}}, %1$s]}}, relu, "
     "global_avgpool, {linear: {out: 3}}]",
     9, 12},
    {"[{conv: {out: 4, kernel: 3}}, relu, %1$s, flatten]", 3, 3}, /* the ReLU comes first */
};
enum { CASES = sizeof cases / sizeof *cases };

static struct Net create(int index, const char *norm) {
    char text[2048];
    snprintf(text, sizeof text, cases[index].layers, norm);
    return net_create(text, image);
}

#define FOLDED "{batchnorm: {epsilon: 1e-3}}"
#define ALONE "{batchnorm: {epsilon: 1e-3, fold: false}}"

static void test_scores_are_the_same(void **unused) {
    (void)unused;
    static const char *const backends[] = {"openblas", "onednn"};
    for (int i = 0; i < CASES; i++) {
        struct Net nets[] = {create(i, FOLDED), create(i, ALONE)};
        for (int b = 0; b < 2; b++)
            for (int v = 0; v < VARIANT_COUNT; v++) {
                struct Error error;
                if (!variant_available((enum Variant)v) ||
                    !backend_find(backends[b], (enum Variant)v, &error))
                    continue;
                struct NetRun run = {.variant = (enum Variant)v,
                                     .backend = backends[b],
                                     .inference = true,
                                     .samples = 3};
                struct Result folded = net_run(&nets[0], &run), alone = net_run(&nets[1], &run);
                assert_int_equal(folded.operations, cases[i].folded);
                assert_int_equal(alone.operations, cases[i].alone);
                assert_true(difference(folded.outputs, folded.scores, alone.scores) <
                            (v == VARIANT_F64 ? 1e-13 : 1e-5));
                result_release(&folded);
                result_release(&alone);
            }
        net_release(&nets[0]);
        net_release(&nets[1]);
    }
}

static void test_training_is_untouched(void **unused) {
    (void)unused;
    for (int i = 0; i < CASES; i++) {
        struct Net nets[] = {create(i, FOLDED), create(i, ALONE)};
        struct NetRun run = {.variant = variant_best(VARIANT_F32_V4), .samples = 3};
        struct Result a = net_run(&nets[0], &run), b = net_run(&nets[1], &run);
        assert_int_equal(a.operations, b.operations);
        assert_memory_equal(a.scores, b.scores, (size_t)a.outputs * sizeof *a.scores);
        assert_memory_equal(a.gradient, b.gradient, (size_t)a.gradients * sizeof *a.gradient);
        result_release(&a);
        result_release(&b);
        net_release(&nets[0]);
        net_release(&nets[1]);
    }
}

/* Prepared again, the plan follows the parameters, and a statistic that is NaN shows
 * in the scores. */
static void test_follows_the_parameters(void **unused) {
    (void)unused;
    struct Net net = create(1, FOLDED);
    struct Error error;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    struct PlanRequest request = {.variant = variant,
                                  .backend = backend_find("auto", variant, &error),
                                  .samples = {1},
                                  .sample_counts = 1};
    struct Plan *plan;
    assert_int_equal(plan_create(&plan, net.model, &request, &error), OK);
    const struct Arena *arena = model_arena(net.model);
    float *state = memory_allocate((size_t)arena_state_elements(arena) * sizeof(float), "test");
    struct ShardCall call = {.samples = 1, .batch = 1, .state = state};
    float *shift = state + arena->rows[arena_find(arena, "1.bias")].offset;
    float *variance = state + arena->rows[arena_find(arena, "1.running_var")].offset;
    model_initialise(net.model, 1, state);
    memset(plan_input(plan), 0, (size_t)shape_elements(image) * sizeof(float));
    for (int round = 0; round < 3; round++) {
        shift[2] = 1.5f - (float)round;
        if (round == 2)
            variance[2] = NAN;
        plan_prepare(plan, state);
        plan_forward(plan, &call);
        float score = ((const float *)plan_scores(plan))[2];
        assert_true(round == 2 ? isnan(score) : fabsf(score - shift[2]) < 1e-6f);
    }
    memory_release(state);
    plan_release(plan);
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores_are_the_same),
        cmocka_unit_test(test_training_is_untouched),
        cmocka_unit_test(test_follows_the_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
