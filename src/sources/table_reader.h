/* Reads the rows of a table by an encoding, in memory that does not grow with the file. */
#ifndef TRAINER_SOURCES_TABLE_READER_H
#define TRAINER_SOURCES_TABLE_READER_H

#include "base/text.h"
#include "sources/table_cells.h"
#include "sources/table_head.h"

/* Fields of a column that name no category. */
struct Unknown {
    int64_t count;
    struct NameSet first; /* some of them */
};

struct TableReader {
    char *path;
    const struct TableEncoding *encoding; /* the caller's */
    struct Cells cells;
    struct Records *records;
    struct TableHead head;
    int64_t *places;         /* (column_count): the field of each column; −1: the file has none */
    bool *known;             /* (head.count): the encoding has a column for the field */
    struct Unknown *unknown; /* (column_count) */
};

/* Opens a file and finds the encoding's columns in it. ERROR_DATA if it lacks one that makes
 * features, or, with `needs_targets`, one of labels or targets. On failure it is closed again. */
int table_reader__open(struct TableReader *reader, const char *path,
                       const struct TableEncoding *encoding, bool needs_targets,
                       struct Error *error);
void table_reader__close(struct TableReader *reader);

/* The next record; count 0: the file ends. */
int table_reader__next(struct TableReader *reader, struct Record *record, struct Error *error);

/* The features of a record, into `features` (table_encoding_features). *dropped: a value is missing
 * whose rule is MISSING_DROP, and `features` has no meaning. ERROR_DATA as in table_encode. */
int table_reader__features(struct TableReader *reader, const struct Record *record, float *features,
                           bool *dropped, struct Error *error);
/* The field of the label column without blanks around it; NULL if the file has none, "" if a value
 * is missing. */
const char *table_reader__label(const struct TableReader *reader, const struct Record *record);
/* The values of the target columns: NAN if one is missing. */
int table_reader__targets(const struct TableReader *reader, const struct Record *record,
                          float *targets, struct Error *error);
/* What the row counts in training; `column` is one of the file's, of role COLUMN_WEIGHT. ERROR_DATA
 * if it is no number. */
int table_reader__weight(const struct TableReader *reader, const struct Record *record,
                         int64_t column, float *weight, struct Error *error);
/* The number of the encoding's column with that role, from `from` on; −1: there is none. */
int64_t table_reader__column(const struct TableEncoding *encoding, enum ColumnRole role,
                             int64_t from);

/* A line of a note for each thing that was passed over so far: `add` gets the note, which it takes
 * over. */
void table_reader__tell(const struct TableReader *reader, void (*add)(void *context, char *note),
                        void *context);

#endif
