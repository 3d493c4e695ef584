/* Sources that are HDF5 files or arrays in them, as operands name them. */
#ifndef TRAINER_CLI_HDF5_SOURCE_H
#define TRAINER_CLI_HDF5_SOURCE_H

#include <stdbool.h>

/* The colon in "FILE:/array"; NULL if the text is the path of a file. */
const char *hdf5_source_colon(const char *text);

/* Whether `path` has the form "FILE:/array", is an HDF5 file, or has the name of one and cannot be
 * read. */
bool hdf5_source_is_one(const char *path);

#endif
