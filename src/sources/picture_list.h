/* Pictures without labels: files, folders of files, and lists that name files. Pictures are read by
 * index and converted to one size. Not collective. */
#ifndef TRAINER_SOURCES_PICTURE_LIST_H
#define TRAINER_SOURCES_PICTURE_LIST_H

#include "base/ticker.h"
#include "pictures/picture.h"
#include "pictures/resize.h"

/* Size and form to which the pictures are converted. */
struct PictureShape {
    int64_t height, width;
    enum ResizeRule resize;
    struct PictureForm form;
};

struct PictureFile {
    char *path;         /* to open it */
    char *name;         /* its path, or its name in the list */
    const void *values; /* the converted picture, if it was decoded before and kept; or NULL */
};

struct PictureList { /* start with {0} */
    int64_t count;
    struct PictureFile *files;
    int64_t skipped; /* files that were left out */
};

/* What a path leads to. */
enum PictureSource {
    PICTURE_SOURCE_FOLDER,
    PICTURE_SOURCE_FILE,    /* a picture, recognised by its first bytes */
    PICTURE_SOURCE_TEXT,    /* perhaps a list or a table */
    PICTURE_SOURCE_UNKNOWN, /* none of these, or it cannot be read */
};
enum PictureSource picture_source(const char *path);

struct PictureListOptions {
    bool skip_bad;               /* leave out files that are not pictures */
    const struct Ticker *ticker; /* gets a notice for each file that is left out; or NULL */
};

/* Adds a picture; all pictures in a folder and the folders below it, in the order of their names;
 * or the files of a list, which has a file on each line or is a table with a column `path`. Paths
 * in a list are relative to its folder, or else to the working folder. ERROR_DATA or ERROR_SYSTEM
 * if a file is missing or not a picture, unless skip_bad leaves it out. */
int picture_list_add(struct PictureList *list, const char *path,
                     const struct PictureListOptions *options, struct Error *error);
void picture_list_release(struct PictureList *list);

/* Decodes pictures [first, first + count) into `samples` (count, height, width, channels) of uint8
 * or float. If several are bad, the error names the first. Any thread may call it. */
int picture_list_read(const struct PictureList *list, const struct PictureShape *shape,
                      int64_t first, int64_t count, void *samples, struct Error *error);

/* Returns the bytes of a converted picture. */
int64_t picture_shape_bytes(const struct PictureShape *shape);

/* Room for the first `count` converted pictures, which are contiguous, and for a mark of each that
 * is there. */
struct PictureStore {
    int64_t count;
    void *values;
    bool *kept;
};
/* Decodes every `stride`-th picture from `first` on, keeps those that the store has room for, and
 * sets bad[i] for those that cannot be used. */
void picture_list_check(const struct PictureList *list, const struct PictureShape *shape,
                        int64_t first, int64_t stride, const struct PictureStore *store,
                        int64_t *bad);
/* Makes picture_list_read use the pictures in the store, which must outlive the list. */
void picture_list_take(struct PictureList *list, const struct PictureShape *shape,
                       const struct PictureStore *store);
/* Leaves out the pictures i for which bad[i] is not 0, with a notice for each. */
void picture_list_drop(struct PictureList *list, const struct PictureShape *shape,
                       const int64_t *bad, const struct Ticker *ticker);

#endif
