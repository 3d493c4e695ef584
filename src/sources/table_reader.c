#include "sources/table_reader.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "sources/fields.h"

enum { SHOWN = 5 }; /* unknown categories or columns that a note names */

/* ---- Finding the columns ---- */

static bool is_needed(const struct TableColumn *column, bool needs_targets) {
    if (column->role == COLUMN_LABEL || column->role == COLUMN_TARGET)
        return needs_targets;
    return column->role != COLUMN_IGNORED && column->role != COLUMN_WEIGHT;
}

/* Returns the field with that name. Searches from `from` on, then from the start. */
static int64_t find_name(const struct TableHead *head, const char *name, int64_t from) {
    for (int64_t i = 0; i < head->count; i++) {
        int64_t at = (from + i) % head->count;
        if (!strcmp(head->names[at], name))
            return at;
    }
    return -1;
}

static int find_by_name(struct TableReader *reader, bool needs_targets, struct Error *error) {
    const struct TableEncoding *encoding = reader->encoding;
    const struct TableHead *head = &reader->head;
    const struct Place place = {reader->path, head->line};
    int64_t next = 0;
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        int64_t found = -1;
        if (!column_name__is_absent(column->name))
            found = find_name(head, column->name, next);
        if (found < 0 && is_needed(column, needs_targets)) {
            column_names__find(&place, head->names, head->count, column->name, error);
            return error->code;
        }
        reader->places[i] = found;
        next = found < 0 ? next : found + 1;
    }
    return OK;
}

/* Finds columns by their places, because they have no names. The columns of labels and targets may
 * be missing, but only all of them. */
static int find_by_place(struct TableReader *reader, bool needs_targets, struct Error *error) {
    const struct TableEncoding *encoding = reader->encoding;
    int64_t truths = table_encoding_count(encoding, COLUMN_LABEL) +
                     table_encoding_count(encoding, COLUMN_TARGET) +
                     table_encoding_count(encoding, COLUMN_WEIGHT);
    int64_t count = reader->head.count, next = 0;
    bool whole = count == encoding->column_count;
    if (!whole && (needs_targets || count != encoding->column_count - truths))
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": has %" PRId64 " fields, expected %" PRId64
                    ", as in the table of the training split",
                    reader->path, reader->head.line, count, encoding->column_count);
    for (int64_t i = 0; i < encoding->column_count; i++) {
        enum ColumnRole role = encoding->columns[i].role;
        bool absent =
            !whole && (role == COLUMN_LABEL || role == COLUMN_TARGET || role == COLUMN_WEIGHT);
        reader->places[i] = absent ? -1 : next++;
    }
    return OK;
}

/* Ignores all columns of targets if some are missing. */
static void leave_out_targets(struct TableReader *reader) {
    const struct TableEncoding *encoding = reader->encoding;
    bool whole = true;
    for (int64_t i = 0; i < encoding->column_count; i++)
        whole &= encoding->columns[i].role != COLUMN_TARGET || reader->places[i] >= 0;
    for (int64_t i = 0; i < encoding->column_count && !whole; i++)
        if (encoding->columns[i].role == COLUMN_TARGET)
            reader->places[i] = -1;
}

static int find_columns(struct TableReader *reader, bool needs_targets, struct Error *error) {
    const struct TableEncoding *encoding = reader->encoding;
    reader->places = memory_array(int64_t, encoding->column_count, "columns");
    reader->known = memory_array(bool, reader->head.count, "columns");
    reader->unknown = memory_array(struct Unknown, encoding->column_count, "columns");
    int code = encoding->has_head ? find_by_name(reader, needs_targets, error)
                                  : find_by_place(reader, needs_targets, error);
    if (code != OK)
        return code;
    leave_out_targets(reader);
    for (int64_t i = 0; i < encoding->column_count; i++) {
        reader->unknown[i].first.most = SHOWN;
        if (reader->places[i] >= 0)
            reader->known[reader->places[i]] = true;
    }
    return OK;
}

int table_reader__open(struct TableReader *reader, const char *path,
                       const struct TableEncoding *encoding, bool needs_targets,
                       struct Error *error) {
    *reader = (struct TableReader){
        .path = memory_copy_text(path), .encoding = encoding, .cells = cells__of(encoding)};
    int code = table_head__open(&reader->records, path, encoding, error);
    if (code == OK)
        code = table_head__read(&reader->head, reader->path, reader->records, encoding, error);
    if (code == OK)
        code = find_columns(reader, needs_targets, error);
    if (code != OK)
        table_reader__close(reader);
    return code;
}

void table_reader__close(struct TableReader *reader) {
    for (int64_t i = 0; reader->unknown && i < reader->encoding->column_count; i++)
        name_set__release(&reader->unknown[i].first);
    memory_release(reader->unknown);
    memory_release(reader->known);
    memory_release(reader->places);
    table_head__release(&reader->head);
    records__close(reader->records);
    memory_release(reader->path);
    *reader = (struct TableReader){0};
}

int table_reader__next(struct TableReader *reader, struct Record *record, struct Error *error) {
    return table_head__next(&reader->head, reader->records, record, error);
}

/* ---- Fields ---- */

static int refuse(const struct TableReader *reader, const struct Record *record, int64_t column,
                  const char *field, const char *expected, struct Error *error) {
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": column '%s' is '%.*s', expected %s",
                reader->path, record->line, reader->encoding->columns[column].name,
                field__shown(field), field, expected);
}

static int read_number(const struct TableReader *reader, const struct Record *record,
                       int64_t column, const char *field, float *value, struct Error *error) {
    double number = 0;
    bool is_whole, is_number = cells__number(&reader->cells, field, &number, &is_whole);
    *value = (float)number;
    if (is_number && isfinite(*value))
        return OK;
    return refuse(reader, record, column, field,
                  is_number ? "a number that a float can hold" : "a number", error);
}

/* Sets the features of a category. For one that is not known, all of them are 0. */
static void read_category(struct TableReader *reader, int64_t column, const char *field,
                          float *features) {
    int64_t found = cells__category(&reader->cells, &reader->encoding->columns[column], field);
    if (found >= 0) {
        features[found] = 1;
        return;
    }
    reader->unknown[column].count++;
    name_set__add(&reader->unknown[column].first, field);
}

/* Sets the features of a column, which are all 0 before, from a field that holds a value. */
static int read_value(struct TableReader *reader, const struct Record *record, int64_t column,
                      const char *field, float *features, struct Error *error) {
    enum ColumnRole role = reader->encoding->columns[column].role;
    if (role == COLUMN_CATEGORIES) {
        read_category(reader, column, field, features);
        return OK;
    }
    if (role == COLUMN_NUMBER)
        return read_number(reader, record, column, field, features, error);
    int truth = cells__boolean(field);
    features[0] = (float)truth;
    return truth < 0 ? refuse(reader, record, column, field, "true or false", error) : OK;
}

/* Sets the features of a column whose value is missing. */
static int fill(const struct TableReader *reader, const struct Record *record, int64_t column,
                const char *field, float *features, struct Error *error) {
    const struct TableColumn *encoded = &reader->encoding->columns[column];
    if (encoded->missing == MISSING_REFUSE)
        return refuse(reader, record, column, field,
                      encoded->role == COLUMN_CATEGORIES ? "a category" : "a number", error);
    if (encoded->role != COLUMN_CATEGORIES)
        features[0] = (float)encoded->fill;
    else if (encoded->fill >= 0)
        features[(int64_t)encoded->fill] = 1;
    if (encoded->missing == MISSING_INDICATOR)
        features[table_column_features(encoded) - 1] = 1;
    return OK;
}

static char *field_of(const struct TableReader *reader, const struct Record *record,
                      int64_t column) {
    return field__trim(record->fields[reader->places[column]]);
}

int table_reader__features(struct TableReader *reader, const struct Record *record, float *features,
                           bool *dropped, struct Error *error) {
    const struct TableEncoding *encoding = reader->encoding;
    *dropped = false;
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        int64_t count = table_column_features(column);
        if (!count)
            continue;
        const char *field = field_of(reader, record, i);
        bool missing = cells__is_missing(&reader->cells, field);
        *dropped |= missing && column->missing == MISSING_DROP;
        if (*dropped)
            return OK;
        memset(features, 0, (size_t)count * sizeof *features);
        int code = missing ? fill(reader, record, i, field, features, error)
                           : read_value(reader, record, i, field, features, error);
        if (code != OK)
            return code;
        features += count;
    }
    return OK;
}

int64_t table_reader__column(const struct TableEncoding *encoding, enum ColumnRole role,
                             int64_t from) {
    for (int64_t i = from; i < encoding->column_count; i++)
        if (encoding->columns[i].role == role)
            return i;
    return -1;
}

const char *table_reader__label(const struct TableReader *reader, const struct Record *record) {
    int64_t column = table_reader__column(reader->encoding, COLUMN_LABEL, 0);
    if (column < 0 || reader->places[column] < 0)
        return NULL;
    const char *field = field_of(reader, record, column);
    return cells__is_missing(&reader->cells, field) ? "" : field;
}

int table_reader__targets(const struct TableReader *reader, const struct Record *record,
                          float *targets, struct Error *error) {
    const struct TableEncoding *encoding = reader->encoding;
    int64_t column = table_reader__column(encoding, COLUMN_TARGET, 0);
    int code = OK;
    while (column >= 0 && code == OK) {
        const char *field = field_of(reader, record, column);
        float *target = &targets[encoding->columns[column].target];
        *target = NAN;
        if (!cells__is_missing(&reader->cells, field))
            code = read_number(reader, record, column, field, target, error);
        column = table_reader__column(encoding, COLUMN_TARGET, column + 1);
    }
    return code;
}

int table_reader__weight(const struct TableReader *reader, const struct Record *record,
                         int64_t column, float *weight, struct Error *error) {
    const char *field = field_of(reader, record, column);
    return read_number(reader, record, column, field, weight, error);
}

/* ---- Notes ---- */

static char *note_of_extra(const struct TableReader *reader) {
    struct Text names = {0};
    int64_t count = 0;
    for (int64_t i = 0; i < reader->head.count; i++)
        if (!reader->known[i] && !column_name__is_absent(reader->head.names[i]) && count++ < SHOWN)
            text_add(&names, "%s'%s'", count > 1 ? ", " : "", reader->head.names[i]);
    char *note = NULL;
    if (count)
        note = memory_print("%s: ignored %" PRId64
                            " column%s that the table of the training split does not have: %s%s",
                            reader->path, count, count == 1 ? "" : "s", names.data,
                            count > SHOWN ? ", ..." : "");
    text_release(&names);
    return note;
}

static char *note_of_unknown(const struct TableReader *reader, int64_t column) {
    const struct Unknown *unknown = &reader->unknown[column];
    struct Text names = {0};
    if (!unknown->count)
        return NULL;
    for (int64_t i = 0; i < unknown->first.count; i++)
        text_add(&names, "%s'%.*s'", i ? ", " : "", field__shown(unknown->first.names[i]),
                 unknown->first.names[i]);
    char *note =
        memory_print("%s: column '%s': %" PRId64 " row%s a category that the training split does "
                     "not have, so that all its features are 0: %s%s",
                     reader->path, reader->encoding->columns[column].name, unknown->count,
                     unknown->count == 1 ? " has" : "s have", names.data,
                     unknown->first.overflows ? ", ..." : "");
    text_release(&names);
    return note;
}

void table_reader__tell(const struct TableReader *reader, void (*add)(void *context, char *note),
                        void *context) {
    char *extra = note_of_extra(reader);
    if (extra)
        add(context, extra);
    for (int64_t i = 0; i < reader->encoding->column_count; i++) {
        char *note = note_of_unknown(reader, i);
        if (note)
            add(context, note);
    }
}
