/* The parts of dataset_open, one file each. For dataset/ only. Not collective. Functions that
 * return int return OK or the code of *error. */
#ifndef TRAINER_DATA_DATASET_OPENING_H
#define TRAINER_DATA_DATASET_OPENING_H

#include <string.h>

#include "base/text.h"
#include "data/dataset/axes.h"
#include "data/dataset/block_digests.h"
#include "data/dataset/dataset.h"
#include "store/h5.h"

/* An array of an array pair. */
struct Array {
    struct ArrayName name;
    struct H5File *file; /* owned by the opening; valid until the data set is open */
    struct H5Info info;
    int64_t count;  /* samples */
    char *captured; /* the text that the patterns in its name matched; NULL: no patterns */
};
struct Arrays {
    int count;
    struct Array *items; /* in the order in which they are concatenated */
};

/* How an array stores its images. */
struct ImageLayout {
    struct Axes axes; /* for arrays of numbers; pictures have no axes */
    int64_t
        /* the array's shape to which `axes` applies: its own, or by data.splits.*.shape */
        shape[AXES];
    /* the dimension of the samples in the array's own shape; −1: the array is one sample */
    int samples;
    int64_t sizes[AXES]; /* in the program's order */
    int64_t block;       /* rows that are read together (blocks.h) */
};

/* Called by the reading thread after rows [first, first + count) of a pair were read from an array
 * that is not mapped; `pixels` are in the program's order. Reading returns what `seen` returns. */
struct BlockCheck {
    int (*seen)(void *context, int64_t first, int64_t count, const void *pixels,
                struct Error *error); /* NULL: none */
    void *context;
};

/* Labels as they are stored, before it is known which classes they name. */
struct StoredLabels {
    int64_t *numbers;                 /* (count); or NULL */
    char **texts;                     /* (count): labels that are texts; or NULL */
    int64_t columns;                  /* columns of one-hot labels; 0: not one-hot */
    struct H5Enumeration enumeration; /* names of the numbers, if the file has them */
};

/* Where the labels are: in arrays of their own, or in the names of the images' arrays, of their
 * groups or of their files. */
enum LabelsFrom {
    LABELS_OF_VALUES,
    LABELS_OF_ARRAYS,
    LABELS_OF_GROUPS,
    LABELS_OF_FILES,
    LABELS_OF_ATTRIBUTES /* "@NAME": attributes of the images' arrays or of their groups */
};

/* An array pair: images, and the labels or targets of the same samples. A split is made of rows of
 * a pair. */
struct Pair {
    char *split;                        /* whose arrays these are */
    const struct SplitOptions *options; /* NULL: /SPLIT/images and so on */
    struct Arrays images, labels, targets, weights;
    /* if it is not LABELS_OF_VALUES, `labels` are the images' arrays */
    enum LabelsFrom labels_from;
    int64_t count;
    bool bytes;
    /* One for each array of images. `images` is NULL for arrays that are neither mapped nor in
     * memory; they are read in blocks. */
    struct ImageRun *runs;
    struct ImageLayout *layouts; /* one for each array of images */
    bool encoded;                /* images are picture files such as JPEG */
    struct BlockCheck check;
    void *pixels; /* the images that were read into memory; NULL: none */
    struct StoredLabels stored;
    /* (count): the class of each sample, set when the classes are known; or NULL */
    int32_t *classes;
    float *values;                      /* (count, outputs): targets; or NULL */
    float *sample_weights;              /* (count); or NULL */
    struct BlockDigests *block_digests; /* digests of the images, if the file has them; or NULL */
    char **sources;    /* (count): the names of the samples, read at the first request; or NULL */
    bool sources_read; /* `sources` was requested */
};

/* Owns what the splits of an open data set point to. */
struct DatasetStorage {
    int pair_count, map_count;
    struct Pair *pairs;
    struct H5Map **maps;
    void **owned; /* labels, targets and rows of splits that do not have all rows of a pair */
    int64_t owned_count;
    struct H5File **files; /* open files of images that are read in blocks */
    int file_count;
    struct BlockCache *cache; /* made when dataset_image first reads a block; else NULL */
    struct Error failure; /* the first failure of dataset_image; its code is OK if there was none */
};

struct OpenFile {
    struct H5File *file;
    int map; /* index in the storage's maps; −1: not mapped */
};

/* A data set while its files are being opened. */
struct Opening {
    struct Dataset *dataset;
    const struct DatasetRequest *request;
    const char *main; /* the file of splits in the own layout; NULL: none */
    struct OpenFile *files;
    int file_count;
    int *pair_of;  /* (splits): index of the pair of each split */
    bool sets;     /* the targets are sets of classes */
    bool named;    /* the classes have names that were not made from the labels */
    bool by_value; /* data.classes: values */
    /* (classes): the label of each class, ascending, if labels are names; or NULL */
    int64_t *values;
    struct Error unopened; /* why an existing file could not be opened */
};

/* dataset.c. Adds a note and takes ownership of it. */
void dataset__note(struct Dataset *dataset, char *note);

/* Lists the splits that the data set has, with the name nearest to `wanted`. Returns ERROR_DATA. */
int dataset__refuse_split(const struct Dataset *dataset, const struct WantedSplit *wanted,
                          struct Error *error);

/* open_splits.c. Returns the file of the own layout, or NULL if none was given or it cannot be
 * opened. */
struct H5File *opening__main(struct Opening *opening);

/* Returns the options of split `name` in data.splits, or NULL if its arrays are /NAME/images and so
 * on. A file that replaces those of the options may have the own layout. */
const struct SplitOptions *opening__options(struct Opening *opening, const char *name);

/* Adds the splits that the data set is to have: those of the request, or all. Fails if a requested
 * split does not exist; the message lists those that do. */
int opening__choose_splits(struct Opening *opening, struct Error *error);
/* Adds all splits: those of data.splits, then those of the file. */
void opening__list_splits(struct Opening *opening);

/* open_files.c. Opens a file, or returns it if it is open already. It stays open until the opening
 * ends. */
int opening__file(struct Opening *opening, const char *path, struct H5File **file,
                  struct Error *error);
/* Maps an open file. Sets *image to its first byte. */
int opening__map(struct Opening *opening, struct H5File *file, const void **image,
                 struct Error *error);
/* Returns the path at which the request has a file that the options name. The caller releases
 * it. */
char *opening__place(const struct Opening *opening, const char *file);

/* open_pair.c. Sets *pair to the index of the pair that split `name` takes its rows from. Adds the
 * pair if it does not exist, with the places of all its arrays. */
int opening__pair(struct Opening *opening, const char *name, int *pair, struct Error *error);
void pair__release(struct Pair *pair);
/* Sets a key of data.splits.NAME as the cause of a failure, if the pair has options. Returns the
 * code. */
int pair__blame(const struct Pair *pair, const char *key, struct Error *error);
int64_t pair__first_label(const struct Opening *opening, const struct Pair *pair);

/* open_images.c. Maps the images whose layout in the file is that in memory. Reads the others,
 * unless the request defers reading. Sets the pair's count and, for the first pair, the size of
 * images. */
int opening__images(struct Opening *opening, struct Pair *pair, struct Error *error);
/* open_encoded.c. Returns whether the images of an array are stored as picture files, such as JPEG
 * or PNG. */
bool opening__is_encoded(const struct Array *array);
/* Sets the layout of a pair of such arrays from the sizes of the pictures. */
int opening__encoded(struct Opening *opening, struct Pair *pair, struct Error *error);
/* Reads and decodes rows [first, first + count) of an array of pictures of `sizes`; in several
 * threads if `together`. */
int opening__decode_rows(const struct Array *array, const int64_t sizes[AXES], int64_t first,
                         int64_t count, bool together, uint8_t *pixels, struct Error *error);
/* Fails if the images of an array differ in size from those of the data set. */
int opening__size(struct Opening *opening, const struct Pair *pair, const struct Array *array,
                  const int64_t sizes[AXES], struct Error *error);
/* Fails if memory cannot hold the pixels of an array of these sizes. */
int opening__room(const struct Pair *pair, const struct Array *array, const int64_t sizes[AXES],
                  struct Error *error);

/* open_labels.c. Reads the labels of a pair whose images are open, as numbers or texts. */
int opening__labels(struct Opening *opening, struct Pair *pair, struct Error *error);
/* open_numbers.c. Sets the class of each sample from the stored labels. The classes must be
 * known. */
int opening__number_labels(struct Opening *opening, struct Pair *pair, struct Error *error);
/* Returns the array that holds the label of row *row of a pair, and sets *row to the row in that
 * array. */
const struct Array *pair__array_of_label(const struct Pair *pair, int64_t *row);
/* Returns whether an array has one value for each of `count` samples, as (N), (N,1), (1,N) or
 * (N,1,1,1). If `columns` is not NULL, several values are allowed, as (N,K) or (N,K,1,1), and
 * *columns is set to K. *samples_last is set to whether the shape is (K,N). */
bool opening__fits(const struct H5Info *info, int64_t count, int64_t *columns, bool *samples_last);

/* open_classes.c. Take the names of the classes from the options, the file or the request; and,
 * after the labels were read, from the labels. */
int opening__class_names(struct Opening *opening, bool own_layout, struct Error *error);
int opening__classes_of_labels(struct Opening *opening, struct Error *error);

/* open_targets.c. Reads the targets of a pair whose images and labels (if any) are open: values, or
 * distributions over the classes if these are named. A pair with distributions and without labels
 * gets the most likely class of each sample as its label. */
int opening__targets(struct Opening *opening, struct Pair *pair, struct Error *error);
/* Reads /target_names, if the file has them. */
int opening__target_names(struct Opening *opening, struct Error *error);
/* open_weights.c. Reads the weights of a pair's samples. */
int opening__weights(struct Pair *pair, struct Error *error);
/* Called when all pairs are open: fails if some splits have targets and others labels; determines
 * whether targets are distributions or classes. */
int opening__check_targets(struct Opening *opening, struct Error *error);

/* Returns the split of which `name` is the part that data.folds holds out, or NULL. */
static inline const char *opening_held_out_of(const struct Opening *opening, const char *name) {
    const struct DataOptions *options = opening->request->options;
    bool held_out = options && options->folds.count && !strcmp(name, options->validation);
    return held_out ? options->train : NULL;
}

/* open_pattern.c. The arrays of a file whose paths match a pattern such as "/sample_*", in the
 * order of their names. A pattern does not match across slashes. */
struct Matches {
    int count;
    struct Match {
        /* captured: the components that contained patterns, such as "/sample_7" */
        char *path, *captured;
    } * items;
};
bool pattern__is(const char *path);
void pattern__find(struct H5File *file, const char *path, struct Matches *found);
void pattern__release(struct Matches *found);

/* open_selection.c. selection__split parses "ARRAY == VALUE"; the caller releases both parts. It
 * returns false if the text is something else. opening__select marks the samples for which `array`
 * (one value for each of `count` samples) has this value; ERROR_DATA if none has. */
bool selection__split(const char *text, char **array, char **value);
int opening__select(const struct Array *array, int64_t count, const char *value, bool *chosen,
                    struct Error *error);

/* open_rows.c. Makes split number `split` from rows of its pair. */
int opening__rows(struct Opening *opening, int split, struct Error *error);

/* contents.c. Appends the first arrays of a file in one line, "/data float32 (60,3,8,8), /label
 * float32 (60)", or "no array", and the path that is nearest to `missing`, a path that does not
 * exist. */
void contents__summary(struct H5File *file, const char *missing, struct Text *text);

/* Returns whether the classes are named. */
static inline bool opening_has_classes(const struct Dataset *dataset) {
    return dataset->targets.names && !targets_are_values(&dataset->targets);
}

/* open_block_digests.c. Reads the digests of blocks of a pair in the own layout, if the file has
 * them. */
int opening__block_digests(struct Opening *opening, struct Pair *pair, struct Error *error);

/* open_statistics.c. Reads /statistics of images and of targets of a split in the own layout, if
 * the file has them. */
int opening__statistics(struct Opening *opening, const struct Split *split, struct Error *error);

/* open_attributes.c. Notes attributes of arrays that say that the stored numbers are not the
 * values: factors, offsets, and numbers that stand for missing values. */
void opening__attributes(struct Opening *opening, const struct Arrays *arrays);

#endif
