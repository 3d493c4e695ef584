#include "sources/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* The memory that a byte of text can need once it is cut into fields: a pointer for each comma, and
 * as much again while the array of pointers grows. */
#define MOST_PER_BYTE (2 * sizeof(char *) + 1)

#define LONGEST_NAME 200 /* bytes of a column's name */

static int64_t line_of(const char *text, const char *place) {
    int64_t line = 1;
    for (; text < place; text++)
        line += *text == '\n';
    return line;
}

/* Checks the next `got` bytes at once, so that a device or an archive is refused early. */
static int check_chunk(const struct Csv *csv, size_t length, size_t got, struct Error *error) {
    const char *zero = memchr(csv->text + length, '\0', got);
    if (zero)
        return fail(error, ERROR_DATA, "%s:%" PRId64 ": holds a zero byte; expected text",
                    csv->path, line_of(csv->text, zero));
    if (!memory_can_hold((uint64_t)(length + got) * MOST_PER_BYTE))
        return fail(error, ERROR_DATA, "%s: does not fit into this machine's memory", csv->path);
    return OK;
}

static int read_text(struct Csv *csv, struct Error *error) {
    FILE *file = fopen(csv->path, "re");
    if (!file)
        return fail_errno(error, "%s: cannot be read", csv->path);
    size_t capacity = 1 << 16, length = 0, got = 1;
    int code = OK;
    csv->text = memory_allocate(capacity, "a table");
    while (!code && (got = fread(csv->text + length, 1, capacity - length - 1, file)) > 0) {
        code = check_chunk(csv, length, got, error);
        length += got;
        if (code || length + 1 < capacity)
            continue;
        csv->text = memory_resize(csv->text, capacity, 2 * capacity, "a table");
        capacity *= 2;
    }
    if (!code && ferror(file))
        code = fail_errno(error, "%s: cannot be read", csv->path);
    fclose(file);
    return code; /* the memory was zeroed, so the text is terminated */
}

/* How far the text is read. */
struct Cursor {
    char *at;
    char end; /* what ended the last field: ',', '\n' or 0 */
    int64_t line, field_room, row_room;
    int64_t fields; /* fields so far, in all records */
};

static void add_field(struct Csv *csv, struct Cursor *cursor, char *field) {
    if (cursor->fields == cursor->field_room) {
        size_t bytes = (size_t)cursor->field_room * sizeof *csv->fields;
        csv->fields = memory_resize(csv->fields, bytes, 2 * bytes + 1024, "a table");
        cursor->field_room = (int64_t)((2 * bytes + 1024) / sizeof *csv->fields);
    }
    csv->fields[cursor->fields++] = field;
}

/* Reads a field, removes its quotes and terminates it in place: it never grows. Moves the cursor
 * after what ended the field. */
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
        return fail(error, ERROR_DATA, "%s:%" PRId64 ": the quote that begins here is never closed",
                    csv->path, line);
    if (*from != ',' && to > field && to[-1] == '\r')
        to--;
    cursor->end = *from;
    cursor->at = from + (*from != '\0');
    cursor->line += cursor->end == '\n';
    *to = '\0';
    add_field(csv, cursor, field);
    return OK;
}

/* How many bytes of a field to show in a message: at most about 40, and only printable UTF-8. */
static int shown(const char *text) {
    uint32_t code;
    size_t length = strlen(text), at = 0;
    for (size_t bytes; at < length && at < 40; at += bytes) {
        bytes = text_character(text + at, length - at, &code);
        if (bytes == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0))
            break;
    }
    return (int)at;
}

/* A head with one name that holds another separator: a table, but not of commas. */
static int check_separator(const struct Csv *csv, int64_t line, const char *head,
                           struct Error *error) {
    const char *separator = strpbrk(head, ";\t");
    if (!separator)
        return OK;
    return fail(error, ERROR_DATA,
                "%s:%" PRId64 ": has one column, '%.*s', with a %s in its name; "
                "expected commas between columns",
                csv->path, line, shown(head), head, *separator == '\t' ? "tab" : "semicolon");
}

static int read_record(struct Csv *csv, struct Cursor *cursor, struct Error *error) {
    int64_t line = cursor->line, before = cursor->fields, row = csv->rows + 1;
    int code = read_field(csv, cursor, error);
    while (!code && cursor->end == ',')
        code = read_field(csv, cursor, error);
    if (code)
        return code;
    int64_t found = cursor->fields - before;
    if (found == 1 && !*csv->fields[before]) { /* a blank line */
        cursor->fields--;
        return OK;
    }
    if (row > 0 && found != csv->columns)
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": has %" PRId64 " field%s, the head has %" PRId64, csv->path,
                    line, found, found == 1 ? "" : "s", csv->columns);
    if (row == 0 && found == 1 && check_separator(csv, line, csv->fields[before], error))
        return error->code;
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

/* Names of columns become names of targets in messages, files and JSON. */
static int check_name(const struct Csv *csv, int64_t column, struct Error *error) {
    const char *name = csv->fields[column];
    size_t length = strlen(name), bytes = 1;
    if (length > LONGEST_NAME)
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": the name of column %" PRId64
                    " has %zu bytes, expected at most %d",
                    csv->path, csv->lines[0], column + 1, length, LONGEST_NAME);
    for (size_t i = 0; i < length; i += bytes) {
        uint32_t code = 0;
        bytes = text_character(name + i, length - i, &code);
        if (bytes == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0))
            return fail(error, ERROR_DATA,
                        "%s:%" PRId64 ": the name of column %" PRId64
                        " holds the byte 0x%02x, expected UTF-8 "
                        "text",
                        csv->path, csv->lines[0], column + 1, (unsigned)(unsigned char)name[i]);
    }
    return OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_distinct(const struct Csv *csv, struct Error *error) {
    char **sorted = memory_copy_array(csv->fields, csv->columns, "a table");
    int code = OK;
    qsort(sorted, (size_t)csv->columns, sizeof *sorted, compare_names);
    for (int64_t i = 1; !code && i < csv->columns; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            code = fail(error, ERROR_DATA, "%s:%" PRId64 ": two columns are called '%s'", csv->path,
                        csv->lines[0], sorted[i]);
    memory_release(sorted);
    return code;
}

/* Blanks around a name do not belong to it, as with numbers. */
static void trim(char **name) {
    *name += strspn(*name, " \t");
    size_t length = strlen(*name);
    while (length && strchr(" \t", (*name)[length - 1]))
        (*name)[--length] = '\0';
}

static int check_head(const struct Csv *csv, struct Error *error) {
    int code = OK;
    if (csv->rows < 1)
        return fail(error, ERROR_DATA, "%s: has %s; expected a line of names and rows below it",
                    csv->path, csv->rows < 0 ? "no line" : "no row");
    for (int64_t i = 0; !code && i < csv->columns; i++) {
        trim(&csv->fields[i]);
        code = check_name(csv, i, error);
    }
    return code ? code : check_distinct(csv, error);
}

int csv__read(struct Csv *csv, const char *path, struct Error *error) {
    *csv = (struct Csv){.path = memory_copy_text(path), .rows = -1};
    int code = read_text(csv, error);
    struct Cursor cursor = {.at = csv->text, .line = 1};
    if (!code && !strncmp(cursor.at, "\xEF\xBB\xBF", 3))
        cursor.at += 3;
    while (!code && *cursor.at)
        code = read_record(csv, &cursor, error);
    return code ? code : check_head(csv, error);
}

void csv__release(struct Csv *csv) {
    memory_release(csv->fields);
    memory_release(csv->lines);
    memory_release(csv->text);
    memory_release(csv->path);
    *csv = (struct Csv){0};
}

const char *csv__field(const struct Csv *csv, int64_t row, int64_t column) {
    return csv->fields[(row + 1) * csv->columns + column];
}

int64_t csv__column(const struct Csv *csv, const char *name, struct Error *error) {
    for (int64_t i = 0; i < csv->columns; i++)
        if (!strcmp(csv->fields[i], name))
            return i;
    const char *near = text_nearest(name, (const char *const *)csv->fields, (int)csv->columns);
    fail(error, ERROR_DATA, "%s:%" PRId64 ": has no column '%s'%s%s%s", csv->path, csv->lines[0],
         name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return -1;
}

/* strtod alone would also accept 0x10, inf and nan. */
int csv__number(const struct Csv *csv, int64_t row, int64_t column, float *value,
                struct Error *error) {
    const char *text = csv__field(csv, row, column), *start = text + strspn(text, " \t");
    size_t length = strspn(start, "0123456789+-.eE");
    char *end;
    double number = strtod(start, &end);
    *value = (float)number;
    bool decimal = length && end == start + length && !end[strspn(end, " \t")];
    if (decimal && isfinite(*value))
        return OK;
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": column '%s' is '%.*s', expected a number%s",
                csv->path, csv->lines[row + 1], csv->fields[column], shown(text), text,
                decimal ? " that a float can hold" : "");
}
