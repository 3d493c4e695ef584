/* Targets are classes: accuracy, top-5 accuracy, confusion, and what fits classes of unequal size:
 * precision, recall and F1 of each class with their means (macro: over the classes that have
 * samples; weighted: by their samples), the areas of evaluate/ranking.h, log loss. Equal to
 * scikit-learn's, which takes precision as 0 for a class that is never predicted, too. */
#include <math.h>

#include "base/memory.h"
#include "base/softmax.h"
#include "evaluate/metrics_parts.h"

enum { TOP1, TOP5, LOG_LOSS, SUMS };

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
    evaluation->split = split;
    evaluation->of_output = memory_array(struct Figures, evaluation->outputs, "evaluation");
    int64_t cells = evaluation->outputs * evaluation->outputs;
    evaluation->confusion = memory_array(int64_t, cells, "a confusion matrix");
}

static int64_t largest_but(const double *row, int64_t classes, int64_t but) {
    int64_t largest = but == 0;
    for (int64_t k = 0; k < classes; k++)
        if (k != but && row[k] > row[largest])
            largest = k;
    return largest;
}

/* Samples are ranked by log p − log(1 − p) = score − log Σ exp(the other classes' scores), which
 * orders them as p does. p and log p themselves round to one number for all of which a model is
 * very sure. */
static void put_log_odds(struct Evaluation *evaluation, const double *row) {
    int64_t classes = evaluation->outputs, first = largest_but(row, classes, -1);
    int64_t second = classes > 1 ? largest_but(row, classes, first) : first;
    double sum = 0, rest = 0; /* relative to the largest score, and to the largest of the others */
    for (int64_t k = 0; k < classes; k++) {
        sum += exp(row[k] - row[first]);
        rest += k == first ? 0 : exp(row[k] - row[second]);
    }
    for (int64_t c = 0; c < classes; c++)
        ranking_put(&evaluation->ranking, c,
                    c == first ? row[c] - row[second] - log(rest)
                               : row[c] - row[first] - log(sum - exp(row[c] - row[first])));
}

/* What needs log probabilities, or scores in their place. */
static void add_probabilities(struct Evaluation *evaluation, const double *row, int64_t label,
                              double *sums) {
    int64_t classes = evaluation->outputs;
    struct SoftmaxNorm norm = {0};
    if (evaluation->probabilities)
        norm = softmax_norm(classes, row);
    sums[LOG_LOSS] -= softmax_log(norm, row[label]);
    if (!evaluation->ranking.scores)
        return;
    if (evaluation->probabilities)
        put_log_odds(evaluation, row);
    for (int64_t c = 0; c < classes && !evaluation->probabilities; c++)
        ranking_put(&evaluation->ranking, c, row[c]);
    evaluation->ranking.rows++;
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
        add_probabilities(evaluation, row, label, sums);
    }
}

/* Sums over a row or column of the confusion matrix. */
static double sum_of(const int64_t *cells, int64_t count, int64_t stride) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)cells[i * stride];
    return sum;
}

/* Precision, recall and F1 of a class; returns how many samples it has. */
static double measure_class(struct Evaluation *evaluation, int64_t label) {
    int64_t classes = evaluation->outputs;
    const int64_t *confusion = evaluation->confusion;
    double hits = (double)confusion[label * classes + label];
    double samples = sum_of(confusion + label * classes, classes, 1);
    double predicted = sum_of(confusion + label, classes, classes);
    struct Figures *figures = &evaluation->of_output[label];
    bool any = samples > 0;
    figures_set(figures, FIGURE_PRECISION, !any ? NAN : predicted > 0 ? hits / predicted : 0);
    figures_set(figures, FIGURE_RECALL, any ? hits / samples : NAN);
    figures_set(figures, FIGURE_F1, any ? 2 * hits / (samples + predicted) : NAN);
    return samples;
}

static void measure_classes(struct Evaluation *evaluation) {
    static const enum Figure macro[] = {FIGURE_PRECISION, FIGURE_RECALL, FIGURE_F1};
    struct Figures *figures = &evaluation->figures;
    double *weights = memory_array(double, evaluation->outputs, "evaluation");
    for (int64_t c = 0; c < evaluation->outputs; c++)
        weights[c] = measure_class(evaluation, c);
    for (int i = 0; i < 3; i++) {
        enum Figure weighted = FIGURE_PRECISION_WEIGHTED + (macro[i] - FIGURE_PRECISION);
        figures_set(figures, macro[i], metrics__mean(evaluation, macro[i], NULL));
        figures_set(figures, weighted, metrics__mean(evaluation, macro[i], weights));
    }
    figures_set(figures, FIGURE_BALANCED_ACCURACY, figures->value[FIGURE_RECALL]);
    memory_release(weights);
}

static void finish(struct Evaluation *evaluation, struct Ranks *ranks, const double *sums) {
    double samples = (double)evaluation->samples;
    figures_set(&evaluation->figures, FIGURE_ACCURACY, samples > 0 ? sums[TOP1] / samples : 0);
    if (evaluation->outputs >= TOP5_FEWEST_CLASSES)
        figures_set(&evaluation->figures, FIGURE_TOP5, samples > 0 ? sums[TOP5] / samples : 0);
    if (evaluation->probabilities)
        figures_set(&evaluation->figures, FIGURE_LOG_LOSS, sums[LOG_LOSS] / samples);
    ranks_sum(ranks, evaluation->confusion, evaluation->outputs * evaluation->outputs);
    measure_classes(evaluation);
    if (evaluation->ranking.scores)
        metrics__measure_ranking(evaluation, ranks);
}

const struct Metrics metrics_classes = {sum_count, start, add_block, finish};
