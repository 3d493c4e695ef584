/* The targets that a model was trained on, which each checkpoint holds. They name the predictions,
 * and data sets are compared with them. Not collective. */
#ifndef TRAINER_DATA_DATASET_SAVED_TARGETS_H
#define TRAINER_DATA_DATASET_SAVED_TARGETS_H

#include "data/dataset/dataset.h"
#include "store/saved.h"

/* Returns ERROR_CHECKPOINT if the data set has other targets or another order of them, else OK.
 * `path` is the checkpoint's, for the message. */
int targets_match(const struct Targets *targets, const struct Dataset *dataset, const char *path,
                  struct Error *error);

/* /classes or /target_names of a checkpoint. They do not say whether targets are distributions or
 * classes. */
extern const struct SavedGroup targets_saved;

#endif
