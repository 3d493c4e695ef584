/* Imports: images with labels, or numbers with targets, in a public format to a data set file.
 * Every format is one row of import_formats and one file of import/; what they share
 * (validation split, batches, writing) is in import.c. Not collective. */
#ifndef TRAINER_DATA_IMPORT_H
#define TRAINER_DATA_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "data/progress.h"
#include "pictures/resize.h"

struct ImportNamedFolder {
    char *name;
    const char *folder;
};

struct ImportOptions {
    const char *format;
    const char *const *sources; /* folders or files, as the format says */
    int source_count;
    const struct ImportNamedFolder
        *splits; /* image-folder, table, image-list: in place of sources */
    int split_count;
    int64_t height, width; /* image-folder, image-list: 0: as the first image */
    int64_t channels;      /* image-folder: 1 or 3 */
    enum ResizeRule resize;
    bool skip_bad;              /* image-folder: leave out what cannot be decoded */
    bool coarse_labels;         /* cifar100 */
    const char *const *classes; /* names in place of the format's own; NULL: none */
    int64_t class_count;
    const char *const *targets; /* table, image-list: columns that are targets */
    int64_t target_count;
    double validation; /* the part of every training class that becomes the split "validation" */
    uint64_t seed;     /* which images that part takes */
};

/* A split of a source: its images in their final order. */
struct ImportSplit {
    char *name;
    int64_t count;
    int32_t *labels; /* (count), in [0, class_count); zeros where the targets are values */
    float *targets;  /* (count, target_count) */
    int64_t *items;  /* (count), the source's own number of an image */
};

/* What a format makes of the user's folders before any pixel is converted. */
struct ImportSource {
    const struct ImportFormat *format;
    int64_t height, width, channels;
    int64_t class_count;
    char **class_names;
    int64_t target_count; /* not 0: the targets are values, there are no classes */
    char **target_names;
    bool floats; /* the images are float, else uint8 */
    int split_count;
    struct ImportSplit *splits;
    int64_t skipped; /* images left out */
    void *state;     /* the format's own */
};

struct ImportFormat {
    const char *name, *help;
    /* Fills in a zeroed source; import.c releases it, after a failure too. */
    int (*open)(struct ImportSource *source, const struct ImportOptions *options,
                const struct JobProgress *progress, struct Error *error);
    /* The pixels of `count` items into (count, height, width, channels), of float where the source
     * says so. */
    int (*read)(const struct ImportSource *source, const int64_t *items, int64_t count,
                uint8_t *pixels, struct Error *error);
    void (*release)(struct ImportSource *source); /* `state` only; it may be NULL */
};
extern const struct ImportFormat import_image_folder, import_cifar10, import_cifar100, import_idx,
    import_table, import_image_list;
extern const struct ImportFormat *const import_formats[]; /* NULL-terminated */

/* Imports into `path`; *skipped says how many images were left out. */
int import_dataset(const struct ImportOptions *options, const char *path,
                   const struct JobProgress *progress, int64_t *skipped, struct Error *error);

/* For the formats: adds a split (its name is copied) with room for `count` images. */
struct ImportSplit *import_add_split(struct ImportSource *source, const char *name, int64_t count);
/* Sets class names, or those of targets, before the first split (copied). */
void import_set_classes(struct ImportSource *source, const char *const *names, int64_t count);
void import_set_targets(struct ImportSource *source, const char *const *names, int64_t count);

#endif
