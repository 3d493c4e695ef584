/* The files of folders, in an order that is the same on every machine. Inside sources/ only. */
#ifndef TRAINER_SOURCES_FOLDER_H
#define TRAINER_SOURCES_FOLDER_H

#include <sys/stat.h>

#include "sources/source.h"

struct NameList {
    char **names;
    int64_t count;
};
void name_list__add(struct NameList *names, char *name); /* takes the name over */
void name_list__release(struct NameList *names);

struct Folder {
    struct NameList folders, files; /* sorted byte by byte */
};

/* What to do with links that lead nowhere: without `skip_bad` they are an error, with it they are
 * counted, and the ticker is told of each. */
struct BadLinks {
    bool skip_bad;
    int64_t *skipped;
    const struct Ticker *ticker;
};

/* Lists a folder without what is hidden and what operating systems leave behind (.DS_Store,
 * Thumbs.db, __MACOSX and the like). The caller calls folder__release in any case. */
int folder__list(struct Folder *folder, const char *path, const struct BadLinks *links,
                 struct Error *error);
void folder__release(struct Folder *folder);

/* A folder, and those that it lies in. */
struct FolderNest {
    struct stat about;
    const struct FolderNest *outer;
};
/* Before a folder is listed that lies in `outer`: a link may lead to a folder that holds it, and
 * would never end. That is what `links` say of links that lead nowhere: an error, or *enters is
 * false. */
int folder__enter(struct FolderNest *nest, const char *path, const struct FolderNest *outer,
                  const struct BadLinks *links, bool *enters, struct Error *error);

/* Whether a name is of a file or folder that an operating system left behind. */
bool folder__is_debris(const char *name);

#endif
