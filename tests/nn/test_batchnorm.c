/* Batch normalisation: its statistics and outputs against a plain two-pass computation, its bits
 * against the number of threads. */
#include <omp.h>

#include "base/memory.h"
#include "net.h"
#include "nn/gradcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* The layer alone, so that the test chooses its input. */
struct Alone {
    struct Net net;
    struct Plan *plan;
    float *state, *gradient;
    int64_t samples, pixels, channels;
};

static struct Alone alone_of(const char *layers, int64_t samples, struct Shape shape,
                             bool training) {
    struct Alone alone = {.net = net_create(layers, shape),
                          .samples = samples,
                          .pixels = samples * shape.height * shape.width,
                          .channels = shape.channels};
    struct Error error;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    struct PlanRequest request = {.variant = variant,
                                  .backend = backend_find("openblas", variant, &error),
                                  .training = training,
                                  .samples = {samples + 1, samples}, /* those of a short batch */
                                  .sample_counts = 2,
                                  .loss = &alone.net.loss,
                                  .input_gradient = training};
    assert_int_equal(plan_create(&alone.plan, alone.net.model, &request, &error), OK);
    const struct Arena *arena = model_arena(alone.net.model);
    alone.state = memory_allocate((size_t)arena_state_elements(arena) * sizeof(float), "test");
    alone.gradient =
        memory_allocate((size_t)arena_gradient_elements(arena) * sizeof(float), "test");
    model_initialise(alone.net.model, 1, alone.state);
    return alone;
}

static struct Alone alone_create(int64_t samples, struct Shape shape, bool training) {
    return alone_of("[batchnorm]", samples, shape, training);
}

static void alone_release(struct Alone *alone) {
    plan_release(alone->plan);
    memory_release(alone->state);
    memory_release(alone->gradient);
    net_release(&alone->net);
}

static float *row_of(const struct Alone *alone, float *arena, const char *name) {
    const struct Arena *table = model_arena(alone->net.model);
    int row = arena_find(table, name);
    assert_true(row >= 0);
    return arena + table->rows[row].offset;
}

static void alone_forward(struct Alone *alone, const float *x, int64_t batch) {
    struct ShardCall call = {.samples = alone->samples,
                             .batch = batch,
                             .state = alone->state,
                             .gradient = alone->gradient};
    memcpy(plan_input(alone->plan), x, (size_t)(alone->pixels * alone->channels) * sizeof(float));
    plan_prepare(alone->plan, alone->state);
    plan_forward(alone->plan, &call);
}

/* Means that are large compared with the deviation, different in every channel. */
static float *make_input(const struct Alone *alone, double far) {
    int64_t count = alone->pixels * alone->channels;
    double *noise = memory_array(double, count, "test");
    float *x = memory_array(float, count, "test");
    struct RandomStream stream = random_stream(4, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, count, noise);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(far * (double)(i % alone->channels) + noise[i]);
    memory_release(noise);
    return x;
}

static void check_training(int64_t samples, struct Shape shape, double far, double tolerance) {
    struct Alone alone = alone_create(samples, shape, true);
    float *x = make_input(&alone, far);
    alone_forward(&alone, x, 2 * samples);
    const float *y = plan_scores(alone.plan);
    const float *mean_part = row_of(&alone, alone.gradient, "0.running_mean");
    const float *variance_part = row_of(&alone, alone.gradient, "0.running_var");
    double n = (double)alone.pixels;
    for (int64_t c = 0; c < alone.channels; c++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < alone.pixels; i++)
            mean += (double)x[i * alone.channels + c] / n;
        for (int64_t i = 0; i < alone.pixels; i++)
            variance += pow((double)x[i * alone.channels + c] - mean, 2) / n;
        double unbiased = n > 1 ? variance * n / (n - 1) : variance;
        /* This shard holds half of the global batch. */
        double part = n > 1 ? 0.5 : 0;
        assert_true(fabs((double)mean_part[c] - part * mean) <= tolerance * (1 + fabs(mean)));
        assert_true(fabs((double)variance_part[c] - part * unbiased) <= tolerance * (1 + variance));
        for (int64_t i = 0; i < alone.pixels; i++) {
            double exact = ((double)x[i * alone.channels + c] - mean) / sqrt(variance + 1e-5);
            assert_true(fabs((double)y[i * alone.channels + c] - exact) <=
                        20 * tolerance * (1 + fabs(mean)));
        }
    }
    memory_release(x);
    alone_release(&alone);
}

static void test_training_statistics(void **unused) {
    (void)unused;
    check_training(8, (struct Shape){16, 16, 16, 1, 1}, 0, 1e-6);
    check_training(8, (struct Shape){16, 16, 16, 1, 1}, 30, 1e-6);
    check_training(5, (struct Shape){7, 9, 3, 1, 1}, 100, 1e-6);
    check_training(3, (struct Shape){5, 1, 67, 1, 1}, 1, 1e-6);
    check_training(64, (struct Shape){1, 1, 129, 1, 1}, 1, 1e-6);
    check_training(1, (struct Shape){1, 1, 5, 1, 1}, 1, 1e-6); /* one value: no statistics */
}

static void check_running(struct Alone *alone) {
    float *x = make_input(alone, 1);
    float *gamma = row_of(alone, alone->state, "0.weight"),
          *beta = row_of(alone, alone->state, "0.bias");
    float *mean = row_of(alone, alone->state, "0.running_mean");
    float *variance = row_of(alone, alone->state, "0.running_var");
    for (int c = 0; c < 5; c++) {
        assert_true(gamma[c] == 1 && beta[c] == 0 && mean[c] == 0 && variance[c] == 1);
        gamma[c] = 1.5f;
        beta[c] = 0.25f * (float)c;
        mean[c] = (float)c + 0.1f;
        variance[c] = 0.5f + (float)c;
    }
    alone_forward(alone, x, 2 * alone->samples);
    const float *y = plan_scores(alone->plan);
    for (int64_t i = 0; i < alone->pixels * 5; i++) {
        int c = (int)(i % 5);
        double exact =
            (double)gamma[c] * (double)(x[i] - mean[c]) / sqrt((double)variance[c] + 1e-5) +
            (double)beta[c];
        assert_true(fabs((double)y[i] - exact) < 1e-5);
    }
    memory_release(x);
}

static void test_inference_uses_running_statistics(void **unused) {
    (void)unused;
    struct Alone alone = alone_create(2, (struct Shape){3, 3, 5, 1, 1}, false);
    check_running(&alone);
    alone_release(&alone);
}

/* With the running statistics training normalises as predicting does and leaves the statistics as
 * they are, to the bit. One value in a channel is enough. */
static void test_training_on_running_statistics(void **unused) {
    (void)unused;
    for (int side = 1; side <= 3; side += 2) {
        struct Alone alone = alone_of("[{batchnorm: {statistics: running, momentum: 0.3}}]", 1,
                                      (struct Shape){side, side, 5, 1, 1}, true);
        check_running(&alone);
        const float *mean = row_of(&alone, alone.state, "0.running_mean");
        const float *variance = row_of(&alone, alone.state, "0.running_var");
        float kept[10];
        memcpy(kept, mean, sizeof kept / 2);
        memcpy(kept + 5, variance, sizeof kept / 2);
        assert_true(model_update_statistics(alone.net.model, alone.gradient,
                                            (struct BatchCut){1, 1}, alone.state));
        assert_memory_equal(mean, kept, sizeof kept / 2);
        assert_memory_equal(variance, kept + 5, sizeof kept / 2);
        alone_release(&alone);
    }
}

/* Against a count of the samples in shards of two values and more. */
static void test_what_is_measured(void **unused) {
    (void)unused;
    static const struct {
        const char *layers;
        int64_t side;
        bool of_batch, constant;
    } cases[] = {{"[batchnorm]", 1, false, false},
                 {"[batchnorm]", 2, false, false},
                 {"[{batchnorm: {statistics: batch}}]", 1, true, false},
                 {"[{batchnorm: {statistics: running}}]", 1, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct Shape shape = {cases[i].side, cases[i].side, 3, 1, 1};
        struct Net net = net_create(cases[i].layers, shape);
        int row = arena_find(model_arena(net.model), "0.running_var");
        for (struct BatchCut cut = {1, 1}; cut.batch <= 20; cut.batch++)
            for (cut.shards = 1; cut.shards <= 8; cut.shards++) {
                int64_t values = cases[i].side * cases[i].side, measured = 0;
                for (int64_t k = 0; k < cut.shards; k++) {
                    int64_t samples = batch_cut_first(cut, k + 1) - batch_cut_first(cut, k);
                    int64_t set = (cases[i].of_batch ? cut.batch : samples) * values;
                    measured += set > 1 || cases[i].constant ? samples : 0;
                }
                double part = (double)measured / (double)cut.batch;
                assert_true(model_measured(net.model, row, cut) == part);
                assert_int_equal(model_unmeasured_layers(net.model, cut), part < 1);
            }
        net_release(&net);
    }
}

static void test_nan_is_seen(void **unused) {
    (void)unused;
    struct Net net =
        net_create("[batchnorm, relu, {maxpool: {kernel: 2}}]", (struct Shape){4, 4, 20, 1, 1});
    struct Error error;
    enum Variant variant = variant_best(VARIANT_F32_V4);
    struct PlanRequest request = {.variant = variant,
                                  .backend = backend_find("openblas", variant, &error),
                                  .training = true,
                                  .samples = {2},
                                  .sample_counts = 1,
                                  .loss = &net.loss};
    struct Plan *plan;
    assert_int_equal(plan_create(&plan, net.model, &request, &error), OK);
    const struct Arena *arena = model_arena(net.model);
    float *state = memory_allocate((size_t)arena_state_elements(arena) * sizeof(float), "test");
    float *gradient =
        memory_allocate((size_t)arena_gradient_elements(arena) * sizeof(float), "test");
    model_initialise(net.model, 1, state);
    ((float *)plan_input(plan))[37] = NAN;
    struct ShardCall call = {.samples = 2, .batch = 2, .state = state, .gradient = gradient};
    plan_prepare(plan, state);
    plan_forward(plan, &call);
    assert_true(isnan(((const float *)plan_scores(plan))[17])); /* channel 17 of 20 */
    memory_release(state);
    memory_release(gradient);
    plan_release(plan);
    net_release(&net);
}

/* Large enough for several threads to be used. */
static void test_threads_do_not_change_bits(void **unused) {
    (void)unused;
    struct Net net = net_create(
        "[{conv: {out: 24, kernel: 1}}, {residual: {body: [batchnorm, relu, batchnorm]}}, relu, "
        "{dropout: {rate: 0.2}}, {maxpool: {kernel: 3, stride: 1, padding: 1}}, {avgpool: {kernel: "
        "2}}, "
        "batchnorm, global_avgpool]",
        (struct Shape){32, 32, 3, 1, 1});
    struct NetRun run = {.variant = variant_best(VARIANT_F32_V4), .samples = 9};
    struct Result results[3];
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        results[threads - 1] = net_run(&net, &run);
    }
    omp_set_num_threads(1);
    const struct Arena *arena = model_arena(net.model);
    for (int i = 1; i < 3; i++) {
        assert_memory_equal(results[0].scores, results[i].scores,
                            (size_t)results[0].outputs * sizeof(double));
        /* Without the convolution's own rows: the backend promises no order of its sums. */
        for (int r = 0; r < arena->row_count; r++)
            if (model_node_of_row(net.model, r)->index != 0)
                assert_memory_equal(results[0].gradient + arena->rows[r].offset,
                                    results[i].gradient + arena->rows[r].offset,
                                    (size_t)arena->rows[r].count * sizeof(double));
    }
    for (int i = 0; i < 3; i++)
        result_release(&results[i]);
    net_release(&net);
}

static void count_checked(void *context, const struct GradcheckRow *row) {
    *(int64_t *)context += row->checked;
}

/* Max pooling that runs inside the normalisation: the bits of the layers by themselves, in images
 * that do not fill the last chunk of pixels, and the gradient of the formula. */
static void test_pooling_inside(void **unused) {
    (void)unused;
    static const struct {
        const char *layers;
        struct Shape shape;
    } nets[] = {{"[{conv: {out: 16, kernel: 1}}, batchnorm, relu, {maxpool: {kernel: 2}}, flatten]",
                 {10, 14, 3, 1, 1}},
                {"[{conv: {out: 48, kernel: 1}}, batchnorm, {maxpool: {kernel: 2}}, flatten]",
                 {8, 6, 2, 1, 1}},
                {"[{conv: {out: 80, kernel: 1}}, {batchnorm: {statistics: batch}}, relu, "
                 "{maxpool: {kernel: 3}}, flatten]",
                 {12, 9, 2, 1, 1}},
                {"[{conv: {out: 128, kernel: 1}}, {batchnorm: {statistics: running}}, relu, "
                 "{maxpool: {kernel: 4}}, flatten]",
                 {8, 8, 2, 1, 1}},
                {"[{conv: {out: 64, kernel: 1}}, batchnorm, relu, {maxpool: {kernel: 2}}, flatten]",
                 {64, 64, 1, 1, 1}}};
    const enum Variant variants[] = {VARIANT_F64, VARIANT_F32, variant_best(VARIANT_F32_V3),
                                     variant_best(VARIANT_F32_V4)};
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct Net net = net_create(nets[i].layers, nets[i].shape);
        for (int v = 0; v < 4; v++) {
            struct NetRun run = {.variant = variants[v], .samples = 5, .seed = 5};
            struct Result fused = net_run(&net, &run);
            run.no_fusion = true;
            struct Result single = net_run(&net, &run);
            assert_true(fused.operations <= single.operations - 1 - (i != 1));
            assert_memory_equal(fused.scores, single.scores,
                                (size_t)fused.outputs * sizeof(double));
            assert_memory_equal(fused.gradient, single.gradient,
                                (size_t)fused.gradients * sizeof(double));
            assert_memory_equal(fused.input_gradient, single.input_gradient,
                                (size_t)fused.inputs * sizeof(double));
            result_release(&fused);
            result_release(&single);
        }
        struct Error error;
        int64_t checked = 0;
        struct GradcheckRequest request = {.loss = &net.loss,
                                           .backend = backend_find("openblas", VARIANT_F64, &error),
                                           .samples = 3,
                                           .elements = 12,
                                           .tolerance = 1e-6,
                                           .seed = 1};
        if (i < 4 && gradcheck_run(net.model, &request, count_checked, &checked, &error))
            fail_msg("net %zu: %s", i, error.text);
        net_release(&net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_training_statistics),
        cmocka_unit_test(test_inference_uses_running_statistics),
        cmocka_unit_test(test_training_on_running_statistics),
        cmocka_unit_test(test_what_is_measured),
        cmocka_unit_test(test_nan_is_seen),
        cmocka_unit_test(test_threads_do_not_change_bits),
        cmocka_unit_test(test_pooling_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
