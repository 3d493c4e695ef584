/* What the formats whose samples are image files have in common. Inside sources/ only. */
#ifndef TRAINER_SOURCES_IMAGE_FILES_H
#define TRAINER_SOURCES_IMAGE_FILES_H

#include "sources/folder.h"

/* The state of such a source. An item is a place in `files`. */
struct ImageFiles {
    struct NameList files; /* paths of the images of all splits */
    int32_t *name_starts;  /* (files): where in the path the name of the sample begins */
    struct NameList lines; /* for messages: "FILE:LINE" where a list names each file; or empty */
    enum ResizeRule resize;
    bool resizing; /* the user asked for a size */
    enum PictureScale scale;
};
/* Makes the state, and sets the size that the user asked for (0: none). */
void image_files__start(struct Source *source, const struct SourceOptions *options);
/* Adds a file; takes over the path. What stands from `name_start` on is the sample's name. */
void image_files__add(struct ImageFiles *state, char *path, size_t name_start);
/* Settles what the user left open, once all files and splits are known. The first image that can be
 * examined says the number of channels and the size. Images are floats if one of them has more than
 * 8 bits a value. With skip_bad, files that are no pictures do not matter here. */
int image_files__settle(struct Source *source, const struct SourceOptions *options,
                        struct Error *error);
/* With skip_bad: decodes every image of a split once and drops those that cannot be used, with a
 * notice each: a source tells the number of its samples before it reads the first. */
void image_files__drop_bad(struct Source *source, struct SourceSplit *split,
                           const struct Ticker *ticker);

/* SourceFormat.read, .name and .release. */
int image_files__read(const struct Source *source, const int64_t *items, int64_t count,
                      void *samples, struct Error *error);
const char *image_files__name(const struct Source *source, int64_t item);
void image_files__release(struct Source *source);

#endif
