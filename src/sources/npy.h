/* Reads arrays of NumPy: NPY files, alone or in an NPZ file
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). For sources/ only; not
 * collective. */
#ifndef TRAINER_SOURCES_NPY_H
#define TRAINER_SOURCES_NPY_H

#include "sources/arrays.h"

/* Opens an NPY file. Its rows are read later as they are needed, unless the array is in
 * column-major order, which is read at once. The caller releases the array, also after a
 * failure. */
int npy__open(const char *path, struct Array *array, struct Error *error);

/* The arrays of an NPZ file. */
/* Returns whether a file begins like an NPY file. */
bool npy__is_one(const char *path);

struct Npz;
int npz__open(struct Npz **npz, const char *path, struct Error *error);
void npz__close(struct Npz *npz); /* NULL is allowed */
int npz__count(const struct Npz *npz);
/* Returns the name of an array without ".npy", valid while the file is open; NULL if the member is
 * no array. */
char *npz__name(const struct Npz *npz, int index);
/* Unpacks an array into memory. The caller releases it, also after a failure. */
int npz__read(const struct Npz *npz, int index, struct Array *array, struct Error *error);

#endif
