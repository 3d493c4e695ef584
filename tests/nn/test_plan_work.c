/* The pieces of work of a plan: which there are, what they cost, and that each is timed. */
#include "nn/plan_work.h"

#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static void expect_near(double found, double expected) {
    assert_true(fabs(found - expected) <= 1e-9 * fabs(expected));
}

static struct Plan *plan_of(const struct Net *net, const bool *frozen) {
    struct Error error;
    struct PlanRequest request = {.variant = VARIANT_F32,
                                  .backend = backend_find("openblas", VARIANT_F32, &error),
                                  .convolution = CONVOLUTION_DIRECT,
                                  .training = true,
                                  .samples = {4},
                                  .sample_counts = 1,
                                  .loss = &net->loss,
                                  .frozen = frozen};
    struct Plan *plan;
    assert_non_null(request.backend);
    assert_int_equal(plan_create(&plan, net->model, &request, &error), OK);
    return plan;
}

/* The work of a layer and pass; false if there is none. */
static bool find(const struct Plan *plan, const char *layer, enum PlanPass pass,
                 struct PlanWork *work) {
    for (int i = 0; i < plan_works(plan); i++)
        if (plan_work(plan, i, 10, 3, work) && !strcmp(work->layer, layer) && work->pass == pass)
            return true;
    return false;
}

/* 3 channels of 8x8 become 5 of 8x8; 10 samples in 3 calls. */
static void test_costs(void **state) {
    (void)state;
    struct Net net = net_create("[{conv: {out: 5, kernel: 3, padding: 1}}, batchnorm, relu, "
                                "{conv: {out: 2, kernel: 1}}, flatten, {linear: {out: 4}}]",
                                (struct Shape){8, 8, 3, 1, 1});
    struct Plan *plan = plan_of(&net, NULL);
    struct PlanWork work;
    double first = 3 * 64, second = 5 * 64, third = 2 * 64;

    assert_true(find(plan, "0", PLAN_FORWARD, &work));
    assert_string_equal(work.operation, "conv");
    assert_string_equal(work.kernel, "openblas");
    expect_near(work.flops, 2 * 9 * 3 * second * 10);
    expect_near(work.least_flops, work.flops);
    expect_near(work.bytes, 4 * ((first + second) * 10 + 3 * (9 * 3 * 5 + 5)));
    assert_true(find(plan, "0", PLAN_BACKWARD_WEIGHTS, &work));
    expect_near(work.flops, 2 * 9 * 3 * second * 10);
    assert_false(find(plan, "0", PLAN_BACKWARD_DATA, &work)); /* of the model's input */
    assert_false(find(plan, "0", PLAN_BACKWARD, &work));

    assert_true(find(plan, "3", PLAN_BACKWARD_DATA, &work));
    expect_near(work.flops, 2 * 5 * third * 10);
    expect_near(work.bytes, 4 * ((second + third) * 10 + 3 * (5 * 2 + 2)));

    assert_true(find(plan, "1", PLAN_FORWARD, &work));
    assert_string_equal(work.operation, "batchnorm+relu");
    assert_true(work.flops == 0 && work.bytes >= 4 * 2 * second * 10);
    assert_true(find(plan, "1", PLAN_BACKWARD, &work));
    assert_true(work.bytes >= 4 * 3 * second * 10);
    assert_false(find(plan, "4", PLAN_FORWARD, &work)); /* a view */
    assert_true(find(plan, "", PLAN_LOSS, &work));
    plan_release(plan);
    net_release(&net);
}

static void test_floor_is_the_longer_time(void **state) {
    (void)state;
    expect_near(plan_floor(1e9, 1e6, 1e9, 1e9), 1);
    expect_near(plan_floor(1e6, 4e9, 1e9, 1e9), 4);
}

static void run_steps(struct Plan *plan, const struct Model *model, int64_t steps,
                      struct Stopwatch *stopwatch) {
    const struct Arena *arena = model_arena(model);
    float *weights = memory_array(float, arena_state_elements(arena), "state");
    float *gradient = memory_array(float, arena_gradient_elements(arena), "gradient");
    struct ShardCall call = {.samples = 4, .batch = 4, .state = weights, .gradient = gradient};
    plan_time(plan, stopwatch);
    for (int64_t step = 0; step < steps; step++) {
        plan_prepare(plan, weights);
        plan_forward(plan, &call);
        plan_backward(plan, &call);
    }
    plan_time(plan, NULL);
    plan_forward(plan, &call);
    memory_release(weights);
    memory_release(gradient);
}

/* The laps of each work that the plan has, and none while nobody measures. */
static void expect_laps(struct Plan *plan, const struct Model *model, int64_t steps) {
    struct Stopwatch *stopwatch = stopwatch_create(plan_works(plan), 0);
    run_steps(plan, model, steps, stopwatch);
    for (int i = 0; i < plan_works(plan); i++) {
        struct PlanWork work;
        if (plan_work(plan, i, 1, 1, &work))
            assert_int_equal(stopwatch->counts[i], steps);
    }
    stopwatch_release(stopwatch);
}

static void test_each_work_is_timed(void **state) {
    (void)state;
    struct Net net = net_create("[{conv: {out: 5, kernel: 3}}, {residual: {shortcut: identity, "
                                "body: [{conv: {out: 5, kernel: 3, padding: 1}}, batchnorm]}}, "
                                "relu, flatten, {linear: {out: 4}}, tanh, {linear: {out: 3}}]",
                                (struct Shape){8, 8, 3, 1, 1});
    struct Plan *plan = plan_of(&net, NULL);
    expect_laps(plan, net.model, 3);
    plan_release(plan);
    net_release(&net);
}

/* What a block computes again counts as forward; its backward is timed as any other. */
static void test_a_block_that_is_computed_again(void **state) {
    (void)state;
    struct Net net =
        net_create("[{conv: {out: 5, kernel: 3}}, {residual: {shortcut: identity, "
                   "recompute: true, body: [{conv: {out: 5, kernel: 3, padding: 1}}, "
                   "tanh, {conv: {out: 5, kernel: 1}}]}}, flatten, {linear: {out: 3}}]",
                   (struct Shape){8, 8, 3, 1, 1});
    struct Plan *plan = plan_of(&net, NULL);
    struct Stopwatch *stopwatch = stopwatch_create(plan_works(plan), 0);
    int backward = 0;
    run_steps(plan, net.model, 2, stopwatch);
    for (int i = 0; i < plan_works(plan); i++) {
        struct PlanWork work;
        if (!plan_work(plan, i, 1, 1, &work))
            continue;
        bool again = work.pass == PLAN_FORWARD && !strncmp(work.layer, "1.body", 6);
        backward += work.pass == PLAN_BACKWARD_WEIGHTS;
        assert_int_equal(stopwatch->counts[i], again ? 4 : 2);
    }
    assert_int_equal(backward, 4);
    stopwatch_release(stopwatch);
    plan_release(plan);
    net_release(&net);
}

/* Layers before the first that is trained have no backward, and so no time of it. */
static void test_frozen_layers(void **state) {
    (void)state;
    struct Net net = net_create("[flatten, {linear: {out: 6}}, tanh, {linear: {out: 3}}]",
                                (struct Shape){2, 2, 3, 1, 1});
    const bool frozen[] = {true, true, false, false};
    struct Plan *plan = plan_of(&net, frozen);
    struct PlanWork work;
    assert_true(find(plan, "1", PLAN_FORWARD, &work));
    assert_false(find(plan, "1", PLAN_BACKWARD_WEIGHTS, &work));
    assert_true(find(plan, "3", PLAN_BACKWARD_WEIGHTS, &work));
    assert_false(find(plan, "3", PLAN_BACKWARD_DATA, &work));
    expect_laps(plan, net.model, 1);
    plan_release(plan);
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_floor_is_the_longer_time),
        cmocka_unit_test(test_each_work_is_timed),
        cmocka_unit_test(test_a_block_that_is_computed_again),
        cmocka_unit_test(test_frozen_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
