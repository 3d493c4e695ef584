/* The parts of item 1. They run on rank 0 alone. Inside check/ only. */
#ifndef TRAINER_CHECK_LOOKS_AT_DATA_H
#define TRAINER_CHECK_LOOKS_AT_DATA_H

#include "check/inside.h"

/* images.c: duplicates within and between all splits of the data set, images that show nothing. */
int check__images(struct Preflight *preflight, struct Error *error);
/* preprocessed.c: range, mean, deviation and covariance of what the network gets. */
int check__preprocessed(struct Preflight *preflight, struct Error *error);
/* mirrored.c: whether the mirror images that augmentation makes are images of this data. */
int check__mirrored(struct Preflight *preflight, struct Error *error);

#endif
