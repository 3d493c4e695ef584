/* Reads the head of a table, and checks the table's records against it. Not collective. */
#ifndef TRAINER_SOURCES_TABLE_HEAD_H
#define TRAINER_SOURCES_TABLE_HEAD_H

#include <stdbool.h>

#include "sources/records.h"
#include "sources/table_encoding.h"

struct TableHead {
    const char *path; /* the caller's */
    int64_t count;    /* columns */
    char **names;     /* (count), as field__trim leaves them */
    int64_t line;
    bool *is_shared;  /* (count): other columns had the same name and were renamed */
    int64_t numbered; /* the first column that was renamed; −1: none */
    bool has_head;    /* else the names are "0", "1" and so on */
    /* records begin with a field that the head does not have, as R writes names of rows */
    bool has_index;
    bool has_tail;    /* records end with a separator, and the head does not */
    int64_t repeated; /* records so far that repeat the head, as in concatenated files */
};

/* Opens the records of a table in the notation that the encoding says. */
int table_head__open(struct Records **records, const char *path,
                     const struct TableEncoding *encoding, struct Error *error);
/* Reads the head, and moves to the first record after it. Without a head, the columns are named
 * "0", "1" and so on. ERROR_DATA if there is no record, or if a name is not allowed. The caller
 * calls table_head__release in any case. */
int table_head__read(struct TableHead *head, const char *path, struct Records *records,
                     const struct TableEncoding *encoding, struct Error *error);
void table_head__release(struct TableHead *head);

/* Reads the next record that does not repeat the head, without the field of the index. Its count is
 * 0 at the end of the file. ERROR_DATA if it has more or fewer fields than the head. */
int table_head__next(struct TableHead *head, struct Records *records, struct Record *record,
                     struct Error *error);

/* Returns whether a column has no name, or the one that pandas gives to columns without a name. */
bool column_name__is_absent(const char *name);

#endif
