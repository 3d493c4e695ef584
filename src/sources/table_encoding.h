/* How the rows of a table become inputs of a model: what every column is, which categories it has,
 * what takes the place of missing values. It is made once, from the training table, and stored with
 * the data set and in every checkpoint (data/dataset/saved_encoding.h), so that later tables are
 * read in the same way (sources/table_rows.h). */
#ifndef TRAINER_SOURCES_TABLE_ENCODING_H
#define TRAINER_SOURCES_TABLE_ENCODING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What a column is for. Features follow one another in the order of the columns. */
enum ColumnRole {
    COLUMN_NUMBER,     /* one feature */
    COLUMN_BOOLEAN,    /* one feature: true is 1, false is 0 */
    COLUMN_CATEGORIES, /* a feature for each category: 1 if it is the row's, else 0 */
    COLUMN_LABEL,      /* the class; its categories are the classes, in their order */
    COLUMN_TARGET,     /* a value to predict */
    COLUMN_IGNORED,
    COLUMN_WEIGHT, /* what the row counts in training, from 0 */
    COLUMN_ROLES
};
extern const char *const column_role_names[COLUMN_ROLES + 1]; /* as stored; ends with NULL */

/* What becomes of a row in which the column has no value. Mean and median are those of the training
 * split; categories, which have neither, take the most frequent one. */
enum MissingRule {
    MISSING_REFUSE,
    MISSING_DROP, /* the row is left out */
    MISSING_MEAN,
    MISSING_MEDIAN,
    MISSING_INDICATOR, /* one more feature after the column's own, "NAME missing", is 1; numbers are
                          the mean, and no category is 1 */
    MISSING_RULES
};
extern const char *const missing_rule_names[MISSING_RULES + 1]; /* ends with NULL */

struct TableColumn {
    char *name; /* without a head: its number, from 0 */
    enum ColumnRole role;
    int64_t target; /* COLUMN_TARGET: which of the targets it is; else 0 */
    enum MissingRule missing;
    double fill;            /* what takes the place of a missing value: a number, or the number of
                               a category; −1: no category */
    bool numeric;           /* categories are numbers: "1", "1.0" and "01" are one */
    int64_t category_count; /* COLUMN_CATEGORIES and COLUMN_LABEL; else 0 */
    char **categories;      /* sorted: as numbers or as bytes; no two are alike */
};

struct TableEncoding {
    char separator; /* between the fields; 0: runs of blanks and tabs */
    char decimal;   /* '.' or ',' */
    char thousands; /* between digits; 0: none */
    char comment;   /* lines that begin with it are passed over; 0: none */
    bool has_head;  /* the first record has the names of the columns */
    int64_t missing_count;
    char **missing;       /* (missing_count): texts that stand for no value, sorted; so does "" */
    int64_t column_count; /* 0: there is no encoding */
    struct TableColumn *columns; /* those of the training table, in its order */
};

void table_encoding_release(struct TableEncoding *encoding); /* leaves zeros */
/* Whether both make the same inputs of the same tables. */
bool table_encoding_equal(const struct TableEncoding *a, const struct TableEncoding *b);

/* How many features a row has, and how many of them a column makes. */
int64_t table_encoding_features(const struct TableEncoding *encoding);
int64_t table_column_features(const struct TableColumn *column);
/* The names of the features, "area", "city=Paris", "area missing"; the caller releases each and the
 * array. */
char **table_encoding_feature_names(const struct TableEncoding *encoding);
/* How many columns have the role. */
int64_t table_encoding_count(const struct TableEncoding *encoding, enum ColumnRole role);

#endif
