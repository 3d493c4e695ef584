/* Reads a table by an encoding that was made from another one, such as a later file for a trained
 * model. Columns are found by their names in any order; without a head, by their places. Columns
 * that the encoding does not have or ignores are skipped; columns of labels or targets may be
 * missing. For a category that the encoding does not have, all features of the column are 0, and a
 * note names it. Not collective. */
#ifndef TRAINER_SOURCES_TABLE_ROWS_H
#define TRAINER_SOURCES_TABLE_ROWS_H

#include "sources/table_encoding.h"

struct TableRows {
    int64_t count, features;
    float *values; /* (count, features) */
    /* (count): the index of each row in the file, from 0, with dropped rows counted */
    int64_t *numbers;
    /* (count): the class; −1 if the field is empty or names no class of the encoding. NULL if the
     * file or the encoding has no label column */
    int32_t *labels;
    /* (count, targets): NAN if the field is empty. NULL if the file or the encoding has no target
     * columns */
    float *targets;
    /* rows that were left out because a value is missing whose rule is MISSING_DROP */
    int64_t dropped;
    char **notes; /* texts about skipped columns, unknown categories and dropped rows */
    int note_count;
};

/* Reads a whole file. ERROR_SYSTEM if it cannot be read; ERROR_DATA, with file and line, if a
 * column of features is missing, if a field that must be a number is not, if a value is missing
 * whose rule is MISSING_REFUSE, if the rows do not fit into memory, or if there are none. The
 * caller calls table_rows_release in any case. */
int table_encode(struct TableRows *rows, const char *path, const struct TableEncoding *encoding,
                 struct Error *error);
void table_rows_release(struct TableRows *rows); /* leaves zeros */

#endif
