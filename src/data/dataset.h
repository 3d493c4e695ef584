/* A data set file: labelled images in named splits, in HDF5 (datasets/README.md has the layout).
 * Images are served from the page cache: a contiguous dataset is mapped read-only, so all ranks of
 * a node share it; any other layout is read into memory once. Not collective. */
#ifndef TRAINER_DATA_DATASET_H
#define TRAINER_DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "data/statistics.h"

struct Split {
    char *name;
    int64_t count;
    bool bytes;            /* images are uint8 (0 … 255), else float */
    const void *images;    /* (count, height, width, channels) */
    const int32_t *labels; /* (count), each in [0, class_count) */
    char digest[33]; /* XXH3-128 of pixels, then labels (int32), in hexadecimal; "" if absent */
};

struct Dataset {
    char *path;
    int64_t height, width, channels;
    int64_t class_count;
    char **class_names; /* class_count */
    int split_count;
    struct Split *splits;
    struct StatisticValues statistics; /* of the training split; NULL what the file has not */
    char *source;
    struct DatasetStorage *storage; /* maps and buffers */
};

/* Opens and checks everything but the pixels: types, shapes, label range (all labels are read),
 * class names, the file's size against what it declares, products against memory. */
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
