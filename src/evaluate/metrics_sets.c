/* Targets are sets of classes (multi-label): each class is decided by itself, by a threshold of its
 * score. Precision, recall and F1 of each class with their means (macro: over the classes that have
 * samples; weighted: by these samples; micro: of all decisions together), balanced accuracy, the
 * areas of evaluate/ranking.h, the binary log loss, the Hamming loss, and as accuracy the part of
 * the samples of which all decisions are right. Equal to scikit-learn's. */
#include <math.h>

#include "base/memory.h"
#include "base/softmax.h"
#include "evaluate/metrics_parts.h"

enum { EXACT, WRONG, LOG_LOSS, SUMS };

static int64_t sum_count(int64_t classes) {
    (void)classes;
    return SUMS;
}

static void start(struct Evaluation *evaluation, const struct Split *split) {
    int64_t classes = evaluation->outputs;
    evaluation->split = split;
    evaluation->of_output = memory_array(struct Figures, classes, "evaluation");
    evaluation->confusion = memory_array(int64_t, 4 * classes, "decisions");
}

/* Returns how many classes are decided wrongly. */
static int64_t add_sample(struct Evaluation *evaluation, const double *row, const float *truth,
                          double *sums) {
    int64_t classes = evaluation->outputs, wrong = 0;
    double loss = 0;
    for (int64_t k = 0; k < classes; k++) {
        double t = (double)truth[k];
        bool has = truth[k] > 0.5f, predicted = row[k] >= evaluation->threshold;
        evaluation->confusion[4 * k + 2 * has + predicted]++;
        wrong += has != predicted;
        loss -=
            (t > 0 ? t * sigmoid_log(row[k]) : 0) + (t < 1 ? (1 - t) * sigmoid_log(-row[k]) : 0);
        if (evaluation->ranking.scores)
            ranking_put(&evaluation->ranking, k, row[k]);
    }
    evaluation->ranking.rows += evaluation->ranking.scores != NULL;
    sums[LOG_LOSS] += loss / (double)classes;
    return wrong;
}

static void add_block(struct Evaluation *evaluation, const struct PredictedBlock *block,
                      double *sums) {
    int64_t classes = evaluation->outputs;
    for (int64_t i = 0; i < block->count; i++) {
        int64_t wrong = add_sample(evaluation, block->predictions + i * classes,
                                   block->split->targets + (block->first + i) * classes, sums);
        sums[EXACT] += wrong == 0;
        sums[WRONG] += (double)wrong;
    }
}

struct Decisions {
    double hits, misses, false_alarms, rejections;
};

static struct Decisions decisions_of(const struct Evaluation *evaluation, int64_t class) {
    const int64_t *cells = evaluation->confusion + 4 * class;
    return (struct Decisions){.hits = (double)cells[3],
                              .misses = (double)cells[2],
                              .false_alarms = (double)cells[1],
                              .rejections = (double)cells[0]};
}

/* 0 where there is nothing to divide by, as scikit-learn says. */
static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

/* Sets precision, recall and F1 as the figures from `precision` on. */
static void set_figures(struct Figures *figures, enum Figure precision, struct Decisions of,
                        bool any) {
    double all = 2 * of.hits + of.misses + of.false_alarms;
    figures_set(figures, precision, any ? ratio(of.hits, of.hits + of.false_alarms) : NAN);
    figures_set(figures, precision + 1, any ? ratio(of.hits, of.hits + of.misses) : NAN);
    figures_set(figures, precision + 2, any ? ratio(2 * of.hits, all) : NAN);
}

/* Returns how many samples have the class. */
static double measure_class(struct Evaluation *evaluation, int64_t class) {
    struct Figures *figures = &evaluation->of_output[class];
    struct Decisions of = decisions_of(evaluation, class);
    double samples = of.hits + of.misses, others = of.rejections + of.false_alarms;
    double recall = ratio(of.hits, samples);
    set_figures(figures, FIGURE_PRECISION, of, samples > 0);
    figures_set(figures, FIGURE_BALANCED_ACCURACY,
                samples <= 0  ? NAN
                : others <= 0 ? recall
                              : (recall + of.rejections / others) / 2);
    return samples;
}

static void measure_classes(struct Evaluation *evaluation) {
    struct Figures *figures = &evaluation->figures;
    struct Decisions all = {0};
    double *weights = memory_array(double, evaluation->outputs, "evaluation");
    for (int64_t k = 0; k < evaluation->outputs; k++) {
        struct Decisions of = decisions_of(evaluation, k);
        weights[k] = measure_class(evaluation, k);
        all.hits += of.hits;
        all.misses += of.misses;
        all.false_alarms += of.false_alarms;
    }
    for (enum Figure f = FIGURE_PRECISION; f <= FIGURE_F1; f++) {
        enum Figure weighted = FIGURE_PRECISION_WEIGHTED + (f - FIGURE_PRECISION);
        figures_set(figures, f, metrics__mean(evaluation, f, NULL));
        figures_set(figures, weighted, metrics__mean(evaluation, f, weights));
    }
    set_figures(figures, FIGURE_PRECISION_MICRO, all, all.hits + all.misses > 0);
    figures_set(figures, FIGURE_BALANCED_ACCURACY,
                metrics__mean(evaluation, FIGURE_BALANCED_ACCURACY, NULL));
    memory_release(weights);
}

static void finish(struct Evaluation *evaluation, struct Ranks *ranks, const double *sums) {
    double samples = (double)evaluation->samples;
    figures_set(&evaluation->figures, FIGURE_ACCURACY, ratio(sums[EXACT], samples));
    figures_set(&evaluation->figures, FIGURE_HAMMING_LOSS,
                ratio(sums[WRONG], samples * (double)evaluation->outputs));
    figures_set(&evaluation->figures, FIGURE_LOG_LOSS, sums[LOG_LOSS] / samples);
    ranks_sum(ranks, evaluation->confusion, 4 * evaluation->outputs);
    measure_classes(evaluation);
    if (evaluation->ranking.scores)
        metrics__measure_ranking(evaluation, ranks);
}

const struct Metrics metrics_sets = {sum_count, start, add_block, finish};
