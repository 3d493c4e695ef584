/* Chooses the samples that a limit on a split keeps (data.limit), for small trials. The choice is a
 * pure function of the limit and the labels. Not collective. */
#ifndef TRAINER_DATA_DATASET_LIMIT_H
#define TRAINER_DATA_DATASET_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum LimitChoice {
    LIMIT_FIRST,  /* in the order of the split */
    LIMIT_RANDOM, /* drawn by the seed */
    LIMIT_SPREAD  /* drawn by the seed; the numbers of samples of any two classes differ by at most
                     one */
};

/* At most `samples` samples of a split, or, if per_class, of each of its classes. */
struct SplitLimit {
    int64_t samples;
    bool per_class;
    enum LimitChoice choose;
    uint64_t seed;
};

struct LimitRequest {
    int64_t count;         /* samples of the split */
    const int32_t *labels; /* (count); NULL: the limit is for all samples together */
    int64_t classes;       /* 1 without labels */
    const struct SplitLimit *limit;
};

/* Sets chosen[i] (count) to whether sample i is kept. Returns how many are. */
int64_t limit_choose(const struct LimitRequest *request, bool *chosen);

#endif
