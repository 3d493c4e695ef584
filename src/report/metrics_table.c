#include "report/metrics_table.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"

#define PURPOSE "metrics"
#define MOST_COLUMNS 4096

static struct MetricsColumn *find(const struct MetricsTable *table, const char *name) {
    for (int i = 0; i < table->column_count; i++)
        if (!strcmp(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static double *values_of(int64_t room) {
    double *values = memory_array(double, room, PURPOSE);
    for (int64_t i = 0; i < room; i++)
        values[i] = NAN;
    return values;
}

static struct MetricsColumn *add_column(struct MetricsTable *table, const char *name,
                                        int64_t room) {
    table->columns = memory_room(table->columns, table->column_count, PURPOSE);
    struct MetricsColumn *column = &table->columns[table->column_count++];
    *column = (struct MetricsColumn){memory_copy_text(name), values_of(room),
                                     memory_array(char *, room, PURPOSE)};
    return column;
}

static void grow(struct MetricsTable *table, int64_t *room) {
    int64_t more = *room * 2;
    for (int i = 0; i < table->column_count; i++) {
        double *values = values_of(more);
        memcpy(values, table->columns[i].values, (size_t)*room * sizeof *values);
        memory_release(table->columns[i].values);
        table->columns[i].values = values;
        size_t old = (size_t)*room * sizeof(char *);
        table->columns[i].texts = memory_resize(table->columns[i].texts, old, 2 * old, PURPOSE);
        memset(table->columns[i].texts + *room, 0, old);
    }
    *room = more;
}

/* False: there are too many names. */
static bool add_row(struct MetricsTable *table, json_t *object, int64_t *room) {
    const char *name;
    json_t *value;
    if (table->rows == *room)
        grow(table, room);
    table->rows++;
    json_object_foreach(object, name, value) {
        if (!json_is_number(value) && !json_is_string(value))
            continue;
        struct MetricsColumn *column = find(table, name);
        if (!column && table->column_count == MOST_COLUMNS)
            return false;
        if (!column)
            column = add_column(table, name, *room);
        char **text = &column->texts[table->rows - 1];
        if (json_is_number(value))
            column->values[table->rows - 1] = json_number_value(value);
        else
            *text = memory_copy_text(json_string_value(value));
    }
    return true;
}

/* Adds line `number` of the file. */
static int add_line(struct MetricsTable *table, const struct FileLine *line, int64_t length,
                    int64_t *room, const char *path, int64_t number, struct Error *error) {
    json_error_t why;
    json_t *object = json_loadb(line->text, (size_t)length, 0, &why);
    int code = OK;
    if (!json_is_object(object))
        code = fail(error, ERROR_DATA, "%s:%" PRId64 ": expected a JSON object (%s)", path, number,
                    object ? "it is something else" : why.text);
    else if (!add_row(table, object, room))
        code = fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": holds more than %d names; expected the metrics of a run", path,
                    number, MOST_COLUMNS);
    json_decref(object);
    return code;
}

static int read_lines(struct MetricsTable *table, FILE *file, const char *path,
                      struct Error *error) {
    struct FileLine line = {0};
    int64_t length, room = 1024, number = 0;
    int code = OK;
    while ((length = read_file_line(file, &line)) > 0 && line.text[length - 1] == '\n' && !code)
        code = add_line(table, &line, length, &room, path, ++number, error);
    if (!code && length < 0)
        code = fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": is longer than %d bytes; expected the metrics of a run", path,
                    number + 1, LINE_MOST_BYTES);
    if (!code && ferror(file))
        code = fail_errno(error, "%s: cannot be read", path);
    memory_release(line.text);
    return code;
}

int metrics_table_read(struct MetricsTable *table, const char *path, struct Error *error) {
    *table = (struct MetricsTable){0};
    FILE *file;
    int code = read_file_regular(path, &file, error);
    if (!file)
        return code ? code : fail_errno(error, "%s: cannot be read", path);
    code = read_lines(table, file, path, error);
    fclose(file);
    return code;
}

void metrics_table_release(struct MetricsTable *table) {
    for (int i = 0; i < table->column_count; i++) {
        memory_release(table->columns[i].name);
        memory_release(table->columns[i].values);
        for (int64_t row = 0; row < table->rows; row++)
            memory_release(table->columns[i].texts[row]);
        memory_release(table->columns[i].texts);
    }
    memory_release(table->columns);
    *table = (struct MetricsTable){0};
}

const double *metrics_table_column(const struct MetricsTable *table, const char *name) {
    const struct MetricsColumn *column = find(table, name);
    return column ? column->values : NULL;
}

/* Is the text of a column in this row `text`? */
static bool says(const struct MetricsColumn *column, int64_t row, const char *text) {
    return column && column->texts[row] && !strcmp(column->texts[row], text);
}

int metrics_table_names(const struct MetricsTable *table, const char *kind, const char *key,
                        const char ***names) {
    const struct MetricsColumn *kinds = find(table, "kind"), *column = find(table, key);
    int count = 0;
    *names = memory_array(const char *, table->rows, PURPOSE);
    for (int64_t row = 0; column && row < table->rows; row++) {
        bool known = !column->texts[row] || !says(kinds, row, kind);
        if (!known && text_index(column->texts[row], *names, count) < 0)
            (*names)[count++] = column->texts[row];
    }
    return count;
}

const char *metrics_table_text(const struct MetricsTable *table, const char *kind, const char *key,
                               const char *name, const char *wanted) {
    const struct MetricsColumn *kinds = find(table, "kind"), *named = find(table, key);
    const struct MetricsColumn *column = find(table, wanted);
    for (int64_t row = 0; column && row < table->rows; row++)
        if (says(kinds, row, kind) && says(named, row, name))
            return column->texts[row];
    return NULL;
}

/* `kind` NULL: all rows. */
static int64_t collect(const struct MetricsTable *table, const char *kind, const char *key,
                       const char *name, const char *const axes[2], double *points[2]) {
    const double *x = metrics_table_column(table, axes[0]);
    const double *y = metrics_table_column(table, axes[1]);
    const struct MetricsColumn *kinds = find(table, "kind");
    const struct MetricsColumn *named = kind ? find(table, key) : NULL;
    int64_t count = 0;
    for (int i = 0; i < 2; i++)
        points[i] = memory_array(double, table->rows, PURPOSE);
    for (int64_t row = 0; x && y && row < table->rows; row++) {
        bool meant = !kind || (says(kinds, row, kind) && says(named, row, name));
        if (meant && !isnan(x[row]) && !isnan(y[row])) {
            points[0][count] = x[row];
            points[1][count++] = y[row];
        }
    }
    return count;
}

int64_t metrics_table_points(const struct MetricsTable *table, const char *x_name,
                             const char *y_name, double **x, double **y) {
    double *points[2];
    int64_t count = collect(table, NULL, NULL, NULL, (const char *const[]){x_name, y_name}, points);
    *x = points[0];
    *y = points[1];
    return count;
}

int64_t metrics_table_points_of(const struct MetricsTable *table, const char *kind, const char *key,
                                const char *name, const char *x_name, const char *y_name,
                                double **x, double **y) {
    double *points[2];
    int64_t count = collect(table, kind, key, name, (const char *const[]){x_name, y_name}, points);
    *x = points[0];
    *y = points[1];
    return count;
}
