/* Comma-separated values (RFC 4180): quoted fields, CRLF, a byte-order mark; blank lines are passed
 * over. The first record is the head: names, without the blanks around them. A table stands in
 * memory as its text and a pointer a field. Not collective. */
#ifndef TRAINER_SOURCES_CSV_H
#define TRAINER_SOURCES_CSV_H

#include <stdint.h>

#include "base/error.h"

struct Csv {
    char *path, *text;
    int64_t columns, rows; /* rows: without the head */
    char **fields;         /* (1 + rows, columns), in `text` */
    int64_t *lines;        /* (1 + rows): where each begins in the file, from 1 */
};

/* ERROR_DATA, with file and line, where a record has more or fewer fields than the head, a quote
 * stays open, a zero byte stands in the text, two columns have one name, a name is not UTF-8 text
 * or is longer than 200 bytes, or the head's only name holds a semicolon or a tab. csv_release
 * follows in any case. */
int csv_read(struct Csv *csv, const char *path, struct Error *error);
void csv_release(struct Csv *csv);

const char *csv_field(const struct Csv *csv, int64_t row, int64_t column); /* row −1: the head */
/* The column of that name; −1, with a line that names those that exist. */
int64_t csv_column(const struct Csv *csv, const char *name, struct Error *error);
/* A field as a finite float: a plain decimal, blanks around it allowed. */
int csv_number(const struct Csv *csv, int64_t row, int64_t column, float *value,
               struct Error *error);

#endif
