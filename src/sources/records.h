/* Reads a file of separated values record by record (RFC 4180), in memory that does not grow with
 * the file: quoted fields, and line ends of any system; a byte-order mark, blank lines and comments
 * are passed over. Tokens are those of pandas.read_csv. Not collective. */
#ifndef TRAINER_SOURCES_RECORDS_H
#define TRAINER_SOURCES_RECORDS_H

#include <stdint.h>

#include "base/error.h"

struct Records;

/* A record; its fields live until the next call, and may be changed. */
struct Record {
    char **fields;
    int64_t count;
    int64_t line;   /* where it begins, from 1 */
    int64_t offset; /* the same in bytes from the start of the file */
};

/* How records are written. */
struct RecordForm {
    char separator; /* 0: runs of blanks and tabs */
    char comment;   /* lines that begin with it are no records; 0: there are no such lines */
};

/* A first line such as "sep=;", as Excel writes and reads it, is no record and says what the
 * separator is. Anything but a regular file, such as a pipe, is copied first, so that it can be
 * read again. ERROR_SYSTEM if the file cannot be read; *records is NULL then. */
int records__open(struct Records **records, const char *path, const struct RecordForm *form,
                  struct Error *error);
char records__separator(const struct Records *records);
void records__close(struct Records *records); /* NULL is allowed */

/* The next record; count 0: the file ends. ERROR_DATA, with file and line, if a quote is never
 * closed, if the text holds a zero byte, or if a record is longer than RECORD_BYTES. */
#define RECORD_BYTES ((int64_t)1 << 28)
int records__next(struct Records *records, struct Record *record, struct Error *error);

/* Goes to the record that begins at `offset`, in line `line`: cheap for one that follows soon. */
void records__seek(struct Records *records, int64_t offset, int64_t line);

#endif
