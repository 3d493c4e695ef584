/* Reads a file of separated values record by record (RFC 4180). The memory does not grow with the
 * file. Fields may be quoted, and line ends may be those of any system; a byte-order mark, blank
 * lines, comments and a DOS end of file (0x1A) are skipped. Fields are split as in pandas.read_csv.
 * Not collective. */
#ifndef TRAINER_SOURCES_RECORDS_H
#define TRAINER_SOURCES_RECORDS_H

#include <stdint.h>

#include "base/error.h"

struct Records;

/* A record. Its fields are valid until the next call, and may be changed. */
struct Record {
    char **fields;
    int64_t count;
    int64_t line;   /* where it begins, from 1 */
    int64_t offset; /* where it begins, in bytes from the start of the file */
};

/* The notation of a file. */
struct RecordForm {
    char separator; /* 0: runs of blanks and tabs */
    char comment;   /* lines that begin with it are comments; 0: there are no comments */
};

/* A first line such as "sep=;", as Excel writes it, is no record but sets the separator. Anything
 * but a regular file, such as a pipe, is copied first so that it can be read again. ERROR_SYSTEM if
 * the file cannot be read; *records is NULL then. */
int records__open(struct Records **records, const char *path, const struct RecordForm *form,
                  struct Error *error);
char records__separator(const struct Records *records);
void records__close(struct Records *records); /* NULL is allowed */

/* Reads the next record; its count is 0 at the end of the file. ERROR_DATA, with file and line, if
 * a quote is never closed, if the text holds a zero byte, or if a record is longer than
 * RECORD_BYTES. */
#define RECORD_BYTES ((int64_t)1 << 28)
int records__next(struct Records *records, struct Record *record, struct Error *error);

/* Moves to the record that begins at `offset`, in line `line`. This is cheap for a record a little
 * further on. */
void records__seek(struct Records *records, int64_t offset, int64_t line);

#endif
