/* Statistics and principal components of a split, computed by several workers, with the same bits
 * for any number of them: the samples are cut into a fixed number of runs, each run is summed in
 * order, and the sums are added over a fixed binary tree. */
#ifndef TRAINER_DATA_STATISTICS_PARTS_H
#define TRAINER_DATA_STATISTICS_PARTS_H

#include "data/statistics/pca.h"

/* Runs of samples; a power of two. So many workers can share the work at most. */
#define PARTS_OF_STATISTICS 64
#define PARTS_OF_COVARIANCE 4 /* each takes a matrix of elements² */

/* The workers. All of them call the same functions, one after the other. */
struct Workers {
    void *context; /* NULL: one worker, alone */
    int worker, count;
    /* Gives the `bytes` bytes that every worker has at `mine` to worker 0, in the order of the
     * workers. */
    void (*gather)(void *context, const void *mine, int64_t bytes, void *all);
    /* Gives every worker what worker 0 has. */
    void (*share)(void *context, void *data, int64_t bytes);
};

/* Which samples count. */
struct StatisticsSamples {
    const struct Dataset *dataset;
    const struct Split *split;
    const int64_t *items; /* (count), in ascending order; NULL: all of the split */
    int64_t count;
};

/* Which components, as pca_compute has it. */
struct PcaChoice {
    const char *scale;
    int64_t components;
    const struct Ticker *ticker; /* NULL: none */
};
/* The principal components, as pca_compute. Collective over the workers. */
int pca_measure(struct Pca *pca, const struct StatisticsSamples *samples,
                const struct StatisticValues *values, const struct PcaChoice *choice,
                const struct Workers *workers, struct Error *error);

/* Collective over the workers. ERROR_DATA on all of them if a mean or a deviation is no finite
 * number. The caller releases the values. */
int statistics_measure(struct StatisticValues *values, const struct StatisticsSamples *samples,
                       const struct Workers *workers, struct Error *error);
/* Chooses `count` samples of a split by a seed, in ascending order. */
void statistics_sample(int64_t *items, int64_t count, const struct Split *split, uint64_t seed);

#endif
