/* Interprets single fields of a table, and collects the texts of columns. Not collective. */
#ifndef TRAINER_SOURCES_TABLE_CELLS_H
#define TRAINER_SOURCES_TABLE_CELLS_H

#include "sources/number.h"
#include "sources/table_encoding.h"

/* How the fields of a table are interpreted. */
struct Cells {
    const struct TableEncoding *encoding;
    struct NumberFormat format;
    bool begins[256]; /* first bytes of texts that mean a missing value */
};
struct Cells cells__of(const struct TableEncoding *encoding);

/* The next functions expect a field without surrounding blanks. */
bool cells__is_missing(const struct Cells *cells, const char *field);
bool cells__number(const struct Cells *cells, const char *field, double *value, bool *is_whole);
/* Returns 1 for "True", "TRUE", "true" and "1", 0 for "False", "FALSE", "false" and "0", and −1 for
 * anything else. */
int cells__boolean(const char *field);
/* Returns whether the field is one of these words; "1" and "0" are not. */
bool cells__is_boolean_word(const char *field);
/* Returns the index of the category that the field names; −1: it names none. */
int64_t cells__category(const struct Cells *cells, const struct TableColumn *column,
                        const char *field);

/* A set of different texts, numbered in the order in which they were added. */
struct NameSet {
    int64_t count, most; /* `most` is the largest number that is kept */
    bool overflows;      /* there were more than `most` */
    char **names;        /* (count) */
    void *tree;
};
void name_set__release(struct NameSet *set);
/* Returns the number of the text, which is added if it is new; −1 if there are too many. */
int32_t name_set__add(struct NameSet *set, const char *name);
/* Returns the texts sorted byte by byte, or, if `numeric`, as numbers; the first of several texts
 * of the same number then stands for it. `places` (set->count), unless NULL, gets the place of each
 * text. The caller releases the names and the array. */
char **name_set__sort(const struct NameSet *set, bool numeric, const struct NumberFormat *format,
                      int64_t *count, int32_t *places);

#endif
