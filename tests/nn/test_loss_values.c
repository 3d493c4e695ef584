/* Every loss of one sample and its gradient, by hand. */
#include "losses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { OUTPUTS = 3 };
static const double scores[OUTPUTS] = {1, -2, 0.5};

static const double *class_weights; /* of losses that ask for some */

static void check(const char *text, const float target[OUTPUTS], double loss,
                  const double gradient[OUTPUTS]) {
    struct RunFile *file;
    struct Choice choice;
    struct Error error;
    double found_loss, found[OUTPUTS];
    const double scale = 2; /* of the gradient alone */
    if (parse_loss(text, &file, &choice, &error))
        fail_msg("%s", error.text);
    if (loss_class_weights(&choice))
        loss_set_weights(&choice, class_weights);
    const struct Loss *exact = loss_variant((const struct Loss *)choice.kind, VARIANT_F64);
    exact->evaluate(choice.options, 1, OUTPUTS, scores, target, scale, &found_loss, found);
    if (!(fabs(found_loss - loss) < 1e-6))
        fail_msg("%s: the loss is %.9g, expected %.9g", text, found_loss, loss);
    for (int k = 0; k < OUTPUTS; k++)
        if (!(fabs(found[k] - scale * gradient[k]) < 1e-6))
            fail_msg("%s: element %d of the gradient is %.9g, expected %.9g", text, k, found[k],
                     scale * gradient[k]);
    runfile_release(file);
}

/* The differences are 1, -3 and 0.25. */
static void of_values(void **unused) {
    (void)unused;
    const float target[] = {0, 1, 0.25f};
    check("mse", target, 10.0625 / 3, (double[]){2.0 / 3, -2, 0.5 / 3});
    check("mae", target, 4.25 / 3, (double[]){1.0 / 3, -1.0 / 3, 1.0 / 3});
    check("huber", target, (0.5 + 2.5 + 0.03125) / 3, (double[]){1.0 / 3, -1.0 / 3, 0.25 / 3});
    check("{huber: {delta: 0.2}}", target, (0.18 + 0.58 + 0.03) / 3,
          (double[]){0.2 / 3, -0.2 / 3, 0.2 / 3});
    check("{huber: {delta: 2}}", target, (0.5 + 4 + 0.03125) / 3,
          (double[]){1.0 / 3, -2.0 / 3, 0.25 / 3});
}

static void of_classes(void **unused) {
    (void)unused;
    const float first[] = {1, 0, 0}, second[] = {0, 1, 0}, mixed[] = {0.25f, 0.75f, 0};
    check("svm", second, 4 + 3.5, (double[]){1, -2, 1});
    check("svm", first, 0.5, (double[]){-1, 0, 1});
    check("{svm: {margin: 0.25}}", second, 3.25 + 2.75, (double[]){1, -2, 1});
    check("{svm: {squared: true}}", second, 16 + 12.25, (double[]){8, -15, 7});
    check("svm", mixed, 0.25 * 0.5 + 0.75 * 7.5, (double[]){0.75 - 0.25, -1.5, 0.75 + 0.25});
}

/* Class 1 counts 3 times, class 2 not at all. */
static void with_weights_of_classes(void **unused) {
    (void)unused;
    static const double weights[OUTPUTS] = {1, 3, 0};
    const double sum = exp(1) + exp(-2) + exp(0.5);
    const double p[OUTPUTS] = {exp(1) / sum, exp(-2) / sum, exp(0.5) / sum};
    const float second[] = {0, 1, 0}, third[] = {0, 0, 1};
    class_weights = weights;
    check("{cross_entropy: {class_weights: balanced}}", second, -3 * log(p[1]),
          (double[]){3 * p[0], 3 * p[1] - 3, 3 * p[2]});
    check("{cross_entropy: {class_weights: balanced, label_smoothing: 0.3}}", second,
          -0.1 * log(p[0]) - 2.4 * log(p[1]),
          (double[]){2.5 * p[0] - 0.1, 2.5 * p[1] - 2.4, 2.5 * p[2]});
    check("{svm: {class_weights: balanced}}", second, 3 * 7.5, (double[]){3, -6, 3});
    check("{svm: {class_weights: balanced}}", third, 0, (double[]){0, 0, 0});
    check("{binary_cross_entropy: {class_weights: balanced}}", second,
          (log1p(exp(1)) + 3 * log1p(exp(2)) + log1p(exp(0.5))) / 3,
          (double[]){1 / (1 + exp(-1)) / 3, -1 / (1 + exp(-2)), 1 / (1 + exp(-0.5)) / 3});
    class_weights = NULL;
}

/* The weight of a sample in the mean. */
static void masses(void **unused) {
    (void)unused;
    static const double weights[OUTPUTS] = {1, 3, 0};
    static const struct {
        const char *text;
        double mass[2];
    } rows[] = {{"{cross_entropy: {class_weights: balanced, label_smoothing: 0.3}}", {3, 1.5}},
                {"{focal: {class_weights: balanced}}", {3, 1.5}},
                {"{binary_cross_entropy: {class_weights: balanced}}", {1, 1}},
                {"cross_entropy", {1, 1}},
                {"mse", {1, 1}}};
    const float second[] = {0, 1, 0}, mixed[] = {0, 0.5f, 0.5f};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct RunFile *file;
        struct Choice choice;
        struct Error error;
        assert_int_equal(parse_loss(rows[i].text, &file, &choice, &error), OK);
        const struct Loss *loss = (const struct Loss *)choice.kind;
        if (loss_class_weights(&choice))
            loss_set_weights(&choice, weights);
        assert_true(loss_mass(loss, choice.options, OUTPUTS, second) == rows[i].mass[0]);
        assert_true(loss_mass(loss, choice.options, OUTPUTS, mixed) == rows[i].mass[1]);
        runfile_release(file);
    }
}

static void of_probabilities(void **unused) {
    (void)unused;
    const double sum = exp(1) + exp(-2) + exp(0.5);
    const double p[OUTPUTS] = {exp(1) / sum, exp(-2) / sum, exp(0.5) / sum};
    const float second[] = {0, 1, 0}, mixed[] = {0.25f, 0.75f, 0};
    check("cross_entropy", second, -log(p[1]), (double[]){p[0], p[1] - 1, p[2]});
    check("cross_entropy", mixed, -0.25 * log(p[0]) - 0.75 * log(p[1]),
          (double[]){p[0] - 0.25, p[1] - 0.75, p[2]});
    check("{cross_entropy: {label_smoothing: 0.3}}", second,
          -0.1 * log(p[0]) - 0.8 * log(p[1]) - 0.1 * log(p[2]),
          (double[]){p[0] - 0.1, p[1] - 0.8, p[2] - 0.1});
    const double slope = (1 - p[1]) - p[1] * log(p[1]); /* p d/dp of (1 - p) log p */
    check("{focal: {gamma: 1}}", second, -(1 - p[1]) * log(p[1]),
          (double[]){p[0] * slope, (p[1] - 1) * slope, p[2] * slope});
}

/* Evaluation measures scores that are so far apart that float probabilities would be 0 and 1: what
 * a lost sample costs is the difference of the scores. The values are exact in decimal. */
static void of_scores_that_are_far_apart(void **unused) {
    (void)unused;
    static const struct {
        double scores[OUTPUTS], loss[OUTPUTS]; /* for each class as the truth */
    } rows[] = {
        {{200, 0, -1000}, {0, 200, 1200}},
        {{1e6, 1e6, -1e6}, {0.69314718055994530942, 0.69314718055994530942, 2000000.69314718056}},
        {{-50, 0, -50}, {50, 0, 50}},
        {{3e38, -3e38, 0}, {0, 6e38, 3e38}}};
    struct RunFile *file;
    struct Choice choice;
    struct Error error;
    assert_int_equal(parse_loss("{cross_entropy: {label_smoothing: 0.1}}", &file, &choice, &error),
                     OK);
    const struct Loss *loss = (const struct Loss *)choice.kind;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < OUTPUTS; k++) {
            float target[OUTPUTS] = {0};
            target[k] = 1;
            double found = loss->measure(choice.options, OUTPUTS, rows[i].scores, target);
            assert_true(fabs(found - rows[i].loss[k]) <= 1e-14 * (1 + rows[i].loss[k]));
        }
    runfile_release(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_values),        cmocka_unit_test(of_classes),
        cmocka_unit_test(of_probabilities), cmocka_unit_test(with_weights_of_classes),
        cmocka_unit_test(masses),           cmocka_unit_test(of_scores_that_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
