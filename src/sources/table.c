/* Format table: a CSV file for each split, with column names in its first line. The columns that
 * the user names are targets, all others are features. A row becomes an image of 1x1xfeatures. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "sources/csv.h"
#include "sources/source.h"

struct TableState {
    int64_t features, rows;
    float *values; /* (rows, features), those of all splits; an item is the number of a row */
};

/* Where the features and the targets are: numbers of columns. */
struct Columns {
    int64_t *features, *targets;
};

static int find_columns(const struct Source *source, const struct Csv *csv, struct Columns *columns,
                        struct Error *error) {
    int64_t features = 0;
    bool *taken = memory_array(bool, csv->columns, "columns");
    columns->features = memory_array(int64_t, csv->columns, "columns");
    columns->targets = memory_array(int64_t, targets_values(&source->targets), "columns");
    int code = OK;
    for (int64_t k = 0; !code && k < targets_values(&source->targets); k++) {
        int64_t column = csv__column(csv, source->targets.names[k], error);
        code = column < 0 ? error->code : OK;
        columns->targets[k] = column;
        if (!code)
            taken[column] = true;
    }
    for (int64_t i = 0; !code && i < csv->columns; i++)
        if (!taken[i])
            columns->features[features++] = i;
    if (!code && features == 0)
        code = fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": every column is a target; expected features too", csv->path,
                    csv->lines[0]);
    memory_release(taken);
    return code;
}

/* All splits must have the same columns in the same order. */
static int check_head(const struct Csv *first, const struct Csv *csv, struct Error *error) {
    for (int64_t i = 0; i < first->columns || i < csv->columns; i++) {
        const char *expected = i < first->columns ? csv__field(first, -1, i) : "nothing";
        const char *found = i < csv->columns ? csv__field(csv, -1, i) : "nothing";
        if (strcmp(expected, found))
            return fail(error, ERROR_DATA,
                        "%s:%" PRId64 ": column %" PRId64 " is '%s', in %s it is '%s'", csv->path,
                        csv->lines[0], i + 1, found, first->path, expected);
    }
    return OK;
}

static int add_rows(struct Source *source, const char *name, const struct Csv *csv,
                    const struct Columns *columns, struct Error *error) {
    struct TableState *state = source->state;
    struct SourceSplit *split = source_add_split(source, name, csv->rows);
    size_t before = (size_t)(state->rows * state->features) * sizeof(float);
    size_t more = (size_t)(csv->rows * state->features) * sizeof(float);
    state->values = memory_resize(state->values, before, before + more, "a table");
    for (int64_t row = 0; row < csv->rows; row++) {
        float *features = state->values + (state->rows + row) * state->features;
        int code = OK;
        for (int64_t i = 0; !code && i < state->features; i++)
            code = csv__number(csv, row, columns->features[i], features + i, error);
        for (int64_t k = 0; !code && k < targets_values(&source->targets); k++)
            code = csv__number(csv, row, columns->targets[k],
                               split->targets + row * source->targets.count + k, error);
        if (code)
            return code;
        split->items[row] = state->rows + row;
    }
    state->rows += csv->rows;
    return OK;
}

static int add_table(struct Source *source, const char *name, const char *path, struct Csv *first,
                     struct Error *error) {
    struct TableState *state = source->state;
    struct Columns columns = {0};
    struct Csv csv;
    int code = csv__read(&csv, path, error);
    if (!code && first->path)
        code = check_head(first, &csv, error);
    if (!code)
        code = find_columns(source, &csv, &columns, error);
    if (!code) {
        state->features = source->channels = csv.columns - targets_values(&source->targets);
        code = add_rows(source, name, &csv, &columns, error);
    }
    memory_release(columns.features);
    memory_release(columns.targets);
    if (!code && !first->path)
        *first = csv;
    else
        csv__release(&csv);
    return code;
}

static int open_tables(struct Source *source, const struct SourceOptions *options,
                       const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    if ((options->split_count > 0) == (options->path_count > 0) || options->path_count > 1)
        return fail(
            error, ERROR_USAGE,
            "format table: expected one FILE.csv, the split 'train', or NAME=FILE.csv for each "
            "split");
    if (options->target_count == 0)
        return fail_option(error, "target", NULL, "expected the name of each target column");
    if (options->classes)
        return fail_option(error, "classes", NULL, "the targets of a table are values");
    source->state = memory_allocate(sizeof(struct TableState), "a table");
    source->height = source->width = 1;
    source->floats = true;
    source_set_targets(source, options->targets, options->target_count);
    struct Csv first = {0};
    int code = OK;
    if (options->path_count)
        code = add_table(source, "train", options->paths[0], &first, error);
    for (int i = 0; !code && i < options->split_count; i++)
        code = add_table(source, options->splits[i].name, options->splits[i].path, &first, error);
    csv__release(&first);
    return code;
}

static int read_table(const struct Source *source, const int64_t *items, int64_t count,
                      void *samples, struct Error *error) {
    const struct TableState *state = source->state;
    size_t bytes = (size_t)state->features * sizeof(float);
    (void)error;
    for (int64_t i = 0; i < count; i++)
        memcpy((float *)samples + i * state->features, state->values + items[i] * state->features,
               bytes);
    return OK;
}

static void release_table(struct Source *source) {
    struct TableState *state = source->state;
    if (state)
        memory_release(state->values);
    memory_release(state);
}

extern const struct SourceFormat source_table;
const struct SourceFormat source_table = {.name = "table",
                                          .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_TARGETS,
                                          .open = open_tables,
                                          .read = read_table,
                                          .release = release_table};
