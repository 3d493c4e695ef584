#include "data/csv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static int read_text(struct Csv *csv, size_t *length, struct Error *error) {
    FILE *file = fopen(csv->path, "re");
    if (!file)
        return fail_errno(error, "%s: cannot be read", csv->path);
    size_t capacity = 1 << 16;
    csv->text = memory_allocate(capacity, "a table");
    for (size_t got; (got = fread(csv->text + *length, 1, capacity - *length - 1, file)) > 0;) {
        *length += got;
        if (*length + 1 < capacity)
            continue;
        csv->text = memory_resize(csv->text, capacity, 2 * capacity, "a table");
        capacity *= 2;
    }
    bool bad = ferror(file) != 0;
    fclose(file);
    if (bad)
        return fail_errno(error, "%s: cannot be read", csv->path);
    if (memchr(csv->text, '\0', *length))
        return fail(error, ERROR_DATA, "%s: holds a zero byte; expected text", csv->path);
    csv->text[*length] = '\0';
    return OK;
}

/* Where the reading stands. */
struct Cursor {
    char *at;
    int64_t line, field_room, row_room;
    int64_t fields; /* so far, of all records */
};

static void add_field(struct Csv *csv, struct Cursor *cursor, char *field) {
    if (cursor->fields == cursor->field_room) {
        size_t bytes = (size_t)cursor->field_room * sizeof *csv->fields;
        csv->fields = memory_resize(csv->fields, bytes, 2 * bytes + 1024, "a table");
        cursor->field_room = (int64_t)((2 * bytes + 1024) / sizeof *csv->fields);
    }
    csv->fields[cursor->fields++] = field;
}

/* One field, unquoted; leaves the cursor on what ended it. */
static int read_field(struct Csv *csv, struct Cursor *cursor, struct Error *error) {
    char *from = cursor->at, *to = cursor->at, *field = cursor->at;
    int64_t line = cursor->line;
    bool quoted = *from == '"';
    for (from += quoted; *from && (quoted || (*from != ',' && *from != '\n'));) {
        if (quoted && *from == '"' && from[1] != '"') {
            quoted = false;
            from++;
            continue;
        }
        from += quoted && *from == '"';
        cursor->line += *from == '\n';
        *to++ = *from++;
    }
    if (quoted)
        return fail(error, ERROR_DATA, "%s:%lld: the quote that begins here is never closed",
                    csv->path, (long long)line);
    if (*from != ',' && to > field && to[-1] == '\r')
        to--;
    cursor->at = from;
    add_field(csv, cursor, memory_copy_span(field, (size_t)(to - field)));
    return OK;
}

static int read_record(struct Csv *csv, struct Cursor *cursor, struct Error *error) {
    int64_t line = cursor->line, before = cursor->fields, row = csv->rows + 1;
    int code = read_field(csv, cursor, error);
    while (!code && *cursor->at == ',') {
        cursor->at++;
        code = read_field(csv, cursor, error);
    }
    if (code)
        return code;
    if (*cursor->at == '\n') {
        cursor->at++;
        cursor->line++;
    }
    int64_t found = cursor->fields - before;
    if (found == 1 && !*csv->fields[before]) { /* a blank line */
        memory_release(csv->fields[--cursor->fields]);
        return OK;
    }
    if (row > 0 && found != csv->columns)
        return fail(error, ERROR_DATA, "%s:%lld: has %lld fields, the head has %lld", csv->path,
                    (long long)line, (long long)found, (long long)csv->columns);
    if (row == cursor->row_room) {
        size_t bytes = (size_t)cursor->row_room * sizeof *csv->lines;
        csv->lines = memory_resize(csv->lines, bytes, 2 * bytes + 1024, "a table");
        cursor->row_room = (int64_t)((2 * bytes + 1024) / sizeof *csv->lines);
    }
    csv->lines[row] = line;
    csv->columns = found;
    csv->rows = row;
    return OK;
}

static int check_head(const struct Csv *csv, struct Error *error) {
    if (csv->rows < 1)
        return fail(error, ERROR_DATA, "%s: has %s; expected a line of names and rows below it",
                    csv->path, csv->rows < 0 ? "no line" : "no row");
    for (int64_t i = 0; i < csv->columns; i++)
        for (int64_t j = 0; j < i; j++)
            if (!strcmp(csv->fields[i], csv->fields[j]))
                return fail(error, ERROR_DATA, "%s:%lld: two columns are called '%s'", csv->path,
                            (long long)csv->lines[0], csv->fields[i]);
    return OK;
}

int csv_read(struct Csv *csv, const char *path, struct Error *error) {
    *csv = (struct Csv){.path = memory_copy_text(path), .rows = -1};
    size_t length = 0;
    int code = read_text(csv, &length, error);
    struct Cursor cursor = {.at = csv->text, .line = 1};
    if (!code && !strncmp(cursor.at, "\xEF\xBB\xBF", 3))
        cursor.at += 3;
    while (!code && *cursor.at)
        code = read_record(csv, &cursor, error);
    if (!code)
        code = check_head(csv, error);
    memory_release(csv->text);
    csv->text = NULL;
    if (code) {
        for (int64_t i = 0; i < cursor.fields; i++)
            memory_release(csv->fields[i]);
        memory_release(csv->fields);
        csv->fields = NULL;
    }
    return code;
}

void csv_release(struct Csv *csv) {
    for (int64_t i = 0; csv->fields && i < (csv->rows + 1) * csv->columns; i++)
        memory_release(csv->fields[i]);
    memory_release(csv->fields);
    memory_release(csv->lines);
    memory_release(csv->path);
    *csv = (struct Csv){0};
}

const char *csv_field(const struct Csv *csv, int64_t row, int64_t column) {
    return csv->fields[(row + 1) * csv->columns + column];
}

int64_t csv_column(const struct Csv *csv, const char *name, struct Error *error) {
    for (int64_t i = 0; i < csv->columns; i++)
        if (!strcmp(csv->fields[i], name))
            return i;
    const char *near = text_nearest(name, (const char *const *)csv->fields, (int)csv->columns);
    fail(error, ERROR_DATA, "%s:%lld: has no column '%s'%s%s%s", csv->path,
         (long long)csv->lines[0], name, near ? "; did you mean '" : "", near ? near : "",
         near ? "'?" : "");
    return -1;
}

int csv_number(const struct Csv *csv, int64_t row, int64_t column, float *value,
               struct Error *error) {
    const char *text = csv_field(csv, row, column);
    char *end;
    double number = strtod(text, &end);
    *value = (float)number;
    if (end != text && !*end && isfinite(*value))
        return OK;
    return fail(error, ERROR_DATA, "%s:%lld: column '%s' is '%.40s', expected a number", csv->path,
                (long long)csv->lines[row + 1], csv->fields[column], text);
}
