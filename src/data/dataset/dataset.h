/* A data set: named splits of images with labels or targets, in HDF5 files of this program
 * (datasets/README.md has the layout) or of others, whose arrays the run file names (mapping.h).
 * Images that a file stores contiguously and in this program's order are mapped read-only, so that
 * all ranks of a node share the page cache; any other layout is read into memory once. Not
 * collective. */
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
/* The array beside a split's images that says where each comes from: texts, (N). Optional. */
#define DATASET_SOURCES "sources"
/* The attribute of / in data sets of this program that lists their splits (listed.h). */
#define DATASET_LISTED "splits"
/* The attribute of / in data sets and checkpoints of which the targets are sets of classes: 1. */
#define MULTI_LABEL "multi_label"

/* Images that lie one after the other. */
struct ImageRun {
    int64_t first; /* the row of the array pair that is the first of them */
    const void *images;
};

/* Samples that are in memory for now, while the others are not (data/feed.h). */
struct SampleWindow {
    int64_t first, count;
    const void *images;
};

struct Split {
    char *name;
    int64_t count;
    bool bytes; /* images are uint8 (0 … 255), else float */
    /* (count, height, width, channels), if all lie one after the other; else NULL: dataset_image
     * finds them through the next three. */
    const void *images;
    const int64_t *rows; /* (count): of the array pair; NULL: all, in order */
    const struct ImageRun *runs;
    int run_count;
    /* NULL, or all that dataset_image finds at the moment. */
    const struct SampleWindow *window;
    bool in_blocks;          /* some images are neither mapped nor in memory: read in blocks */
    const struct Pair *pair; /* whose rows these are; for dataset/ only */
    bool as_stored; /* all of /NAME of the data set's file, of which the file's statistics speak */
    bool limited;   /* would be as stored without a limit: the file's statistics are used for it */
    /* (count), each in [0, classes); NULL if the targets are values or sets */
    const int32_t *labels;
    /* (count, outputs): values, distributions over the classes, or sets of them; NULL if there are
     * only labels, or, as the labels are then, if nobody knows the truth */
    const float *targets;
    const float *weights; /* (count), 0 or more: of the samples in training; NULL: all are 1 */
    /* XXH3-128 of the pixels, then of the labels (int32) and of the targets (float), as far as
     * there are any, in hexadecimal; "" if the file has none */
    char digest[33];
    struct BlockDigests
        *block_digests; /* digests of the array pair's images; NULL: there are none */
};

/* Whether the truth of the split's samples is known. */
static inline bool split_has_truth(const struct Split *split) {
    return split->labels || split->targets;
}

/* Whether dataset_image finds every sample's image where it stays, without reading a file. */
static inline bool split_is_direct(const struct Split *split) {
    return !split->window && !split->in_blocks;
}

struct Pca;
struct Pair;

struct Dataset {
    char *path;
    int64_t height, width, channels;
    struct Targets targets; /* as many as a model of this data set has outputs */
    int split_count;
    struct Split *splits;
    /* Statistics of one split; NULL: not known. At first those that the file carries, which
     * describe its split "train"; a run replaces them by those of the split that it trains on. */
    struct StatisticValues statistics;
    const struct Split *statistics_of; /* NULL: there are none */
    struct Pca *pca;                   /* principal components that a run measured; or NULL */
    double *target_mean, *target_std;  /* of each value, in that split; or NULL */
    char *source;                      /* where the samples come from, for people */
    struct PictureRule pictures;       /* how pictures became the images */
    struct TableEncoding encoding;     /* of the table that the file was made of; or zeros */
    bool axes_are_guessed;             /* nobody named the order of the dimensions */
    char **notes;                      /* what was left out, for people */
    int note_count;
    struct DatasetStorage *storage; /* what the splits point to */
};

/* A split that is wanted, and who asks for it. */
struct WantedSplit {
    const char *name;
    const char *key;  /* of the run file, to blame if there is no such split; or NULL */
    const char *hint; /* what else the key takes, for that message; or NULL */
    const struct SplitLimit *limit; /* NULL: all samples */
};

struct DatasetRequest {
    const struct DataOptions *options; /* NULL: a file of this program's own layout */
    /* The file, or the folder of the files, that takes the place of those that the options name;
     * NULL: none does. */
    const char *path;
    const struct WantedSplit *splits; /* nothing else is looked at; NULL: all that there are */
    int split_count;
    /* The classes or targets that the data should have, for labels that are not named; or NULL. */
    const struct Targets *expected;
    bool skips_bad; /* with all splits: leaves out those that cannot be used, with a note */
    /* A split may have neither labels nor targets; its targets are then the expected ones. */
    bool without_truth;
    bool defers; /* images that are not mapped are not read yet: dataset_load, or a loader */
};

/* Opens splits and checks everything but their pixels: types, shapes, all labels and targets,
 * names, statistics, and that what is declared fits into the file and into memory. ERROR_DATA, with
 * the file and what is wrong with it; a key of the run file may be to blame. *dataset is NULL after
 * a failure. */
int dataset_open_request(struct Dataset **dataset, const struct DatasetRequest *request,
                         struct Error *error);
/* All splits of a file of this program's own layout. */
int dataset_open(struct Dataset **dataset, const char *path, struct Error *error);
void dataset_close(struct Dataset *dataset); /* NULL is allowed */

/* The names of the splits that a request could open: those of data.splits, then those of the file.
 * The caller releases each and the array, after a failure, too. *count is 0 if the file cannot be
 * opened; dataset_open_request then says why. Fails if the file is too damaged to tell which splits
 * it has. */
int dataset_list_splits(const struct DatasetRequest *request, char ***splits, int *count,
                        struct Error *error);
/* The files that an open data set reads, as they were named. The caller releases the array only. */
const char **dataset_files(const struct Dataset *dataset, int *count);

/* Replaces all statistics by `values`, which it takes over, and by `pca` (or NULL), of one split;
 * NULL and {0}: there are none. */
void dataset_set_statistics(struct Dataset *dataset, const struct Split *split,
                            const struct StatisticValues *values, struct Pca *pca);

/* The split of that name; NULL and ERROR_DATA, with the names that exist, if there is none. */
const struct Split *dataset_split(const struct Dataset *dataset, const char *name,
                                  struct Error *error);

/* Elements of an image, and bytes of one image of a split. */
static inline int64_t dataset_elements(const struct Dataset *dataset) {
    return dataset->height * dataset->width * dataset->channels;
}
static inline size_t dataset_image_bytes(const struct Dataset *dataset, const struct Split *split) {
    return (size_t)dataset_elements(dataset) * (split->bytes ? 1 : sizeof(float));
}
/* Whether a sample has a class; not for targets that are values. */
static inline bool split_has_class(const struct Split *split, int64_t classes, int64_t sample,
                                   int64_t class) {
    return split->labels ? split->labels[sample] == class
                         : split->targets[sample * classes + class] > 0.5f;
}
/* The pixels of sample `sample` of a split: (height, width, channels). This and the stream of a
 * loader are the ways to images. If the images of a split are in blocks, the block is read now,
 * unless it is one of the last two, whose pixels alone are valid then: cheap in the order of the
 * file, slow in any other. If it cannot be read, the pixels are zeros, and dataset_failed says so.
 * One thread at a time. What is read for the first time is compared with the file's digest, if that
 * has one for each block: dataset_check_read says how that went. */
const void *dataset_image(const struct Dataset *dataset, const struct Split *split, int64_t sample);
/* The same as floats, (height, width, channels) of them. */
void dataset_copy_image(const struct Dataset *dataset, const struct Split *split, int64_t sample,
                        float *pixels);
/* The first failure of dataset_image, or OK. Call it after dataset_image. */
int dataset_failed(const struct Dataset *dataset, struct Error *error);

/* What the images of a split take, and what of that is neither mapped nor in memory: those of all
 * rows of the arrays that it is made of. Two splits may be made of the same arrays. */
struct SplitSize {
    int64_t bytes, missing;
    int64_t image;  /* bytes of one */
    int64_t block;  /* most samples that are read together */
    int64_t reader; /* bytes that each rank takes to read blocks, whatever its windows */
};
struct SplitSize dataset_size(const struct Dataset *dataset, const struct Split *split);
bool dataset_shares(const struct Split *split, const struct Split *other); /* the same arrays */
/* Reads what is missing into `pixels`, which has room for it; as one of several workers, a share of
 * it. After all of them, dataset_take makes it the images of all splits of those arrays: it does
 * not take `pixels` over, which must live as long as the data set. */
int dataset_load(const struct Split *split, int worker, int workers, void *pixels,
                 struct Error *error);
void dataset_take(struct Dataset *dataset, const struct Split *split, const void *pixels);

/* Adds where a sample comes from, for people: the name that an import kept, "cat/12.png", or else
 * "shapes.h5:/test/images[12]". ERROR_DATA if there are names that cannot be read. Not from
 * several threads at a time. */
int dataset_name_sample(const struct Dataset *dataset, const struct Split *split, int64_t sample,
                        struct Text *text, struct Error *error);

/* What may be meant if classes that only have numbers for names lack samples, "; ..."; else "". */
const char *dataset_advice_on_classes(const struct Dataset *dataset, const struct Split *split);
/* A warning in the log if the split's labels cannot teach or measure: all of one class, or none of
 * a class. */
void dataset_warn_of_classes(const struct Dataset *dataset, const struct Split *split);
/* Whether any split has a sample of class `class`, of targets that are classes. Not collective. */
bool dataset_has_class(const struct Dataset *dataset, int64_t class);
/* A warning if channels seem to come first in an array whose order of dimensions nobody named. */
void dataset_warn_of_axes(const struct Dataset *dataset);
/* Values are kept as float32, which holds whole numbers up to 2^24, and larger ones by steps. If
 * that rounds values, and leaves some channel (feature) few different ones between its least and
 * its largest, how many, and *channel; else INFINITY. INFINITY also of splits of more than
 * DATASET_CHECKED bytes. Not collective. */
double dataset_levels_left(const struct Dataset *dataset, const struct Split *split,
                           int64_t *channel);
#define DATASET_FEW_LEVELS 1000 /* fewer are worth a warning */
/* The same of targets that are values; *channel: which of them. */
double dataset_target_levels_left(const struct Dataset *dataset, const struct Split *split,
                                  int64_t *channel);
/* Warnings, after one pass over images and targets, if few of the values are as large as what other
 * programs write for missing ones, and, with `of_rounding`, if few levels are left. Images are
 * looked at in splits of up to DATASET_CHECKED bytes. Not collective. */
void dataset_warn_of_numbers(const struct Dataset *dataset, const struct Split *split,
                             bool of_rounding);
/* A warning if features of a table never vary, or images are of one value all over. */
void dataset_warn_of_constants(const struct Dataset *dataset, const struct Split *split);

/* Whether the files of the data set are as they were opened, and what was read of these splits is
 * right (dataset_check_read). ERROR_DATA if not, or if a file was cut short, or was written to so
 * that one of these splits (NULL is allowed) no longer has its digest, or none is
 * known for it. A file that was replaced by another, and not overwritten, is still the old one to
 * this process. Cheap unless a file was written to. */
int dataset_check_unchanged(const struct Dataset *dataset, const struct Split *const *splits,
                            int count, struct Error *error);

/* Whether all images of a split that were read so far are those that the file was written with, as
 * far as it has digests of blocks. ERROR_DATA with the first images that are not. Cheap. */
int dataset_check_read(const struct Dataset *dataset, const struct Split *split,
                       struct Error *error);

/* Tells data sets of one host apart: processes that get the same digest use the same bytes. False
 * if the images are in this process's own memory. */
bool dataset_identify(const struct Dataset *dataset, struct Digest *identity);

/* Checks every pixel, label and target of a split against the digests that the file has; a split of
 * a file without one gets the digest that was found. `workers` processes that use the same
 * bytes share the work, of which this one does its part; the split is as it should be if that is so
 * for all of them. A split that has no digests of blocks is left to one of them. ERROR_DATA if a
 * digest differs.
 *
 * DATASET_CHECK_AUTO leaves a split of more than DATASET_CHECKED bytes to dataset_image, which
 * checks blocks as they are read, and DATASET_CHECK_READING every one that has digests of blocks.
 */
#define DATASET_CHECKED ((int64_t)1 << 30)
int dataset_check_split(struct Dataset *dataset, const struct Split *split, enum DatasetCheck when,
                        int worker, int workers, struct Error *error);
/* All workers have found their parts to be right: what they checked is not checked again. */
void dataset_trust(const struct Dataset *dataset, const struct Split *split,
                   enum DatasetCheck when);
/* Whether dataset_check_split leaves a split unchecked whose digest the file has. */
bool dataset_is_unchecked(const struct Dataset *dataset, const struct Split *split,
                          enum DatasetCheck when);

/* Computes the digest of a split, in hexadecimal. */
void dataset_digest(const struct Dataset *dataset, const struct Split *split, char digest[33]);
/* Checks what opening does not: every pixel, against the digests and the statistics in the file.
 * ERROR_DATA if they differ, if a float pixel is not finite, or if something is missing that the
 * file's own list has (*listed, unless NULL, says whether it has one). Only for a data set with all
 * its splits.
 */
int dataset_verify(const struct Dataset *dataset, bool *listed, struct Error *error);

#endif
