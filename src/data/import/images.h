/* Image files as a source, for the formats whose images are files. Inside data/ only. */
#ifndef TRAINER_DATA_IMPORT_IMAGES_H
#define TRAINER_DATA_IMPORT_IMAGES_H

#include "data/import.h"

struct ImportNames {
    char **names;
    int64_t count, capacity;
};
void import_names_add(struct ImportNames *names, char *name); /* takes the name over */
void import_names_release(struct ImportNames *names);

/* The state of such a source. */
struct ImportImages {
    struct ImportNames files; /* paths of all images of all splits; items are places in it */
    struct ImportNames lines; /* "FILE:LINE" that names each, for messages; none: no list does */
    enum ResizeRule resize;
    bool resizing; /* a size was asked for */
};
void import_images_start(struct ImportSource *source, const struct ImportOptions *options);
/* Without --size: that of the first image that can be decoded. */
int import_images_take_size(struct ImportSource *source, bool skip_bad, struct Error *error);
/* One image, converted, into `pixels`; NULL: only checked. */
int import_images_load(const struct ImportSource *source, int64_t item, uint8_t *pixels,
                       struct Error *error);

/* ImportFormat.read and .release. */
int import_images_read(const struct ImportSource *source, const int64_t *items, int64_t count,
                       uint8_t *pixels, struct Error *error);
void import_images_release(struct ImportSource *source);

#endif
