/* What a data set file must hold, so that what is lost can be told from what never was. The text
 * attribute `splits` of its root has a line "COUNT DIGEST NAME" for each split. The text attribute
 * `arrays` has a line for each array that this program wrote: "classes", "train/images"; a group
 * stands for the groups in it ("statistics/pca"), and digests of blocks are not listed, since the
 * digest of the split covers what they do. Files of earlier programs have none of them, or only the
 * first. */
#ifndef TRAINER_DATA_DATASET_LISTED_H
#define TRAINER_DATA_DATASET_LISTED_H

#include "base/text.h"
#include "data/dataset/dataset.h"
#include "store/h5.h"

void listed__add(struct Text *list, const char *name, int64_t count, const char *digest);
int listed__write(struct H5Writer *file, const struct Text *list, struct Error *error);

/* Writes the list of the arrays that were written so far; or adds to the list of an older file,
 * `path`, which `file` changes, if that has one. */
int listed__write_arrays(struct H5Writer *file, struct Error *error);
int listed__update_arrays(struct H5Writer *file, const char *path, struct Error *error);

/* Whether all listed arrays that `concerns` (NULL: all) says yes to are there, given the first part
 * of their paths, "train"; for an array that lies in no group, "". ERROR_DATA if one is missing. */
int listed__check_arrays(struct H5File *file, bool (*concerns)(void *context, const char *group),
                         void *context, struct Error *error);

/* Compares the splits of an open data set of the own layout, all of which are open, with the list
 * in its file, and looks for signs of others. *found: whether there is a list. ERROR_DATA if
 * something is missing. */
int listed__check(const struct Dataset *dataset, bool *found, struct Error *error);

#endif
