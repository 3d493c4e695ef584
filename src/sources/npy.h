/* Arrays of NumPy: NPY files, alone or packed in an NPZ file
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Inside sources/ only.
 */
#ifndef TRAINER_SOURCES_NPY_H
#define TRAINER_SOURCES_NPY_H

#include "sources/arrays.h"

/* Opens a plain NPY file. A row at a time is read from it later, unless the array is in Fortran's
 * order. The caller releases the array, also after a failure. */
int npy__open(const char *path, struct Array *array, struct Error *error);

/* The arrays of an NPZ file. */
/* Whether a file begins as an NPY file. */
bool npy__is_one(const char *path);

struct Npz;
int npz__open(struct Npz **npz, const char *path, struct Error *error);
void npz__close(struct Npz *npz); /* NULL is allowed */
int npz__count(const struct Npz *npz);
/* The name of an array, without ".npy". It lives as long as the file is open; NULL: it is none. */
char *npz__name(const struct Npz *npz, int index);
/* Unpacks an array into memory. The caller releases it, also after a failure. */
int npz__read(const struct Npz *npz, int index, struct Array *array, struct Error *error);

#endif
