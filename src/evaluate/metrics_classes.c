/* Targets are classes: accuracy, top-5 accuracy, confusion. */
#include "base/memory.h"
#include "evaluate/metrics.h"

enum { TOP1, TOP5, SUMS };

int64_t predicted_class(const double *outputs, int64_t classes) {
    int64_t largest = 0;
    for (int64_t c = 1; c < classes; c++)
        if (outputs[c] > outputs[largest])
            largest = c;
    return largest;
}

/* How many classes come before the label, by the rule of predicted_class. */
static int64_t place_of(const double *row, int64_t classes, int64_t label) {
    int64_t before = 0;
    for (int64_t c = 0; c < classes; c++)
        before += row[c] > row[label] || (row[c] == row[label] && c < label);
    return before;
}

static int64_t sum_count(int64_t classes) {
    (void)classes;
    return SUMS;
}

static void start(struct Evaluation *evaluation, const struct Split *split) {
    (void)split;
    int64_t cells = evaluation->outputs * evaluation->outputs;
    evaluation->confusion = memory_array(int64_t, cells, "a confusion matrix");
}

static void add_block(struct Evaluation *evaluation, const struct PredictedBlock *block,
                      double *sums) {
    int64_t classes = evaluation->outputs;
    for (int64_t i = 0; i < block->count; i++) {
        const double *row = block->predictions + i * classes;
        int64_t label = block->split->labels[block->first + i];
        int64_t place = place_of(row, classes, label);
        sums[TOP1] += place == 0;
        sums[TOP5] += place < 5;
        evaluation->confusion[label * classes + predicted_class(row, classes)]++;
    }
}

static void finish(struct Evaluation *evaluation, struct Ranks *ranks, const double *sums) {
    double samples = (double)evaluation->samples;
    figures_set(&evaluation->figures, FIGURE_ACCURACY, samples > 0 ? sums[TOP1] / samples : 0);
    figures_set(&evaluation->figures, FIGURE_TOP5, samples > 0 ? sums[TOP5] / samples : 0);
    ranks_sum(ranks, evaluation->confusion, evaluation->outputs * evaluation->outputs);
}

const struct Metrics metrics_classes = {sum_count, start, add_block, finish};
