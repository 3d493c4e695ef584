/* What predictions are worth, against the truth. One judge a kind of targets; how predictions are
 * made, blocks and ranks are not its business (evaluate/predictor.h, evaluate/evaluate.h). */
#ifndef TRAINER_EVALUATE_METRICS_H
#define TRAINER_EVALUATE_METRICS_H

#include <stdint.h>

#include "comm/ranks.h"
#include "data/dataset/dataset.h"
#include "data/preprocessing/target_scale.h"
#include "runfile/schema.h"

struct Evaluation {
    int64_t samples, outputs;
    double loss; /* mean over the samples of the loss of the prediction, without smoothing */
    /* Targets are classes. */
    int64_t correct, top5;
    int64_t *confusion; /* (classes, classes): [truth][prediction] */
    /* Targets are values: of each output, in the targets' units. R² = 1 − Σ (prediction − truth)² /
     * Σ (truth − mean)², the mean being the split's. */
    double *rmse, *r2, *target_mean;
    double overall_rmse; /* root of the mean over outputs of the mean squared errors */
    double overall_r2;   /* mean over the outputs */
};
void evaluation_release(struct Evaluation *evaluation);

/* Consecutive samples of a split, predicted. */
struct JudgedBlock {
    const struct Split *split;
    int64_t first, count;
    const float *predictions;        /* (count, outputs) */
    const float *targets;            /* (count, outputs), as the loss takes them */
    const struct Choice *loss;       /* the predicting model's */
    const struct TargetScale *scale; /* with which it sees values */
};

struct Judge {
    /* Figures of a block that are added up over blocks in their order: after the loss, `tallies`
     * doubles. */
    int64_t (*tallies)(int64_t outputs);
    void (*start)(struct Evaluation *evaluation, const struct Split *split);
    void (*block)(struct Evaluation *evaluation, const struct JudgedBlock *block, double *tally);
    /* `tally`: the sums over all blocks, the same on every rank. Collective. */
    void (*finish)(struct Evaluation *evaluation, struct Ranks *ranks, const double *tally);
};
extern const struct Judge judge_classes, judge_values;
const struct Judge *judge_for(const struct Dataset *dataset);

/* Sum of the samples' losses, in the units in which the model was trained. `row`: work space of
 * `outputs`. */
double judge_loss(const struct JudgedBlock *block, int64_t outputs, float *row);

/* The class with the largest output, the lowest among equals. */
int64_t judge_class(const float *outputs, int64_t classes);

#endif
