/* Predictions for all samples of a split, each by the run that has not seen it. On rank 0. */
#ifndef TRAINER_CLI_FOLDS_FILE_H
#define TRAINER_CLI_FOLDS_FILE_H

#include "evaluate/evaluate.h"

struct OutOfFold {
    int64_t count, outputs; /* samples so far */
    int64_t fold, first;    /* the part that is being added, and its first sample */
    bool probabilities;     /* as in struct Evaluation */
    enum Prediction prediction;
    const struct Dataset *dataset; /* of the part that is being added */
    /* Arrays of (count) elements: rows in the split's arrays, parts (from 1), predicted classes,
     * and labels (NULL if there are none). */
    int64_t *rows;
    int32_t *folds, *classes, *labels;
    /* Arrays of (count, outputs) elements; targets is NULL if there are none. */
    double *scores;
    float *predictions, *targets;
};
void out_of_fold_release(struct OutOfFold *all);

/* Begins a part, which is split 0 of the data set. */
void out_of_fold_begin(struct OutOfFold *all, const struct Dataset *dataset, int64_t fold,
                       bool probabilities, const struct Choice *loss);
void out_of_fold_add(struct OutOfFold *all, const struct DeliveredBlock *block);

/* The figures of all parts together. The loss is the mean of the parts' losses, weighted by their
 * numbers of samples. */
void out_of_fold_measure(const struct OutOfFold *all, const struct Dataset *dataset,
                         const struct Evaluation *parts, struct Evaluation *evaluation);
/* Writes the predictions in the order of the rows: /rows, /folds, /probabilities or /scores,
 * /predictions, /labels or /targets, /classes or /target_names. */
int out_of_fold_write(const struct OutOfFold *all, const struct Dataset *dataset, const char *path,
                      struct Error *error);

#endif
