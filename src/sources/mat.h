/* Reads full arrays of real numbers, alone or as members of structures, from MATLAB's files of
 * level 5 (versions 5 to 7; -v7.3 is HDF5). For sources/ only. Not collective. */
#ifndef TRAINER_SOURCES_MAT_H
#define TRAINER_SOURCES_MAT_H

#include "sources/arrays.h"

struct Mat;

/* Returns whether a file begins like such a file. */
bool mat__is_one(const char *path);

/* Lists the arrays of a file; other content is skipped. *out is NULL after a failure. */
int mat__open(struct Mat **out, const char *path, struct Error *error);
void mat__close(struct Mat *mat); /* NULL is allowed */

int mat__count(const struct Mat *mat);
/* Returns the name of an array; "dataset.train.images" is a member of a structure in a
 * structure. */
const char *mat__name(const struct Mat *mat, int index);
/* Reads an array into memory, in column-major order. */
int mat__read(const struct Mat *mat, int index, struct Array *array, struct Error *error);

#endif
