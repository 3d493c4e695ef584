/* The classes of labels that are texts or numbers: all that occur, sorted as numbers if all are
 * numbers, else byte by byte. For sources/ only. Not collective. */
#ifndef TRAINER_SOURCES_CLASS_LIST_H
#define TRAINER_SOURCES_CLASS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "sources/source.h"

struct ClassList {
    bool numeric; /* all names are numbers: "1", "1.0" and "01" are the same class */
    int64_t count;
    char **names; /* (count), sorted */
};

/* Lists the classes that `count` texts name. The texts are copied. */
void class_list__make(struct ClassList *list, const char *const *texts, int64_t count);
void class_list__release(struct ClassList *list);
/* Returns the index of a class, or −1 if there is none of that name. */
int64_t class_list__find(const struct ClassList *list, const char *text);

/* Sets the names of the source's classes to those in a file, one on each line; blank lines are
 * ignored. If the file is missing and `optional`, no names are set. ERROR_DATA unless there are
 * `expected` names. */
int class_names__read(struct Source *source, const char *path, int64_t expected, bool optional,
                      struct Error *error);

#endif
