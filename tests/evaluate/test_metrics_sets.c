/* Metrics of sets of classes by hand: a class that nobody has, one that is never predicted, a
 * threshold, and the mean of probabilities by which an ensemble predicts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "evaluate/ensemble_mean.h"
#include "evaluate/metrics.h"

#include <cmocka.h>

enum { ROWS = 4, CLASSES = 3 };
static const float truth[ROWS * CLASSES] = {1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0};
static const double scores[ROWS * CLASSES] = {2, -1, -1, 1, -2, 3, -1, -1, -1, -0.5, -3, -2};

static void measure(struct Evaluation *evaluation, double threshold) {
    struct Split split = {.count = ROWS, .targets = truth};
    struct Ranks *ranks = ranks_alone();
    double sums[8] = {0};
    *evaluation = (struct Evaluation){.samples = ROWS, .outputs = CLASSES, .threshold = threshold};
    assert_in_range(metrics_sets.sum_count(CLASSES), 1, 8);
    metrics_sets.start(evaluation, &split);
    for (int64_t first = 0; first < ROWS; first += 2) {
        struct PredictedBlock block = {
            .split = &split, .first = first, .count = 2, .predictions = scores + first * CLASSES};
        metrics_sets.add_block(evaluation, &block, sums);
    }
    metrics_sets.finish(evaluation, ranks, sums);
    ranks_release(ranks);
}

static void assert_figure(const struct Figures *figures, enum Figure figure, double expected) {
    assert_true(figures->measured[figure]);
    if (isnan(expected))
        assert_true(isnan(figures->value[figure]));
    else
        assert_true(fabs(figures->value[figure] - expected) < 1e-12);
}

/* Class 0: 2 hits, 1 miss, 1 rejection. Class 1: 2 misses, 2 rejections. Class 2: 1 false alarm. */
static void decisions(void **unused) {
    (void)unused;
    struct Evaluation e;
    measure(&e, 0);
    assert_figure(&e.of_output[0], FIGURE_PRECISION, 1);
    assert_figure(&e.of_output[0], FIGURE_RECALL, 2.0 / 3);
    assert_figure(&e.of_output[0], FIGURE_F1, 0.8);
    assert_figure(&e.of_output[0], FIGURE_BALANCED_ACCURACY, 5.0 / 6);
    assert_figure(&e.of_output[1], FIGURE_PRECISION, 0);
    assert_figure(&e.of_output[1], FIGURE_F1, 0);
    assert_figure(&e.of_output[2], FIGURE_RECALL, NAN);
    assert_figure(&e.figures, FIGURE_ACCURACY, 0.25);
    assert_figure(&e.figures, FIGURE_HAMMING_LOSS, 4.0 / 12);
    assert_figure(&e.figures, FIGURE_F1, 0.4);
    assert_figure(&e.figures, FIGURE_F1_WEIGHTED, 0.8 * 3 / 5);
    assert_figure(&e.figures, FIGURE_PRECISION_MICRO, 2.0 / 3);
    assert_figure(&e.figures, FIGURE_RECALL_MICRO, 2.0 / 5);
    assert_figure(&e.figures, FIGURE_F1_MICRO, 0.5);
    evaluation_release(&e);
}

static void threshold(void **unused) {
    (void)unused;
    struct Evaluation e;
    measure(&e, -1.5);
    assert_figure(&e.of_output[0], FIGURE_RECALL, 1);
    assert_figure(&e.of_output[0], FIGURE_PRECISION, 0.75);
    assert_figure(&e.of_output[1], FIGURE_RECALL, 0.5);
    evaluation_release(&e);
}

static void means(void **unused) {
    (void)unused;
    const struct MeanKind kind = {.mean = ENSEMBLE_MEAN_ARITHMETIC, .sigmoids = true};
    const double one[2] = {2, -900}, other[2] = {-1, 800};
    double mean[2], p = (1 / (1 + exp(-2)) + 1 / (1 + exp(1))) / 2;
    ensemble_mean_start(kind, 2, mean);
    ensemble_mean_add(kind, 0.5, 1, 2, one, mean);
    ensemble_mean_add(kind, 0.5, 1, 2, other, mean);
    ensemble_mean_finish(kind, 2, mean);
    assert_true(fabs(mean[0] - log(p / (1 - p))) < 1e-12 && mean[1] == 0);
    ensemble_mean_start(kind, 2, mean);
    ensemble_mean_add(kind, 1, 1, 2, one, mean);
    ensemble_mean_finish(kind, 2, mean);
    assert_true(fabs(mean[0] - 2) < 1e-12 && isfinite(mean[1]) && mean[1] < -700);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
        cmocka_unit_test(threshold),
        cmocka_unit_test(means),
    };
    return cmocka_run_group_tests_name("metrics_sets", tests, NULL, NULL);
}
