/* The classes of labels that are texts or numbers: each that occurs, sorted as numbers if all are
 * numbers, else byte by byte. Inside sources/ only. */
#ifndef TRAINER_SOURCES_CLASS_LIST_H
#define TRAINER_SOURCES_CLASS_LIST_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
