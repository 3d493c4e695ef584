/* Single fields of a table, and sets of texts that columns hold. */
#ifndef TRAINER_SOURCES_TABLE_CELLS_H
#define TRAINER_SOURCES_TABLE_CELLS_H

#include "sources/number.h"
#include "sources/table_encoding.h"

/* How fields of a table are to be understood. */
struct Cells {
    const struct TableEncoding *encoding;
    struct NumberFormat format;
    bool begins[256]; /* first bytes of texts that stand for no value */
};
struct Cells cells__of(const struct TableEncoding *encoding);

/* The next functions take a field without blanks around it. */
bool cells__is_missing(const struct Cells *cells, const char *field);
bool cells__number(const struct Cells *cells, const char *field, double *value, bool *is_whole);
/* "True", "TRUE", "true" and "False" and so on, as pandas; and "1" and "0". −1: neither. */
int cells__boolean(const char *field);
/* Only the words. */
bool cells__is_boolean_word(const char *field);
/* The number of the category that the field names; −1: none does. */
int64_t cells__category(const struct Cells *cells, const struct TableColumn *column,
                        const char *field);

/* Texts that are all different, numbered in the order in which they were added. */
struct NameSet {
    int64_t count, most; /* most: no more are kept */
    bool overflows;      /* there were more */
    char **names;        /* (count) */
    void *tree;
};
void name_set__release(struct NameSet *set);
/* The number of the text, which is added if it is new; −1 if there are too many. */
int32_t name_set__add(struct NameSet *set, const char *name);
/* The texts in order: as numbers, of which equal ones are one and the first text stands for it, or
 * as bytes. `places` (set->count), which may be NULL: where each went. The caller releases the
 * names and the array. */
char **name_set__sort(const struct NameSet *set, bool numeric, const struct NumberFormat *format,
                      int64_t *count, int32_t *places);

#endif
