/* What the formats whose samples are image files have in common. For sources/ only. Not
 * collective. */
#ifndef TRAINER_SOURCES_IMAGE_FILES_H
#define TRAINER_SOURCES_IMAGE_FILES_H

#include "sources/folder.h"

/* The state of such a source. An item is an index into `files`. */
struct ImageFiles {
    struct NameList files; /* paths of the images of all splits */
    int32_t *name_starts;  /* (files): where in the path the name of the sample begins */
    struct NameList lines; /* for messages: "FILE:LINE" where a list names each file; or empty */
    enum ResizeRule resize;
    bool resizing; /* the user asked for a size */
    enum PictureScale scale;
};
/* Allocates the source's state, and sets the size that the user asked for (0: none). */
void image_files__start(struct Source *source, const struct SourceOptions *options);
/* Adds a file and takes ownership of the path. The part of it from `name_start` on is the sample's
 * name. */
void image_files__add(struct ImageFiles *state, char *path, size_t name_start);
/* Determines what the user did not specify, after all files and splits are known. The first image
 * that can be examined gives the number of channels and the size. Images are floats if one of them
 * has more than 8 bits per value. With skip_bad, files that are no pictures are ignored. */
int image_files__settle(struct Source *source, const struct SourceOptions *options,
                        struct Error *error);
/* With skip_bad: decodes every image of a split once and drops those that cannot be used, with a
 * notice of each. This is necessary because a source must know the number of its samples before any
 * is read. */
void image_files__drop_bad(struct Source *source, struct SourceSplit *split,
                           const struct Ticker *ticker);

/* SourceFormat.read, .name and .release. */
int image_files__read(const struct Source *source, const int64_t *items, int64_t count,
                      void *samples, struct Error *error);
const char *image_files__name(const struct Source *source, int64_t item);
void image_files__release(struct Source *source);

#endif
