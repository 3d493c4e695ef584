/* Imports the splits of a data set that the section `data` of a run file describes into a data set
 * file of this program. Not collective. */
#ifndef TRAINER_DATA_IMPORT_ARRAYS_H
#define TRAINER_DATA_IMPORT_ARRAYS_H

#include "base/error.h"
#include "base/ticker.h"
#include "data/dataset/dataset.h"

/* `origin`: how the file is made, for people. ERROR_DATA if the data cannot be used, or if targets
 * are distributions over classes, which the file cannot hold. `ticker` may be NULL. */
int import_arrays(const struct DataOptions *options, const char *origin, const char *path,
                  const struct Ticker *ticker, struct Error *error);

#endif
