/* What a probe measures: against counting by hand, against naive loops, and in blocks. */
#include "nn/probe.h"

#include "base/memory.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) <= 1e-12 * (1 + fabs(b)))

/* ---- Naive ---- */

static int bin_of(double v) {
    if (v == 0)
        return PROBE_SIDE;
    for (int b = 0; b < PROBE_BINS; b++) /* zero's side of a bin is the closed one */
        if (v > 0 ? v >= probe_edge(b) && v < probe_edge(b + 1)
                  : v > probe_edge(b) && v <= probe_edge(b + 1))
            return b;
    return v < 0 ? 0 : PROBE_BINS - 1;
}

static void check_naive(const struct ProbeValues *values, int64_t count, const double *v) {
    long double sum = 0, squares = 0, deviations = 0;
    double least = INFINITY, most = -INFINITY, counts[PROBE_BINS] = {0};
    int64_t finite = 0, zeros = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(v[i]))
            continue;
        finite++;
        sum += v[i];
        squares += v[i] * v[i];
        zeros += v[i] == 0;
        least = fmin(least, v[i]);
        most = fmax(most, v[i]);
        counts[bin_of((float)v[i])]++;
    }
    long double mean = sum / (long double)finite;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(v[i]))
            deviations += (v[i] - mean) * (v[i] - mean);
    assert_int_equal(values->count, finite);
    assert_int_equal(values->nonfinite, count - finite);
    assert_int_equal(values->zeros, zeros);
    NEAR(values->mean, (double)mean);
    NEAR(values->std, (double)sqrtl(deviations / (long double)finite));
    NEAR(values->norm, (double)sqrtl(squares));
    assert_true(values->least == least && values->most == most);
    assert_memory_equal(values->counts, counts, sizeof counts);
}

enum { ELEMENTS = 70000 }; /* more than one piece */

static void test_arrays_are_as_naive_loops_say(void **unused) {
    (void)unused;
    static const double special[] = {0,    -0.0,   1,      -1,     1e-13, -1e-13, 1e30,
                                     -1e9, 0x1p23, 0x1p24, 1.2499, 1.25,  -1.25,  0x1p-40};
    double *wide = memory_array(double, ELEMENTS, "test"), counts[PROBE_BINS];
    float *narrow = memory_array(float, ELEMENTS, "test");
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, ELEMENTS, wide);
    memcpy(wide + 100, special, sizeof special);
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < ELEMENTS; i++)
            wide[i] = narrow[i] = (float)wide[i];
        for (int v = 0; v < VARIANT_COUNT; v++)
            if (variant_available((enum Variant)v)) {
                const void *from = v == VARIANT_F64 ? (const void *)wide : narrow;
                struct ProbeValues values = probe_array((enum Variant)v, ELEMENTS, from, counts);
                check_naive(&values, ELEMENTS, wide);
            }
        wide[5] = INFINITY; /* the second round leaves these out */
        wide[ELEMENTS - 1] = NAN;
    }
    memory_release(wide);
    memory_release(narrow);
}

/* Values with a mean far larger than their deviation lose nothing. */
static void test_deviation_of_large_values(void **unused) {
    (void)unused;
    const double v[] = {1e8 + 1, 1e8 - 1, 1e8 + 1, 1e8 - 1};
    struct ProbeValues values = probe_array(VARIANT_F64, 4, v, NULL);
    assert_true(values.mean == 1e8 && values.std == 1 && !values.counts);
}

static void test_histograms_for_people(void **unused) {
    (void)unused;
    double *v = memory_array(double, 10000, "test"), all[PROBE_BINS];
    double edges[PROBE_SHOWN + 1], counts[PROBE_SHOWN], sum = 0;
    struct RandomStream stream = random_stream(1, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, 10000, v);
    v[0] = 0;
    struct ProbeValues values = probe_array(VARIANT_F64, 10000, v, all);
    int bins = probe_histogram(&values, edges, counts);
    assert_in_range(bins, 30, PROBE_SHOWN);
    for (int b = 0; b < bins; b++) {
        int64_t inside = 0;
        for (int i = 0; i < 10000; i++)
            inside += v[i] >= edges[b] && v[i] < edges[b + 1];
        assert_true(edges[b] < edges[b + 1] && counts[b] == (double)inside);
        sum += counts[b];
    }
    assert_true(sum == 10000 && edges[0] <= values.least && values.most < edges[bins]);
    memset(v, 0, 10000 * sizeof *v);
    values = probe_array(VARIANT_F64, 10000, v, all);
    assert_int_equal(probe_histogram(&values, edges, counts), 1);
    assert_true(edges[0] < 0 && edges[1] > 0 && counts[0] == 10000);
    values = probe_array(VARIANT_F64, 0, v, all);
    assert_int_equal(probe_histogram(&values, edges, counts), 0);
    memory_release(v);
}

/* ---- Plans ---- */

struct Bench {
    struct Net net;
    struct Plan *plan;
    struct Probe *probe;
    double *state, *gradient, *record;
};

static struct Bench bench_create(const char *layers, struct Shape input, int64_t most) {
    struct Error error;
    struct Bench bench = {.net = net_create(layers, input)};
    const struct Arena *arena = model_arena(bench.net.model);
    struct PlanRequest request = {.variant = VARIANT_F64,
                                  .backend = backend_find("openblas", VARIANT_F64, &error),
                                  .training = true,
                                  .samples = {most},
                                  .sample_counts = 1,
                                  .loss = &bench.net.loss,
                                  .no_fusion = true};
    if (plan_create(&bench.plan, bench.net.model, &request, &error))
        fail_msg("%s", error.text);
    probe_create(&bench.probe, bench.plan);
    bench.state = memory_array(double, arena_state_elements(arena), "test");
    bench.gradient = memory_array(double, arena_gradient_elements(arena), "test");
    bench.record = memory_array(double, probe_length(bench.probe), "test");
    return bench;
}

static void bench_release(struct Bench *bench) {
    memory_release(bench->state);
    memory_release(bench->gradient);
    memory_release(bench->record);
    probe_release(bench->probe);
    plan_release(bench->plan);
    net_release(&bench->net);
}

static void bench_run(struct Bench *bench, int64_t first, int64_t samples, int64_t batch) {
    struct ShardCall call = {.samples = samples,
                             .first = first,
                             .batch = batch,
                             .state = bench->state,
                             .gradient = bench->gradient};
    plan_prepare(bench->plan, bench->state);
    probe_run(bench->probe, &call, true, bench->record);
}

static struct ProbeNode node_of(const struct Bench *bench, int index) {
    struct ProbeNode node;
    probe_read(bench->probe, bench->record, index, &node);
    return node;
}

static void put(struct Bench *bench, const char *row, const double *values) {
    const struct Arena *arena = model_arena(bench->net.model);
    const struct ArenaRow *found = &arena->rows[arena_find(arena, row)];
    memcpy(bench->state + found->offset, values, (size_t)found->count * sizeof *values);
}

/* x = (1, 2), (-1, 0.5):  h = (1, -2, -1), (-1, -0.5, -4.5);  relu: (1, 0, 0), (0, 0, 0);
 * y = 2.5, 0.5 for 2, 1: d(loss)/dy = 0.5, -0.5;  at the ReLU ±(1, 1.5, 2), at h (1, 0, 0), 0. */
static void test_model_by_hand(void **unused) {
    (void)unused;
    const struct Shape input = {1, 1, 2, 1, 1};
    struct Bench bench =
        bench_create("[{linear: {out: 3}}, relu, {linear: {out: 1}}]\nloss: mse", input, 2);
    put(&bench, "0.weight", (double[]){1, 0, 0, -1, 1, 1});
    put(&bench, "0.bias", (double[]){0, 0, -4});
    put(&bench, "2.weight", (double[]){2, 3, 4});
    put(&bench, "2.bias", (double[]){0.5});
    memcpy(plan_input(bench.plan), (double[]){1, 2, -1, 0.5}, 4 * sizeof(double));
    memcpy(plan_target(bench.plan), (float[]){2, 1}, 2 * sizeof(float));
    bench_run(&bench, 0, 2, 2);
    assert_int_equal(probe_node_count(bench.probe), 3);
    struct ProbeNode linear = node_of(&bench, 0), relu = node_of(&bench, 1);
    struct ProbeNode last = node_of(&bench, 2);
    assert_string_equal(relu.node->path, "1");
    check_naive(&linear.output, 6, (double[]){1, -2, -1, -1, -0.5, -4.5});
    check_naive(&relu.output, 6, (double[]){1, 0, 0, 0, 0, 0});
    check_naive(&last.output, 2, (double[]){2.5, 0.5});
    check_naive(&last.gradient, 2, (double[]){0.5, -0.5});
    check_naive(&relu.gradient, 6, (double[]){1, 1.5, 2, -1, -1.5, -2});
    check_naive(&linear.gradient, 6, (double[]){1, 0, 0, 0, 0, 0});
    assert_true(linear.units == 3 && linear.dead == 0);
    assert_true(relu.units == 3 && relu.dead == 2 && relu.fired[0] == 1 && relu.fired[1] == 0);
    assert_true(last.units == 1 && !relu.saturates);
    bench_release(&bench);
}

/* Outputs at which the slope is a twentieth of the greatest. */
static void test_saturation(void **unused) {
    (void)unused;
    static const struct {
        const char *layer;
        double inputs[6];
        int saturated;
    } cases[] = {
        {"tanh", {-3, -2.1, 0, 2.1, 2.3, 9}, 3}, {"sigmoid", {-9, -4.3, 0, 4.4, 4.3, 1}, 2},
        {"elu", {-3.1, -2.9, 0, 5, 50, -40}, 2}, {"selu", {-3.1, -2.9, 0, 5, 50, -40}, 2},
        {"relu", {-1, 2, 3, 4, -5, 6}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char layers[64];
        snprintf(layers, sizeof layers, "[{linear: {out: 1}}, %s]\nloss: mse", cases[i].layer);
        struct Bench bench = bench_create(layers, (struct Shape){1, 1, 1, 1, 1}, 6);
        put(&bench, "0.weight", (double[]){1});
        memcpy(plan_input(bench.plan), cases[i].inputs, sizeof cases[i].inputs);
        bench_run(&bench, 0, 6, 6);
        struct ProbeNode node = node_of(&bench, 1);
        assert_int_equal(node.output.saturated, cases[i].saturated);
        assert_int_equal(node.saturates, i < 4);
        bench_release(&bench);
    }
}

#define DEEP                                                                                       \
    "{conv: {out: 3, kernel: 3}}", "tanh", "{conv: {out: 4, kernel: 2}}", "relu",                  \
        "{maxpool: {kernel: 2}}", "flatten", "{linear: {out: 5}}"
static const char *const deep[] = {DEEP};
enum { LAYERS = sizeof deep / sizeof *deep, SAMPLES = 11 };
static const struct Shape image = {8, 7, 2, 1, 1};

/* The first `count` of the layers, as a list. */
static char *list_of(int count) {
    char *text = memory_copy_text("[");
    for (int i = 0; i < count; i++) {
        char *longer = memory_print("%s%s, ", text, deep[i]);
        memory_release(text);
        text = longer;
    }
    char *whole = memory_print("%sflatten]", text);
    memory_release(text);
    return whole;
}

static struct Result run_prefix(int count) {
    char *text = list_of(count);
    struct Net net = net_create(text, image);
    struct NetRun run = {.variant = VARIANT_F64, .no_fusion = true, .samples = SAMPLES};
    struct Result result = net_run(&net, &run);
    net_release(&net);
    memory_release(text);
    return result;
}

static struct Bench deep_bench(const struct Result *whole) {
    char *text = list_of(LAYERS);
    struct Bench bench = bench_create(text, image, SAMPLES);
    int64_t count = arena_state_elements(model_arena(bench.net.model));
    memcpy(bench.state, whole->state, (size_t)count * sizeof(double));
    memory_release(text);
    return bench;
}

static void deep_run(struct Bench *bench, const struct Result *whole, int64_t first,
                     int64_t samples) {
    int64_t inputs = shape_elements(image), outputs = whole->outputs / SAMPLES;
    memcpy(plan_input(bench->plan), whole->input + first * inputs,
           (size_t)(samples * inputs) * sizeof(double));
    memcpy(plan_target(bench->plan), whole->target + first * outputs,
           (size_t)(samples * outputs) * sizeof(float));
    bench_run(bench, first, samples, SAMPLES);
}

/* Dead channels of images (samples, pixels, channels). */
static int64_t count_dead(const double *values, int64_t count, int64_t channels) {
    int64_t dead = 0;
    for (int64_t c = 0; c < channels; c++) {
        bool fired = false;
        for (int64_t i = c; i < count; i += channels)
            fired |= values[i] != 0;
        dead += !fired;
    }
    return dead;
}

/* The output of each node is that of a model which ends there. */
static void test_outputs_of_a_deep_model(void **unused) {
    (void)unused;
    struct Result whole = run_prefix(LAYERS);
    struct Bench bench = deep_bench(&whole);
    deep_run(&bench, &whole, 0, SAMPLES);
    assert_int_equal(probe_node_count(bench.probe), LAYERS - 1); /* without the flatten */
    for (int i = 0; i < LAYERS - 1; i++) {
        struct ProbeNode node = node_of(&bench, i);
        struct Result prefix = run_prefix(node.node->index + 1);
        check_naive(&node.output, prefix.outputs, prefix.scores);
        assert_int_equal(node.units, node.node->out.channels);
        assert_int_equal(node.dead, count_dead(prefix.scores, prefix.outputs, node.units));
        result_release(&prefix);
    }
    bench_release(&bench);
    result_release(&whole);
}

static double sum_of_row(const struct Bench *bench, const char *row) {
    const struct Arena *arena = model_arena(bench->net.model);
    const struct ArenaRow *found = &arena->rows[arena_find(arena, row)];
    double sum = 0;
    for (int64_t i = 0; i < found->count; i++)
        sum += bench->gradient[found->offset + i];
    return sum;
}

/* The gradients of a layer's biases are sums of the gradient that arrives at its output; and the
 * probe computes what a plan without one computes. */
static void test_gradients_of_a_deep_model(void **unused) {
    (void)unused;
    struct Result whole = run_prefix(LAYERS);
    struct Bench bench = deep_bench(&whole);
    static const struct {
        int node;
        const char *bias;
    } biased[] = {{0, "0.bias"}, {2, "2.bias"}, {5, "6.bias"}};
    deep_run(&bench, &whole, 0, SAMPLES);
    for (int i = 0; i < 3; i++) {
        struct ProbeNode node = node_of(&bench, biased[i].node);
        NEAR(node.gradient.mean * (double)node.gradient.count, sum_of_row(&bench, biased[i].bias));
        assert_int_equal(node.gradient.count, node.output.count);
    }
    assert_memory_equal(bench.gradient, whole.gradient, (size_t)whole.gradients * sizeof(double));
    bench_release(&bench);
    result_release(&whole);
}

/* Blocks that are added give what all samples at once give; the number of threads changes no bit.
 */
static void test_blocks_and_threads(void **unused) {
    (void)unused;
    struct Result whole = run_prefix(LAYERS);
    struct Bench bench = deep_bench(&whole);
    size_t bytes = (size_t)probe_length(bench.probe) * sizeof(double);
    double *once = memory_allocate(bytes, "test"), *sum = memory_allocate(bytes, "test");
    deep_run(&bench, &whole, 0, SAMPLES);
    memcpy(once, bench.record, bytes);
    omp_set_num_threads(3);
    deep_run(&bench, &whole, 0, SAMPLES);
    omp_set_num_threads(1);
    assert_memory_equal(once, bench.record, bytes);
    probe_start(bench.probe, sum);
    for (int64_t first = 0; first < SAMPLES; first += 4) {
        deep_run(&bench, &whole, first, first + 4 < SAMPLES ? 4 : SAMPLES - first);
        probe_add(bench.probe, sum, bench.record);
    }
    for (int i = 0; i < probe_node_count(bench.probe); i++) {
        struct ProbeNode a, b;
        probe_read(bench.probe, once, i, &a);
        probe_read(bench.probe, sum, i, &b);
        NEAR(a.output.mean, b.output.mean);
        NEAR(a.output.std, b.output.std);
        NEAR(a.gradient.norm, b.gradient.norm);
        assert_true(a.output.least == b.output.least && a.output.most == b.output.most);
        assert_true(a.output.zeros == b.output.zeros && a.dead == b.dead);
        assert_memory_equal(a.output.counts, b.output.counts, PROBE_BINS * sizeof(double));
        assert_memory_equal(a.fired, b.fired, (size_t)a.units * sizeof(double));
    }
    memory_release(once);
    memory_release(sum);
    bench_release(&bench);
    result_release(&whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_are_as_naive_loops_say),
        cmocka_unit_test(test_deviation_of_large_values),
        cmocka_unit_test(test_histograms_for_people),
        cmocka_unit_test(test_model_by_hand),
        cmocka_unit_test(test_saturation),
        cmocka_unit_test(test_outputs_of_a_deep_model),
        cmocka_unit_test(test_gradients_of_a_deep_model),
        cmocka_unit_test(test_blocks_and_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
