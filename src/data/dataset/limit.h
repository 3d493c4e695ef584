/* A limit on a split's samples (data.limit), for small trials: which of them stay. A pure function
 * of the limit and the labels. Not collective. */
#ifndef TRAINER_DATA_DATASET_LIMIT_H
#define TRAINER_DATA_DATASET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum LimitChoice {
    LIMIT_FIRST,  /* in the order of the split */
    LIMIT_RANDOM, /* drawn by the seed */
    LIMIT_SPREAD  /* drawn by the seed, as many of each class as of any other, give or take one */
};

/* No more than this many samples of a split, or of each of its classes. */
struct SplitLimit {
    int64_t samples;
    bool per_class;
    enum LimitChoice choose;
    uint64_t seed;
};

struct LimitRequest {
    int64_t count;         /* samples of the split */
    const int32_t *labels; /* (count); NULL: limits are of all samples together */
    int64_t classes;       /* 1 without labels */
    const struct SplitLimit *limit;
};

/* Sets chosen[i] of the samples that stay, and returns how many there are. */
int64_t limit_choose(const struct LimitRequest *request, bool *chosen);

#endif
