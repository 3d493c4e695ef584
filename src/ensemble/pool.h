/* What several models predict for all samples of a split, and the truth: everything that is asked
 * of an ensemble is computed from it, without the models. It holds members · samples · outputs
 * doubles. Not collective. */
#ifndef TRAINER_ENSEMBLE_POOL_H
#define TRAINER_ENSEMBLE_POOL_H

#include <stdint.h>

#include "data/dataset/dataset.h"
#include "evaluate/ensemble_mean.h"
#include "evaluate/metrics.h"

struct Pool {
    const struct Split *split; /* with its truth; outlives the pool */
    enum TargetKind targets;
    const struct Metrics *metrics;
    struct MeanKind kind; /* what the scores are, and how they are averaged */
    int members;
    int64_t samples, outputs;
    /* (members, samples, outputs): each model's scores, or values in the data set's units. */
    double *scores;
};

/* `kind`: of all members. `holds`: has room for the scores, which are zeros; else it has none. */
struct Pool pool_create(const struct Dataset *dataset, const struct Split *split, int members,
                        struct MeanKind kind, bool holds);
void pool_release(struct Pool *pool);
/* The bytes that pool_create takes, as a double, because the product may be too large. */
double pool_bytes(const struct Dataset *dataset, const struct Split *split, int members);

/* The scores of one member, (samples, outputs). */
const double *pool_member(const struct Pool *pool, int member);
/* The weighted mean of the members, (samples, outputs), added in their order. The weights sum to
 * one. */
void pool_combine(const struct Pool *pool, const double *weights, double *mean);
/* Divides log probabilities or log odds by a temperature, which leaves their order as it is. */
void pool_cool(const struct Pool *pool, double temperature, double *scores);
/* The figures of predictions (samples, outputs) such as the two functions before give, without the
 * loss, whose units are a model's own. */
struct Figures pool_measure(const struct Pool *pool, const double *predictions);

/* (members, members): how far the predictions of two members differ: the part of the samples for
 * which they choose different classes; of sets, the part of all decisions; of values, the root of
 * the mean squared difference, in the data set's units. */
void pool_disagreement(const struct Pool *pool, double *matrix);

#endif
