/* Where the arrays of the splits are: the section `data` of the run file. A split is /SPLIT/images
 * with /SPLIT/labels or /SPLIT/targets in data.file unless data.splits says otherwise. */
#ifndef TRAINER_DATA_DATASET_MAPPING_H
#define TRAINER_DATA_DATASET_MAPPING_H

#include "base/error.h"
#include "runfile/schema.h"

/* data.splits.NAME. Arrays are named "FILE:/path", or "/path" in data.file. */
struct SplitOptions {
    struct Strings images, labels, targets, weights; /* several arrays are concatenated */
    struct Strings indices; /* rows: "7", "0:1000", or an array of integers or booleans */
    const char *axes;       /* NULL: data.axes */
    /* of each image, if the array stores images in another shape; empty: it does not */
    struct Ints shape;
    int64_t first_label;     /* −1: data.first_label */
    const char *fraction_of; /* the split that this one is a part of; NULL: none */
    double fraction;
    int64_t seed;
    bool stratified;
};

/* data.folds: a part of the training split is the validation split. */
struct FoldsOptions {
    int64_t count;    /* parts; 0: no folds */
    int64_t held_out; /* from 1 */
    int64_t seed;
    bool stratified;
};

/* data.limit: for small trials. */
struct LimitOptions {
    int64_t train, validation; /* samples; −1: all */
    bool per_class;
    int choose; /* enum LimitChoice (limit.h) */
    int64_t seed;
};

/* data: the data set. */
struct DataOptions {
    const char *file;       /* relative to the working folder; NULL: each split names its files */
    const char *train;      /* split */
    const char *validation; /* split, or "none" */
    const char *axes;       /* "auto", or letters such as "NCHW" */
    int64_t first_label;
    /* names, an array of names, or a number of classes; empty: as the file says */
    struct Strings classes;
    bool multi_label;    /* labels are rows of 0 and 1: sets of classes */
    int links;           /* enum */
    int plugins;         /* enum */
    int64_t memory;      /* bytes on each node for images; −1: auto */
    int64_t window;      /* samples that are shuffled together; 0: the whole split; −1: auto */
    int check;           /* enum DatasetCheck */
    struct Named splits; /* of struct SplitOptions */
    struct FoldsOptions folds;
    struct LimitOptions limit;
};
enum { LINKS_REFUSE, LINKS_FOLLOW };
enum { PLUGINS_REFUSE, PLUGINS_LOAD };
/* When images are compared with the digests in their file. */
enum DatasetCheck { DATASET_CHECK_AUTO, DATASET_CHECK_START, DATASET_CHECK_READING };
extern const struct Key data_keys[];

/* Returns the options of a split; NULL if data.splits does not name it. `options` may be NULL. */
const struct SplitOptions *mapping_find(const struct DataOptions *options, const char *split);

/* The place of an array. */
struct ArrayName {
    char *file, *path; /* the path begins with a slash */
};
void array_name_release(struct ArrayName *name);
/* Parses "FILE:/path", or "/path" in `file`, which may be NULL. The caller releases the name.
 * ERROR_RUN_FILE, without a key, if the text does not say which file or which array. */
int array_name_parse(struct ArrayName *name, const char *text, const char *file,
                     struct Error *error);

#endif
