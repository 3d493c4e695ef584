/* Examines every row of the training split's table to find the roles of its columns. Not
 * collective. */
#ifndef TRAINER_SOURCES_TABLE_SURVEY_H
#define TRAINER_SOURCES_TABLE_SURVEY_H

#include "sources/source.h"
#include "sources/table_cells.h"
#include "sources/table_head.h"

/* A field of a column, and where it is. */
struct Sight {
    int64_t line; /* 0: there is none */
    char *field;  /* NULL: there is none */
};

struct ColumnSurvey {
    bool is_known;     /* the options give its role */
    bool has_own_rule; /* the options give a rule for missing values for this column */
    int64_t numbers, booleans, texts, missing, rounded;
    /* the first field of each sort. absent: missing value; large: too large for a float; rough:
     * rounded by a float; code: a number written as a code is */
    struct Sight number, text, absent, large, rough, code;
    struct NameSet names; /* its texts; for a column of categories, all fields */
    bool counts;          /* each number is one more than that of the previous row */
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

/* Reads the head and gives each column the role that the options say; other columns have the role
 * COLUMN_ROLES for now. `encoding` is complete except for its columns. ERROR_DATA if the options
 * name a missing column or name one twice. The caller calls survey__release in any case. */
int survey__open(struct Survey *survey, const char *path, struct Records *records,
                 struct TableEncoding *encoding, const struct SourceOptions *options,
                 struct Error *error);
void survey__release(struct Survey *survey);

/* What a row contains besides its features. */
struct SurveyedRow {
    bool dropped; /* MISSING_DROP leaves the row out; nothing else is set then */
    /* points into the record; NULL: there is no label column, or its value is missing */
    const char *label;
    float *targets; /* (targets): memory of the caller */
};
void survey__row(struct Survey *survey, const struct Record *record, struct SurveyedRow *row);

/* Called after all rows: completes the encoding except for the classes and the replacements of
 * missing values. ERROR_DATA names the first field that does not fit. Logs warnings of what was
 * left out and of numbers that a float rounds. */
int survey__decide(struct Survey *survey, struct Error *error);

/* Makes the sorted texts of a set the categories of a column. `places` is as in name_set__sort.
 * ERROR_DATA if a text is not UTF-8 or too long; `path` is for messages. */
int categories__fill(struct TableColumn *column, const struct NameSet *names,
                     const struct Cells *cells, const char *path, int32_t *places,
                     struct Error *error);

#endif
