/* Pictures without labels: files, folders of files, and lists that name files. They are read by
 * number, each brought to one size. Not collective. */
#ifndef TRAINER_SOURCES_PICTURE_LIST_H
#define TRAINER_SOURCES_PICTURE_LIST_H

#include "base/ticker.h"
#include "pictures/picture.h"
#include "pictures/resize.h"

/* What the pictures become. */
struct PictureShape {
    int64_t height, width;
    enum ResizeRule resize;
    struct PictureForm form;
};

struct PictureFile {
    char *path;         /* to open it */
    char *name;         /* where it comes from: its path, or as the list names it */
    const void *values; /* what it becomes, if it was decoded already and kept; or NULL */
};

struct PictureList { /* start with {0} */
    int64_t count;
    struct PictureFile *files;
    int64_t skipped; /* files that were left out */
};

/* What a path can be. */
enum PictureSource {
    PICTURE_SOURCE_FOLDER,
    PICTURE_SOURCE_FILE,    /* a picture, told by its first bytes */
    PICTURE_SOURCE_TEXT,    /* perhaps a list or a table */
    PICTURE_SOURCE_UNKNOWN, /* none of these, or it cannot be read */
};
enum PictureSource picture_source(const char *path);

struct PictureListOptions {
    bool skip_bad;               /* leave out what is not a picture */
    const struct Ticker *ticker; /* gets a notice for each file that is left out; or NULL */
};

/* Adds what a path stands for: a picture; a folder with all pictures below it, in the order of
 * their names; or a list: a line for each file, or a table with a column `path`. Paths in a list
 * are relative to its folder, or else to the working folder. ERROR_DATA or ERROR_SYSTEM if a file
 * is not a picture, or missing; with skip_bad it is left out. */
int picture_list_add(struct PictureList *list, const char *path,
                     const struct PictureListOptions *options, struct Error *error);
void picture_list_release(struct PictureList *list);

/* Decodes pictures [first, first + count) into `samples` (count, height, width, channels) of uint8,
 * or of float. If several are bad, the first is named. From any thread. */
int picture_list_read(const struct PictureList *list, const struct PictureShape *shape,
                      int64_t first, int64_t count, void *samples, struct Error *error);

/* Bytes of what a picture becomes. */
int64_t picture_shape_bytes(const struct PictureShape *shape);

/* Room for what the first `count` pictures become, one after the other, and for whether they are
 * there. */
struct PictureStore {
    int64_t count;
    void *values;
    bool *kept;
};
/* Decodes every `stride`-th picture from `first` on, keeps what has room, and sets bad[i] of those
 * that cannot be used. */
void picture_list_check(const struct PictureList *list, const struct PictureShape *shape,
                        int64_t first, int64_t stride, const struct PictureStore *store,
                        int64_t *bad);
/* From then on picture_list_read takes from the store, which must outlive the list, what is kept
 * there. */
void picture_list_take(struct PictureList *list, const struct PictureShape *shape,
                       const struct PictureStore *store);
/* Leaves out the pictures i for which bad[i] is not 0, with a notice for each. */
void picture_list_drop(struct PictureList *list, const struct PictureShape *shape,
                       const int64_t *bad, const struct Ticker *ticker);

#endif
