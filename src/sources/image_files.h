/* Image files as a source, for the formats whose images are files. Inside sources/ only. */
#ifndef TRAINER_SOURCES_IMAGE_FILES_H
#define TRAINER_SOURCES_IMAGE_FILES_H

#include "sources/source.h"

struct NameList {
    char **names;
    int64_t count, capacity;
};
void name_list_add(struct NameList *names, char *name); /* takes the name over */
void name_list_release(struct NameList *names);

/* The state of such a source. */
struct ImageFiles {
    struct NameList files; /* paths of all images of all splits; items are places in it */
    struct NameList lines; /* "FILE:LINE" that names each, for messages; none: no list does */
    enum ResizeRule resize;
    bool resizing; /* a size was asked for */
};
void image_files_start(struct Source *source, const struct SourceOptions *options);
/* Without --size: that of the first image that can be decoded. */
int image_files_take_size(struct Source *source, bool skip_bad, struct Error *error);
/* One image, converted, into `pixels`; NULL: only checked. */
int image_files_load(const struct Source *source, int64_t item, uint8_t *pixels,
                     struct Error *error);

/* SourceFormat.read and .release. */
int image_files_read(const struct Source *source, const int64_t *items, int64_t count,
                     void *samples, struct Error *error);
void image_files_release(struct Source *source);

#endif
