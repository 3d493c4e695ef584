/* Every layer of nn/layers.def on random shapes: backward against central differences in double
 * precision, then the float variants and the other backend against double. The shapes come from
 * every_layer.def; a layer without a row there fails. With names of layers as arguments it tries
 * these alone. */
#include "base/memory.h"
#include "examples.h"
#include "net.h"
#include "nn/gradcheck.h"
#include "nn/layer.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define SHAPES 20
#define BATCH_OF_ONE 4 /* every fourth */

struct Row {
    const char *layer, *text;
    int64_t smallest, values;
    double tolerance;
    bool features, decides;
};
#define EVERY_LAYER(name, ...) {.layer = #name, .text = __VA_ARGS__},
static const struct Row rows[] = {
#include "every_layer.def"
};
enum { ROWS = sizeof rows / sizeof *rows };

#define LAYER(name, forms) LAYER_IDENTITY(name),
#define INTERNAL_LAYER(name, forms) LAYER(name, forms)
static const struct Layer *const layers[] = {
#include "nn/layers.def"
};
enum { LAYERS = sizeof layers / sizeof *layers };

struct Example {
    struct Net net;
    char *text;
    int64_t samples;
};

static char *const *only; /* names of layers, up to NULL; none: all */

static bool tries(const struct Row *row) {
    bool named = !*only;
    for (char *const *name = only; *name; name++)
        named |= !strcmp(row->layer, *name);
    return named;
}

/* Odd sides, channels that are no multiple of a vector's width, and every fourth time one sample
 * (if that has enough values for a normalisation). The example depends on row and index alone. */
static struct Example make_example(const struct Row *row, int index) {
    static const int64_t channels[] = {1, 3, 5, 7, 9, 11, 13, 19, 33};
    uint64_t position = (uint64_t)(row - rows) * 100000 + (uint64_t)index * 1000;
    int64_t least = row->smallest ? row->smallest : 1;
    struct Shape shape = {least / 2 * 2 - 1 + 2 * pick(&position, 3),
                          least / 2 * 2 - 1 + 2 * pick(&position, 3),
                          channels[pick(&position, 9) - 1], 1, 1};
    int64_t pixels = row->features ? 1 : shape.height * shape.width;
    struct Example example = {.samples = index % BATCH_OF_ONE ? 1 + pick(&position, 4) : 1};
    if (example.samples * pixels < row->values)
        example.samples = (row->values + pixels - 1) / pixels;
    char *drawn = example_draw(row->text, &position);
    example.text = memory_print("[%s%s, flatten, {linear: {out: 3}}]",
                                row->features ? "flatten, " : "", drawn);
    memory_release(drawn);
    struct Error error;
    if (net_try(&example.net, example.text, shape, &error))
        fail_msg("%s on (%" PRId64 ", %" PRId64 ", %" PRId64 "): %s", example.text, shape.height,
                 shape.width, shape.channels, error.text);
    return example;
}

static void release_example(struct Example *example) {
    net_release(&example->net);
    memory_release(example->text);
}

static void fail_example(const struct Example *example, const char *what) {
    struct Shape shape = model_input(example->net.model);
    fail_msg("%s on %" PRId64 " x (%" PRId64 ", %" PRId64 ", %" PRId64 "): %s", example->text,
             example->samples, shape.height, shape.width, shape.channels, what);
}

/* Does the example hold the layer? Containers leave no node of their own. */
static bool holds_layer(const struct Row *row, const struct Layer *layer) {
    struct Example example = make_example(row, 0);
    bool found = layer->expand && strstr(row->text, layer->kind.name);
    for (int i = 0; i < model_node_count(example.net.model); i++)
        found |= model_node(example.net.model, i)->layer == layer;
    release_example(&example);
    return found;
}

static void test_every_layer_has_a_row(void **unused) {
    (void)unused;
    for (int i = 0; i < LAYERS; i++) {
        const char *texts[ROWS];
        int count = 0;
        for (int r = 0; r < ROWS; r++) {
            if (strcmp(rows[r].layer, layers[i]->kind.name))
                continue;
            texts[count++] = rows[r].text;
            if (!holds_layer(&rows[r], layers[i]))
                fail_msg("the row of %s makes none: %s", rows[r].layer, rows[r].text);
        }
        if (!count)
            fail_msg("the layer %s has no row in tests/nn/every_layer.def", layers[i]->kind.name);
        example_check_keys(&layers[i]->kind, texts, count);
    }
}

static void count_checked(void *context, const struct GradcheckRow *row) {
    *(int64_t *)context += row->checked;
}

static void test_gradients(void **unused) {
    (void)unused;
    struct Error error;
    const struct Backend *backend = backend_find("openblas", VARIANT_F64, &error);
    assert_non_null(backend);
    for (int r = 0; r < ROWS; r++) {
        int64_t checked = 0;
        for (int i = 0; tries(&rows[r]) && i < SHAPES; i++) {
            struct Example example = make_example(&rows[r], i);
            struct GradcheckRequest request = {.loss = &example.net.loss,
                                               .backend = backend,
                                               .samples = example.samples,
                                               .elements = 50,
                                               .tolerance = 1e-6,
                                               .seed = (uint64_t)i,
                                               .no_fusion = i % 2};
            if (gradcheck_run(example.net.model, &request, count_checked, &checked, &error))
                fail_example(&example, error.text);
            release_example(&example);
        }
        assert_true(checked > 20 * SHAPES || !tries(&rows[r]));
    }
}

static void compare(const struct Row *row, const struct Example *example, const struct NetRun *run,
                    const struct Result *exact) {
    struct Result result = net_run(&example->net, run);
    double tolerance = row->tolerance > 0 ? row->tolerance : 1e-4;
    double scores = difference(result.outputs, result.scores, exact->scores), gradient = 0,
           input = 0;
    if (!run->inference) {
        gradient = difference(result.gradients, result.gradient, exact->gradient);
        input = difference(result.inputs, result.input_gradient, exact->input_gradient);
    }
    if (!(scores <= tolerance && gradient <= tolerance && input <= tolerance)) {
        char *text =
            memory_print("%s, %s, %s: scores differ from those in double by %g, gradients "
                         "by %g, input gradients by %g",
                         variant_name(run->variant), run->backend ? run->backend : "openblas",
                         run->inference ? "inference" : "training", scores, gradient, input);
        fail_example(example, text);
    }
    result_release(&result);
}

/* Activations in bf16: each result of a layer is rounded once, by 2^-9 of itself at most. Scores of
 * these few layers stay within eight such steps; gradients, in which larger terms may cancel,
 * within twenty. */
static void compare_bf16(const struct Row *row, const struct Example *example,
                         const struct NetRun *run, const struct Result *exact) {
    struct Result result = net_run(&example->net, run);
    double scores = distance(result.outputs, result.scores, exact->scores), gradient = 0, input = 0;
    if (!run->inference && !row->decides) {
        gradient = distance(arena_state_elements(model_arena(example->net.model)), result.gradient,
                            exact->gradient);
        input = distance(result.inputs, result.input_gradient, exact->input_gradient);
    }
    if (!(scores <= 8 * 0x1p-9 && gradient <= 20 * 0x1p-9 && input <= 20 * 0x1p-9)) {
        char *text =
            memory_print("bf16, %s, %s: scores differ from those in double by %g, gradients "
                         "by %g, input gradients by %g",
                         run->backend ? run->backend : "openblas",
                         run->inference ? "inference" : "training", scores, gradient, input);
        fail_example(example, text);
    }
    result_release(&result);
}

static void test_float_and_backends(void **unused) {
    (void)unused;
    struct Error error;
    enum Variant best = variant_best(VARIANT_F32_V4);
    bool onednn = backend_find("onednn", best, &error);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; tries(&rows[r]) && i < SHAPES; i++) {
            struct Example example = make_example(&rows[r], i);
            for (int inference = 0; inference < 2; inference++) {
                struct NetRun run = {.samples = example.samples,
                                     .seed = 5,
                                     .bf16_inputs = true,
                                     .no_fusion = i % 2,
                                     .inference = inference};
                struct Result exact = net_run(&example.net, &run);
                for (int v = VARIANT_F32; v < VARIANT_COUNT; v++) {
                    run.variant = (enum Variant)v;
                    if (variant_available(run.variant))
                        compare(&rows[r], &example, &run, &exact);
                }
                run.variant = (enum Variant)(VARIANT_F32 + i % (int)best); /* each in its turn */
                run.precision = PRECISION_BF16;
                compare_bf16(&rows[r], &example, &run, &exact);
                run.precision = PRECISION_FP32;
                run.variant = best;
                run.backend = "onednn";
                if (onednn) {
                    compare(&rows[r], &example, &run, &exact);
                    run.precision = PRECISION_BF16; /* its kernels for bf16, if the CPU can */
                    compare_bf16(&rows[r], &example, &run, &exact);
                }
                result_release(&exact);
            }
            release_example(&example);
        }
    if (!onednn)
        print_message("onednn: %s\n", error.text);
}

int main(int count, char **arguments) {
    only = arguments + (count > 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_has_a_row),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_float_and_backends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
