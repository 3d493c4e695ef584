#include "sources/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { SHOWN_NAMES = 8 }; /* of the columns that there are */

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

char *field__trim(char *field) {
    while (is_blank(*field))
        field++;
    size_t length = strlen(field);
    while (length && is_blank(field[length - 1]))
        field[--length] = '\0';
    return field;
}

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

int field__shown(const char *field) {
    uint32_t code;
    size_t length = strlen(field), at = 0;
    for (size_t bytes; at < length && at < 40; at += bytes) {
        bytes = text_character(field + at, length - at, &code);
        if (bytes == 0 || is_control(code))
            break;
    }
    return (int)at;
}

const char *field__bad_byte(const char *field) {
    size_t length = strlen(field), bytes = 1;
    for (size_t i = 0; i < length; i += bytes) {
        uint32_t code = 0;
        bytes = text_character(field + i, length - i, &code);
        if (bytes == 0 || is_control(code))
            return field + i;
    }
    return NULL;
}

static int check_name(const struct Place *place, const char *name, int64_t column,
                      struct Error *error) {
    const char *bad = field__bad_byte(name);
    if (strlen(name) > LONGEST_NAME)
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": the name of column %" PRId64
                    " has %zu bytes, expected at most %d",
                    place->path, place->line, column + 1, strlen(name), LONGEST_NAME);
    if (bad)
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": the name of column %" PRId64
                    " holds the byte 0x%02x, expected UTF-8 text",
                    place->path, place->line, column + 1, (unsigned)(unsigned char)*bad);
    return OK;
}

static int check_distinct(const struct Place *place, char *const *names, int64_t count,
                          struct Error *error) {
    char **sorted = memory_copy_array(names, count, "a table");
    int code = OK;
    qsort(sorted, (size_t)count, sizeof *sorted, text_compare);
    for (int64_t i = 1; !code && i < count; i++)
        if (*sorted[i] && !strcmp(sorted[i - 1], sorted[i]))
            code = fail(error, ERROR_DATA, "%s:%" PRId64 ": two columns are called '%s'",
                        place->path, place->line, sorted[i]);
    memory_release(sorted);
    return code;
}

int column_names__check(const struct Place *place, char **names, int64_t count,
                        struct Error *error) {
    int code = OK;
    for (int64_t i = 0; !code && i < count; i++) {
        names[i] = field__trim(names[i]);
        code = check_name(place, names[i], i, error);
    }
    return code ? code : check_distinct(place, names, count, error);
}

static const struct {
    char separator;
    const char *word;
} separators[] = {{',', "comma"}, {';', "semicolon"}, {'\t', "tab"},
                  {'|', "bar"},   {' ', "blank"},     {0, "blank or tab"}};

const char *separator__word(char separator) {
    for (size_t i = 0; i < sizeof separators / sizeof *separators; i++)
        if (separators[i].separator == separator)
            return separators[i].word;
    return "separator";
}

int column_names__check_separator(const struct Place *place, char separator, const char *name,
                                  struct Error *error) {
    const char *at = name;
    while ((at = strpbrk(at, ",;\t|")) && *at == separator)
        at++;
    if (!at || (*at == ',' && separator == ','))
        return OK;
    return fail(error, ERROR_DATA,
                "%s:%" PRId64 ": has one column, '%.*s', with a %s in its name; "
                "expected %ss between columns",
                place->path, place->line, field__shown(name), name, separator__word(*at),
                separator__word(separator));
}

int64_t column_names__find(const struct Place *place, char *const *names, int64_t count,
                           const char *name, struct Error *error) {
    for (int64_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return i;
    const char *near = text_nearest(name, (const char *const *)names, (int)count);
    fail(error, ERROR_DATA, "%s:%" PRId64 ": has no column '%s'%s%s%s", place->path, place->line,
         name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    for (int64_t i = 0; i < count && i < SHOWN_NAMES && !near; i++)
        error_append(error, "%s%.*s", i ? ", " : "; it has ", field__shown(names[i]), names[i]);
    if (count > SHOWN_NAMES && !near)
        error_append(error, ", ...");
    return -1;
}

int column_names__check_count(const struct Place *place, int64_t found, int64_t expected,
                              struct Error *error) {
    if (found == expected)
        return OK;
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": has %" PRId64 " field%s, the head has %" PRId64,
                place->path, place->line, found, found == 1 ? "" : "s", expected);
}
