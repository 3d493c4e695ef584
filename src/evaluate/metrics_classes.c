/* Targets are classes: accuracy, top-5 accuracy, confusion. */
#include "base/memory.h"
#include "evaluate/metrics.h"

enum { TOP1, TOP5, TALLIES };

int64_t judge_class(const float *outputs, int64_t classes) {
    int64_t largest = 0;
    for (int64_t c = 1; c < classes; c++)
        if (outputs[c] > outputs[largest])
            largest = c;
    return largest;
}

/* How many classes come before the label; by the same rule. */
static int64_t place_of(const float *row, int64_t classes, int64_t label) {
    int64_t before = 0;
    for (int64_t c = 0; c < classes; c++)
        before += row[c] > row[label] || (row[c] == row[label] && c < label);
    return before;
}

static int64_t tallies(int64_t classes) {
    (void)classes;
    return TALLIES;
}

static void start(struct Evaluation *evaluation, const struct Split *split) {
    (void)split;
    size_t cells = (size_t)(evaluation->outputs * evaluation->outputs);
    evaluation->confusion = memory_allocate(cells * sizeof(int64_t), "a confusion matrix");
}

static void judge_block(struct Evaluation *evaluation, const struct JudgedBlock *block,
                        double *tally) {
    int64_t classes = evaluation->outputs;
    for (int64_t i = 0; i < block->count; i++) {
        const float *row = block->predictions + i * classes;
        int64_t label = block->split->labels[block->first + i];
        int64_t place = place_of(row, classes, label);
        tally[TOP1] += place == 0;
        tally[TOP5] += place < 5;
        evaluation->confusion[label * classes + judge_class(row, classes)]++;
    }
}

static void finish(struct Evaluation *evaluation, struct Ranks *ranks, const double *tally) {
    evaluation->correct = (int64_t)tally[TOP1];
    evaluation->top5 = (int64_t)tally[TOP5];
    ranks_sum(ranks, evaluation->confusion, evaluation->outputs * evaluation->outputs);
}

const struct Judge judge_classes = {tallies, start, judge_block, finish};
