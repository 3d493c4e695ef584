/* The parts of item 1. They run on rank 0 alone. Inside check/ only. */
#ifndef TRAINER_CHECK_LOOKS_AT_DATA_H
#define TRAINER_CHECK_LOOKS_AT_DATA_H

#include "check/inside.h"

/* images.c: duplicates within and between all splits of the data set, images that show nothing. */
int check__images(struct Preflight *preflight, struct Error *error);
/* rows.c: whether rows of a table are equal only if they were copied, as the first `count` rows of
 * a split say: a column hardly has a value twice. False if there are fewer than 100 different rows.
 * Failures to read are left to dataset_failed. */
bool check__rows_are_unique(const struct Dataset *dataset, const struct Split *split,
                            int64_t count);
/* preprocessed.c: range, mean, deviation and covariance of what the network gets. */
int check__preprocessed(struct Preflight *preflight, struct Error *error);
/* channels.c: whether two channels, or columns of a table, are swapped in the validation split. */
int check__channels(struct Preflight *preflight, struct Error *error);
/* neighbours.c: whether labels of the training split are wrong, as those of similar samples say. */
int check__neighbours(struct Preflight *preflight, struct Error *error);
/* mirrored.c: whether the mirror images that augmentation makes are images of this data. */
int check__mirrored(struct Preflight *preflight, struct Error *error);

#endif
