/* Lists the files of folders in an order that is the same on every machine. For sources/ only. Not
 * collective. */
#ifndef TRAINER_SOURCES_FOLDER_H
#define TRAINER_SOURCES_FOLDER_H

#include <sys/stat.h>

#include "sources/source.h"

struct NameList {
    char **names;
    int64_t count;
};
void name_list__add(struct NameList *names, char *name); /* takes ownership of the name */
void name_list__release(struct NameList *names);

struct Folder {
    struct NameList folders, files; /* sorted byte by byte */
};

/* What to do with links that lead nowhere: without `skip_bad` they are an error; with it, they are
 * counted and the ticker gets a notice of each. */
struct BadLinks {
    bool skip_bad;
    int64_t *skipped;
    const struct Ticker *ticker;
};

/* Lists a folder, without hidden files and those that operating systems leave behind (.DS_Store,
 * Thumbs.db, __MACOSX and the like). The caller calls folder__release in any case. */
int folder__list(struct Folder *folder, const char *path, const struct BadLinks *links,
                 struct Error *error);
void folder__release(struct Folder *folder);

/* A folder and the folders that contain it. */
struct FolderNest {
    struct stat about;
    const struct FolderNest *outer;
};
/* Call this before listing a folder that lies in `outer`. A link may lead back to a folder that
 * contains it, and listing would never end. Such a link is treated like one that leads nowhere: it
 * is an error, or, with links->skip_bad, *enters is set to false. */
int folder__enter(struct FolderNest *nest, const char *path, const struct FolderNest *outer,
                  const struct BadLinks *links, bool *enters, struct Error *error);

/* Returns whether an operating system left a file or folder of this name behind. */
bool folder__is_debris(const char *name);

#endif
