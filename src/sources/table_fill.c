#include "sources/table_fill.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/sort.h"
#include "sources/fields.h"

struct ColumnFill {
    double sum;
    int64_t count;
    double *values;  /* (count): for a median */
    int64_t *counts; /* (categories) */
};

static bool is_measured(const struct TableColumn *column) {
    return column->missing > MISSING_DROP && table_column_features(column) > 0;
}

struct Fill fill__start(const struct TableEncoding *encoding) {
    struct Fill fill = {.columns =
                            memory_array(struct ColumnFill, encoding->column_count, "columns")};
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        fill.is_needed |= is_measured(column);
        fill.columns[i].counts = memory_array(int64_t, column->category_count, "columns");
    }
    return fill;
}

static void add_number(struct ColumnFill *column, bool keeps, double value) {
    column->sum += value;
    if (keeps) {
        column->values = memory_room(column->values, column->count, "a median");
        column->values[column->count] = value;
    }
    column->count++;
}

static bool add_field(struct ColumnFill *filled, const struct TableColumn *column,
                      const struct Cells *cells, const char *field) {
    double value = 0;
    bool is_whole;
    if (column->role == COLUMN_CATEGORIES) {
        int64_t found = cells__category(cells, column, field);
        if (found >= 0)
            filled->counts[found]++;
        return found >= 0;
    }
    if (column->role == COLUMN_BOOLEAN)
        value = cells__boolean(field);
    else if (!cells__number(cells, field, &value, &is_whole))
        return false;
    add_number(filled, column->missing == MISSING_MEDIAN, value);
    return value >= 0 || column->role != COLUMN_BOOLEAN;
}

bool fill__add(struct Fill *fill, const struct TableReader *reader, const struct Record *record) {
    const struct TableEncoding *encoding = reader->encoding;
    bool known = true;
    for (int64_t i = 0; i < encoding->column_count && known; i++) {
        if (!is_measured(&encoding->columns[i]))
            continue;
        const char *field = field__trim(record->fields[reader->places[i]]);
        if (!cells__is_missing(&reader->cells, field))
            known = add_field(&fill->columns[i], &encoding->columns[i], &reader->cells, field);
    }
    return known;
}

/* Returns the most frequent category; among equals, the first. */
static int64_t most_frequent(const struct TableColumn *column, const int64_t *counts) {
    int64_t most = 0;
    for (int64_t k = 1; k < column->category_count; k++)
        if (counts[k] > counts[most])
            most = k;
    return most;
}

static double value_of(const struct TableColumn *column, const struct ColumnFill *filled) {
    if (column->role == COLUMN_CATEGORIES && column->missing == MISSING_INDICATOR)
        return -1;
    if (column->role == COLUMN_CATEGORIES)
        return (double)most_frequent(column, filled->counts);
    if (!filled->count)
        return 0;
    return column->missing == MISSING_MEDIAN ? sort_median(filled->values, filled->count)
                                             : filled->sum / (double)filled->count;
}

void fill__finish(struct Fill *fill, struct TableEncoding *encoding) {
    for (int64_t i = 0; i < encoding->column_count; i++) {
        if (is_measured(&encoding->columns[i]))
            encoding->columns[i].fill = value_of(&encoding->columns[i], &fill->columns[i]);
        memory_release(fill->columns[i].counts);
        memory_release(fill->columns[i].values);
    }
    memory_release(fill->columns);
}
