/* Reads Python's pickles (protocols 2 to 5) as far as data sets need them: a dictionary of numbers,
 * texts, lists of these, and one NumPy array of bytes. A pickle is a program that can call any
 * function of Python. Nothing is executed here: the few calls by which NumPy stores an array are
 * recognised by their names, and all others are refused. For sources/ only. Not collective. */
#ifndef TRAINER_SOURCES_PICKLE_H
#define TRAINER_SOURCES_PICKLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct Pickle;

/* Returns whether a file begins like such a pickle. */
bool pickle__is_one(const char *path);

/* Reads the dictionary. ERROR_DATA if the file holds anything else; *out is then NULL. */
int pickle__open(struct Pickle **out, const char *path, struct Error *error);
void pickle__close(struct Pickle *pickle); /* NULL is allowed */

/* Copies the first `most` numbers of a list of whole numbers into `numbers`. Returns how many the
 * list has, or −1 if the dictionary has no such list. */
int64_t pickle__numbers(const struct Pickle *pickle, const char *key, int64_t *numbers,
                        int64_t most);
/* Returns a text of a list of texts, which the caller releases; NULL if there is none. */
char *pickle__text(const struct Pickle *pickle, const char *key, int64_t index);
/* Finds an array of bytes, (rows, columns), whose elements begin at *offset of the file and are
 * stored column by column if *by_columns. Returns false if the dictionary has none. */
bool pickle__bytes(const struct Pickle *pickle, const char *key, int64_t *rows, int64_t *columns,
                   int64_t *offset, bool *by_columns);

/* Returns the keys, separated by commas, for messages. The caller releases the text. */
char *pickle__keys(const struct Pickle *pickle);

#endif
