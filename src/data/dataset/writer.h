/* Makes a data set file (datasets/README.md has the layout): split after split, batch after batch,
 * so that a data set may be larger than memory. Digests and statistics are taken on the way. The
 * file appears under its name only when it is complete. Not collective. */
#ifndef TRAINER_DATA_DATASET_WRITER_H
#define TRAINER_DATA_DATASET_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct DatasetWriter;

struct DatasetDescription {
    int64_t height, width, channels;
    bool floats; /* images are float32, else uint8 */
    int64_t class_count;
    const char *const *class_names;  /* class_count; must differ from one another */
    int64_t target_count;            /* not 0: the targets are values, there are no classes */
    const char *const *target_names; /* target_count; likewise */
    const char *source;              /* where the images come from, for people */
};

/* The description is copied. */
int writer_create(struct DatasetWriter **writer, const char *path,
                  const struct DatasetDescription *description, struct Error *error);
/* The next split: exactly `count` images follow, by writer_append. The split named "train" is the
 * one whose statistics are kept. */
int writer_begin_split(struct DatasetWriter *writer, const char *name, int64_t count,
                       struct Error *error);
/* images (count, height, width, channels); truth: labels (int32, count), each in [0, class_count),
 * or finite targets (float, (count, target_count)). */
int writer_append(struct DatasetWriter *writer, const void *images, const void *truth,
                  int64_t count, struct Error *error);
/* Completes the file and releases the writer, also on failure. */
int writer_commit(struct DatasetWriter *writer, struct Error *error);
/* Gives up: leaves nothing behind. NULL is allowed. */
void writer_abandon(struct DatasetWriter *writer);

#endif
