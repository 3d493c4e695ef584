/* How good predictions are, measured against the truth: one set of metrics for each kind of
 * targets. evaluate/predictor.h makes the predictions, evaluate/evaluate.h cuts the split into
 * blocks and adds them up over the ranks. */
#ifndef TRAINER_EVALUATE_METRICS_H
#define TRAINER_EVALUATE_METRICS_H

#include <stdint.h>

#include "comm/ranks.h"
#include "data/dataset/dataset.h"
#include "evaluate/ranking.h"
#include "report/figures.h"
#include "runfile/schema.h"

struct Evaluation {
    int64_t samples, outputs;
    double threshold; /* of sets of classes: scores from it on say that a class is the sample's */
    const struct Split *split;
    bool probabilities;     /* of classes: the predictions are unnormalised log probabilities */
    struct Ranking ranking; /* of classes; without scores: ROC-AUC and PR-AUC are not measured */
    /* The loss is the mean over the samples, without smoothing. For values, RMSE is the root of the
     * mean of the outputs' mean squared errors and R² the mean of the outputs'. The accuracy of
     * sets is the part of the samples of which each class is predicted right. */
    struct Figures figures;
    /* [truth][prediction]: (classes, classes) if the targets are classes, (classes, 2, 2) if they
     * are sets. */
    int64_t *confusion;
    /* One for each output. If the targets are values: RMSE in the targets' units, and R² = 1 − Σ
     * (prediction − truth)² / Σ (truth − mean)² with the split's mean, NaN for a single sample. For
     * classes: precision, recall and F1, and the areas of the ranking; NaN for a class without
     * samples. */
    struct Figures *of_output;
    double *target_mean;
};
void evaluation_release(struct Evaluation *evaluation);

/* Predictions of consecutive samples of a split. */
struct PredictedBlock {
    const struct Split *split;
    int64_t first, count;
    const double *scores;      /* (count, outputs), as the loss takes them */
    const double *predictions; /* the same; values in the data set's units */
    const float *targets;      /* (count, outputs), as the loss takes them */
    const struct Choice *loss; /* the predicting model's */
};

struct Metrics {
    /* How many sums, besides the loss, are added up over the blocks in their order. */
    int64_t (*sum_count)(int64_t outputs);
    void (*start)(struct Evaluation *evaluation, const struct Split *split);
    /* Adds to `sums` (sum_count). */
    void (*add_block)(struct Evaluation *evaluation, const struct PredictedBlock *block,
                      double *sums);
    /* `sums`: over all blocks, the same on every rank. Collective. */
    void (*finish)(struct Evaluation *evaluation, struct Ranks *ranks, const double *sums);
};
extern const struct Metrics metrics_classes, metrics_sets, metrics_values;
const struct Metrics *metrics_for(const struct Dataset *dataset);

/* Sum of the samples' losses, in the units in which the model was trained. */
double metrics_loss(const struct PredictedBlock *block, int64_t outputs);

/* The class with the largest output, the lowest among equals. */
int64_t predicted_class(const double *outputs, int64_t classes);

#endif
