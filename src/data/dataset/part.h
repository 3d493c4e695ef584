/* Chooses a part of a split's samples by a seed, for example as a validation split of a data set
 * that has none. Not collective. */
#ifndef TRAINER_DATA_DATASET_PART_H
#define TRAINER_DATA_DATASET_PART_H

#include <stdbool.h>
#include <stdint.h>

struct PartRequest {
    int64_t count; /* samples */
    /* (count): the same part is taken of each class; NULL: of all samples together */
    const int32_t *labels;
    int64_t classes;   /* 1 without labels */
    const bool *taken; /* (count): samples that must not be chosen; NULL: all may be */
    double part;
    uint64_t seed;
};

/* Sets chosen[i] for round(part · n) of the n samples of every class, or for fewer if fewer may be
 * chosen. Returns how many were chosen. */
int64_t part__choose(const struct PartRequest *request, bool *chosen);

#endif
