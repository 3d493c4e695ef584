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

/* All four probabilities of class 0 are 0 or 1 as doubles, and three of them as logarithms. The
 * positives 1000 and 50 stand against the negatives 100 and -60: of four pairs one is in the wrong
 * order. */
static void areas_of_a_sure_model(void **unused) {
    (void)unused;
    static const double scores[] = {1000, 0, 50, 0, 100, 0, -60, 0};
    static int32_t truth[] = {0, 0, 1, 1};
    struct Split split = {.count = 4, .labels = truth};
    struct PredictedBlock block = {.split = &split, .count = 4, .predictions = scores};
    struct Ranks *ranks = ranks_alone();
    struct Evaluation evaluation = {.samples = 4, .outputs = 2, .probabilities = true};
    double sums[8] = {0};
    metrics_classes.start(&evaluation, &split);
    ranking_create(&evaluation.ranking, ranks, &split, 2);
    metrics_classes.add_block(&evaluation, &block, sums);
    metrics_classes.finish(&evaluation, ranks, sums);
    for (int c = 0; c < 2; c++)
        assert_true(evaluation.of_output[c].value[FIGURE_ROC_AUC] == 0.75);
    evaluation_release(&evaluation);
    ranks_release(ranks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures),
        cmocka_unit_test(confusion),
        cmocka_unit_test(areas_of_a_sure_model),
    };
    return cmocka_run_group_tests_name("metrics_classes", tests, NULL, NULL);
}
