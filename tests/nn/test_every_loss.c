/* Every loss of nn/losses.def on random shapes: its gradient against central differences in double
 * precision, then the float variants against double. The options come from every_loss.def; a loss
 * without a row there fails. */
#include "base/memory.h"
#include "examples.h"
#include "net.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#define SHAPES 20
#define LARGEST (5 * 37) /* samples · outputs */
#define SCALE 0.37       /* of the gradient */

enum DrawnTargets { ONE_HOT, DISTRIBUTION, ANY };
struct Row {
    const char *loss, *text;
    enum DrawnTargets targets;
};
#define EVERY_LOSS(name, ...) {.loss = #name, .text = __VA_ARGS__},
static const struct Row rows[] = {
#include "every_loss.def"
};
enum { ROWS = sizeof rows / sizeof *rows };

struct Example {
    struct RunFile *file;
    struct Choice loss;
    char *text;
    int64_t samples, outputs;
    double scores[LARGEST];
    float target[LARGEST];
    double weights[LARGEST];
};

static void fill_target(enum DrawnTargets targets, const struct RandomStream *stream,
                        int64_t outputs, float *target) {
    double noise[LARGEST], sum = 0;
    random_normal(stream, outputs, noise);
    uint32_t hot = random_below(random_word(stream, 1000), (uint32_t)outputs);
    for (int64_t k = 0; k < outputs; k++) {
        target[k] = targets == ONE_HOT        ? (float)(k == hot)
                    : targets == DISTRIBUTION ? (float)fabs(noise[k]) + 0.1f
                                              : (float)noise[k];
        sum += (double)target[k];
    }
    for (int64_t k = 0; targets == DISTRIBUTION && k < outputs; k++)
        target[k] = (float)((double)target[k] / sum);
}

static const struct Key keys[] = {{"loss", KEY_CHOICE, 0, .kinds = &loss_kinds, .help = "the loss"},
                                  KEY_END};

/* The example depends on row and index alone. float holds its scores exactly. */
static void make_example(const struct Row *row, int index, struct Example *example) {
    static const int64_t outputs[] = {1, 3, 5, 7, 10, 13, 17, 37};
    uint64_t position = (uint64_t)(row - rows) * 100000 + (uint64_t)index * 1000 + 50;
    *example = (struct Example){.samples = index % 4 ? pick(&position, 5) : 1,
                                .outputs = outputs[pick(&position, 8) - 1]};
    int64_t count = example->samples * example->outputs;
    uint32_t instance = (uint32_t)(row - rows);
    struct RandomStream stream = random_stream(8, RANDOM_TEST, instance, (uint64_t)index, 0);
    random_normal(&stream, count, example->scores);
    for (int64_t i = 0; i < count; i++)
        example->scores[i] = (double)(float)(2 * example->scores[i]);
    for (int64_t i = 0; i < example->samples; i++) {
        stream = random_stream(8, RANDOM_TEST, instance, (uint64_t)index, 1 + (uint64_t)i);
        fill_target(row->targets, &stream, example->outputs,
                    example->target + i * example->outputs);
    }
    char *drawn = example_draw(row->text, &position);
    example->text = memory_print("loss: %s\n", drawn);
    memory_release(drawn);
    struct Error error;
    if (runfile_parse(&example->file, "test", example->text, NULL, 0, keys, &example->loss, &error))
        fail_msg("%s: %s", example->text, error.text);
    assert_string_equal(example->loss.kind->name, row->loss);
    for (int64_t k = 0; k < example->outputs; k++)
        example->weights[k] = 0.25 * (double)(pick(&position, 12) - 1);
    if (loss_class_weights(&example->loss))
        loss_set_weights(&example->loss, example->weights);
}

static void release_example(struct Example *example) {
    runfile_release(example->file);
    memory_release(example->text);
}

static void test_every_loss_has_a_row(void **unused) {
    (void)unused;
    for (const struct Kind *const *kind = loss_kinds.kinds; *kind; kind++) {
        const char *texts[ROWS];
        int count = 0;
        for (int r = 0; r < ROWS; r++)
            if (!strcmp(rows[r].loss, (*kind)->name))
                texts[count++] = rows[r].text;
        if (!count)
            fail_msg("the loss %s has no row in tests/nn/every_loss.def", (*kind)->name);
        example_check_keys(*kind, texts, count);
    }
}

static double sum_of_losses(const struct Example *example) {
    const struct Loss *loss = loss_variant((const struct Loss *)example->loss.kind, VARIANT_F64);
    double each[LARGEST], sum = 0;
    loss->evaluate(example->loss.options, example->samples, example->outputs, example->scores,
                   example->target, 0, each, NULL);
    for (int64_t i = 0; i < example->samples; i++)
        sum += each[i];
    return sum;
}

/* Central difference of fourth order, as in nn/gradcheck.c. */
static double slope(struct Example *example, int64_t element, double width) {
    static const double places[] = {1, -1, 2, -2};
    double kept = example->scores[element], f[4];
    for (int i = 0; i < 4; i++) {
        example->scores[element] = kept + places[i] * width;
        f[i] = sum_of_losses(example);
    }
    example->scores[element] = kept;
    return (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * width);
}

/* A narrow width finds the slope next to a kink, a wide one has less rounding. */
static void test_gradients(void **unused) {
    (void)unused;
    static const double widths[] = {1e-3, 1e-4, 1e-5, 1e-6};
    for (int r = 0; r < ROWS; r++)
        for (int index = 0; index < SHAPES; index++) {
            struct Example example;
            double gradient[LARGEST], each[LARGEST];
            make_example(&rows[r], index, &example);
            const struct Loss *loss =
                loss_variant((const struct Loss *)example.loss.kind, VARIANT_F64);
            loss->evaluate(example.loss.options, example.samples, example.outputs, example.scores,
                           example.target, SCALE, each, gradient);
            for (int64_t i = 0; i < example.samples * example.outputs; i++) {
                double best = INFINITY, analytic = gradient[i] / SCALE, found = 0;
                for (int w = 0; w < 4 && !(best <= 1e-6); w++) {
                    double numeric = slope(&example, i, widths[w]);
                    double scale = fmax(fmax(fabs(analytic), fabs(numeric)), 1e-3);
                    double error = fabs(analytic - numeric) / scale;
                    if (!(error >= best)) {
                        best = error;
                        found = numeric;
                    }
                }
                if (!(best <= 1e-6))
                    fail_msg("%s, %" PRId64 " samples, %" PRId64 " outputs, score %" PRId64
                             ": the gradient is %.10g, "
                             "central differences say %.10g",
                             example.text, example.samples, example.outputs, i, analytic, found);
            }
            release_example(&example);
        }
}

struct Evaluated {
    double losses[LARGEST], gradient[LARGEST], predictions[LARGEST];
};

static void evaluate(const struct Example *example, enum Variant variant, struct Evaluated *found) {
    const struct Loss *loss = loss_variant((const struct Loss *)example->loss.kind, variant);
    int64_t count = example->samples * example->outputs;
    float narrow[LARGEST], narrow_gradient[LARGEST], predictions[LARGEST];
    double wide_gradient[LARGEST], wide_scores[LARGEST];
    bool wide = variant == VARIANT_F64;
    for (int64_t i = 0; i < count; i++) {
        narrow[i] = (float)example->scores[i];
        wide_scores[i] = wide ? example->scores[i] : (double)narrow[i];
    }
    const void *scores = wide ? (const void *)example->scores : narrow;
    loss->evaluate(example->loss.options, example->samples, example->outputs, scores,
                   example->target, SCALE, found->losses,
                   wide ? (void *)wide_gradient : narrow_gradient);
    loss->predict(example->loss.options, example->samples, example->outputs, wide_scores,
                  predictions);
    for (int64_t i = 0; i < count; i++) {
        found->gradient[i] = wide ? wide_gradient[i] : (double)narrow_gradient[i];
        found->predictions[i] = (double)predictions[i];
    }
}

static void test_float(void **unused) {
    (void)unused;
    for (int r = 0; r < ROWS; r++)
        for (int index = 0; index < SHAPES; index++) {
            struct Example example;
            struct Evaluated exact, found;
            make_example(&rows[r], index, &example);
            evaluate(&example, VARIANT_F64, &exact);
            int64_t count = example.samples * example.outputs;
            for (int v = VARIANT_F32; v < VARIANT_COUNT; v++) {
                if (!variant_available((enum Variant)v))
                    continue;
                evaluate(&example, (enum Variant)v, &found);
                if (!(difference(example.samples, found.losses, exact.losses) <= 1e-5 &&
                      difference(count, found.gradient, exact.gradient) <= 1e-5 &&
                      difference(count, found.predictions, exact.predictions) <= 1e-5))
                    fail_msg("%s, %" PRId64 " samples, %" PRId64 " outputs: %s differs from double",
                             example.text, example.samples, example.outputs,
                             variant_name((enum Variant)v));
            }
            release_example(&example);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_has_a_row),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
