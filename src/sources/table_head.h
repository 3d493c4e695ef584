/* The head of a table, and its records checked against it. */
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
    bool *is_shared;  /* (count): others had the column's name, too, and got another */
    int64_t numbered; /* the first column that shares its name and got a number; −1: none */
    bool has_head;    /* else names are numbers */
    bool has_index;   /* records have one more field before those of the head: R's names of rows */
    bool has_tail;    /* records end with a separator, and the head does not */
    int64_t repeated; /* records so far that were the head again, as in files put together */
};

/* Opens the records of a table that is written as the encoding says. */
int table_head__open(struct Records **records, const char *path,
                     const struct TableEncoding *encoding, struct Error *error);
/* Reads the head, and goes to the first record after it. Without a head the columns are named by
 * their numbers, from 0. ERROR_DATA if there is no record, or if a name cannot be used. The caller
 * calls table_head__release in any case. */
int table_head__read(struct TableHead *head, const char *path, struct Records *records,
                     const struct TableEncoding *encoding, struct Error *error);
void table_head__release(struct TableHead *head);

/* The next record that is not the head again, without the field of the index; count 0: the file
 * ends. ERROR_DATA if it has not as many fields as the head. */
int table_head__next(struct TableHead *head, struct Records *records, struct Record *record,
                     struct Error *error);

/* Whether the column has no name, or the one that pandas gives a column without a name. */
bool column_name__is_absent(const char *name);

#endif
