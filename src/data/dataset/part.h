/* A part of a split's samples, chosen by a seed: for a validation split of a data set that has
 * none. Not collective. */
#ifndef TRAINER_DATA_DATASET_PART_H
#define TRAINER_DATA_DATASET_PART_H

#include <stdbool.h>
#include <stdint.h>

struct PartRequest {
    int64_t count;         /* samples */
    const int32_t *labels; /* (count): the part is taken of each class; NULL: of all together */
    int64_t classes;       /* 1 without labels */
    const bool *taken;     /* (count): samples that are no longer there; NULL: all are */
    double part;
    uint64_t seed;
};

/* Sets chosen[i] of round(part · n) of the n samples of every class (no more than are left), and
 * returns how many there are. */
int64_t part__choose(const struct PartRequest *request, bool *chosen);

#endif
