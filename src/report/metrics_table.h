/* What metrics.jsonl or monitor.jsonl holds, read back as columns. Not collective. */
#ifndef TRAINER_REPORT_METRICS_TABLE_H
#define TRAINER_REPORT_METRICS_TABLE_H

#include <stdint.h>

#include "base/error.h"

struct MetricsColumn {
    char *name;     /* a key of the lines: "step", "loss", "validation_accuracy" */
    double *values; /* one for each row; NaN if the line lacks the key, or holds no number */
    char **texts;   /* one for each row; NULL if the line lacks the key, or holds no text */
};

/* A row for each line that is a JSON object. */
struct MetricsTable {
    int64_t rows;
    int column_count;
    struct MetricsColumn *columns;
};

/* A torn last line is left out, as are keys that hold neither a number nor a text. ERROR_SYSTEM if
 * the file cannot be read, ERROR_DATA with the number of a line that is no JSON object. Release it
 * either way. */
int metrics_table_read(struct MetricsTable *table, const char *path, struct Error *error);
void metrics_table_release(struct MetricsTable *table);

/* The column's values; NULL if no line has the key. */
const double *metrics_table_column(const struct MetricsTable *table, const char *name);
/* The texts of the key that rows of this kind have, each once, in the order in which they occur;
 * returns how many. The caller releases the array, not the texts. */
int metrics_table_names(const struct MetricsTable *table, const char *kind, const char *key,
                        const char ***names);
/* The text of the key `wanted` in the first row of this kind whose `key` is the text `name`; NULL:
 * there is none. */
const char *metrics_table_text(const struct MetricsTable *table, const char *kind, const char *key,
                               const char *name, const char *wanted);
/* The rows that have both keys, as points that the caller releases; returns how many. */
int64_t metrics_table_points(const struct MetricsTable *table, const char *x_name,
                             const char *y_name, double **x, double **y);
/* The same, of rows of a kind whose `key` is the text `name`. */
int64_t metrics_table_points_of(const struct MetricsTable *table, const char *kind, const char *key,
                                const char *name, const char *x_name, const char *y_name,
                                double **x, double **y);

#endif
