/* How well scores order a split's samples, class by class: one class against the rest. ROC-AUC is
 * the chance that a sample of the class scores higher than one of another (ties count half); PR-AUC
 * the average precision Σ (R_n − R_{n−1}) P_n over the distinct scores (as scikit-learn). */
#ifndef TRAINER_EVALUATE_RANKING_H
#define TRAINER_EVALUATE_RANKING_H

#include <stdint.h>

#include "comm/ranks.h"
#include "data/dataset/dataset.h"

/* The scores of the blocks that this rank evaluates, in their order. */
struct Ranking {
    int64_t classes, rows, capacity;
    double *scores; /* (capacity, classes) */
};

/* Room for this rank's blocks of a split (run/blocks.h), which the ranks take in turn. */
void ranking_create(struct Ranking *ranking, struct Ranks *ranks, const struct Split *split,
                    int64_t classes);
void ranking_release(struct Ranking *ranking);
/* Sets a score of the sample after the last; the caller then counts it in `rows`. */
void ranking_put(struct Ranking *ranking, int64_t label, double score);

/* Areas of each class; NaN for a class without samples, and the ROC's also for one without others.
 * The same bits on any number of ranks. Collective. */
void ranking_areas(const struct Ranking *ranking, struct Ranks *ranks, const struct Split *split,
                   double *roc, double *pr);

#endif
