/* Accuracy, top-5 and confusion by hand, among them predictions that are equal. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "evaluate/metrics.h"

#include <cmocka.h>

enum { ROWS = 6, CLASSES = 7 };

static const double predictions[ROWS * CLASSES] = {
    0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, /* class 0, rightly */
    0.1, 0.2, 0.4, 0.1, 0.1, 0.1, 0,   /* class 2 instead of 1: second */
    6,   5,   4,   3,   2,   1,   0,   /* the right class comes fifth */
    6,   5,   4,   3,   2,   1,   0,   /* the right class comes sixth */
    1,   1,   1,   1,   1,   1,   1,   /* all equal: class 0, the right one is third */
    1,   1,   1,   1,   1,   1,   1,   /* all equal, and class 0 is right */
};
static int32_t labels[ROWS] = {0, 1, 4, 5, 2, 0};

static void measure(struct Evaluation *evaluation, int64_t block) {
    struct Split split = {.count = ROWS, .labels = labels};
    struct Ranks *ranks = ranks_alone();
    double sums[8] = {0};
    *evaluation = (struct Evaluation){.samples = ROWS, .outputs = CLASSES};
    assert_in_range(metrics_classes.sum_count(CLASSES), 1, 8);
    metrics_classes.start(evaluation, &split);
    for (int64_t first = 0; first < ROWS; first += block) {
        struct PredictedBlock predicted = {.split = &split,
                                           .first = first,
                                           .count = first + block < ROWS ? block : ROWS - first,
                                           .predictions = predictions + first * CLASSES};
        metrics_classes.add_block(evaluation, &predicted, sums);
    }
    metrics_classes.finish(evaluation, ranks, sums);
    ranks_release(ranks);
}

static void figures(void **unused) {
    (void)unused;
    for (int64_t block = 1; block <= ROWS; block += 2) {
        struct Evaluation evaluation;
        measure(&evaluation, block);
        assert_true(evaluation.figures.value[FIGURE_ACCURACY] == 2.0 / 6);
        assert_true(evaluation.figures.value[FIGURE_TOP5] == 5.0 / 6);
        evaluation_release(&evaluation);
    }
}

static void confusion(void **unused) {
    (void)unused;
    static const int predicted[ROWS] = {0, 2, 0, 0, 0, 0};
    int64_t expected[CLASSES * CLASSES] = {0};
    struct Evaluation evaluation;
    for (int i = 0; i < ROWS; i++)
        expected[labels[i] * CLASSES + predicted[i]]++;
    measure(&evaluation, 4);
    assert_memory_equal(evaluation.confusion, expected, sizeof expected);
    evaluation_release(&evaluation);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures),
        cmocka_unit_test(confusion),
    };
    return cmocka_run_group_tests_name("metrics_classes", tests, NULL, NULL);
}
