/* What the readers of tables share: fields and the names of columns. Not collective. */
#ifndef TRAINER_SOURCES_FIELDS_H
#define TRAINER_SOURCES_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sources/records.h"

#define LONGEST_NAME 200 /* bytes of the name of a column or of a category */

/* Returns the field without surrounding blanks. Cuts off its end in place. */
char *field__trim(char *field);
/* Returns how many bytes of a field a message should show: at most about 40, all of them printable
 * UTF-8. */
int field__shown(const char *field);
/* field__is_text returns whether a field is UTF-8 text without control characters other than line
 * ends and tabs. If it is not, field__say_bad_byte appends to the message of *error which byte is
 * wrong: "holds the byte 0x.., expected UTF-8 text". */
bool field__is_text(const char *field);
void field__say_bad_byte(const char *field, struct Error *error);

/* A file and a line, for messages. */
struct Place {
    const char *path;
    int64_t line;
};

/* Removes blanks around the names of columns. ERROR_DATA if a name is not UTF-8 text or too long,
 * because names of columns become names of targets in messages, files and JSON. */
int column_names__check(const struct Place *place, char **names, int64_t count,
                        struct Error *error);
/* Returns ERROR_DATA if two names that are not empty are equal, else OK. */
int column_names__check_distinct(const struct Place *place, char *const *names, int64_t count,
                                 struct Error *error);
/* Renames columns whose names occur before to NAME.1, NAME.2 and so on, as pandas does. Each name
 * must be allocated separately. Sets is_shared[i] for a column that keeps a name which others had,
 * too. Returns the first column that was renamed; −1: none. */
int64_t column_names__number(char **names, int64_t count, bool *is_shared);
/* Returns the column whose name ("path", "file", "image", ...) says that it names files; −1:
 * none. */
int64_t column_names__of_files(char *const *names, int64_t count);
/* Returns ERROR_DATA if `name`, the only name of a head, contains a separator other than
 * `separator`: the table then has that separator. */
int column_names__check_separator(const struct Place *place, char separator, const char *name,
                                  struct Error *error);
/* Returns the word for a separator: "comma", "semicolon" and so on. */
const char *separator__word(char separator);

/* Returns the index of the column with that name, or −1 with ERROR_DATA if there is none. */
int64_t column_names__find(const struct Place *place, char *const *names, int64_t count,
                           const char *name, struct Error *error);
/* Returns ERROR_DATA if a record has more or fewer fields than the head, else OK. */
int column_names__check_count(const struct Place *place, int64_t found, int64_t expected,
                              struct Error *error);

#endif
