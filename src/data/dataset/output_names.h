/* The names of a model's outputs: classes, or targets that are values. They are written into each
 * checkpoint, so that a prediction can name them and a data set can be held to them. */
#ifndef TRAINER_DATA_DATASET_OUTPUT_NAMES_H
#define TRAINER_DATA_DATASET_OUTPUT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "data/dataset/dataset.h"
#include "store/saved.h"

struct OutputNames {
    bool values; /* of targets that are values; else of classes */
    int64_t count;
    char **names;
};

/* A copy of the data set's. */
struct OutputNames output_names_of(const struct Dataset *dataset);
/* Fails (ERROR_CHECKPOINT) if the data set's outputs are others, or in another order; `path` is the
 * checkpoint's. */
int output_names_match(const struct OutputNames *names, const struct Dataset *dataset,
                       const char *path, struct Error *error);
void output_names_release(struct OutputNames *names);

/* In a checkpoint: /classes or /target_names. */
extern const struct SavedGroup output_names_saved;

#endif
