/* MATLAB's files of level 5 (versions 5 to 7, without -v7.3, which is HDF5), as far as they hold
 * full arrays of real numbers, alone or as members of structures. Inside sources/ only. */
#ifndef TRAINER_SOURCES_MAT_H
#define TRAINER_SOURCES_MAT_H

#include "sources/arrays.h"

struct Mat;

/* Whether a file begins as such a file. */
bool mat__is_one(const char *path);

/* Lists the arrays of a file; *out is NULL after a failure. What is no array of numbers is passed
 * over. */
int mat__open(struct Mat **out, const char *path, struct Error *error);
void mat__close(struct Mat *mat); /* NULL is allowed */

int mat__count(const struct Mat *mat);
/* "dataset.train.images" is a member of a structure in a structure. */
const char *mat__name(const struct Mat *mat, int index);
/* Reads an array into memory. Its first dimension moves fastest. */
int mat__read(const struct Mat *mat, int index, struct Array *array, struct Error *error);

#endif
