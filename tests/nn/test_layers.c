/* Every layer: gradients against central differences in double precision; float variants against
 * double; fused operations against single ones; shapes that are refused. */
#include "net.h"
#include "nn/gradcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define SHAPES 24

struct Case {
    const char *name, *layers;
    int64_t smallest; /* side of the image */
};
static const struct Case cases[] = {
    {"conv", "[{conv: {out: 3, kernel: 3, padding: 1}}, flatten]", 1},
    {"conv, stride and dilation",
     "[{conv: {out: 2, kernel: 2, stride: 2, dilation: 2, bias: false}}, flatten]", 3},
    {"conv, depth",
     "[{conv: {out: 4, kernel: 1}}, {conv: {out: 6, kernel: 3, groups: 2}}, flatten]", 3},
    {"linear", "[flatten, {linear: {out: 5}}, {linear: {out: 3, bias: false}}]", 1},
    {"batchnorm", "[batchnorm, flatten, {linear: {out: 3}}]", 2},
    {"batchnorm, relu", "[{conv: {out: 5, kernel: 1}}, batchnorm, relu, flatten]", 2},
    {"batchnorm, features", "[flatten, {linear: {out: 7}}, batchnorm, relu, {linear: {out: 3}}]",
     1},
    {"batchnorm after flatten", "[flatten, batchnorm, {linear: {out: 3}}]", 2},
    {"batchnorm, add, relu",
     "[{residual: {body: [{conv: {out: 4, kernel: 1}}, batchnorm, relu, {conv: {out: 6, kernel: 3, "
     "padding: 1}}, batchnorm], shortcut: projection}}, relu, flatten]",
     2},
    {"residual, identity",
     "[{conv: {out: 4, kernel: 1}}, {residual: {body: [{conv: {out: 4, kernel: 3, padding: 1}}, "
     "batchnorm]}}, relu, flatten]",
     2},
    {"residual, no relu",
     "[{conv: {out: 4, kernel: 1}}, {residual: {body: [{conv: {out: 4, kernel: 3, padding: 1}}, "
     "batchnorm]}}, flatten]",
     2},
    {"residual, bare", "[{conv: {out: 4, kernel: 1}}, {residual: {body: [tanh]}}, flatten]", 1},
    {"residual, pad",
     "[{conv: {out: 3, kernel: 1}}, {residual: {body: [{conv: {out: 8, kernel: 3, padding: 1, "
     "stride: 2}}, batchnorm], shortcut: pad}}, relu, flatten]",
     3},
    {"residual, nested",
     "[{conv: {out: 3, kernel: 1}}, {residual: {body: [{residual: {body: [{conv: {out: 3, kernel: "
     "1}}]}}, sigmoid]}}, flatten]",
     1},
    {"relu", "[relu, flatten, {linear: {out: 3}}]", 1},
    {"leaky_relu", "[{leaky_relu: {slope: 0.2}}, flatten, {linear: {out: 3}}]", 1},
    {"tanh", "[tanh, flatten, {linear: {out: 3}}]", 1},
    {"sigmoid", "[sigmoid, flatten, {linear: {out: 3}}]", 1},
    {"maxpool", "[{maxpool: {kernel: 2}}, flatten]", 2},
    {"maxpool, overlapping", "[{maxpool: {kernel: 3, stride: 2, padding: 1}}, flatten]", 1},
    {"maxpool, gaps", "[{maxpool: {kernel: 2, stride: 3}}, flatten]", 2},
    {"avgpool", "[{avgpool: {kernel: 2}}, flatten]", 2},
    {"avgpool, overlapping", "[{avgpool: {kernel: 3, stride: 1, padding: 1}}, flatten]", 1},
    {"global_avgpool", "[global_avgpool, {linear: {out: 3}}]", 1},
    {"flatten", "[flatten, flatten, {linear: {out: 3}}]", 1},
    {"dropout", "[{dropout: {rate: 0.3}}, flatten, {dropout: {rate: 0.5}}, {linear: {out: 3}}]", 2},
};

static struct Shape random_shape(const struct Case *test, uint64_t *position) {
    return (struct Shape){test->smallest - 1 + pick(position, 5),
                          test->smallest - 1 + pick(position, 5), pick(position, 7), 1, 1};
}

static void count_checked(void *context, const struct GradcheckRow *row) {
    *(int64_t *)context += row->checked;
}

static void test_gradients(void **unused) {
    (void)unused;
    struct Error error;
    const struct Backend *backend = backend_find("openblas", VARIANT_F64, &error);
    assert_non_null(backend);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t position = c * 1000;
        int64_t checked = 0;
        for (int i = 0; i < SHAPES; i++) {
            struct Net net = net_create(cases[c].layers, random_shape(&cases[c], &position));
            /* Batch normalisation of one or two values is singular. */
            bool norm = strstr(cases[c].layers, "batchnorm");
            struct GradcheckRequest request = {.loss = &net.loss,
                                               .backend = backend,
                                               .samples = i % 4 == 0 && !norm ? 1
                                                          : norm ? 3 + pick(&position, 3)
                                                                 : pick(&position, 4),
                                               .elements = 40,
                                               .tolerance = 1e-6,
                                               .seed = (uint64_t)i,
                                               .no_fusion = i % 2};
            bool certain = shape_elements(model_output(net.model)) == 1; /* of its only class */
            if (!certain && gradcheck_run(net.model, &request, count_checked, &checked, &error))
                fail_msg("%s, shape %d: %s", cases[c].name, i, error.text);
            net_release(&net);
        }
        assert_true(checked > SHAPES);
    }
}

static void compare(const char *name, const struct Result *a, const struct Result *b,
                    double tolerance) {
    double scores = difference(a->outputs, a->scores, b->scores);
    double gradient = difference(a->gradients, a->gradient, b->gradient);
    double input = difference(a->inputs, a->input_gradient, b->input_gradient);
    if (!(scores <= tolerance && gradient <= tolerance && input <= tolerance))
        fail_msg("%s: scores differ by %g, gradients by %g, input gradients by %g", name, scores,
                 gradient, input);
}

/* Channels around every vector width, batches of one, images from 1 x 1 on. */
static void test_variants_agree(void **unused) {
    (void)unused;
    static const int64_t channels[] = {1, 3, 8, 13, 16, 17, 32, 48, 64, 70};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t position = c * 1000 + 500;
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
            struct Shape shape = random_shape(&cases[c], &position);
            shape.channels = channels[i];
            struct Net net = net_create(cases[c].layers, shape);
            bool norm = strstr(cases[c].layers, "batchnorm");
            struct NetRun run = {.samples = norm ? 9 + (int64_t)i : 1 + (int64_t)i % 3, .seed = 5};
            struct Result exact = net_run(&net, &run);
            for (int v = VARIANT_F32; v < VARIANT_COUNT; v++) {
                if (!variant_available((enum Variant)v))
                    continue;
                run.variant = (enum Variant)v;
                struct Result result = net_run(&net, &run);
                compare(cases[c].name, &result, &exact, norm ? 1e-3 : 1e-4);
                result_release(&result);
            }
            result_release(&exact);
            net_release(&net);
        }
    }
}

/* The other backend, in all cases. */
static void test_onednn_agrees(void **unused) {
    (void)unused;
    struct Error error;
    enum Variant best = variant_best(VARIANT_F32_V4);
    if (!backend_find("onednn", best, &error)) {
        print_message("skipped: %s\n", error.text);
        skip();
    }
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t position = c * 1000 + 300;
        for (int i = 0; i < 4; i++) {
            struct Net net = net_create(cases[c].layers, random_shape(&cases[c], &position));
            struct NetRun run = {.samples = 10 + i, .seed = 5};
            struct Result exact = net_run(&net, &run);
            run.variant = best;
            run.backend = "onednn";
            struct Result result = net_run(&net, &run);
            compare(cases[c].name, &result, &exact, 1e-3);
            result_release(&result);
            result_release(&exact);
            net_release(&net);
        }
    }
}

static void test_fusion_changes_nothing(void **unused) {
    (void)unused;
    int fused_cases = 0;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t position = c * 1000 + 700;
        for (int i = 0; i < 6; i++) {
            struct Net net = net_create(cases[c].layers, random_shape(&cases[c], &position));
            for (int inference = 0; inference < 2; inference++) {
                struct NetRun run = {.samples = 4, .seed = 5, .inference = inference};
                struct Result fused = net_run(&net, &run);
                run.no_fusion = true;
                struct Result single = net_run(&net, &run);
                fused_cases += fused.operations < single.operations;
                if (inference)
                    assert_true(difference(fused.outputs, fused.scores, single.scores) < 1e-12);
                else
                    compare(cases[c].name, &fused, &single, 1e-10);
                result_release(&fused);
                result_release(&single);
            }
            net_release(&net);
        }
    }
    assert_true(fused_cases >= 5 * 6 * 2);
}

static void test_impossible_shapes(void **unused) {
    (void)unused;
    static const struct {
        const char *layers, *words[3];
    } refused[] = {
        {"[{conv: {out: 3, kernel: 9}}]", {"kernel", "9", "5 x 5"}},
        {"[{conv: {out: 3, kernel: 3, dilation: 3}}]", {"kernel", "7", "5 x 5"}},
        {"[{conv: {out: 4, kernel: 3, groups: 2}}]", {"groups", "2", "3"}},
        {"[{conv: {out: 4, kernel: 3, groups: 3}}]", {"groups", "3", "4"}},
        {"[flatten, {conv: {out: 3, kernel: 1}}]", {"flatten", "before", "1 (conv)"}},
        {"[{linear: {out: 3}}]", {"flatten", "before", "5 x 5 x 3"}},
        {"[{maxpool: {kernel: 6}}]", {"kernel", "6", "5 x 5"}},
        {"[{maxpool: {kernel: 17, padding: 8}}]", {"kernel", "17", "16"}},
        {"[{avgpool: {kernel: 2, padding: 2}}]", {"padding", "half", "2"}},
        {"[{maxpool: {kernel: 2, padding: 1, dilation: 6}}]", {"dilation", "6", "5 x 5"}},
        {"[{branches: {paths: [[]]}}]", {"paths", "1 path", "2 to 8"}},
        {"[{branches: {paths: [[], [{conv: {out: 4, kernel: 3}}]]}}]",
         {"paths: layer 0 (branches): path 0 gives", "5 x 5", "3 x 3"}},
        {"[{branches: {paths: [[flatten], [{avgpool: {kernel: 5}}, flatten]]}}]",
         {"layer 0 (branches)", "5 x 5", "1 x 1"}},
        {"[{branches: {join: add, paths: [[], [{conv: {out: 4, kernel: 1}}]]}}]",
         {"paths", "(5, 5, 3)", "(5, 5, 4)"}},
        {"[{fractional_maxpool: {out: 5}}]", {"out", "5 regions", "5 pixels"}},
        {"[{fractional_maxpool: {ratio: 7}}]", {"ratio", "0 regions", "5 pixels"}},
        {"[{fractional_maxpool: {out: 3, ratio: 2}}]",
         {"ratio: ", "2 together with out: 3", "one of"}},
        {"[{conv: {out: 4, kernel: 1, bias: false, bias_init: zeros}}]",
         {"bias_init: layer 0 (conv)", "zeros is for biases", "expected bias: true"}},
        {"[flatten, {linear: {out: 4, bias: false, bias_init: {constant: {value: 1}}}}]",
         {"bias_init: layer 1 (linear)", "constant", "bias is false"}},
        {"[{residual: {body: [relu], drop_rule: constant}}]",
         {"drop_rule: ", "drop, which is 0", ""}},
        {"[flatten, {residual: {shortcut: projection, body: [{linear: {out: 4}}]}}]",
         {"shortcut: layer 1 (residual)", "expected an image", "flattened"}},
        {"[{residual: {shortcut: projection, body: [flatten, {linear: {out: 4}}]}}]",
         {"shortcut: layer 0 (residual)", "(1, 1, 4)", "one pixel"}},
        {"[{residual: {shortcut: pad, body: [global_avgpool]}}]",
         {"shortcut: ", "(1, 1, 3)", "one pixel"}},
        {"[{residual: {body: [relu], drop: 1}}]", {"drop", "1", "less"}},
        {"[{conv: {out: 4, kernel: 1, dropconnect: 1}}]", {"dropconnect", "1", "less"}},
        {"[flatten, {upsample: {factor: 2}}]", {"flatten", "before", "upsample"}},
        {"[flatten, global_maxpool]", {"flatten", "before", "global_maxpool"}},
        {"[flatten, {dropout: {drops: channels}}]", {"drops", "before", "flatten"}},
        {"[flatten, {avgpool: {kernel: 1}}]", {"flatten", "before", "avgpool"}},
        {"[flatten, global_avgpool]", {"flatten", "before", "global_avgpool"}},
        {"[{dropout: {rate: 1}}]", {"rate", "1", "less"}},
        {"[{residual: {body: []}}]", {"body", "zero", "one"}},
        {"[{residual: {body: [{conv: {out: 4, kernel: 1}}]}}]", {"shortcut", "projection", "5, 4"}},
        {"[{residual: {body: [{conv: {out: 2, kernel: 1}}], shortcut: pad}}]",
         {"shortcut", "channels", "5, 2"}},
        {"[{residual: {body: [{conv: {out: 4, kernel: 2}}], shortcut: projection}}]",
         {"shortcut", "stride", "4, 4"}},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct Net net;
        struct Error error = {0};
        int code = net_try(&net, refused[i].layers, (struct Shape){5, 5, 3, 1, 1}, &error);
        if (code != ERROR_RUN_FILE)
            fail_msg("%s: code %d", refused[i].layers, code);
        for (int w = 0; w < 3; w++)
            if (!strstr(error.text, refused[i].words[w]))
                fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].layers, error.text,
                         refused[i].words[w]);
    }
}

/* Shortcuts that see the whole input: of one pixel, or after the last stride of a deep net. */
static void test_small_shortcuts(void **unused) {
    (void)unused;
    static const char *const layers[] = {
        "[global_avgpool, flatten, {residual: {shortcut: projection, body: [{linear: {out: 4}}]}}]",
        "[{maxpool: {kernel: 2, stride: 2}}, {residual: {shortcut: projection, body: [{conv: {out: "
        "4, kernel: 3, padding: 1, stride: 2}}]}}]"};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        struct Net net = net_create(layers[i], (struct Shape){5, 5, 3, 1, 1});
        net_release(&net);
    }
}

/* PyTorch's names, layouts of a file, and shapes. */
static void test_rows(void **unused) {
    (void)unused;
    struct Net net = net_create(
        "[{conv: {out: 4, kernel: 3, bias: false}}, batchnorm, {residual: {body: [{conv: {out: 8, "
        "kernel: 3, padding: 1, stride: 2}}], shortcut: projection}}, flatten, {linear: {out: 5}}]",
        (struct Shape){7, 9, 2, 1, 1});
    static const struct {
        const char *name;
        int rank;
        int64_t size[4];
    } rows[] = {{"0.weight", 4, {4, 2, 3, 3}},
                {"1.weight", 1, {4}},
                {"1.bias", 1, {4}},
                {"1.running_mean", 1, {4}},
                {"1.running_var", 1, {4}},
                {"2.body.0.weight", 4, {8, 4, 3, 3}},
                {"2.body.0.bias", 1, {8}},
                {"2.shortcut.0.weight", 4, {8, 4, 1, 1}},
                {"2.shortcut.1.weight", 1, {8}},
                {"2.shortcut.1.bias", 1, {8}},
                {"2.shortcut.1.running_mean", 1, {8}},
                {"2.shortcut.1.running_var", 1, {8}},
                {"4.weight", 2, {5, 8 * 3 * 4}},
                {"4.bias", 1, {5}}};
    const struct Arena *arena = model_arena(net.model);
    assert_int_equal(arena->row_count, sizeof rows / sizeof *rows);
    for (int i = 0; i < arena->row_count; i++) {
        assert_string_equal(arena->rows[i].name, rows[i].name);
        assert_int_equal(arena->rows[i].file_rank, rows[i].rank);
        for (int d = 0; d < rows[i].rank; d++)
            assert_int_equal(arena->rows[i].file_size[d], rows[i].size[d]);
    }
    net_release(&net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_variants_agree),
        cmocka_unit_test(test_onednn_agrees),
        cmocka_unit_test(test_fusion_changes_nothing),
        cmocka_unit_test(test_impossible_shapes),
        cmocka_unit_test(test_small_shortcuts),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
