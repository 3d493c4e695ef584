/* Python's pickles (protocols 2 to 5), as far as data sets need them: a dictionary of numbers,
 * texts, lists of them, and one NumPy array of bytes. A pickle is a program for a small machine,
 * which can call any function of Python. Nothing is executed here: the file is only walked through,
 * the few calls by which NumPy stores an array are known by their names, and all others are
 * refused. Inside sources/ only. */
#ifndef TRAINER_SOURCES_PICKLE_H
#define TRAINER_SOURCES_PICKLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct Pickle;

/* Whether a file begins as such a pickle. */
bool pickle__is_one(const char *path);

/* Reads the dictionary. ERROR_DATA if the file holds anything else; *out is NULL then. */
int pickle__open(struct Pickle **out, const char *path, struct Error *error);
void pickle__close(struct Pickle *pickle); /* NULL is allowed */

/* A list of whole numbers: how many, and into `numbers` the first `most`; −1 if the dictionary has
 * no such list. */
int64_t pickle__numbers(const struct Pickle *pickle, const char *key, int64_t *numbers,
                        int64_t most);
/* A text of a list of texts; the caller releases it. NULL if there is none. */
char *pickle__text(const struct Pickle *pickle, const char *key, int64_t index);
/* An array of bytes of two dimensions, (rows, columns), whose elements begin at *offset of the file
 * and, if *by_columns, stand column by column. False if the dictionary has none. */
bool pickle__bytes(const struct Pickle *pickle, const char *key, int64_t *rows, int64_t *columns,
                   int64_t *offset, bool *by_columns);

/* The keys, with commas between them, for messages; the caller releases it. */
char *pickle__keys(const struct Pickle *pickle);

#endif
