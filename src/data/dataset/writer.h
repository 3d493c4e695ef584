/* Writes a data set file (datasets/README.md has the layout), one split after another and each in
 * batches, so that it may be larger than memory. Digests and statistics are computed on the way.
 * The file appears under its name only when it is complete. Not collective. */
#ifndef TRAINER_DATA_DATASET_WRITER_H
#define TRAINER_DATA_DATASET_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/targets.h"
#include "data/dataset/picture_rule.h"
#include "sources/table_encoding.h"

struct DatasetWriter;

struct DatasetDescription {
    int64_t height, width, channels;
    bool floats; /* images are float32, else uint8 */
    /* As struct Targets: classes, sets of them, or values. No two names are alike. */
    enum TargetKind targets;
    int64_t target_count;
    const char *const *target_names;
    const char *source; /* where the samples come from, for people */
    struct PictureRule pictures;
    const struct TableEncoding *encoding; /* of a table; NULL, or without columns: none */
};

/* The description is copied. ERROR_DATA if two names are alike, ERROR_SYSTEM if the file cannot be
 * created; *writer is NULL then. */
int writer__create(struct DatasetWriter **writer, const char *path,
                   const struct DatasetDescription *description, struct Error *error);
/* Begins the next split: exactly `count` samples follow, by writer__append. The file gets the
 * statistics of the split that is named "train". ERROR_DATA if the count is 0 or too large. */
int writer__begin_split(struct DatasetWriter *writer, const char *name, int64_t count,
                        struct Error *error);
/* Keeps the names of the samples of the split that was begun, `count` of them: where each comes
 * from, for people. Before its last samples are appended. */
int writer__name_samples(struct DatasetWriter *writer, const char *const *names,
                         struct Error *error);
/* Appends `count` samples: images (count, height, width, channels); `targets`, labels (int32,
 * (count)), each in [0, target_count), or values or sets of classes (float, (count,
 * target_count)), all finite. A label or a value that is not is a bug of the caller. NULL for all
 * samples of a split: nobody knows the truth. */
int writer__append(struct DatasetWriter *writer, const void *images, const void *targets,
                   int64_t count, struct Error *error);
/* The weights of the samples, (count), of a split that is complete. */
int writer__weights(struct DatasetWriter *writer, const char *split, const float *weights,
                    int64_t count, struct Error *error);
/* Completes the file and releases the writer, also after a failure. */
int writer__commit(struct DatasetWriter *writer, struct Error *error);
/* Gives up, leaves no file, and releases the writer. NULL is allowed. */
void writer__abandon(struct DatasetWriter *writer);

#endif
