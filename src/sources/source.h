/* Sources: what samples are read from, in the form in which somebody published them (folders of
 * images, tables, archives). A source is opened, tells its splits, classes or targets, reads
 * samples by number, and is released. It knows nothing of data set files or of training. Every
 * format is one file of this folder and one row of source_formats. Not collective. */
#ifndef TRAINER_SOURCES_SOURCE_H
#define TRAINER_SOURCES_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/targets.h"
#include "base/ticker.h"
#include "pictures/resize.h"
#include "sources/table_encoding.h"

/* Whether images become bytes or floats. */
enum SourceDepth {
    SOURCE_DEPTH_AUTO, /* floats if one of them has more than 8 bits a value */
    SOURCE_DEPTH_BYTE,
    SOURCE_DEPTH_FLOAT,
    SOURCE_DEPTHS
};
extern const char *const source_depth_names[SOURCE_DEPTHS];

struct SourceNamedPath {
    char *name;
    const char *path;
};

/* Whether rows and columns of images are exchanged. */
enum SourceTranspose { TRANSPOSE_AUTO /* in EMNIST's files */, TRANSPOSE_YES, TRANSPOSE_NO };

/* table: what becomes of missing values in a column, or in all of which no rule speaks. */
struct TableRule {
    const char *column; /* NULL: all */
    enum MissingRule rule;
};

/* table: how the file is written, and what its columns are. */
struct TableOptions {
    int separator;      /* SEPARATOR_AUTO, a byte, or 0: runs of blanks and tabs */
    char decimal;       /* '.' or ',' */
    char thousands;     /* between digits; 0: none */
    char comment;       /* lines that begin with it are passed over; 0: none */
    bool no_head;       /* columns are named by their numbers, from 0 */
    const char *weight; /* the column of what rows count in training; NULL: none */
    const char *const *ignored, *const *categories; /* names of columns */
    int64_t ignored_count, category_count;
    /* Texts that stand for no value besides those of pandas, and those of pandas that do not. */
    const char *const *missing, *const *present;
    int64_t missing_count, present_count;
    const struct TableRule *rules;
    int64_t rule_count;
};
/* A tab if the file's name ends in .tsv or .tab, else a semicolon if ',' is the decimal, else a
 * comma. */
#define SEPARATOR_AUTO (-1)

/* idx and numpy. */
struct ArrayOptions {
    int64_t first_label; /* the label of the first class */
    enum SourceTranspose transpose;
    const char *axes; /* numpy: the order of the dimensions, such as "NCHW"; NULL: the usual one */
};

/* image-folder, image-list: what becomes of the pictures. */
struct SourcePictures {
    int64_t height, width; /* 0: the size of the first */
    /* As in struct PictureForm; 0: 3, or those of the first picture if it is neither grey nor in
     * colours. */
    int64_t channels;
    enum ResizeRule resize;
    enum SourceDepth depth;
    enum PictureScale scale; /* of floats */
    bool skip_bad;           /* leave out files that cannot be decoded */
};

/* What to open and how. A format refuses what it has no use for, or says so beside the member. */
struct SourceOptions {
    const char *format;
    const char *const *paths; /* folders or files, as the format says */
    int path_count;
    const struct SourceNamedPath
        *splits; /* image-folder, table, image-list: in place of `paths`, one path for each split */
    int split_count;
    struct SourcePictures pictures;
    bool coarse_labels;         /* cifar100: the 20 superclasses in place of the 100 classes */
    const char *const *classes; /* names in place of the format's own, or the word "values" of
                                   numpy and matlab: the labels are the names; NULL: none */
    int64_t class_count;
    const char *const *targets; /* table, image-list: names of the columns that are targets */
    int64_t target_count;
    const char *label;  /* table, image-list: name of the column of classes; NULL: none */
    const char *images; /* image-list: the folder of the files; NULL: that of the list */
    struct ArrayOptions arrays;
    const struct TableOptions *table; /* NULL: commas, '.', and a head */
};

/* A split: its samples in their final order. */
struct SourceSplit {
    char *name;
    int64_t count;
    /* Both are NULL if nobody knows the truth. */
    int32_t *labels; /* (count), each in [0, classes); NULL if the targets are values */
    float *targets;  /* (count, targets.count): values; NULL if there are classes */
    int64_t *items;  /* (count): the source's own number of each sample, for source_read */
};

struct Source {
    const struct SourceFormat *format;
    int64_t height, width, channels;
    bool floats; /* samples are float, else uint8 */
    struct Targets targets;
    int split_count;
    struct SourceSplit *splits;
    int64_t skipped;               /* images left out because they cannot be decoded */
    struct TableEncoding encoding; /* of a table; else zeros */
    void *state;                   /* the format's own */
};

/* Which members of struct SourceOptions a format takes. */
enum SourceTakes {
    SOURCE_TAKES_SPLITS = 1,
    SOURCE_TAKES_SIZE = 2,     /* `pictures`, but for skip_bad */
    SOURCE_TAKES_SKIP_BAD = 4, /* `pictures.skip_bad` */
    SOURCE_TAKES_LABELS = 8,
    SOURCE_TAKES_TARGETS = 16,
    SOURCE_TAKES_LABEL = 32,   /* `label` */
    SOURCE_TAKES_ARRAYS = 128, /* `arrays`, but for its axes */
    SOURCE_TAKES_AXES = 256,   /* `arrays.axes` */
    SOURCE_TAKES_TABLE = 64,   /* `table` */
    SOURCE_TAKES_IMAGES = 512  /* `images` */
};

struct SourceFormat {
    const char *name;
    unsigned takes; /* enum SourceTakes, or-ed */
    /* Fills in a zeroed source. source_open releases it after a failure. */
    int (*open)(struct Source *source, const struct SourceOptions *options,
                const struct Ticker *ticker, struct Error *error);
    /* See source_settle. NULL: nothing depends on the splits. */
    int (*settle)(struct Source *source, struct Error *error);
    /* See source_read. */
    int (*read)(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                struct Error *error);
    /* See source_name; NULL if samples have no names. */
    const char *(*name_of)(const struct Source *source, int64_t item);
    /* See source_weights; NULL: samples have none. */
    int (*weights)(const struct Source *source, const struct SourceSplit *split, float *weights,
                   bool *has_any, struct Error *error);
    void (*release)(struct Source *source); /* releases `state`, which may be NULL */
};
extern const struct SourceFormat *const source_formats[]; /* NULL-terminated */

/* Whether the format of that name takes this; false if there is no such format. */
bool source_takes(const char *format, enum SourceTakes option);

/* Opens a source: everything is known afterwards except the samples themselves. The options may go
 * once this returns. ERROR_USAGE if the format does not exist or the options do not fit it;
 * ERROR_DATA or ERROR_SYSTEM, with the file's name, if the files are not what the format expects.
 * source_release follows only after success. `ticker` may be NULL. */
int source_open(struct Source *source, const struct SourceOptions *options,
                const struct Ticker *ticker, struct Error *error);
void source_release(struct Source *source);

/* Once the splits are final, and before the first source_read: measures on the split "train", or on
 * the first one if there is none, what the samples depend on. */
int source_settle(struct Source *source, struct Error *error);

/* Reads the samples `items` (count), taken from a split, into `samples` (count, height, width,
 * channels) of uint8, or of float if source->floats. */
int source_read(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                struct Error *error);

/* What the source calls a sample: the path of an image within the folder of its split, or as a list
 * has it. NULL if its samples have no names. It lives as long as the source. */
const char *source_name(const struct Source *source, int64_t item);

/* What each sample of a split counts in training, (count), from 0; *has_any: false if the split
 * does not say. After source_settle. */
int source_weights(const struct Source *source, const struct SourceSplit *split, float *weights,
                   bool *has_any, struct Error *error);

/* Bytes of one sample. */
int64_t source_sample_bytes(const struct Source *source);

/* The split of that name; NULL if there is none. */
struct SourceSplit *source_find_split(const struct Source *source, const char *name);

/* For formats, and for code that cuts a split in two: adds a split with room for `count` samples,
 * all zero. The name is copied. Targets, if there are any, must be set before; pointers to other
 * splits are invalid afterwards. */
struct SourceSplit *source_add_split(struct Source *source, const char *name, int64_t count);
/* The same without labels and targets. */
struct SourceSplit *source_add_unlabelled(struct Source *source, const char *name, int64_t count);
/* Tells the user of something that is left out. */
void source_notice(const struct Ticker *ticker, const char *line);
/* classes: values. */
bool source_names_by_value(const struct SourceOptions *options);
/* Sets the names of the classes, in place of any set before, or of the targets (copied). */
void source_set_classes(struct Source *source, const char *const *names, int64_t count);
void source_set_targets(struct Source *source, const char *const *names, int64_t count);

#endif
