/* The order of the dimensions of an array of images, and its conversion to the program's own order,
 * (N, height, width, channels). For dataset/ only. Not collective. */
#ifndef TRAINER_DATA_DATASET_AXES_H
#define TRAINER_DATA_DATASET_AXES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { AXIS_SAMPLE, AXIS_HEIGHT, AXIS_WIDTH, AXIS_CHANNEL, AXES };

struct Axes {
    int rank;
    /* dimension[axis]: the array's dimension that holds this axis; −1: the array has no such
     * dimension, the size is 1 */
    int dimension[AXES];
};

/* Parses an order such as "NCHW", "auto", or "HWC" if the array is one sample, for an array of
 * `rank` dimensions. ERROR_RUN_FILE if the two do not fit together; the caller adds the key and the
 * array's name to the message. */
int axes__parse(struct Axes *axes, const char *text, int rank, struct Error *error);
/* Sets the sizes (samples, height, width, channels) of an array of this shape. */
void axes__sizes(const struct Axes *axes, const int64_t *shape, int64_t sizes[AXES]);
/* Returns whether the array already is in the program's order. */
bool axes__are_own(const struct Axes *axes);
/* Copies a part of the array into the program's order. The part has `shape` in the array's order;
 * each element has `element` bytes, 1 or 4. */
void axes__reorder(const struct Axes *axes, const int64_t *shape, int element, const void *from,
                   void *to);

#endif
