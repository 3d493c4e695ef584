/* The classes of labels that are texts or numbers: each that occurs, sorted as numbers if all are
 * numbers, else byte by byte. Inside sources/ only. */
#ifndef TRAINER_SOURCES_CLASS_LIST_H
#define TRAINER_SOURCES_CLASS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "sources/source.h"

struct ClassList {
    bool numeric; /* "1", "1.0" and "01" are one class */
    int64_t count;
    char **names; /* (count), sorted */
};

/* Lists the classes that `count` texts name; the texts stay the caller's. */
void class_list__make(struct ClassList *list, const char *const *texts, int64_t count);
void class_list__release(struct ClassList *list);
/* The number of a class; −1 if there is none of that name. */
int64_t class_list__find(const struct ClassList *list, const char *text);

/* Sets the names of the classes that a file lists, one on each line; blank lines do not count. If
 * the file is missing and `optional`, no names are set. */
int class_names__read(struct Source *source, const char *path, int64_t expected, bool optional,
                      struct Error *error);

#endif
