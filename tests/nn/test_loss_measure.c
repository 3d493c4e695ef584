/* Every loss, on 20 random shapes each: the loss that evaluation reports against the one that
 * training minimises; and NaN and Inf. */
#include "losses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SHAPES 20

/* `smoothed`: training uses other targets than evaluation. */
static const struct {
    const char *text;
    bool smoothed;
} cases[] = {{"cross_entropy", false},
             {"{cross_entropy: {label_smoothing: 0.1}}", true},
             {"svm", false},
             {"{svm: {margin: 0.3}}", false},
             {"{svm: {squared: true, margin: 2}}", false},
             {"focal", false},
             {"{focal: {gamma: 0.5}}", false},
             {"binary_cross_entropy", false},
             {"{binary_focal: {alpha: 0.25}}", false},
             {"mse", false},
             {"mae", false},
             {"huber", false},
             {"{huber: {delta: 0.4}}", false}};
#define CASES (sizeof cases / sizeof *cases)

struct Sample {
    struct RunFile *file;
    const struct Loss *loss; /* VARIANT_F32 */
    const void *options;
    int64_t samples, outputs, count;
    double *scores, *losses;
    float *target;
};

static struct Sample sample_create(size_t which, int shape, enum TargetKind kind) {
    struct Sample s = {0};
    struct Choice choice;
    struct Error error;
    if (parse_loss(cases[which].text, &s.file, &choice, &error))
        fail_msg("%s", error.text);
    struct RandomStream stream = random_stream(12, RANDOM_TEST, 0, 0, (uint64_t)shape);
    s.loss = (const struct Loss *)choice.kind;
    s.options = choice.options;
    s.samples = shape == 0 ? 1 : 1 + random_below(random_word(&stream, 0), 7);
    s.outputs = shape == 1 ? 1 : 1 + random_below(random_word(&stream, 1), 37);
    s.count = s.samples * s.outputs;
    s.scores = memory_allocate((size_t)s.count * sizeof(double), "test");
    s.losses = memory_allocate((size_t)s.samples * sizeof(double), "test");
    s.target = memory_allocate((size_t)s.count * sizeof(float), "test");
    fill_loss((uint64_t)shape, kind, s.samples, s.outputs, s.scores, s.target);
    return s;
}

static void sample_release(struct Sample *s) {
    memory_release(s->scores);
    memory_release(s->losses);
    memory_release(s->target);
    runfile_release(s->file);
}

/* Calls `test` for every loss, shape and kind of target that the loss takes. */
static void for_all(void (*test)(size_t which, struct Sample *s)) {
    for (size_t which = 0; which < CASES; which++)
        for (int shape = 0; shape < SHAPES; shape++)
            for (enum TargetKind kind = TARGET_CLASSES; kind <= TARGET_VALUES; kind++) {
                struct Sample s = sample_create(which, shape, kind);
                if (kind != TARGET_VALUES || s.loss->targets == TARGET_VALUES)
                    test(which, &s);
                sample_release(&s);
            }
}

static void check_measure(size_t which, struct Sample *s) {
    if (cases[which].smoothed)
        return;
    const struct Loss *exact = loss_variant(s->loss, VARIANT_F64);
    exact->evaluate(s->options, s->samples, s->outputs, s->scores, s->target, 0, s->losses, NULL);
    for (int64_t i = 0; i < s->samples; i++) {
        double found = s->loss->measure(s->options, s->outputs, s->scores + i * s->outputs,
                                        s->target + i * s->outputs);
        if (!(fabs(found - s->losses[i]) <= 1e-14 * (1 + fabs(s->losses[i]))))
            fail_msg("%s: evaluation says %.17g, training %.17g", cases[which].text, found,
                     s->losses[i]);
    }
}

static void test_measure(void **unused) {
    (void)unused;
    for_all(check_measure);
}

/* A score that is NaN shows in the loss, whichever output it belongs to. */
static void test_nonfinite(void **unused) {
    (void)unused;
    static const float bad[] = {NAN, INFINITY};
    for (size_t which = 0; which < CASES; which++)
        for (int k = 0; k < 8; k++) {
            struct RunFile *file;
            struct Choice choice;
            struct Error error;
            assert_int_equal(parse_loss(cases[which].text, &file, &choice, &error), OK);
            const struct Loss *loss = (const struct Loss *)choice.kind;
            float scores[4] = {0.5f, -1, 2, 0}, target[4] = {0, 1, 0, 0}, gradient[4];
            double value = 0;
            scores[k % 4] = bad[k / 4];
            loss->evaluate(choice.options, 1, 4, scores, target, 1, &value, gradient);
            if (isnan(bad[k / 4]) || strcmp(loss->kind.name, "svm") != 0)
                assert_false(isfinite(value));
            runfile_release(file);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure),
        cmocka_unit_test(test_nonfinite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
