/* A file of comma-separated values (sources/records.h), wholly in memory. The first record is the
 * head: the names of the columns, without surrounding blanks. If it contains no comma, the
 * separator is a semicolon or a tab, or blanks if it ends in a number. Not collective. */
#ifndef TRAINER_SOURCES_CSV_H
#define TRAINER_SOURCES_CSV_H

#include <stdint.h>

#include "base/error.h"

struct Csv {
    char *path, *text;
    int64_t columns, rows; /* `rows` does not count the head */
    char **fields;         /* (1 + rows, columns), in `text` */
    int64_t *lines;        /* (1 + rows): the line of the file where each record begins, from 1 */
    char **names;          /* (columns): set by csv__name_columns; or NULL */
};

/* Reads a table. ERROR_SYSTEM if the file cannot be read; ERROR_DATA, with file and line, if a
 * record has more or fewer fields than the head, a quote is never closed, the text holds a zero
 * byte, two columns have the same name, a name is not UTF-8 text or is longer than 200 bytes, the
 * head's only name contains a semicolon or a tab, or there is no row. The caller calls csv__release
 * in any case. */
int csv__read(struct Csv *csv, const char *path, struct Error *error);
void csv__release(struct Csv *csv);

/* Makes the first record a row, and names the columns "0", "1" and so on. */
void csv__name_columns(struct Csv *csv);

/* Returns a field as text; row −1 is the head. */
const char *csv__field(const struct Csv *csv, int64_t row, int64_t column);
/* Returns the index of the column with that name, or −1 with ERROR_DATA if there is none. */
int64_t csv__column(const struct Csv *csv, const char *name, struct Error *error);
/* Reads a field as a decimal number; blanks around it are allowed. ERROR_DATA, with file and line,
 * if it is anything else or too large for a float. */
int csv__number(const struct Csv *csv, int64_t row, int64_t column, float *value,
                struct Error *error);

#endif
