/* The list of what a data set file must hold, by which lost arrays are noticed. The text attribute
 * `splits` of its root has a line "COUNT DIGEST NAME" for each split. The text attribute `arrays`
 * has a line for each array that this program wrote: "classes", "train/images"; a group stands for
 * the groups in it ("statistics/pca"). Digests of blocks are not listed, because the digest of the
 * split covers the same pixels. Files of earlier versions have neither attribute, or only the
 * first. Not collective. */
#ifndef TRAINER_DATA_DATASET_LISTED_H
#define TRAINER_DATA_DATASET_LISTED_H

#include "base/text.h"
#include "data/dataset/dataset.h"
#include "store/h5.h"

void listed__add(struct Text *list, const char *name, int64_t count, const char *digest);
int listed__write(struct H5Writer *file, const struct Text *list, struct Error *error);

/* listed__write_arrays lists the arrays that were written so far. listed__update_arrays adds them
 * to the list of the existing file at `path`, which `file` is changing, if that file has a list. */
int listed__write_arrays(struct H5Writer *file, struct Error *error);
int listed__update_arrays(struct H5Writer *file, const char *path, struct Error *error);

/* Checks that all listed arrays exist for which `concerns` (NULL: all) returns true. It is given
 * the first part of an array's path, such as "train", or "" for an array that lies in no group.
 * ERROR_DATA if one is missing. */
int listed__check_arrays(struct H5File *file, bool (*concerns)(void *context, const char *group),
                         void *context, struct Error *error);

/* Compares the splits of a data set of the own layout, all of which are open, with the list in its
 * file. Sets *found to whether the file has a list. ERROR_DATA if a split or an array is missing,
 * or a split has another number of samples. */
int listed__check(const struct Dataset *dataset, bool *found, struct Error *error);

#endif
