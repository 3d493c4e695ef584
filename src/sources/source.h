/* A source reads samples in the form in which they were published (folders of images, tables,
 * archives). It is opened, lists its splits and classes or targets, reads samples by their items,
 * and is released. It knows nothing of data set files or training. Each format is one file of this
 * folder and one entry of source_formats. Not collective. */
#ifndef TRAINER_SOURCES_SOURCE_H
#define TRAINER_SOURCES_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/targets.h"
#include "base/ticker.h"
#include "pictures/resize.h"
#include "sources/table_encoding.h"

/* Whether images are converted to bytes or floats. */
enum SourceDepth {
    SOURCE_DEPTH_AUTO, /* floats if an image has more than 8 bits per value */
    SOURCE_DEPTH_BYTE,
    SOURCE_DEPTH_FLOAT,
    SOURCE_DEPTHS
};
extern const char *const source_depth_names[SOURCE_DEPTHS];

struct SourceNamedPath {
    char *name;
    const char *path;
};

/* Whether rows and columns of images are swapped. */
enum SourceTranspose {
    TRANSPOSE_AUTO /* yes for EMNIST's files, else no */,
    TRANSPOSE_YES,
    TRANSPOSE_NO
};

/* table: how missing values are treated in a column, or in all columns without a rule of their
 * own. */
struct TableRule {
    const char *column; /* NULL: all columns without a rule of their own */
    enum MissingRule rule;
};

/* table: the notation of the file, and the roles of its columns. */
struct TableOptions {
    int separator;      /* SEPARATOR_AUTO, a byte, or 0: runs of blanks and tabs */
    char decimal;       /* '.' or ',' */
    char thousands;     /* allowed between digits; 0: none */
    char comment;       /* lines that begin with it are skipped; 0: none */
    bool no_head;       /* there is no head; columns are named "0", "1" and so on */
    const char *weight; /* the column of the rows' weights in training; NULL: none */
    const char *const *ignored, *const *categories; /* names of columns */
    int64_t ignored_count, category_count;
    /* Texts that mean a missing value in addition to those of pandas, and texts of pandas that do
     * not. */
    const char *const *missing, *const *present;
    int64_t missing_count, present_count;
    const struct TableRule *rules;
    int64_t rule_count;
};
/* The separator is a tab if the file's name ends in .tsv or .tab, else a semicolon if ',' is the
 * decimal, else a comma. */
#define SEPARATOR_AUTO (-1)

/* idx and numpy. */
struct ArrayOptions {
    int64_t first_label; /* the label of the first class */
    enum SourceTranspose transpose;
    const char *axes; /* numpy: the order of the dimensions, such as "NCHW"; NULL: the usual one */
};

/* image-folder, image-list: how pictures are converted. */
struct SourcePictures {
    int64_t height, width; /* 0: the size of the first picture */
    /* As in struct PictureForm. 0: those of the first picture if it is neither grey nor in colour,
     * else 3. */
    int64_t channels;
    enum ResizeRule resize;
    enum SourceDepth depth;
    enum PictureScale scale; /* of floats */
    bool skip_bad;           /* leave out files that cannot be decoded */
};

/* What to open and how. A format refuses options that it does not use, unless the member's comment
 * says otherwise. */
struct SourceOptions {
    const char *format;
    const char *const *paths; /* folders or files, as the format says */
    int path_count;
    const struct SourceNamedPath
        *splits; /* image-folder, table, image-list: one path for each split, instead of `paths` */
    int split_count;
    struct SourcePictures pictures;
    bool coarse_labels; /* cifar100: use the 20 superclasses instead of the 100 classes */
    /* names instead of the format's own; for numpy and matlab also the word "values": the labels
     * are the names; NULL: the format's own */
    const char *const *classes;
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
    /* Both are NULL if the truth is not known. */
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
    int64_t skipped;               /* images that were left out because they cannot be decoded */
    struct TableEncoding encoding; /* how a table was encoded; zeros for other formats */
    void *state;                   /* the format's own */
};

/* Which members of struct SourceOptions a format uses. */
enum SourceTakes {
    SOURCE_TAKES_SPLITS = 1,
    SOURCE_TAKES_SIZE = 2,     /* `pictures` without skip_bad */
    SOURCE_TAKES_SKIP_BAD = 4, /* `pictures.skip_bad` */
    SOURCE_TAKES_LABELS = 8,
    SOURCE_TAKES_TARGETS = 16,
    SOURCE_TAKES_LABEL = 32,   /* `label` */
    SOURCE_TAKES_ARRAYS = 128, /* `arrays` without axes */
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

/* Returns whether the format of that name uses an option; false if there is no such format. */
bool source_takes(const char *format, enum SourceTakes option);

/* Opens a source. Afterwards everything is known except the samples themselves. The options are not
 * needed after this returns. ERROR_USAGE if the format does not exist or the options do not fit it;
 * ERROR_DATA or ERROR_SYSTEM, with the file's name, if the files are not what the format expects.
 * The caller calls source_release only after success. `ticker` may be NULL. */
int source_open(struct Source *source, const struct SourceOptions *options,
                const struct Ticker *ticker, struct Error *error);
void source_release(struct Source *source);

/* Call this after the splits are final and before the first source_read. It measures on the split
 * "train", or on the first one, what the samples depend on, such as values for missing ones. */
int source_settle(struct Source *source, struct Error *error);

/* Reads the samples with the given `items` (count), which come from a split, into `samples` (count,
 * height, width, channels) of uint8, or of float if source->floats. */
int source_read(const struct Source *source, const int64_t *items, int64_t count, void *samples,
                struct Error *error);

/* Returns the source's name of a sample: the path of an image within the folder of its split, or as
 * a list gives it; NULL if samples have no names. It is valid as long as the source. */
const char *source_name(const struct Source *source, int64_t item);

/* Sets the weight of each sample of a split in training, (count), each 0 or more. *has_any is false
 * if the split has no weights. Call it after source_settle. */
int source_weights(const struct Source *source, const struct SourceSplit *split, float *weights,
                   bool *has_any, struct Error *error);

/* Returns the bytes of one sample. */
int64_t source_sample_bytes(const struct Source *source);

/* Returns the split of that name; NULL if there is none. */
struct SourceSplit *source_find_split(const struct Source *source, const char *name);

/* For formats, and for code that cuts a split in two: adds a split of `count` samples, which are
 * all zero. The name is copied. Targets, if there are any, must have been set. Pointers to other
 * splits are invalid afterwards. */
struct SourceSplit *source_add_split(struct Source *source, const char *name, int64_t count);
/* Does the same without labels and targets. */
struct SourceSplit *source_add_unlabelled(struct Source *source, const char *name, int64_t count);
/* Tells the user that something was left out. */
void source_notice(const struct Ticker *ticker, const char *line);
/* Returns whether the option `classes` is the word "values". */
bool source_names_by_value(const struct SourceOptions *options);
/* Set the names of the classes or of the targets, which replace any names set before. The names are
 * copied. */
void source_set_classes(struct Source *source, const char *const *names, int64_t count);
void source_set_targets(struct Source *source, const char *const *names, int64_t count);

#endif
