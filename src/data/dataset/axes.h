/* The order of the dimensions of an array of images, and the way to the program's own order:
 * (N, height, width, channels). Inside dataset/ only. */
#ifndef TRAINER_DATA_DATASET_AXES_H
#define TRAINER_DATA_DATASET_AXES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { AXIS_SAMPLE, AXIS_HEIGHT, AXIS_WIDTH, AXIS_CHANNEL, AXES };

struct Axes {
    int rank;
    int dimension[AXES]; /* the dimension of the array that each is; −1: none, its size is 1 */
};

/* From "NCHW" or "auto", or "HWC" if the array is one sample, for an array of `rank` dimensions.
 * ERROR_RUN_FILE, without a key and without the array's name, if they do not fit. */
int axes__parse(struct Axes *axes, const char *text, int rank, struct Error *error);
/* The sizes (samples, height, width, channels) of an array of this shape. */
void axes__sizes(const struct Axes *axes, const int64_t *shape, int64_t sizes[AXES]);
/* Whether the array already is in the program's order. */
bool axes__are_own(const struct Axes *axes);
/* Copies a part of the array that has `shape`, elements of `element` bytes (1 or 4), into the
 * program's order. */
void axes__reorder(const struct Axes *axes, const int64_t *shape, int element, const void *from,
                   void *to);

#endif
