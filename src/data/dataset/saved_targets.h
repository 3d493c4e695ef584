/* The targets that a model was trained on, as each checkpoint holds them: predictions are named by
 * them, and data sets compared with them. Not collective. */
#ifndef TRAINER_DATA_DATASET_SAVED_TARGETS_H
#define TRAINER_DATA_DATASET_SAVED_TARGETS_H

#include "data/dataset/dataset.h"
#include "store/saved.h"

/* ERROR_CHECKPOINT if the data set has other targets, or has them in another order; `path` is that
 * of the checkpoint. */
int targets_match(const struct Targets *targets, const struct Dataset *dataset, const char *path,
                  struct Error *error);

/* /classes or /target_names of a checkpoint. It does not tell distributions from classes. */
extern const struct SavedGroup targets_saved;

#endif
