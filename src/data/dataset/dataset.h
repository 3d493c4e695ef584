/* A data set file: images with labels or targets in named splits, in HDF5 (datasets/README.md has
 * the layout). Images are served from the page cache: a contiguous dataset is mapped read-only, so
 * all ranks of a node share it; any other layout is read into memory once. Not collective. */
#ifndef TRAINER_DATA_DATASET_DATASET_H
#define TRAINER_DATA_DATASET_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "data/statistics/statistics.h"

struct Split {
    char *name;
    int64_t count;
    bool bytes;            /* images are uint8 (0 … 255), else float */
    const void *images;    /* (count, height, width, channels) */
    const int32_t *labels; /* (count), each in [0, class_count); NULL: the targets are values */
    /* (count, outputs): values; or distributions over the classes; or NULL: labels say all */
    const float *targets;
    /* XXH3-128 of pixels, then labels (int32), then targets (float), as far as there are any, in
     * hexadecimal; "" if absent */
    char digest[33];
};

struct Dataset {
    char *path;
    int64_t height, width, channels;
    int64_t class_count;
    char **class_names; /* class_count; where the targets are values: 0, NULL */
    int64_t target_count;
    char **target_names; /* target_count; where they are classes: 0, NULL */
    int split_count;
    struct Split *splits;
    struct StatisticValues statistics; /* of the training split; NULL what the file has not */
    double *target_mean, *target_std;  /* (target_count), likewise */
    char *source;
    struct DatasetStorage *storage; /* maps and buffers */
};

/* What a model of the data set has to put out: one number a class, or one a target. */
static inline int64_t dataset_outputs(const struct Dataset *dataset) {
    return dataset->target_count ? dataset->target_count : dataset->class_count;
}
static inline char *const *dataset_output_names(const struct Dataset *dataset) {
    return dataset->target_count ? dataset->target_names : dataset->class_names;
}

/* Opens and checks everything but the pixels: types, shapes, labels and targets (all
 * are read), names, the file's size against what it declares, products against memory. */
int dataset_open(struct Dataset **dataset, const char *path, struct Error *error);
void dataset_close(struct Dataset *dataset); /* NULL is allowed */

/* The split of that name; NULL with a line naming those that exist. */
const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error);

/* Recomputes the digest of a split into `digest`; dataset_verify also compares it and the
 * statistics with what the file says. */
void dataset_digest(const struct Dataset *dataset, const struct Split *split, char digest[33]);
int dataset_verify(const struct Dataset *dataset, struct Error *error);

#endif
