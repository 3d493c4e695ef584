/* How the rows of a table become inputs of a model: the role and categories of each column, and
 * what replaces missing values. The encoding is made once, from the training table, and stored in
 * the data set and in every checkpoint (data/dataset/saved_encoding.h), so that later tables are
 * read in the same way (sources/table_rows.h). Not collective. */
#ifndef TRAINER_SOURCES_TABLE_ENCODING_H
#define TRAINER_SOURCES_TABLE_ENCODING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The role of a column. Features are in the order of the columns. */
enum ColumnRole {
    COLUMN_NUMBER,     /* one feature */
    COLUMN_BOOLEAN,    /* one feature: true is 1, false is 0 */
    COLUMN_CATEGORIES, /* one feature for each category: 1 for the row's category, else 0 */
    COLUMN_LABEL,      /* the class; the column's categories are the classes, in their order */
    COLUMN_TARGET,     /* a value to predict */
    COLUMN_IGNORED,
    COLUMN_WEIGHT, /* the weight of the row in training, 0 or more */
    COLUMN_ROLES
};
extern const char *const column_role_names[COLUMN_ROLES + 1]; /* as stored; ends with NULL */

/* How a row is treated in which the column has no value. Mean and median are those of the training
 * split; for categories both mean the most frequent one. */
enum MissingRule {
    MISSING_REFUSE,
    MISSING_DROP, /* the row is left out */
    MISSING_MEAN,
    MISSING_MEDIAN,
    /* an extra feature "NAME missing" after the column's own is 1; numbers are the mean, and no
     * category is 1 */
    MISSING_INDICATOR,
    MISSING_RULES
};
extern const char *const missing_rule_names[MISSING_RULES + 1]; /* ends with NULL */

struct TableColumn {
    char *name; /* without a head: its index, from 0 */
    enum ColumnRole role;
    int64_t target; /* COLUMN_TARGET: the index of the target; else 0 */
    enum MissingRule missing;
    /* what replaces a missing value: a number, or the index of a category; −1: no category */
    double fill;
    bool numeric;           /* categories are numbers: "1", "1.0" and "01" are the same */
    int64_t category_count; /* COLUMN_CATEGORIES and COLUMN_LABEL; else 0 */
    char **categories;      /* all different, sorted as numbers or byte by byte */
};

struct TableEncoding {
    char separator; /* between the fields; 0: runs of blanks and tabs */
    char decimal;   /* '.' or ',' */
    char thousands; /* between digits; 0: none */
    char comment;   /* lines that begin with it are skipped; 0: none */
    bool has_head;  /* the first record has the names of the columns */
    int64_t missing_count;
    char **missing; /* (missing_count): texts that mean a missing value, sorted; "" always does */
    int64_t column_count;        /* 0: there is no encoding */
    struct TableColumn *columns; /* those of the training table, in its order */
};

void table_encoding_release(struct TableEncoding *encoding); /* leaves zeros */
/* Returns whether both make the same inputs from the same tables. */
bool table_encoding_equal(const struct TableEncoding *a, const struct TableEncoding *b);

/* Return how many features a row has, and how many of them a column makes. */
int64_t table_encoding_features(const struct TableEncoding *encoding);
int64_t table_column_features(const struct TableColumn *column);
/* Returns the names of the features, such as "area", "city=Paris", "area missing". The caller
 * releases each and the array. */
char **table_encoding_feature_names(const struct TableEncoding *encoding);
/* Returns how many columns have the role. */
int64_t table_encoding_count(const struct TableEncoding *encoding, enum ColumnRole role);

#endif
