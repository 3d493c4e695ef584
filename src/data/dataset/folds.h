/* Folds: a split is cut into parts of equal size; one is held out for validation, and the run
 * trains on the others (data.folds). The folds are a pure function of the seed and the labels or
 * targets. Not collective. */
#ifndef TRAINER_DATA_DATASET_FOLDS_H
#define TRAINER_DATA_DATASET_FOLDS_H

#include <stdbool.h>
#include <stdint.h>

struct FoldsRequest {
    int64_t count; /* samples */
    /* (count): the samples of each class are spread evenly over the folds; NULL: not used */
    const int32_t *labels;
    int64_t classes; /* 1 without labels */
    /* Without labels: (count, columns), spread evenly; NULL: samples are assigned at random. */
    const float *targets;
    int64_t columns;
    bool sets; /* the targets are sets of classes, rows of 0 and 1 */
    int64_t folds;
    uint64_t seed;
};

/* Sets fold[i] (count), each from 0 to folds − 1. The sizes of the folds differ by at most one, and
 * so do the numbers of their samples of each class. Values: samples are ordered by the mean of
 * their ranks in the columns, and each fold gets one of every `folds` samples in that order, so
 * that all folds have similar quantiles. Sets of classes: iterative stratification (Sechidis et
 * al., 2011), with folds of equal size. */
void folds__assign(const struct FoldsRequest *request, int64_t *fold);

#endif
