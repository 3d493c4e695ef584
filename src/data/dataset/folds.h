/* Folds: a split cut into parts of equal size, of which one is held out for validation and the
 * others are trained on (data.folds). A pure function of seed and labels. Not collective. */
#ifndef TRAINER_DATA_DATASET_FOLDS_H
#define TRAINER_DATA_DATASET_FOLDS_H

#include <stdint.h>

struct FoldsRequest {
    int64_t count;         /* samples */
    const int32_t *labels; /* (count): each class is dealt out equally; NULL: all together */
    int64_t classes;       /* 1 without labels */
    int64_t folds;
    uint64_t seed;
};

/* Sets fold[i], from 0 to folds − 1. The sizes of the folds differ by one at most, and so do the
 * numbers of their samples of each class. */
void folds__assign(const struct FoldsRequest *request, int64_t *fold);

#endif
