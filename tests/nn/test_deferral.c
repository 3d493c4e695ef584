/* Batch normalisations that the convolution after them computes as it reads (nn/deferral.h): which
 * they are, and that the bits are the same as from a plan that keeps their results. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "net.h"
#include "nn/plan_parts.h"

#include <cmocka.h> /* last: it has a macro called fail */

static const struct Shape image = {9, 8, 3, 1, 1};
#define START "[{conv: {out: 16, kernel: 3, padding: 1}}, "
#define CONV "{conv: {out: 20, kernel: 3, padding: 1}}"
#define END ", flatten, {linear: {out: 5}}]\n"

static struct Plan *plan_of(const struct Net *net, struct PlanRequest request) {
    struct Error error = {0};
    struct Plan *plan;
    request.backend = backend_find("openblas", request.variant, &error);
    request.samples[0] = 4;
    request.sample_counts = 1;
    request.loss = &net->loss;
    if (plan_create(&plan, net->model, &request, &error))
        fail_msg("%s", error.text);
    return plan;
}

static int deferred(const char *layers, struct PlanRequest request) {
    struct Net net = net_create(layers, image);
    struct Plan *plan = plan_of(&net, request);
    int count = 0;
    for (int i = 0; i < plan->operations.count; i++)
        count += plan->operations.items[i].deferred;
    plan_release(plan);
    net_release(&net);
    return count;
}

static void test_which(void **state) {
    (void)state;
    const struct PlanRequest training = {.variant = VARIANT_F32, .training = true};
    struct PlanRequest other = training;
    assert_int_equal(deferred(START "batchnorm, relu, " CONV END, training), 1);
    assert_int_equal(deferred(START "batchnorm, " CONV ", batchnorm, relu, " CONV END, training),
                     2);
    assert_int_equal(deferred(START "{batchnorm: {statistics: batch}}, relu, " CONV END, training),
                     1);
    other.precision = PRECISION_BF16;
    assert_int_equal(deferred(START "batchnorm, relu, " CONV END, other), 1);
    /* Another activation, another reader, two readers. */
    assert_int_equal(deferred(START "batchnorm, tanh, " CONV END, training), 0);
    assert_int_equal(deferred(START "batchnorm, relu" END, training), 0);
    assert_int_equal(deferred(START "batchnorm, relu, {maxpool: {kernel: 2}}, " CONV END, training),
                     0);
    assert_int_equal(
        deferred(START "batchnorm, relu, {residual: {shortcut: identity, body: [{conv: {out: 16, "
                       "kernel: 3, padding: 1}}]}}" END,
                 training),
        0);
    /* A block that runs again. */
    assert_int_equal(deferred(START "{residual: {shortcut: projection, recompute: true, body: "
                                    "[batchnorm, relu, " CONV "]}}" END,
                              training),
                     0);
    /* Kernels that cannot normalise. */
    assert_int_equal(
        deferred(START "batchnorm, relu, {conv: {out: 20, kernel: 3, stride: 2}}" END, training),
        0);
    other = training, other.convolution = CONVOLUTION_DIRECT;
    assert_int_equal(deferred(START "batchnorm, relu, " CONV END, other), 0);
    other = training, other.no_fusion = true;
    assert_int_equal(deferred(START "batchnorm, relu, " CONV END, other), 0);
    other = training, other.training = false;
    assert_int_equal(deferred(START "batchnorm, relu, " CONV END, other), 0);
}

/* The gradient arena of a step, from the parameters of `initial`. */
static float *gradient_of(const struct Net *net, const float *initial, enum Precision precision) {
    struct Plan *plan = plan_of(net, (struct PlanRequest){.variant = variant_best(VARIANT_F32_V4),
                                                          .precision = precision,
                                                          .training = true});
    int64_t elements = arena_gradient_elements(model_arena(net->model));
    float *gradient = memory_array(float, elements, "test");
    struct ShardCall call = {
        .samples = 4, .batch = 4, .seed = 3, .state = initial, .gradient = gradient};
    float *input = plan_input(plan), *target = plan_target(plan);
    for (int64_t i = 0; i < 4 * shape_elements(image); i++)
        input[i] = (float)((i * 7919) % 1000) / 500 - 1;
    for (int64_t i = 0; i < 4 * 5; i++)
        target[i] = i % 5 == i / 5;
    plan_prepare(plan, initial);
    plan_forward(plan, &call);
    plan_backward(plan, &call);
    plan_release(plan);
    return gradient;
}

/* Dropout that drops nothing keeps the normalisation from being deferred, and changes no bit. */
static void test_bits(void **state) {
    (void)state;
    static const char *const nets[][2] = {
        {START "batchnorm, relu, " CONV END,
         START "batchnorm, relu, {dropout: {rate: 0}}, " CONV END},
        {START "batchnorm, " CONV ", batchnorm, relu, {conv: {out: 32, kernel: 3, groups: 1}}" END,
         START "batchnorm, {dropout: {rate: 0}}, " CONV
               ", batchnorm, relu, {dropout: {rate: 0}}, {conv: {out: 32, kernel: 3}}" END},
        {START "{batchnorm: {statistics: running}}, relu, " CONV END,
         START "{batchnorm: {statistics: running}}, relu, {dropout: {rate: 0}}, " CONV END}};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
        for (int precision = 0; precision < PRECISION_COUNT; precision++) {
            struct Net reads = net_create(nets[i][0], image), keeps = net_create(nets[i][1], image);
            const struct Arena *arena = model_arena(reads.model);
            size_t bytes = (size_t)arena_gradient_elements(arena) * sizeof(float);
            float *initial = memory_array(float, arena_state_elements(arena), "test");
            model_initialise(reads.model, 5, initial);
            float *found = gradient_of(&reads, initial, (enum Precision)precision);
            float *right = gradient_of(&keeps, initial, (enum Precision)precision);
            assert_memory_equal(found, right, bytes);
            memory_release(initial);
            memory_release(found);
            memory_release(right);
            net_release(&reads);
            net_release(&keeps);
        }
}

/* A normalisation whose scale is not a number is blamed itself, not its reader. */
static void test_nonfinite(void **state) {
    (void)state;
    struct Net net = net_create(START "batchnorm, relu, " CONV END, image);
    struct Plan *plan =
        plan_of(&net, (struct PlanRequest){.variant = VARIANT_F32, .training = true});
    const struct Arena *arena = model_arena(net.model);
    float *initial = memory_array(float, arena_state_elements(arena), "test");
    float *gradient = memory_array(float, arena_gradient_elements(arena), "test");
    model_initialise(net.model, 5, initial);
    struct ShardCall call = {.samples = 4, .batch = 4, .state = initial, .gradient = gradient};
    plan_prepare(plan, initial);
    assert_null(plan_find_nonfinite(plan, &call));
    initial[arena->rows[arena_find(arena, "1.weight")].offset] = NAN;
    assert_string_equal(plan_find_nonfinite(plan, &call)->path, "1");
    memory_release(initial);
    memory_release(gradient);
    plan_release(plan);
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_nonfinite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
