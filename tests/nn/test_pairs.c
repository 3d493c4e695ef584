/* Shards that are computed in pairs, against shards that are computed one after the other: the same
 * bits, whatever the numbers of samples. */
#include "base/memory.h"
#include "net.h"
#include "nn/plan_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 16 /* samples of a shard */ };

static const struct Shape image = {5, 4, 3, 1, 1};

/* Gradients that meet, features that fill no vector, dropout, statistics, and a layer whose
 * gradients are added after two calls. */
static const char layers[] =
    "[flatten, {linear: {out: 120, bias: false}}, batchnorm, relu, {dropout: {rate: 0.3}}, "
    "{residual: {body: [{linear: {out: 90}}, prelu, {linear: {out: 120}}]}}, relu, "
    "{linear: {out: 50, dropconnect: 0.2}}, tanh, {linear: {out: 5}}]";

/* One plan, and what it computes with. */
struct Trial {
    const struct Net *net;
    enum Variant variant;
    struct Plan *plan;
    int64_t parameters, gradients; /* elements */
    float *state;
};

static struct Trial trial_create(const struct Net *net, enum Variant variant,
                                 enum Precision precision, const char *backend,
                                 int64_t own_shards) {
    const struct Arena *arena = model_arena(net->model);
    struct Error error;
    struct Trial trial = {.net = net,
                          .variant = variant,
                          .parameters = arena->parameters,
                          .gradients = arena_gradient_elements(arena),
                          .state = memory_array(float, arena_state_elements(arena), "test")};
    struct PlanRequest request = {.variant = variant,
                                  .precision = precision,
                                  .backend = backend_find(backend, variant, &error),
                                  .training = true,
                                  .samples = {MOST},
                                  .sample_counts = 1,
                                  .loss = &net->loss,
                                  .input_gradient = true,
                                  .shards = 2,
                                  .own_shards = own_shards};
    assert_non_null(request.backend);
    if (plan_create(&trial.plan, net->model, &request, &error))
        fail_msg("%s", error.text);
    model_initialise(net->model, 1, trial.state);
    return trial;
}

static void trial_release(struct Trial *trial) {
    plan_release(trial->plan);
    memory_release(trial->state);
}

static void load(const struct Trial *trial, const struct ShardCall *call) {
    int64_t inputs = shape_elements(image), outputs = 5;
    float *x = plan_input(trial->plan);
    for (int64_t i = 0; i < call->samples * inputs; i++) {
        struct RandomStream stream = random_stream(2, RANDOM_TEST, 1, 0, (uint64_t)call->first);
        x[i] = random_uniform(random_word(&stream, (uint64_t)i)) - 0.4f;
    }
    for (int64_t i = 0; i < call->samples * outputs; i++)
        plan_target(trial->plan)[i] = i % outputs == (call->first + i / outputs) % outputs;
}

static struct ShardCall call_of(const struct Trial *trial, const int64_t samples[2], int shard,
                                float *gradient) {
    return (struct ShardCall){.samples = samples[shard],
                              .first = shard ? samples[0] : 0,
                              .batch = samples[0] + samples[1],
                              .seed = 3,
                              .step = 7,
                              .state = trial->state,
                              .gradient = gradient};
}

/* Loads and computes the calls that run together. */
static void step(const struct Trial *trial, const struct ShardCall *calls) {
    for (int64_t k = 0; k < plan_shards(trial->plan); k++) {
        plan_select(trial->plan, k);
        load(trial, &calls[k]);
    }
    plan_prepare(trial->plan, trial->state);
    plan_forward(trial->plan, calls);
    plan_backward(trial->plan, calls);
}

/* Those of a shard in the last step. */
static void assert_same_samples(const struct Trial *pair, const struct Trial *single, int shard,
                                int64_t samples) {
    plan_select(pair->plan, shard);
    assert_memory_equal(plan_scores(pair->plan), plan_scores(single->plan),
                        (size_t)(samples * 5) * sizeof(float));
    assert_memory_equal(plan_input_gradient(pair->plan), plan_input_gradient(single->plan),
                        (size_t)(samples * shape_elements(image)) * sizeof(float));
}

static float *new_gradient(const struct Trial *trial) {
    return memory_array(float, trial->gradients, "test");
}

static void check(const struct Trial *pair, const struct Trial *single, const int64_t samples[2]) {
    float *both[2], *alone[2];
    struct ShardCall calls[2];
    for (int k = 0; k < 2; k++) {
        both[k] = new_gradient(pair);
        alone[k] = new_gradient(pair);
        calls[k] = call_of(pair, samples, k, both[k]);
    }
    step(pair, calls);
    for (int k = 0; k < 2; k++) {
        struct ShardCall call = call_of(single, samples, k, alone[k]);
        step(single, &call);
        assert_same_samples(pair, single, k, samples[k]);
    }
    for (int64_t i = 0; i < pair->parameters; i++)
        alone[0][i] += alone[1][i];
    size_t parameters = (size_t)pair->parameters * sizeof(float),
           rest = (size_t)pair->gradients * sizeof(float) - parameters;
    assert_memory_equal(both[0], alone[0], parameters);
    for (int k = 0; k < 2; k++) {
        assert_memory_equal(both[k] + pair->parameters, alone[k] + pair->parameters, rest);
        memory_release(both[k]);
        memory_release(alone[k]);
    }
}

static void check_form(const struct Net *net, enum Variant variant, enum Precision precision,
                       const char *backend) {
    static const int64_t samples[][2] = {{MOST, MOST}, {5, 4}, {1, 0}, {MOST, MOST}};
    struct Trial pair = trial_create(net, variant, precision, backend, 2);
    struct Trial single = trial_create(net, variant, precision, backend, 1);
    assert_true(plan_pairs(pair.plan));
    assert_int_equal(plan_shards(pair.plan), 2);
    assert_false(plan_pairs(single.plan));
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        check(&pair, &single, samples[i]);
    trial_release(&pair);
    trial_release(&single);
}

static void test_pairs_have_the_bits_of_single_shards(void **unused) {
    (void)unused;
    static const char *const backends[] = {"openblas", "onednn"};
    struct Net net = net_create(layers, image);
    for (int v = VARIANT_F32; v < VARIANT_COUNT; v++)
        for (int b = 0; b < 2; b++) {
            enum Variant variant = (enum Variant)v;
            struct Error error;
            if (!variant_available(variant) || !backend_find(backends[b], variant, &error)) {
                print_message("skipped: %s, %s\n", variant_name(variant), backends[b]);
                continue;
            }
            check_form(&net, variant, PRECISION_FP32, backends[b]);
            check_form(&net, variant, PRECISION_BF16, backends[b]);
        }
    net_release(&net);
}

/* The bytes that forward of a layer moves for two shards. */
static double bytes_of(const struct Trial *trial, const char *layer) {
    for (int work = 0; work < plan_works(trial->plan); work++) {
        struct PlanWork described;
        if (plan_work(trial->plan, work, 2 * MOST, 2, &described) &&
            described.pass == PLAN_FORWARD && strcmp(described.layer, layer) == 0)
            return described.bytes;
    }
    fail_msg("no layer %s", layer);
    return 0;
}

static void test_pairs_read_weights_once(void **unused) {
    (void)unused;
    struct Net net = net_create(layers, image);
    struct Trial pair = trial_create(&net, VARIANT_F32, PRECISION_FP32, "openblas", 2);
    struct Trial single = trial_create(&net, VARIANT_F32, PRECISION_FP32, "openblas", 1);
    int64_t weights = 120 * shape_elements(image) * (int64_t)sizeof(float);
    assert_true(bytes_of(&single, "1") - bytes_of(&pair, "1") == (double)weights);
    trial_release(&pair);
    trial_release(&single);
    net_release(&net);
}

/* Where activations outweigh the parameters of linear layers, pairs would only need more memory. */
static void test_others_do_not_run_in_pairs(void **unused) {
    (void)unused;
    static const char *const others[] = {
        "[{conv: {out: 8, kernel: 3, padding: 1}}, relu, flatten, {linear: {out: 5}}]",
        "[flatten, {linear: {out: 8}}, relu, {linear: {out: 5}}]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct Net net = net_create(others[i], image);
        struct Trial trial = trial_create(&net, VARIANT_F32, PRECISION_FP32, "openblas", 2);
        assert_false(plan_pairs(trial.plan));
        assert_int_equal(plan_shards(trial.plan), 1);
        trial_release(&trial);
        net_release(&net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_have_the_bits_of_single_shards),
        cmocka_unit_test(test_pairs_read_weights_once),
        cmocka_unit_test(test_others_do_not_run_in_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
