/* Writes a data set file (datasets/README.md has the layout), one split after another and each in
 * batches, so that a file may be larger than memory. Digests and statistics are computed as the
 * samples are written. The file appears under its name only when it is complete. Not collective. */
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
    /* As in struct Targets: classes, sets of classes, or values. All names must differ. */
    enum TargetKind targets;
    int64_t target_count;
    const char *const *target_names;
    const char *source; /* where the samples come from, as text */
    struct PictureRule pictures;
    /* how a table was encoded; NULL or without columns: no table */
    const struct TableEncoding *encoding;
};

/* Copies the description. ERROR_DATA if two names are equal, ERROR_SYSTEM if the file cannot be
 * created; *writer is then NULL. */
int writer__create(struct DatasetWriter **writer, const char *path,
                   const struct DatasetDescription *description, struct Error *error);
/* Begins the next split. The caller then appends exactly `count` samples by writer__append. The
 * file gets the statistics of the split named "train". ERROR_DATA if the count is 0 or too
 * large. */
int writer__begin_split(struct DatasetWriter *writer, const char *name, int64_t count,
                        struct Error *error);
/* Stores where each sample of the current split comes from: one text for each of its samples. Call
 * it before the last samples are appended. */
int writer__name_samples(struct DatasetWriter *writer, const char *const *names,
                         struct Error *error);
/* Appends `count` samples: images (count, height, width, channels); `targets` are labels (int32,
 * (count)), each in [0, target_count), or values or sets of classes (float, (count, target_count)),
 * all finite; any other label or value is a bug. It is NULL for all samples of a split whose truth
 * is not known. */
int writer__append(struct DatasetWriter *writer, const void *images, const void *targets,
                   int64_t count, struct Error *error);
/* Writes the weights of the samples, (count), of a complete split. */
int writer__weights(struct DatasetWriter *writer, const char *split, const float *weights,
                    int64_t count, struct Error *error);
/* Completes the file. Releases the writer, also after a failure. */
int writer__commit(struct DatasetWriter *writer, struct Error *error);
/* Leaves no file, and releases the writer. NULL is allowed. */
void writer__abandon(struct DatasetWriter *writer);

#endif
