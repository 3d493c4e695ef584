/* What the readers of tables share: fields, and the names of columns. */
#ifndef TRAINER_SOURCES_FIELDS_H
#define TRAINER_SOURCES_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sources/records.h"

#define LONGEST_NAME 200 /* bytes of the name of a column or of a category */

/* The field without the blanks around it; its end is cut off in place. */
char *field__trim(char *field);
/* How many bytes of a field to show in a message: at most about 40, and only printable UTF-8. */
int field__shown(const char *field);
/* Whether a field is UTF-8 text without control characters, ends of lines and tabs aside. If not,
 * adds to a message "holds the byte 0x.., expected UTF-8 text". */
bool field__is_text(const char *field);
void field__say_bad_byte(const char *field, struct Error *error);

/* A file and a line, for messages. */
struct Place {
    const char *path;
    int64_t line;
};

/* Removes the blanks around the names of columns, which become names of targets in messages, files
 * and JSON. ERROR_DATA if a name is not UTF-8 text or too long. */
int column_names__check(const struct Place *place, char **names, int64_t count,
                        struct Error *error);
/* ERROR_DATA if two names that are not empty are alike. */
int column_names__check_distinct(const struct Place *place, char *const *names, int64_t count,
                                 struct Error *error);
/* Names that occur before become NAME.1, NAME.2 and so on, as in pandas. Returns the first column
 * that gets such a name; −1: none. The names are allocated each on its own. Sets is_shared[i] of a
 * column that keeps a name that others had, too. */
int64_t column_names__number(char **names, int64_t count, bool *is_shared);
/* The column that names files by what it is called ("path", "file", "image", ...); −1: none. */
int64_t column_names__of_files(char *const *names, int64_t count);
/* A head of one name that holds a separator other than `separator`: a table, but with other
 * separators. */
int column_names__check_separator(const struct Place *place, char separator, const char *name,
                                  struct Error *error);
/* "comma", "semicolon", …: what stands between columns. */
const char *separator__word(char separator);

/* The number of the column with that name; −1 and ERROR_DATA if there is none. */
int64_t column_names__find(const struct Place *place, char *const *names, int64_t count,
                           const char *name, struct Error *error);
/* Every record has as many fields as the head. */
int column_names__check_count(const struct Place *place, int64_t found, int64_t expected,
                              struct Error *error);

#endif
