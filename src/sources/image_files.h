/* What the formats whose samples are image files have in common. Inside sources/ only. */
#ifndef TRAINER_SOURCES_IMAGE_FILES_H
#define TRAINER_SOURCES_IMAGE_FILES_H

#include "sources/source.h"

struct NameList {
    char **names;
    int64_t count, capacity;
};
void name_list__add(struct NameList *names, char *name); /* takes the name over */
void name_list__release(struct NameList *names);

/* The state of such a source. An item is a place in `files`. */
struct ImageFiles {
    struct NameList files; /* paths of the images of all splits */
    struct NameList lines; /* for messages: "FILE:LINE" where a list names each file; or empty */
    enum ResizeRule resize;
    bool resizing; /* the user asked for a size */
};
/* Makes the state, and sets the size that the user asked for (0: none). */
void image_files__start(struct Source *source, const struct SourceOptions *options);
/* If the user asked for no size, takes that of the first image; with skip_bad, of the first that
 * can be decoded. */
int image_files__take_size(struct Source *source, bool skip_bad, struct Error *error);
/* Decodes one image and brings it to the source's size, into `pixels`; NULL: only checks that it
 * can be done. May be called from any thread. */
int image_files__load(const struct Source *source, int64_t item, uint8_t *pixels,
                      struct Error *error);

/* SourceFormat.read and .release. */
int image_files__read(const struct Source *source, const int64_t *items, int64_t count,
                      void *samples, struct Error *error);
void image_files__release(struct Source *source);

#endif
