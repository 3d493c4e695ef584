/* Reads a table by an encoding that was made of another one, such as a later file for a trained
 * model. Columns are found by their names, whatever their order; without a head, by their places.
 * Columns that the encoding does not have, and those that it ignores, are passed over; columns of
 * labels or targets may be missing. A category that the encoding does not have is none: all its
 * features are 0, and a note names it. Not collective. */
#ifndef TRAINER_SOURCES_TABLE_ROWS_H
#define TRAINER_SOURCES_TABLE_ROWS_H

#include "sources/table_encoding.h"

struct TableRows {
    int64_t count, features;
    float *values;    /* (count, features) */
    int64_t *numbers; /* (count): the number of each row in the file, from 0: dropped ones count */
    int32_t *labels;  /* (count): the class; −1 if the field is empty or no class of the encoding.
                         NULL if the file, or the encoding, has no label column */
    float *targets;   /* (count, targets): NAN
                         if the field is empty. NULL if the file, or the encoding, has none */
    int64_t dropped;  /* rows left out, because a value is missing whose rule is MISSING_DROP */
    char **notes;     /* for people: columns passed over, unknown categories, dropped rows */
    int note_count;
};

/* Reads a whole file. ERROR_SYSTEM if it cannot be read; ERROR_DATA, with file and line, if a
 * column of features is missing, if a field is no number where one is expected, if a value is
 * missing whose rule is MISSING_REFUSE, if the rows do not fit in memory, or if there is none. The
 * caller calls table_rows_release in any case. */
int table_encode(struct TableRows *rows, const char *path, const struct TableEncoding *encoding,
                 struct Error *error);
void table_rows_release(struct TableRows *rows); /* leaves zeros */

#endif
