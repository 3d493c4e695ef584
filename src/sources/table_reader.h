/* Reads the rows of a table by an encoding. The memory does not grow with the file. Not
 * collective. */
#ifndef TRAINER_SOURCES_TABLE_READER_H
#define TRAINER_SOURCES_TABLE_READER_H

#include "base/text.h"
#include "sources/table_cells.h"
#include "sources/table_head.h"

/* Fields of a column that name no known category. */
struct Unknown {
    int64_t count;
    struct NameSet first; /* the first few of them */
};

struct TableReader {
    char *path;
    const struct TableEncoding *encoding; /* the caller's */
    struct Cells cells;
    struct Records *records;
    struct TableHead head;
    int64_t *places; /* (column_count): the field of each column; −1: the file lacks the column */
    bool *known;     /* (head.count): whether the encoding has a column for the field */
    struct Unknown *unknown; /* (column_count) */
};

/* Opens a file and finds the encoding's columns in it. ERROR_DATA if a column of features, or, with
 * `needs_targets`, one of labels or targets, is missing. After a failure the reader is closed. */
int table_reader__open(struct TableReader *reader, const char *path,
                       const struct TableEncoding *encoding, bool needs_targets,
                       struct Error *error);
void table_reader__close(struct TableReader *reader);

/* Reads the next record; its count is 0 at the end of the file. */
int table_reader__next(struct TableReader *reader, struct Record *record, struct Error *error);

/* Sets `features` (table_encoding_features) to those of a record. *dropped is set to whether a
 * value is missing whose rule is MISSING_DROP; `features` then has no meaning. ERROR_DATA as in
 * table_encode. */
int table_reader__features(struct TableReader *reader, const struct Record *record, float *features,
                           bool *dropped, struct Error *error);
/* Returns the field of the label column without surrounding blanks; NULL if the file has no such
 * column, "" if the value is missing. */
const char *table_reader__label(const struct TableReader *reader, const struct Record *record);
/* Sets the values of the target columns; a missing one is NAN. */
int table_reader__targets(const struct TableReader *reader, const struct Record *record,
                          float *targets, struct Error *error);
/* Sets the weight of the row in training. `column` has the role COLUMN_WEIGHT and is in the file.
 * ERROR_DATA if the field is not a number. */
int table_reader__weight(const struct TableReader *reader, const struct Record *record,
                         int64_t column, float *weight, struct Error *error);
/* Returns the first column of the encoding from `from` on that has the role; −1: none. */
int64_t table_reader__column(const struct TableEncoding *encoding, enum ColumnRole role,
                             int64_t from);

/* Calls `add` with a note, one line, for everything that was skipped so far. `add` takes ownership
 * of the note. */
void table_reader__tell(const struct TableReader *reader, void (*add)(void *context, char *note),
                        void *context);

#endif
