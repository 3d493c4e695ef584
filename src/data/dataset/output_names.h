/* The names of a model's outputs: classes, or targets that are values. Each checkpoint holds them,
 * so that predictions can name them and data sets can be compared with them. Not collective. */
#ifndef TRAINER_DATA_DATASET_OUTPUT_NAMES_H
#define TRAINER_DATA_DATASET_OUTPUT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "data/dataset/dataset.h"
#include "store/saved.h"

struct OutputNames {
    bool values; /* names of targets that are values; else of classes */
    int64_t count;
    char **names;
};

/* A copy of the data set's names; the caller releases it. */
struct OutputNames output_names_of(const struct Dataset *dataset);
/* ERROR_CHECKPOINT if the data set has other outputs, or has them in another order; `path` is that
 * of the checkpoint. */
int output_names_match(const struct OutputNames *names, const struct Dataset *dataset,
                       const char *path, struct Error *error);
void output_names_release(struct OutputNames *names);

/* /classes or /target_names of a checkpoint. */
extern const struct SavedGroup output_names_saved;

#endif
