/* A data set: named splits of images with labels or targets, in HDF5 files of this program
 * (datasets/README.md has the layout) or of others, whose arrays the run file names (mapping.h).
 * Images that a file stores contiguously and in this program's order are mapped read-only, so that
 * all ranks of a node share the page cache. Other images are read into memory, or in blocks. No
 * function here is collective. */
#ifndef TRAINER_DATA_DATASET_DATASET_H
#define TRAINER_DATA_DATASET_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/targets.h"
#include "base/text.h"
#include "data/dataset/limit.h"
#include "data/dataset/mapping.h"
#include "data/dataset/picture_rule.h"
#include "data/statistics/statistics.h"
#include "sources/table_encoding.h"

#define DATASET_FORMAT_VERSION 1
/* An optional array of texts, (N), beside a split's images: where each image comes from. */
#define DATASET_SOURCES "sources"
/* The attribute of / in data sets of this program that lists their splits (listed.h). */
#define DATASET_LISTED "splits"
/* The attribute of / that is 1 in data sets and checkpoints whose targets are sets of classes. */
#define MULTI_LABEL "multi_label"

/* Contiguous images of an array pair. */
struct ImageRun {
    int64_t first; /* the row of the array pair that the first image is */
    const void *images;
};

/* Samples that are in memory at the moment (data/feed.h). */
struct SampleWindow {
    int64_t first, count;
    const void *images;
};

struct Split {
    char *name;
    int64_t count;
    bool bytes; /* images are uint8 (0 … 255), else float */
    /* (count, height, width, channels) if all images are contiguous; else NULL, and dataset_image
     * finds them by the next three members. */
    const void *images;
    const int64_t *rows; /* (count): rows of the array pair; NULL: all rows, in order */
    const struct ImageRun *runs;
    int run_count;
    /* If not NULL, dataset_image finds only the samples of this window. */
    const struct SampleWindow *window;
    bool in_blocks; /* some images are neither mapped nor in memory, and are read in blocks */
    const struct Pair *pair; /* the array pair; for dataset/ only */
    /* the split is all of /NAME in the data set's file, which the file's statistics describe */
    bool as_stored;
    /* the split would be as_stored without a limit; the file's statistics are used for it */
    bool limited;
    /* data.limit left samples out, and kept the first ones: all of one class, if they are sorted */
    bool first_alone;
    /* (count), each in [0, classes); NULL if the targets are values or sets */
    const int32_t *labels;
    /* (count, outputs): values, distributions over the classes, or sets of classes; NULL if there
     * are only labels. Labels and targets are both NULL if the truth is not known. */
    const float *targets;
    /* (count), each 0 or more: weights of the samples in training; NULL: all are 1 */
    const float *weights;
    /* XXH3-128, in hexadecimal, of the pixels followed by the labels (int32) and the targets
     * (float) that exist; "" if the file has no digest */
    char digest[33];
    struct BlockDigests
        *block_digests; /* digests of the array pair's images; NULL: there are none */
};

/* Returns whether the true labels or targets of the split's samples are known. */
static inline bool split_has_truth(const struct Split *split) {
    return split->labels || split->targets;
}

/* Returns whether dataset_image finds the image of every sample in memory or in a mapping, and its
 * pointers stay valid. */
static inline bool split_is_direct(const struct Split *split) {
    return !split->window && !split->in_blocks;
}

struct Pca;
struct Pair;

/* Attributes by which other programs say how the numbers of an array are meant, and which are not
 * applied. */
struct UnappliedAttribute {
    const char *name;
    double value;
    bool marks_missing; /* `value` stands for a missing one in the array */
};
enum { UNAPPLIED_MOST = 4 };
struct UnappliedAttributes {
    char *array; /* FILE:/path; NULL if there are none */
    struct UnappliedAttribute items[UNAPPLIED_MOST];
    int count;
};

struct Dataset {
    char *path;
    int64_t height, width, channels;
    struct Targets targets; /* one for each output of a model of this data set */
    int split_count;
    struct Split *splits;
    /* Statistics of one split; NULL: not known. After opening, they are those in the file, which
     * describe its split "train". A run replaces them by those of the split that it trains on. */
    struct StatisticValues statistics;
    const struct Split *statistics_of; /* NULL: there are none */
    struct Pca *pca;                   /* principal components that a run measured; or NULL */
    double *target_mean, *target_std;  /* of each value, in that split; or NULL */
    char *source;                      /* where the samples come from, for people */
    struct PictureRule pictures;       /* how pictures became the images */
    /* of the table that the file was made from; zeros if it was not made from one */
    struct TableEncoding encoding;
    /* the order of the dimensions was neither given nor stored, but guessed */
    bool axes_are_guessed;
    struct UnappliedAttributes unapplied; /* of the first array that has any */
    char **notes;                         /* texts about what was left out */
    int note_count;
    struct DatasetStorage *storage; /* owns what the splits point to */
};

/* A split to open, and what to say if it does not exist. */
struct WantedSplit {
    const char *name;
    const char *key;                /* the key of the run file that names the split; or NULL */
    const char *hint;               /* what else the key accepts, for the message; or NULL */
    const struct SplitLimit *limit; /* NULL: all samples */
};

struct DatasetRequest {
    const struct DataOptions *options; /* NULL: the file has this program's own layout */
    /* A file, or a folder of files, to read instead of those that the options name; or NULL. */
    const char *path;
    const struct WantedSplit *splits; /* only these are opened; NULL: all splits */
    int split_count;
    /* The classes or targets that a model has; they name the data's labels if the data does not. Or
     * NULL. */
    const struct Targets *expected;
    /* if all splits are opened: leaves out those that cannot be used, with a note */
    bool skips_bad;
    /* A split may have neither labels nor targets; the data set then has the expected targets. */
    bool without_truth;
    /* images that are not mapped are not read by opening, but by dataset_load or a loader */
    bool defers;
};

/* Opens splits and checks everything but their pixels: types, shapes, all labels and targets,
 * names, statistics, and whether the declared sizes fit into the file and into memory. ERROR_DATA,
 * or ERROR_RUN_FILE if a key is wrong; the message names the file and the fault. *dataset is NULL
 * after a failure. */
int dataset_open_request(struct Dataset **dataset, const struct DatasetRequest *request,
                         struct Error *error);
/* Opens all splits of a file of this program's own layout. */
int dataset_open(struct Dataset **dataset, const char *path, struct Error *error);
void dataset_close(struct Dataset *dataset); /* NULL is allowed */

/* Lists the names of the splits that a request could open: those of data.splits, then those of the
 * file. The caller releases each name and the array, also after a failure. *count is 0 if the file
 * cannot be opened; dataset_open_request then says why. Fails if the file is too damaged to tell
 * which splits it has. */
int dataset_list_splits(const struct DatasetRequest *request, char ***splits, int *count,
                        struct Error *error);
/* Returns the names of the files that an open data set reads. The caller releases the array, not
 * the names. */
const char **dataset_files(const struct Dataset *dataset, int *count);

/* Replaces all statistics by those of `split`. Takes ownership of `values` and of `pca`, which may
 * be NULL. With a split of NULL and values of {0}, the data set has no statistics afterwards. */
void dataset_set_statistics(struct Dataset *dataset, const struct Split *split,
                            const struct StatisticValues *values, struct Pca *pca);

/* Returns the split of that name. If there is none, returns NULL and sets ERROR_DATA, with a
 * message that lists the names that exist. */
const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error);

/* Returns whether the samples are rows of a table, images of 1x1xcolumns; and the words for several
 * of them and for what their values are called. */
static inline bool dataset_has_rows(const struct Dataset *dataset) {
    return dataset->height == 1 && dataset->width == 1;
}
static inline const char *dataset_samples_word(const struct Dataset *dataset) {
    return dataset_has_rows(dataset) ? "rows" : "images";
}
static inline const char *dataset_channel_word(const struct Dataset *dataset) {
    return dataset_has_rows(dataset) ? "column" : "channel";
}
/* Return the elements of an image, and the bytes of an image of a split. */
static inline int64_t dataset_elements(const struct Dataset *dataset) {
    return dataset->height * dataset->width * dataset->channels;
}
static inline size_t dataset_image_bytes(const struct Dataset *dataset, const struct Split *split) {
    return (size_t)dataset_elements(dataset) * (split->bytes ? 1 : sizeof(float));
}
/* Returns element `at` of an image of the split as it is stored. */
static inline double split_value(const struct Split *split, const void *image, int64_t at) {
    return split->bytes ? (double)((const uint8_t *)image)[at] : (double)((const float *)image)[at];
}
/* Returns whether two samples of the split differ in a target, which must be a value. */
static inline bool split_target_varies(const struct Split *split, int64_t targets, int64_t target) {
    for (int64_t i = 1; i < split->count; i++)
        if (split->targets[i * targets + target] != split->targets[target])
            return true;
    return false;
}
/* Returns whether a sample has a class. The targets must not be values. */
static inline bool split_has_class(const struct Split *split, int64_t classes, int64_t sample,
                                   int64_t class) {
    return split->labels ? split->labels[sample] == class
                         : split->targets[sample * classes + class] > 0.5f;
}
/* Returns the pixels of sample `sample` of a split, (height, width, channels). If the split is read
 * in blocks, this reads the sample's block unless it is one of the last two that were read, and
 * only the pixels of those two are valid; this is cheap in the order of the file and slow in any
 * other. If the block cannot be read, the pixels are zeros, and dataset_failed returns the error.
 * Only one thread at a time may call it. If the file has digests of blocks, a block that is used
 * for the first time is compared with its digest; dataset_check_read returns the result. */
const void *dataset_image(const struct Dataset *dataset, const struct Split *split, int64_t sample);
/* Returns the digest, in text, of where the blocks begin in which a split is streamed. The order of
 * its samples depends on it. */
char *split_block_digest(const struct Split *split, char text[DIGEST_TEXT]);
/* Copies the same pixels as floats, (height, width, channels). */
void dataset_copy_image(const struct Dataset *dataset, const struct Split *split, int64_t sample,
                        float *pixels);
/* Returns the first failure of dataset_image, or OK. */
int dataset_failed(const struct Dataset *dataset, struct Error *error);

/* The memory that the images of a split need. `bytes` is for all rows of the arrays that the split
 * is made of (two splits may be made of the same arrays), `missing` for those rows that are neither
 * mapped nor in memory. */
struct SplitSize {
    int64_t bytes, missing;
    int64_t image;  /* bytes of one image */
    int64_t block;  /* samples of the largest block */
    int64_t reader; /* bytes that each rank needs to read blocks, besides its windows */
};
struct SplitSize dataset_size(const struct Dataset *dataset, const struct Split *split);
/* Returns whether two splits are made of the same arrays. */
bool dataset_shares(const struct Split *split, const struct Split *other);
/* dataset_load reads the missing images into `pixels`, which has room for SplitSize.missing bytes;
 * as one of several workers, it reads its share of them. When all workers have finished,
 * dataset_take makes all splits of those arrays use `pixels`. The caller keeps `pixels` until the
 * data set is closed. */
int dataset_load(const struct Split *split, int worker, int workers, void *pixels,
                 struct Error *error);
void dataset_take(struct Dataset *dataset, const struct Split *split, const void *pixels);

/* Appends which of its values is meant: "channel 2", or of a row "feature 6", with its name,
 * "feature 6 (town=Bern)", if the row's table had names. */
void dataset_name_channel(const struct Dataset *dataset, int64_t channel, struct Text *text);

/* Appends where a sample comes from: the name that an import kept, such as "cat/12.png", or else
 * "shapes.h5:/test/images[12]". ERROR_DATA if the file has names that cannot be read. Only one
 * thread at a time may call it. */
int dataset_name_sample(const struct Dataset *dataset, const struct Split *split, int64_t sample,
                        struct Text *text, struct Error *error);

/* Returns advice for a message, "; ...", if classes that have only numbers for names lack samples;
 * else "". The text is static. */
const char *dataset_advice_on_classes(const struct Dataset *dataset, const struct Split *split);
/* Returns advice for a message about classes that lack samples, "; ...", if the split is
 * first_alone; else "". The text is static. */
const char *dataset_advice_on_limit(const struct Split *split);
/* Logs a warning if all samples of the split have one class, or a class has no samples. */
void dataset_warn_of_classes(const struct Dataset *dataset, const struct Split *split);
/* Returns whether any split has a sample of class `class`. The targets must be classes. */
bool dataset_has_class(const struct Dataset *dataset, int64_t class);
/* Logs warnings if the order of the dimensions was guessed and the channels seem to come first, and
 * if attributes of an array say that its numbers are not the values, or that one of them, which
 * occurs, stands for missing values. */
void dataset_warn_of_arrays(const struct Dataset *dataset);
/* Values are kept as float32, which represents whole numbers exactly up to 2^24. If values of some
 * channel (feature) are rounded so that few different ones remain between its least and its
 * largest, returns the fewest that remain and sets *channel; else returns INFINITY, as it does for
 * splits of more than DATASET_CHECKED bytes. */
double dataset_levels_left(const struct Dataset *dataset, const struct Split *split,
                           int64_t *channel);
#define DATASET_FEW_LEVELS 1000 /* fewer are worth a warning */
/* The same for targets that are values; *channel is the index of the target. */
double dataset_target_levels_left(const struct Dataset *dataset, const struct Split *split,
                                  int64_t *channel);
/* Logs warnings, after one pass over images and targets, if a few values are as large as the
 * numbers that other programs write for missing ones, and, with `of_rounding`, if few levels are
 * left. Images are examined in splits of up to DATASET_CHECKED bytes only. */
void dataset_warn_of_numbers(const struct Dataset *dataset, const struct Split *split,
                             bool of_rounding);
/* Logs a warning if features of a table never vary, or if all pixels of an image are equal. */
void dataset_warn_of_constants(const struct Dataset *dataset, const struct Split *split);

/* Checks that no file of the data set was changed since it was opened so that it matters for these
 * splits (NULL entries are skipped), and calls dataset_check_read for each. ERROR_DATA if a file
 * was cut short, or if it was written to and a split no longer has its digest, has no digest, or is
 * streamed. A file that was replaced by another is no error: this process still reads the old one.
 * Cheap unless a file was written to. */
int dataset_check_unchanged(const struct Dataset *dataset, const struct Split *const *splits,
                            int count, struct Error *error);

/* Returns ERROR_DATA, with a message that names the images, if a block of the split that was read
 * so far differs from its digest; else OK, also if the file has no digests of blocks. Cheap. */
int dataset_check_read(const struct Dataset *dataset, const struct Split *split,
                       struct Error *error);

/* Sets *identity: processes of one host that get the same digest use the same bytes. Returns false
 * if the images are in this process's own memory. */
bool dataset_identify(const struct Dataset *dataset, struct Digest *identity);

/* Checks every pixel, label and target of a split against the digests in the file; if the file has
 * no digest of the split, the digest that was computed is kept. `workers` processes that use the
 * same bytes share the work, and this one does the part of `worker`; the split is right if all of
 * them return OK. A split without digests of blocks is checked by one worker alone. ERROR_DATA if a
 * digest differs.
 *
 * With DATASET_CHECK_AUTO, a split of more than DATASET_CHECKED bytes is not checked here:
 * dataset_image checks its blocks as they are read. With DATASET_CHECK_READING, this holds for
 * every split that has digests of blocks. */
#define DATASET_CHECKED ((int64_t)1 << 30)
int dataset_check_split(struct Dataset *dataset, const struct Split *split, enum DatasetCheck when,
                        int worker, int workers, struct Error *error);
/* Call this when all workers have returned OK: what they checked is not checked again. */
void dataset_trust(const struct Dataset *dataset, const struct Split *split,
                   enum DatasetCheck when);
/* Returns whether dataset_check_split does not check a split although the file has its digest. */
bool dataset_is_unchecked(const struct Dataset *dataset, const struct Split *split,
                          enum DatasetCheck when);

/* Computes the digest of a split, in hexadecimal. */
void dataset_digest(const struct Dataset *dataset, const struct Split *split, char digest[33]);
/* Checks every pixel against the digests and the statistics in the file, and that the principal
 * components can be those of the training split. Sets *listed, unless NULL,
 * to whether the file has a list of its contents (listed.h). All splits of the data set must be
 * open. ERROR_DATA if digests or statistics differ, if a float pixel is not finite, or if the list
 * names something that is missing. */
int dataset_verify(const struct Dataset *dataset, bool *listed, struct Error *error);

#endif
