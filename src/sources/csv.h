/* A list in a file of comma-separated values (sources/records.h), as a whole in memory. The first
 * record is the head: the names of the columns, without the blanks around them. If it holds no
 * comma, semicolons or tabs stand between columns, or blanks if it ends in a number. Not
 * collective. */
#ifndef TRAINER_SOURCES_CSV_H
#define TRAINER_SOURCES_CSV_H

#include <stdint.h>

#include "base/error.h"

struct Csv {
    char *path, *text;
    int64_t columns, rows; /* the head is not counted as a row */
    char **fields;         /* (1 + rows, columns), in `text` */
    int64_t *lines;        /* (1 + rows): the line of the file where each begins, from 1 */
    char **names;          /* (columns): of csv__name_columns; or NULL */
};

/* Reads a table. ERROR_SYSTEM if the file cannot be read; ERROR_DATA, with file and line, if a
 * record has more or fewer fields than the head, a quote is never closed, the text holds a zero
 * byte, two columns have the same name, a name is not UTF-8 text or is longer than 200 bytes, the
 * head's only name holds a semicolon or a tab, or there is no row. The caller calls csv__release in
 * any case. */
int csv__read(struct Csv *csv, const char *path, struct Error *error);
void csv__release(struct Csv *csv);

/* Makes the first record a row, and names the columns by their numbers, from 0. */
void csv__name_columns(struct Csv *csv);

/* A field as text; row −1 is the head. */
const char *csv__field(const struct Csv *csv, int64_t row, int64_t column);
/* The number of the column with that name; −1 and ERROR_DATA if there is none. */
int64_t csv__column(const struct Csv *csv, const char *name, struct Error *error);
/* Reads a field as a number: a decimal that a float can hold, perhaps with blanks around it.
 * ERROR_DATA, with file and line, if it is anything else. */
int csv__number(const struct Csv *csv, int64_t row, int64_t column, float *value,
                struct Error *error);

#endif
