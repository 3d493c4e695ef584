/* The parts of dataset_open, one file each. Inside dataset/ only. */
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
    struct H5File *file; /* the opening's; gone when the data set is open */
    struct H5Info info;
    int64_t count;  /* samples */
    char *captured; /* what the patterns of its name stood for; NULL: it had none */
};
struct Arrays {
    int count;
    struct Array *items; /* one after the other */
};

/* How the images of an array lie in it. */
struct ImageLayout {
    struct Axes axes; /* of numbers; pictures have none */
    int64_t
        shape[AXES]; /* of the array, as `axes` speaks of it; its own, or by data.splits.*.shape */
    int samples; /* the dimension of the samples in the array's own shape; −1: it is one sample */
    int64_t sizes[AXES]; /* in the program's order */
    int64_t block;       /* rows that are read together (blocks.h) */
};

/* Called for rows [first, first + count) of a pair whenever they were read from an array that is
 * not mapped, by whichever thread read them, with their pixels in the program's order. What it
 * returns is the result of reading. */
struct BlockCheck {
    int (*seen)(void *context, int64_t first, int64_t count, const void *pixels,
                struct Error *error); /* NULL: none */
    void *context;
};

/* Labels as they are stored, before it is known which classes they name. */
struct StoredLabels {
    int64_t *numbers;                 /* (count); or NULL */
    char **texts;                     /* (count): labels that are texts; or NULL */
    int64_t columns;                  /* of one-hot labels; 0: they are not */
    struct H5Enumeration enumeration; /* names of the numbers, if the file has them */
};

/* Labels that are names of the images' arrays, of their groups or of their files. */
enum LabelsFrom {
    LABELS_OF_VALUES,
    LABELS_OF_ARRAYS,
    LABELS_OF_GROUPS,
    LABELS_OF_FILES,
    LABELS_OF_ATTRIBUTES /* "@NAME": of the images' arrays, or of the groups that hold them */
};

/* An array pair: images, and the labels or targets of the same samples. Splits are made of its
 * rows. */
struct Pair {
    char *split;                        /* whose arrays these are */
    const struct SplitOptions *options; /* NULL: /SPLIT/images and so on */
    struct Arrays images, labels, targets, weights;
    enum LabelsFrom labels_from; /* if not from values: `labels` are the images' arrays */
    int64_t count;
    bool bytes;
    /* One for each array of images. Images that are neither mapped nor in memory are NULL there and
     * are read in blocks. */
    struct ImageRun *runs;
    struct ImageLayout *layouts; /* one for each array of images */
    bool encoded;                /* images are pictures: files of their own */
    struct BlockCheck check;
    void *pixels; /* what was read into memory; NULL: nothing */
    struct StoredLabels stored;
    int32_t *classes;      /* (count): the labels, once the classes are known; or NULL */
    float *values;         /* (count, outputs): targets; or NULL */
    float *sample_weights; /* (count); or NULL */
    struct BlockDigests *block_digests; /* digests of the images, if the file has them; or NULL */
    char **sources;    /* (count): the names of the samples, once one is asked for; or NULL */
    bool sources_read; /* they were looked for */
};

/* What the splits of an open data set point to. */
struct DatasetStorage {
    int pair_count, map_count;
    struct Pair *pairs;
    struct H5Map **maps;
    void **owned; /* labels, targets and rows of splits that are parts of a pair */
    int64_t owned_count;
    struct H5File **files; /* kept open for images that are read in blocks */
    int file_count;
    struct BlockCache *cache; /* NULL: nothing was read so */
    struct Error failure;     /* the first of dataset_image; its code is OK if there was none */
};

struct OpenFile {
    struct H5File *file;
    int map; /* of the storage; −1: none yet */
};

/* A data set while its files are being opened. */
struct Opening {
    struct Dataset *dataset;
    const struct DatasetRequest *request;
    const char *main; /* the file of splits of the own layout; NULL: there is none */
    struct OpenFile *files;
    int file_count;
    int *pair_of;    /* for each split: its pair */
    bool sets;       /* the targets are sets of classes */
    bool named;      /* the classes have names of their own, not made of the labels */
    bool by_value;   /* data.classes: values */
    int64_t *values; /* (classes): the label of each, ascending, if that is its name; or NULL */
    struct Error unopened; /* why a file could not be opened that is there */
};

/* dataset.c. Takes the note over. */
void dataset__note(struct Dataset *dataset, char *note);

/* open_splits.c. The file of the own layout, if it was named and opens; else NULL. */
struct H5File *opening__main(struct Opening *opening);

/* Where split `name` is described: data.splits, or NULL for /NAME/images. A file that takes the
 * place of those that the options name may have the own layout. */
const struct SplitOptions *opening__options(struct Opening *opening, const char *name);

/* Names the splits that the data set is to have: those of the request, or all that there are. A
 * wanted split that is not there is refused with the names of those that are. */
int opening__choose_splits(struct Opening *opening, struct Error *error);
/* Adds all splits that there are: those of data.splits, then those of the file. */
void opening__list_splits(struct Opening *opening);

/* open_files.c. Opens a file once; it stays open until the data set is. */
int opening__file(struct Opening *opening, const char *path, struct H5File **file,
                  struct Error *error);
/* Maps a file that is open. */
int opening__map(struct Opening *opening, struct H5File *file, const void **image,
                 struct Error *error);
/* Where the request has a file that the options name. The caller releases it. */
char *opening__place(const struct Opening *opening, const char *file);

/* open_pair.c. The number of the pair that split `name` takes its rows from; makes it if need be,
 * with all of its arrays located. */
int opening__pair(struct Opening *opening, const char *name, int *pair, struct Error *error);
void pair__release(struct Pair *pair);
/* Blames a key of data.splits.NAME for a failure; nothing if the pair has no options. Returns the
 * code. */
int pair__blame(const struct Pair *pair, const char *key, struct Error *error);
int64_t pair__first_label(const struct Opening *opening, const struct Pair *pair);

/* open_images.c. Maps what lies in a file as it is needed in memory; everything else is read now,
 * or in blocks if the request defers it. Sets the pair's count and, for the first pair, the size of
 * images. */
int opening__images(struct Opening *opening, struct Pair *pair, struct Error *error);
/* open_encoded.c. Images that are stored as files of their own, JPEG or PNG. */
bool opening__is_encoded(const struct Array *array);
/* Finds the sizes of the pictures. */
int opening__encoded(struct Opening *opening, struct Pair *pair, struct Error *error);
/* Reads and decodes rows [first, first + count) of an array of pictures of `sizes`. */
int opening__decode_rows(const struct Array *array, const int64_t sizes[AXES], int64_t first,
                         int64_t count, bool together, uint8_t *pixels, struct Error *error);
/* The size of images must be that of the others. */
int opening__size(struct Opening *opening, const struct Pair *pair, const struct Array *array,
                  const int64_t sizes[AXES], struct Error *error);
/* The room for a pair's pixels. */
int opening__room(const struct Pair *pair, const struct Array *array, const int64_t sizes[AXES],
                  struct Error *error);

/* open_labels.c. The labels of a pair whose images are open, as numbers or texts; and the classes
 * that they name, once those are known. */
int opening__labels(struct Opening *opening, struct Pair *pair, struct Error *error);
/* open_numbers.c. */
int opening__number_labels(struct Opening *opening, struct Pair *pair, struct Error *error);
/* The array that holds the label of row *row of a pair; *row becomes the row in it. */
const struct Array *pair__array_of_label(const struct Pair *pair, int64_t *row);
/* Whether an array has one value for each of `count` samples, and `columns` of them if that is not
 * NULL: (N), (N,1), (1,N), (N,1,1,1); (N,K), (N,K,1,1). *samples_last: (K,N). */
bool opening__fits(const struct H5Info *info, int64_t count, int64_t *columns, bool *samples_last);

/* open_classes.c. The names of the classes, as far as the options, the file or the request have
 * them; and later, from the labels. */
int opening__class_names(struct Opening *opening, bool own_layout, struct Error *error);
int opening__classes_of_labels(struct Opening *opening, struct Error *error);

/* open_targets.c. The targets of a pair whose images and labels (if it has any) are open: values,
 * or distributions over the classes if these are named. A pair with distributions and without
 * labels gets the most likely class of each sample as its label. */
int opening__targets(struct Opening *opening, struct Pair *pair, struct Error *error);
/* /target_names, if the file has them. */
int opening__target_names(struct Opening *opening, struct Error *error);
/* open_weights.c. The weights of a pair's samples. */
int opening__weights(struct Pair *pair, struct Error *error);
/* Once all pairs are open: refuses a data set of which some splits have targets and others labels,
 * and tells distributions from classes. */
int opening__check_targets(struct Opening *opening, struct Error *error);

/* The split of which `name` is the part that data.folds holds out, or NULL. */
static inline const char *opening_held_out_of(const struct Opening *opening, const char *name) {
    const struct DataOptions *options = opening->request->options;
    bool held_out = options && options->folds.count && !strcmp(name, options->validation);
    return held_out ? options->train : NULL;
}

/* open_pattern.c. The arrays of a file whose paths match a pattern, such as "/sample_*", each part
 * of a path by itself, in the order of the names. */
struct Matches {
    int count;
    struct Match {
        char *path, *captured; /* captured: the parts that patterns stood for, "/sample_7" */
    } * items;
};
bool pattern__is(const char *path);
void pattern__find(struct H5File *file, const char *path, struct Matches *found);
void pattern__release(struct Matches *found);

/* open_selection.c. Takes "ARRAY == VALUE" apart, which the caller releases; false: it is something
 * else. And marks the samples that have this value in an array of one for each of them; ERROR_DATA
 * if none has. */
bool selection__split(const char *text, char **array, char **value);
int opening__select(const struct Array *array, int64_t count, const char *value, bool *chosen,
                    struct Error *error);

/* open_rows.c. Makes a split from rows of its pair. */
int opening__rows(struct Opening *opening, int split, struct Error *error);

/* contents.c. The first arrays of a file in one line, "/data float32 (60,3,8,8), /label float32
 * (60)"; "no array" if there is none. And the nearest to `missing`, a path that is not there. */
void contents__summary(struct H5File *file, const char *missing, struct Text *text);

/* The classes are named. */
static inline bool opening_has_classes(const struct Dataset *dataset) {
    return dataset->targets.names && !targets_are_values(&dataset->targets);
}

/* open_block_digests.c. The digests of blocks of a pair of the own layout, as far as the file has
 * them. */
int opening__block_digests(struct Opening *opening, struct Pair *pair, struct Error *error);

/* open_statistics.c. /statistics of images and of targets, as far as the file has them, of a split
 * of the own layout. */
int opening__statistics(struct Opening *opening, const struct Split *split, struct Error *error);

#endif
