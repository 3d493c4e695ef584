/* Predictions of all samples of a split, each by the run that has not seen it. On rank 0. */
#ifndef TRAINER_CLI_FOLDS_FILE_H
#define TRAINER_CLI_FOLDS_FILE_H

#include "evaluate/evaluate.h"

struct OutOfFold {
    int64_t count, outputs; /* samples so far */
    int64_t fold;           /* the one that is being added, and its first sample */
    int64_t first;
    bool probabilities; /* as struct Evaluation */
    enum Prediction prediction;
    const struct Dataset *dataset; /* of the fold that is being added */
    /* (count): the row in the split's arrays, and the part, from 1; (count, outputs): */
    int64_t *rows;
    int32_t *folds, *classes, *labels; /* labels NULL: none */
    double *scores;
    float *predictions, *targets; /* targets NULL: none */
};
void out_of_fold_release(struct OutOfFold *all);

/* Begins a part: split 0 of the data set. */
void out_of_fold_begin(struct OutOfFold *all, const struct Dataset *dataset, int64_t fold,
                       bool probabilities, const struct Choice *loss);
void out_of_fold_add(struct OutOfFold *all, const struct DeliveredBlock *block);

/* The figures of all parts together. The loss is the mean of the parts', by their samples. */
void out_of_fold_measure(const struct OutOfFold *all, const struct Dataset *dataset,
                         const struct Evaluation *parts, struct Evaluation *evaluation);
/* Writes the predictions in the order of the rows: /rows, /folds, /probabilities or /scores,
 * /predictions, /labels or /targets, /classes or /target_names. */
int out_of_fold_write(const struct OutOfFold *all, const struct Dataset *dataset, const char *path,
                      struct Error *error);

#endif
