/* `trainer dataset import --format hdf5` makes a file of this program's layout from arrays in files
 * of other programs. */
#ifndef TRAINER_CLI_DATASET_IMPORT_HDF5_H
#define TRAINER_CLI_DATASET_IMPORT_HDF5_H

#include "base/ticker.h"
#include "cli/arguments.h"

#define IMPORT_HDF5 "hdf5" /* the name of the format */

/* `source` is a run file, of which only the section `data` is used, or an HDF5 file whose arrays
 * have names of a known convention. Not collective. */
int import_hdf5(const char *source, const char *out, const struct Ticker *ticker,
                struct Error *error);

#endif
