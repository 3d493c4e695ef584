/* A data set file: named splits of images with labels or targets, in HDF5 (datasets/README.md has
 * the layout). Images that the file stores contiguously are mapped read-only, so that all ranks of
 * a node share the page cache; any other layout is read into memory once. Not collective. */
#ifndef TRAINER_DATA_DATASET_DATASET_H
#define TRAINER_DATA_DATASET_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/targets.h"
#include "data/statistics/statistics.h"

#define DATASET_FORMAT_VERSION 1

struct Split {
    char *name;
    int64_t count;
    bool bytes;            /* images are uint8 (0 … 255), else float */
    const void *images;    /* (count, height, width, channels) */
    const int32_t *labels; /* (count), each in [0, classes); NULL if the targets are values */
    /* (count, outputs): values, or distributions over the classes; NULL if there are only labels */
    const float *targets;
    /* XXH3-128 of the pixels, then of the labels (int32) and of the targets (float), as far as
     * there are any, in hexadecimal; "" if the file has none */
    char digest[33];
};

struct Dataset {
    char *path;
    int64_t height, width, channels;
    struct Targets targets; /* as many as a model of this data set has outputs */
    int split_count;
    struct Split *splits;
    struct StatisticValues statistics; /* of the training split; NULL what the file does not have */
    double *target_mean, *target_std;  /* of each value, in the training split; or NULL */
    char *source;                      /* where the samples come from, for people */
    struct DatasetStorage *storage;    /* what the splits point to */
};

/* Opens a file and checks everything but its pixels: types, shapes, all labels and targets, names,
 * statistics, and that what it declares fits into the file and into memory. ERROR_DATA, with the
 * file and what is wrong with it. *dataset is NULL after a failure. */
int dataset_open(struct Dataset **dataset, const char *path, struct Error *error);
void dataset_close(struct Dataset *dataset); /* NULL is allowed */

/* The split of that name; NULL and ERROR_DATA, with the names that exist, if there is none. */
const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error);

/* A warning in the log if the split's labels cannot teach or measure: all of one class, or none of
 * a class. */
void dataset_warn_of_classes(const struct Dataset *dataset, const struct Split *split);

/* Computes the digest of a split, in hexadecimal. */
void dataset_digest(const struct Dataset *dataset, const struct Split *split, char digest[33]);
/* Checks what opening does not: every pixel, against the digests and the statistics in the file.
 * ERROR_DATA if they differ, or if a float pixel is not finite. */
int dataset_verify(const struct Dataset *dataset, struct Error *error);

#endif
