/* Layers that draw random numbers: what they draw depends on seed, step and the sample's place, in
 * training and in plans that sample; how often they draw what; and fractional pooling against its
 * definition. */
#include "base/memory.h"
#include "net.h"
#include "nn/stochastic_depth.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static const char *const nets[] = {
    "[{fractional_maxpool: {out: 4}}, flatten]",
    "[{fractional_maxpool: {out: 4, sequence: random, overlapping: false}}, flatten]",
    "[{residual: {body: [tanh], drop: 0.5}}, {residual: {body: [sigmoid], drop: 0.5}}, flatten]",
    "[{conv: {out: 5, kernel: 3, dropconnect: 0.4}}, flatten]",
    "[{conv: {out: 6, kernel: 3, groups: 3, dropconnect: 0.4}}, flatten]",
    "[flatten, {linear: {out: 70, dropconnect: 0.4}}]",
};
enum { NETS = sizeof nets / sizeof *nets };
static const struct Shape shape = {7, 9, 3, 1, 1};

static void assert_same(int64_t count, const double *a, const double *b, const char *what) {
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(a[i] - b[i]) <= 1e-12 * fmax(1, fabs(b[i]))))
            fail_msg("%s: element %" PRId64 " is %.17g and %.17g", what, i, a[i], b[i]);
}

static bool differ(int64_t count, const double *a, const double *b) {
    for (int64_t i = 0; i < count; i++)
        if (fabs(a[i] - b[i]) > 1e-9)
            return true;
    return false;
}

/* Six samples give the same scores and input gradients at once and as shards of two and four.
 * Another step or seed gives others. */
static void check_places(const char *layers, bool sampling) {
    struct Net net = net_create(layers, shape);
    assert_true(model_is_random(net.model));
    struct NetRun run = {.samples = 6,
                         .first = 4,
                         .batch = 10,
                         .seed = 3,
                         .step = 8,
                         .inference = sampling,
                         .sample_dropout = sampling};
    struct Result whole = net_run(&net, &run);
    int64_t outputs = whole.outputs / 6, inputs = whole.inputs / 6;
    for (int part = 0; part < 2; part++) {
        run.first = part ? 6 : 4, run.samples = part ? 4 : 2;
        struct Result shard = net_run(&net, &run);
        int64_t skip = run.first - 4;
        assert_same(shard.outputs, shard.scores, whole.scores + skip * outputs, layers);
        if (!sampling)
            assert_same(shard.inputs, shard.input_gradient, whole.input_gradient + skip * inputs,
                        layers);
        result_release(&shard);
    }
    for (int other = 0; other < 2; other++) {
        struct NetRun changed = {.samples = 6,
                                 .first = 4,
                                 .batch = 10,
                                 .seed = 3 + (uint64_t)other,
                                 .step = 9 - (uint64_t)other,
                                 .inference = sampling,
                                 .sample_dropout = sampling};
        struct Result result = net_run(&net, &changed);
        assert_true(differ(whole.outputs, result.scores, whole.scores));
        result_release(&result);
    }
    result_release(&whole);
    net_release(&net);
}

static void test_places(void **unused) {
    (void)unused;
    for (int i = 0; i < NETS; i++)
        for (int sampling = 0; sampling < 2; sampling++)
            check_places(nets[i], sampling);
}

/* Without sampling nothing depends on seed and step; with it, the numbers are not those of
 * training. */
static void test_predicting(void **unused) {
    (void)unused;
    for (int i = 0; i < NETS; i++) {
        struct Net net = net_create(nets[i], shape);
        struct NetRun run = {.samples = 5, .seed = 3, .step = 8, .inference = true};
        struct Result first = net_run(&net, &run);
        run.seed = run.step = 1;
        struct Result second = net_run(&net, &run);
        assert_memory_equal(first.scores, second.scores, (size_t)first.outputs * sizeof(double));
        run.sample_dropout = true;
        struct Result sampled = net_run(&net, &run);
        run.inference = false;
        struct Result training = net_run(&net, &run);
        assert_true(differ(first.outputs, sampled.scores, first.scores));
        assert_true(differ(first.outputs, sampled.scores, training.scores));
        struct Result *all[] = {&first, &second, &sampled, &training};
        for (int r = 0; r < 4; r++)
            result_release(all[r]);
        net_release(&net);
    }
}

/* ---- Stochastic depth ---- */

/* Huang et al. 2016, equation 4, over the blocks with the linear rule. */
static void test_linear_rule(void **unused) {
    (void)unused;
    struct Net net = net_create(
        "[{residual: {body: [tanh], drop: 0.6}}, {residual: {body: [tanh]}}, {residual: {body: "
        "[{residual: {body: [relu], drop: 0.6}}], drop: 0.5, drop_rule: constant}}, {residual: "
        "{body: [tanh], drop: 0.3, drop_rule: linear}}, flatten]",
        shape);
    static const double rates[] = {0.2, 0.4, 0.5, 0.3};
    int found = 0;
    for (int i = 0; i < model_node_count(net.model); i++) {
        const struct Node *node = model_node(net.model, i);
        if (strcmp(node_layer_name(node), "stochastic_depth"))
            continue;
        assert_true(found < 4);
        assert_true(fabs(stochastic_depth_rate(node->options) - rates[found++]) < 1e-15);
    }
    assert_int_equal(found, 4);
    net_release(&net);
}

/* y = x for a sample that skips, else x + tanh(x) / (1 − rate); predicting, x + tanh(x). */
static void test_skipping(void **unused) {
    (void)unused;
    enum { SAMPLES = 2000 };
    struct Net net = net_create("[{residual: {body: [tanh], drop: 0.3}}, flatten]",
                                (struct Shape){1, 2, 3, 1, 1});
    struct NetRun run = {.samples = SAMPLES, .seed = 5};
    struct Result result = net_run(&net, &run);
    run.inference = true;
    struct Result plain = net_run(&net, &run);
    int skipped = 0;
    for (int n = 0; n < SAMPLES; n++) {
        bool skips = result.scores[n * 6] == result.input[n * 6];
        skipped += skips;
        for (int i = n * 6; i < n * 6 + 6; i++) {
            double x = result.input[i];
            assert_true(fabs(result.scores[i] - x - (skips ? 0 : tanh(x) / 0.7)) < 1e-12);
            assert_true(fabs(plain.scores[i] - x - tanh(x)) < 1e-12);
        }
    }
    assert_true(fabs(skipped - 0.3 * SAMPLES) < 4 * sqrt(0.3 * 0.7 * SAMPLES));
    result_release(&result);
    result_release(&plain);
    net_release(&net);
}

/* ---- DropConnect ---- */

/* The gradient of a dropped weight is 0, which shows the mask; the scores follow from it. */
static void test_dropped_weights(void **unused) {
    (void)unused;
    enum { IN = 60, OUT = 50, SAMPLES = 3 };
    struct Net net = net_create("[flatten, {linear: {out: 50, dropconnect: 0.3}}]",
                                (struct Shape){4, 5, 3, 1, 1});
    struct NetRun run = {.samples = SAMPLES, .seed = 5, .step = 4};
    struct Result result = net_run(&net, &run);
    const struct Arena *arena = model_arena(net.model);
    const double *w = result.state + arena->rows[0].offset;
    const double *dw = result.gradient + arena->rows[0].offset;
    const double *bias = result.state + arena->rows[1].offset;
    int dropped = 0;
    for (int n = 0; n < SAMPLES; n++)
        for (int o = 0; o < OUT; o++) {
            double sum = bias[o];
            for (int i = 0; i < IN; i++)
                if (dw[o * IN + i] != 0)
                    sum += w[o * IN + i] / 0.7 * result.input[n * IN + i];
            assert_true(fabs(sum - result.scores[n * OUT + o]) < 1e-10);
        }
    for (int i = 0; i < IN * OUT; i++)
        dropped += dw[i] == 0;
    assert_true(fabs(dropped - 0.3 * IN * OUT) < 4 * sqrt(0.3 * 0.7 * IN * OUT));
    result_release(&result);
    net_release(&net);
}

/* ---- Fractional pooling ---- */

#define MOST 40 /* different sequences on one axis */

struct Sequences {
    int count, used[MOST], starts[MOST][16];
};

static void add_sequence(struct Sequences *all, int regions, const int *starts) {
    size_t bytes = (size_t)(regions + 1) * sizeof *starts;
    for (int i = 0; i < all->count; i++)
        if (!memcmp(all->starts[i], starts, bytes))
            return;
    assert_true(all->count < MOST);
    memcpy(all->starts[all->count++], starts, bytes);
}

/* Is the sequence one that the paper allows for this axis? */
static struct Sequences sequences_of(int length, int regions, bool random) {
    struct Sequences all = {0};
    int starts[16] = {0};
    for (int k = 0; !random && k < 4000; k++) {
        double u = (k + 0.5) / 4000, alpha = (double)length / regions;
        for (int i = 0; i <= regions; i++)
            starts[i] = (int)(floor(alpha * (i + u)) - floor(alpha * u));
        add_sequence(&all, regions, starts);
    }
    for (int set = 0; random && set < 1 << regions; set++) {
        for (int i = 0; i < regions; i++)
            starts[i + 1] = starts[i] + length / regions + (set >> i & 1);
        if (starts[regions] == length)
            add_sequence(&all, regions, starts);
    }
    return all;
}

static double region_largest(const double *image, int channel, const int *rows, const int *columns,
                             int shared) {
    double largest = -INFINITY;
    for (int h = rows[0]; h < rows[1] + shared; h++)
        for (int w = columns[0]; w < columns[1] + shared; w++)
            largest = fmax(largest, image[(h * 9 + w) * 3 + channel]);
    return largest;
}

static bool pools_so(const double *image, const double *found, int out, const int *rows,
                     const int *columns, int shared) {
    for (int i = 0; i < out * out * 3; i++) {
        int channel = i % 3, q = i / 3 % out, p = i / 3 / out;
        if (found[i] != region_largest(image, channel, rows + p, columns + q, shared))
            return false;
    }
    return true;
}

static void check_fractional(int out, bool random, bool overlapping) {
    enum { SAMPLES = 600 };
    char *text =
        memory_print("[{fractional_maxpool: {out: %d, sequence: %s, overlapping: %s}}, "
                     "flatten]",
                     out, random ? "random" : "pseudorandom", overlapping ? "true" : "false");
    struct Net net = net_create(text, shape);
    struct NetRun run = {.samples = SAMPLES, .seed = 5, .step = 4};
    struct Result result = net_run(&net, &run);
    struct Sequences rows = sequences_of(7 - overlapping, out, random);
    struct Sequences columns = sequences_of(9 - overlapping, out, random);
    for (int n = 0; n < SAMPLES; n++) {
        const double *image = result.input + n * 7 * 9 * 3;
        const double *found = result.scores + n * out * out * 3;
        int hit = -1;
        for (int i = 0; i < rows.count * columns.count && hit < 0; i++)
            if (pools_so(image, found, out, rows.starts[i / columns.count],
                         columns.starts[i % columns.count], overlapping))
                hit = i;
        if (hit < 0)
            fail_msg("%s: sample %d is pooled over no regions of the definition", text, n);
        rows.used[hit / columns.count]++;
        columns.used[hit % columns.count]++;
    }
    assert_true(rows.count > 1 || columns.count > 1);
    for (int i = 0; i < rows.count; i++)
        assert_true(rows.used[i] > 0);
    for (int i = 0; i < columns.count; i++)
        assert_true(columns.used[i] > 0);
    memory_release(text);
    result_release(&result);
    net_release(&net);
}

static void test_fractional_regions(void **unused) {
    (void)unused;
    for (int random = 0; random < 2; random++)
        for (int overlapping = 0; overlapping < 2; overlapping++) {
            check_fractional(5, random, overlapping);
            check_fractional(3 + overlapping, random, overlapping); /* 7 / 3, 6 / 4 */
        }
}

/* u = 1/2, whichever the sequence. */
static void test_fractional_predicting(void **unused) {
    (void)unused;
    struct Net net =
        net_create("[{fractional_maxpool: {out: 4, sequence: random}}, flatten]", shape);
    struct NetRun run = {.samples = 20, .inference = true};
    struct Result result = net_run(&net, &run);
    static const int rows[] = {0, 2, 3, 5, 6}, columns[] = {0, 2, 4, 6, 8};
    for (int n = 0; n < 20; n++) /* floor(1.5 (i + 1/2)) and 2 i */
        assert_true(pools_so(result.input + n * 7 * 9 * 3, result.scores + n * 4 * 4 * 3, 4, rows,
                             columns, 1));
    result_release(&result);
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_predicting),
        cmocka_unit_test(test_linear_rule),
        cmocka_unit_test(test_skipping),
        cmocka_unit_test(test_dropped_weights),
        cmocka_unit_test(test_fractional_regions),
        cmocka_unit_test(test_fractional_predicting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
