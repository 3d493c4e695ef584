/* What a data set file must hold: the text attribute `splits` of its root has a line "COUNT DIGEST
 * NAME" for each split. A split that is lost can be told from one that never was. */
#ifndef TRAINER_DATA_DATASET_LISTED_H
#define TRAINER_DATA_DATASET_LISTED_H

#include "base/text.h"
#include "data/dataset/dataset.h"
#include "store/h5.h"

void listed__add(struct Text *list, const char *name, int64_t count, const char *digest);
int listed__write(struct H5Writer *file, const struct Text *list, struct Error *error);

/* Compares the splits of an open data set of the own layout, all of which are open, with the list
 * in its file, and looks for signs of others. *found: whether there is a list. ERROR_DATA if
 * something is missing. */
int listed__check(const struct Dataset *dataset, bool *found, struct Error *error);

#endif
