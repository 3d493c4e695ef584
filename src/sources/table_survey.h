/* Looks at every row of the table of the training split, and finds out what its columns are. */
#ifndef TRAINER_SOURCES_TABLE_SURVEY_H
#define TRAINER_SOURCES_TABLE_SURVEY_H

#include "sources/source.h"
#include "sources/table_cells.h"
#include "sources/table_head.h"

/* What was seen at one place of a column. */
struct Sight {
    int64_t line; /* 0: never */
    char *field;  /* NULL: never */
};

struct ColumnSurvey {
    bool is_known;     /* its role was given */
    bool has_own_rule; /* its rule for missing values was given for it alone */
    int64_t numbers, booleans, texts, missing, rounded;
    struct Sight number, text, absent, large, rough; /* the first of each: absent: missing; large:
                                                        no float holds it; rough: rounded */
    struct NameSet names; /* its texts; of known categories, all fields */
    bool counts;          /* each number is one more than that of the row before */
    double last;
};

struct Survey {
    const char *path; /* the caller's */
    struct TableEncoding *encoding;
    struct Cells cells;
    struct Records *records; /* the caller's */
    struct TableHead head;
    int64_t rows;
    bool drops; /* some column has the rule MISSING_DROP */
    struct ColumnSurvey *columns;
};

/* Reads the head and gives each column the role that the options say; the roles of the others are
 * not known yet, COLUMN_ROLES. `encoding` has everything but columns. ERROR_DATA if the options
 * name a column that is not there or name one twice. The caller calls survey__release in any case.
 */
int survey__open(struct Survey *survey, const char *path, struct Records *records,
                 struct TableEncoding *encoding, const struct SourceOptions *options,
                 struct Error *error);
void survey__release(struct Survey *survey);

/* What a row holds besides its features. */
struct SurveyedRow {
    bool dropped;      /* by MISSING_DROP; then nothing else is set */
    const char *label; /* in the record; NULL: there is no label column, or a value is missing */
    float *targets;    /* the caller's room, for each of the targets */
};
void survey__row(struct Survey *survey, const struct Record *record, struct SurveyedRow *row);

/* Once all rows were seen: completes the encoding, but for the classes and for what takes the place
 * of missing values. ERROR_DATA for the first field that does not fit. Logs a warning of what was
 * left out, and of numbers that a float rounds. */
int survey__decide(struct Survey *survey, struct Error *error);

/* Gives a column the texts of a set as its categories, sorted. `places` as in name_set__sort.
 * ERROR_DATA if one is no UTF-8 text or too long; `path` is for messages. */
int categories__fill(struct TableColumn *column, const struct NameSet *names,
                     const struct Cells *cells, const char *path, int32_t *places,
                     struct Error *error);

#endif
