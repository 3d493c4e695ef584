#include "evaluate/metrics.h"

#include <math.h>

#include "base/memory.h"
#include "evaluate/metrics_parts.h"
#include "nn/loss.h"

const struct Metrics *metrics_for(const struct Dataset *dataset) {
    enum TargetKind kind = dataset->targets.kind;
    return kind == TARGET_VALUES ? &metrics_values
           : kind == TARGET_SETS ? &metrics_sets
                                 : &metrics_classes;
}

double metrics_loss(const struct PredictedBlock *block, int64_t outputs) {
    const struct Loss *loss = (const struct Loss *)block->loss->kind;
    double sum = 0;
    for (int64_t i = 0; i < block->count * outputs; i += outputs)
        sum += loss->measure(block->loss->options, outputs, block->scores + i, block->targets + i);
    return sum;
}

double metrics__mean(const struct Evaluation *evaluation, enum Figure figure,
                     const double *weights) {
    double sum = 0, total = 0;
    for (int64_t c = 0; c < evaluation->outputs; c++) {
        double value = evaluation->of_output[c].value[figure], weight = weights ? weights[c] : 1;
        if (isnan(value))
            continue;
        sum += weight * value;
        total += weight;
    }
    return total > 0 ? sum / total : NAN;
}

void metrics__measure_ranking(struct Evaluation *evaluation, struct Ranks *ranks) {
    int64_t classes = evaluation->outputs;
    /* With two classes, the PR-AUC is that of the second, the positive one, as in scikit-learn. The
     * two ROC-AUCs are the same. */
    bool one_of_two = classes == 2 && evaluation->split->labels;
    double *roc = memory_array(double, classes, "evaluation");
    double *pr = memory_array(double, classes, "evaluation");
    ranking_areas(&evaluation->ranking, ranks, evaluation->split, roc, pr);
    for (int64_t c = 0; c < classes; c++) {
        figures_set(&evaluation->of_output[c], FIGURE_ROC_AUC, roc[c]);
        figures_set(&evaluation->of_output[c], FIGURE_PR_AUC, pr[c]);
    }
    figures_set(&evaluation->figures, FIGURE_ROC_AUC,
                metrics__mean(evaluation, FIGURE_ROC_AUC, NULL));
    figures_set(&evaluation->figures, FIGURE_PR_AUC,
                one_of_two ? pr[1] : metrics__mean(evaluation, FIGURE_PR_AUC, NULL));
    memory_release(roc);
    memory_release(pr);
}

void evaluation_release(struct Evaluation *evaluation) {
    ranking_release(&evaluation->ranking);
    memory_release(evaluation->confusion);
    memory_release(evaluation->of_output);
    memory_release(evaluation->target_mean);
    *evaluation = (struct Evaluation){0};
}
