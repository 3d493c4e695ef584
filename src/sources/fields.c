#include "sources/fields.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

enum { SHOWN_NAMES = 8 }; /* columns that a message lists */

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

/* Line ends are allowed: heads and categories of real tables contain them between quotes. */
static bool is_bad(uint32_t code) {
    return is_control(code) && code != '\t' && code != '\n' && code != '\r';
}

/* Returns the first byte that is not part of a valid text; NULL if there is none. */
static const char *bad_byte(const char *field) {
    size_t length = strlen(field), bytes = 1;
    for (size_t i = 0; i < length; i += bytes) {
        uint32_t code = 0;
        bytes = text_character(field + i, length - i, &code);
        if (bytes == 0 || is_bad(code))
            return field + i;
    }
    return NULL;
}

bool field__is_text(const char *field) {
    return !bad_byte(field);
}

void field__say_bad_byte(const char *field, struct Error *error) {
    unsigned char byte = (unsigned char)*bad_byte(field);
    error_append(error, " holds the byte 0x%02x, expected UTF-8 text%s", (unsigned)byte,
                 byte < 0x80 ? ""
                             : "; if it is Latin-1, iconv -f LATIN1 -t UTF-8 FILE converts it");
}

static int check_name(const struct Place *place, const char *name, int64_t column,
                      struct Error *error) {
    if (strlen(name) > LONGEST_NAME)
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": the name of column %" PRId64
                    " has %zu bytes, expected at most %d",
                    place->path, place->line, column + 1, strlen(name), LONGEST_NAME);
    if (field__is_text(name))
        return OK;
    fail(error, ERROR_DATA, "%s:%" PRId64 ": the name of column %" PRId64, place->path, place->line,
         column + 1);
    field__say_bad_byte(name, error);
    return error->code;
}

int column_names__check_distinct(const struct Place *place, char *const *names, int64_t count,
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
    return code;
}

/* Returns the first index of `name` among the names; −1: none. */
static int64_t place_among(const char *name, char *const *names, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

int64_t column_names__number(char **names, int64_t count, bool *is_shared) {
    const struct Place place = {"", 0};
    struct Error ignored;
    int64_t first = -1;
    if (column_names__check_distinct(&place, names, count, &ignored) == OK)
        return -1; /* a quick test that is enough for almost all tables */
    for (int64_t i = 1; i < count; i++) {
        char *name = names[i], *numbered = NULL;
        int64_t before = *name ? place_among(name, names, i) : -1;
        if (before < 0)
            continue;
        is_shared[before] = true;
        for (int k = 1; !numbered || place_among(numbered, names, count) >= 0; k++) {
            memory_release(numbered);
            numbered = memory_print("%s.%d", name, k);
        }
        first = first < 0 ? i : first;
        memory_release(name);
        names[i] = numbered;
    }
    return first;
}

/* Returns whether two names have the same letters and digits. */
static bool same_words(const char *a, const char *b) {
    for (;; a++, b++) {
        a += strspn(a, " _-.");
        b += strspn(b, " _-.");
        if (!*a || tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return !*a && !*b;
    }
}

int64_t column_names__of_files(char *const *names, int64_t count) {
    static const char *const known[] = {
        "path",       "file",       "filename", "file_name",   "filepath", "file_path", "image",
        "image_path", "image_name", "img",      "picture",     "image_id", "imageid",   "img_name",
        "img_path",   "image_file", "id_code",  "image index", "id"};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        for (int64_t i = 0; i < count; i++)
            if (same_words(names[i], known[k]))
                return i;
    return -1;
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
