/* Folds: a split cut into parts of equal size, of which one is held out for validation and the
 * others are trained on (data.folds). A pure function of seed and labels. Not collective. */
#ifndef TRAINER_DATA_DATASET_FOLDS_H
#define TRAINER_DATA_DATASET_FOLDS_H

#include <stdbool.h>
#include <stdint.h>

struct FoldsRequest {
    int64_t count;         /* samples */
    const int32_t *labels; /* (count): each class is dealt out equally; NULL: not */
    int64_t classes;       /* 1 without labels */
    /* Without labels: (count, columns); NULL: all samples are dealt out together. */
    const float *targets;
    int64_t columns;
    bool sets; /* the targets are sets of classes, rows of 0 and 1 */
    int64_t folds;
    uint64_t seed;
};

/* Sets fold[i], from 0 to folds − 1. The sizes of the folds differ by one at most, and so do the
 * numbers of their samples of each class. Values: samples are ordered by the mean of their ranks in
 * the columns, and each fold gets one of every `folds` samples in that order, so that its quantiles
 * are those of all. Sets of classes: iterative stratification (Sechidis et al., 2011), with folds
 * of equal size. */
void folds__assign(const struct FoldsRequest *request, int64_t *fold);

#endif
