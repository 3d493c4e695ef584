/* What predictions are worth, against the truth. One judge a kind of targets; how predictions are
 * made, blocks and ranks are not its business (train/predictor.h, train/evaluate.h). */
#ifndef TRAINER_TRAIN_JUDGE_H
#define TRAINER_TRAIN_JUDGE_H

#include <stdint.h>

#include "comm/ranks.h"
#include "data/dataset.h"
#include "runfile/schema.h"

struct Evaluation {
    int64_t samples, outputs;
    double loss; /* mean over the samples of the loss of the prediction, without smoothing */
    int64_t correct, top5;
    int64_t
        *confusion; /* (classes, classes): [truth][prediction]; released by evaluation_release */
};
void evaluation_release(struct Evaluation *evaluation);

/* Consecutive samples of a split, predicted. */
struct JudgedBlock {
    const struct Split *split;
    int64_t first, count;
    const float *predictions;  /* (count, outputs) */
    const float *targets;      /* (count, outputs), as the loss takes them */
    const struct Choice *loss; /* the predicting model's */
};

struct Judge {
    /* Figures of a block that are added up over blocks in their order: after the loss, `tallies`
     * doubles. */
    int64_t (*tallies)(int64_t outputs);
    void (*start)(struct Evaluation *evaluation);
    void (*block)(struct Evaluation *evaluation, const struct JudgedBlock *block, double *tally);
    /* `tally`: the sums over all blocks, the same on every rank. Collective. */
    void (*finish)(struct Evaluation *evaluation, struct Ranks *ranks, const double *tally);
};
extern const struct Judge judge_classes;

/* Sum of the samples' losses. */
double judge_loss(const struct JudgedBlock *block, int64_t outputs);

/* The class with the largest output, the lowest among equals. */
int64_t judge_class(const float *outputs, int64_t classes);

#endif
