/* Batch normalisation over the global batch: shards of any sizes against one shard that holds the
 * whole batch, and backward against central differences across shards. */
#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHARDS_MOST 6

static const struct Shape image = {6, 5, 3, 1, 1};

/* Everything that a batch normalisation is fused with, one in a shortcut, features, and shapes that
 * fill no vector. %s: its options. */
#define NORM "{batchnorm: {statistics: %1$s, momentum: 0.3}}"
static const char everything[] =
    "[{conv: {out: 7, kernel: 3, padding: 1, bias: false}}, " NORM ", relu, "
    "{residual: {shortcut: projection, body: [{conv: {out: 9, kernel: 3, stride: 2, padding: 1, "
    "bias: false}}, "
    "" NORM ", relu, {conv: {out: 9, kernel: 1, bias: false}}, " NORM "]}}, relu, "
    "{residual: {body: [" NORM ", relu, {conv: {out: 9, kernel: 3, padding: 1, bias: false}}, " NORM
    "]}}, "
    "relu, flatten, {linear: {out: 5, bias: false}}, " NORM ", tanh, {linear: {out: 4}}]";
static const char smooth[] =
    "[{conv: {out: 5, kernel: 3, padding: 1}}, " NORM ", tanh, {residual: {shortcut: projection, "
    "body: [{conv: {out: 4, kernel: 3, stride: 2, padding: 1}}, " NORM "]}}, tanh, global_avgpool, "
    "{linear: {out: 3}}, " NORM "]";

static struct Net create(const char *layers, const char *statistics) {
    char text[2048];
    snprintf(text, sizeof text, layers, statistics);
    return net_create(text, image);
}

static void put(enum Variant variant, void *to, int64_t i, double value) {
    if (variant == VARIANT_F64)
        ((double *)to)[i] = value;
    else
        ((float *)to)[i] = (float)value;
}
static double get(enum Variant variant, const void *from, int64_t i) {
    return variant == VARIANT_F64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

/* One batch in shards on one plan. Its samples do not depend on the shards. */
struct Batch {
    const struct Net *net;
    enum Variant variant;
    struct Plan *plan;
    int64_t inputs, outputs, gradients; /* elements */
    int shards;
    struct ShardCall calls[SHARDS_MOST];
    void *state;
};

static struct Batch batch_create(const struct Net *net, enum Variant variant, bool fusion,
                                 int shards, const int64_t *samples) {
    struct Error error;
    struct Batch batch = {.net = net,
                          .variant = variant,
                          .shards = shards,
                          .inputs = shape_elements(model_input(net->model)),
                          .outputs = shape_elements(model_output(net->model)),
                          .gradients = arena_gradient_elements(model_arena(net->model))};
    struct PlanRequest request = {.variant = variant,
                                  .backend = backend_find("openblas", variant, &error),
                                  .training = true,
                                  .samples = {samples[0]},
                                  .sample_counts = 1,
                                  .loss = &net->loss,
                                  .no_fusion = !fusion,
                                  .input_gradient = true,
                                  .shards = shards,
                                  .own_shards = shards};
    if (plan_create(&batch.plan, net->model, &request, &error))
        fail_msg("%s", error.text);
    const struct Arena *arena = model_arena(net->model);
    int64_t elements = arena_state_elements(arena), first = 0;
    size_t size = (size_t)variant_bytes(variant);
    float *start = memory_array(float, elements, "test");
    double *noise = memory_array(double, elements, "test");
    batch.state = memory_allocate((size_t)elements * size, "test");
    model_initialise(net->model, 1, start);
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, elements, noise);
    for (int64_t i = 0; i < elements; i++)
        put(variant, batch.state, i, (double)(float)((double)start[i] + 0.1 * noise[i]));
    for (int k = 0; k < shards; k++, first += samples[k - 1])
        batch.calls[k] =
            (struct ShardCall){.samples = samples[k],
                               .first = first,
                               .state = batch.state,
                               .gradient = memory_allocate((size_t)batch.gradients * size, "test")};
    for (int k = 0; k < shards; k++)
        batch.calls[k].batch = first;
    memory_release(start);
    memory_release(noise);
    return batch;
}

static void batch_release(struct Batch *batch) {
    for (int k = 0; k < batch->shards; k++)
        memory_release(batch->calls[k].gradient);
    memory_release(batch->state);
    plan_release(batch->plan);
}

/* Means far from zero and different in every shard, so that statistics of single shards would be
 * wrong. */
static double input_of(int64_t sample, int64_t element) {
    struct RandomStream stream = random_stream(2, RANDOM_TEST, 1, 0, (uint64_t)sample);
    double uniform = (double)random_uniform(random_word(&stream, (uint64_t)element));
    return (double)(float)(2 * uniform + 0.5 * (double)sample);
}

static void load(struct Batch *batch) {
    for (int k = 0; k < batch->shards; k++) {
        const struct ShardCall *call = &batch->calls[k];
        plan_select(batch->plan, k);
        for (int64_t i = 0; i < call->samples * batch->inputs; i++)
            put(batch->variant, plan_input(batch->plan), i,
                input_of(call->first + i / batch->inputs, i % batch->inputs));
        for (int64_t i = 0; i < call->samples * batch->outputs; i++)
            plan_target(batch->plan)[i] =
                i % batch->outputs == (call->first + i / batch->outputs) % batch->outputs;
    }
}

static void forward(struct Batch *batch) {
    load(batch);
    plan_prepare(batch->plan, batch->state);
    plan_forward(batch->plan, batch->calls);
}

/* The results of a step: sums over shards, and values of the samples in their order. */
struct Given {
    double *gradient, *scores, *input_gradient;
};

static struct Given step(struct Batch *batch) {
    int64_t samples = batch->calls[0].batch, inputs = batch->inputs, outputs = batch->outputs;
    struct Given given = {
        memory_allocate((size_t)batch->gradients * sizeof(double), "test"),
        memory_allocate((size_t)(samples * outputs) * sizeof(double), "test"),
        memory_allocate((size_t)(samples * inputs) * sizeof(double), "test"),
    };
    forward(batch);
    plan_backward(batch->plan, batch->calls);
    for (int k = 0; k < batch->shards; k++) {
        const struct ShardCall *call = &batch->calls[k];
        plan_select(batch->plan, k);
        for (int64_t i = 0; i < batch->gradients; i++)
            given.gradient[i] += get(batch->variant, call->gradient, i);
        for (int64_t i = 0; i < call->samples * outputs; i++)
            given.scores[call->first * outputs + i] =
                get(batch->variant, plan_scores(batch->plan), i);
        for (int64_t i = 0; i < call->samples * inputs; i++)
            given.input_gradient[call->first * inputs + i] =
                get(batch->variant, plan_input_gradient(batch->plan), i);
    }
    return given;
}

static void given_release(struct Given *given) {
    memory_release(given->gradient);
    memory_release(given->scores);
    memory_release(given->input_gradient);
}

/* The largest difference of all results, relative to the rms of the result. */
static double compare(const struct Batch *batch, const struct Given *a, const struct Given *b) {
    const struct Arena *arena = model_arena(batch->net->model);
    int64_t samples = batch->calls[0].batch;
    double worst = fmax(difference(samples * batch->outputs, a->scores, b->scores),
                        difference(samples * batch->inputs, a->input_gradient, b->input_gradient));
    for (int r = 0; r < arena->row_count; r++)
        worst = fmax(worst, difference(arena->rows[r].count, a->gradient + arena->rows[r].offset,
                                       b->gradient + arena->rows[r].offset));
    int64_t tallies = arena_state_elements(arena);
    return fmax(worst, difference(TALLY_SAMPLES + 1, a->gradient + tallies, b->gradient + tallies));
}

/* Several shards with statistics of the batch against one shard with its own. */
static double against_whole(enum Variant variant, bool fusion, int shards, const int64_t *samples) {
    struct Net alone = create(everything, "shard"), together = create(everything, "batch");
    int64_t all = 0;
    for (int k = 0; k < shards; k++)
        all += samples[k];
    struct Batch whole = batch_create(&alone, variant, fusion, 1, &all);
    struct Batch cut = batch_create(&together, variant, fusion, shards, samples);
    assert_int_equal(plan_shards(whole.plan), 1);
    assert_int_equal(plan_shards(cut.plan), shards);
    struct Given expected = step(&whole), found = step(&cut);
    double worst = compare(&cut, &found, &expected);
    given_release(&expected);
    given_release(&found);
    batch_release(&whole);
    batch_release(&cut);
    net_release(&alone);
    net_release(&together);
    return worst;
}

static void test_shards_equal_the_whole_batch(void **unused) {
    (void)unused;
    static const int64_t cuts[][SHARDS_MOST] = {
        {7}, {4, 4}, {3, 2, 3, 2}, {3, 0, 1, 3, 0}, {2, 1, 2, 2, 1, 2}, {2, 2, 1, 0, 0, 0}};
    static const int shards[] = {1, 2, 4, 5, 6, 6};
    for (int i = 0; i < 6; i++)
        for (int fusion = 0; fusion < 2; fusion++)
            for (int v = 0; v < VARIANT_COUNT; v++)
                if (variant_available((enum Variant)v)) {
                    double worst = against_whole((enum Variant)v, fusion, shards[i], cuts[i]);
                    assert_true(worst < (v == VARIANT_F64 ? 1e-12 : 1e-5));
                }
}

static double loss_of(struct Batch *batch) {
    plan_prepare(batch->plan, batch->state);
    plan_forward(batch->plan, batch->calls);
    return plan_loss(batch->plan, batch->calls);
}

/* Fourth order, as nn/gradcheck.c. */
static double slope_at(struct Batch *batch, double *value) {
    static const double places[] = {1, -1, 2, -2};
    double kept = *value, f[4], width = 1e-3;
    for (int i = 0; i < 4; i++) {
        load(batch);
        *value = kept + places[i] * width;
        f[i] = loss_of(batch);
        *value = kept;
    }
    return (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * width);
}

static void assert_slope(double numeric, double analytic) {
    assert_true(fabs(numeric - analytic) <= 1e-6 * fmax(fmax(fabs(numeric), fabs(analytic)), 1e-3));
}

static void test_gradients_across_shards(void **unused) {
    (void)unused;
    struct Net net = create(smooth, "batch");
    const struct Arena *arena = model_arena(net.model);
    struct Batch batch = batch_create(&net, VARIANT_F64, true, 3, (int64_t[]){3, 1, 2});
    struct Given given = step(&batch);
    for (int r = 0; r < arena->row_count; r++)
        for (int64_t i = 0; i < arena->rows[r].count; i += 3) {
            int64_t at = arena->rows[r].offset + i;
            if (arena->rows[r].role != ROLE_STATISTIC)
                assert_slope(slope_at(&batch, (double *)batch.state + at), given.gradient[at]);
        }
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < batch.calls[k].samples * batch.inputs; i += 7) {
            plan_select(batch.plan, k);
            assert_slope(slope_at(&batch, (double *)plan_input(batch.plan) + i),
                         given.input_gradient[batch.calls[k].first * batch.inputs + i]);
        }
    given_release(&given);
    batch_release(&batch);
    net_release(&net);
}

/* The vectors of three shards; a plan computes one of them at a time. */
struct Gathering {
    int64_t own, calls;
    double vectors[3][64]; /* of the first call, the largest */
};

static void keep_vector(void *context, const double *mine, int64_t count, double *all) {
    struct Gathering *gathering = context;
    assert_true(count <= 64);
    memcpy(gathering->vectors[gathering->own], mine, (size_t)count * sizeof *mine);
    for (int i = 0; i < 3; i++)
        memcpy(all + i * count, gathering->vectors[i], (size_t)count * sizeof *all);
    gathering->calls++;
}

/* A plan with one of several shards gathers the sums of the others, even if it has no samples. */
static void test_gather(void **unused) {
    (void)unused;
    struct Net net = create("[" NORM "]", "batch");
    struct Batch whole = batch_create(&net, VARIANT_F64, true, 3, (int64_t[]){3, 2, 0});
    struct Error error;
    struct Gathering gathering = {0};
    struct PlanRequest request = {.variant = VARIANT_F64,
                                  .backend = backend_find("openblas", VARIANT_F64, &error),
                                  .training = true,
                                  .samples = {3},
                                  .sample_counts = 1,
                                  .loss = &net.loss,
                                  .shards = 3,
                                  .own_shards = 1,
                                  .gather = keep_vector,
                                  .gather_context = &gathering};
    struct Plan *plan;
    assert_int_equal(plan_create(&plan, net.model, &request, &error), OK);
    forward(&whole);
    plan_prepare(plan, whole.state);
    for (int round = 0; round < 2; round++) /* in the second round all vectors are there */
        for (int k = 0; k < 3; k++) {
            int64_t elements = whole.calls[k].samples * whole.inputs;
            for (int64_t i = 0; i < elements; i++)
                ((double *)plan_input(plan))[i] =
                    input_of(whole.calls[k].first + i / whole.inputs, i % whole.inputs);
            gathering.own = k;
            plan_forward(plan, &whole.calls[k]);
            plan_select(whole.plan, k);
            if (round == 1)
                assert_memory_equal(plan_scores(plan), plan_scores(whole.plan),
                                    (size_t)elements * sizeof(double));
        }
    assert_int_equal(gathering.calls, 6);
    plan_release(plan);
    batch_release(&whole);
    net_release(&net);
}

static void test_a_nan_is_found_where_it_began(void **unused) {
    (void)unused;
    struct Net net = create(everything, "batch");
    struct Batch batch =
        batch_create(&net, variant_best(VARIANT_F32_V4), true, 3, (int64_t[]){2, 1, 1});
    int row = arena_find(model_arena(net.model), "3.body.3.weight");
    assert_true(row >= 0);
    load(&batch);
    plan_prepare(batch.plan, batch.state);
    assert_null(plan_find_nonfinite(batch.plan, batch.calls));
    put(batch.variant, batch.state, model_arena(net.model)->rows[row].offset, NAN);
    load(&batch);
    plan_prepare(batch.plan, batch.state);
    assert_string_equal(plan_find_nonfinite(batch.plan, batch.calls)->path, "3.body.3");
    load(&batch);
    plan_select(batch.plan, 2);
    put(batch.variant, plan_input(batch.plan), 5, NAN);
    assert_string_equal(plan_find_nonfinite(batch.plan, batch.calls)->path, "0");
    batch_release(&batch);
    net_release(&net);
}

/* The default keeps the activations of one shard, `statistics: batch` those of all. A message
 * refuses too many. */
static void test_memory(void **unused) {
    (void)unused;
    struct Net alone = create(everything, "shard"), together = create(everything, "batch");
    const int64_t samples[] = {2, 2, 2};
    struct Batch one = batch_create(&alone, VARIANT_F32, true, 3, samples);
    struct Batch three = batch_create(&together, VARIANT_F32, true, 3, samples);
    assert_int_equal(plan_shards(one.plan), 1);
    assert_int_equal(plan_memory(three.plan).activations, 3 * plan_memory(one.plan).activations);
    struct Error error;
    struct PlanRequest request = {.variant = VARIANT_F32,
                                  .backend = backend_find("openblas", VARIANT_F32, &error),
                                  .training = true,
                                  .samples = {1 << 12},
                                  .sample_counts = 1,
                                  .loss = &together.loss,
                                  .shards = 1 << 20,
                                  .own_shards = 1 << 20};
    struct Plan *plan;
    assert_int_equal(plan_create(&plan, together.model, &request, &error), ERROR_RUN_FILE);
    assert_non_null(strstr(error.text, "1048576 shards of 4096 samples need"));
    batch_release(&one);
    batch_release(&three);
    net_release(&alone);
    net_release(&together);
}

static void plan_of_flat(const char *statistics, int64_t samples, int64_t shards, bool training,
                         const char *refusal) {
    struct Net net = create("[flatten, {linear: {out: 4}}, " NORM "]", statistics);
    struct Error error;
    struct PlanRequest request = {.variant = VARIANT_F32,
                                  .backend = backend_find("openblas", VARIANT_F32, &error),
                                  .training = training,
                                  .samples = {samples, 1},
                                  .sample_counts = samples > 1 ? 2 : 1,
                                  .loss = &net.loss,
                                  .shards = shards,
                                  .own_shards = shards};
    struct Plan *plan = NULL;
    int code = plan_create(&plan, net.model, &request, &error);
    assert_int_equal(code, refusal ? ERROR_RUN_FILE : OK);
    if (refusal && (!strstr(error.text, refusal) || !strstr(error.text, "layer 2 (batchnorm)")))
        fail_msg("unexpected message: %s", error.text);
    plan_release(plan);
    net_release(&net);
}

/* A single value of a channel would become 0; only a short last batch may have one. */
static void test_one_value(void **unused) {
    (void)unused;
    plan_of_flat("shard", 1, 4, true, "a shard has one value a channel");
    plan_of_flat("batch", 1, 1, true, "a batch has one value a channel");
    plan_of_flat("batch", 1, 2, true, NULL);
    plan_of_flat("shard", 2, 4, true, NULL);
    plan_of_flat("shard", 1, 1, false, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_equal_the_whole_batch),
        cmocka_unit_test(test_gradients_across_shards),
        cmocka_unit_test(test_gather),
        cmocka_unit_test(test_a_nan_is_found_where_it_began),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
