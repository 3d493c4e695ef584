/* A contact sheet of a split: a row of images for each class, with its name; or a row for each
 * target, from the least to the greatest value, with both values beside it. Not collective. */
#ifndef TRAINER_DATA_SHEETS_PREVIEW_H
#define TRAINER_DATA_SHEETS_PREVIEW_H

#include <stdint.h>

#include "data/dataset/dataset.h"

struct Preview {
    int64_t count; /* images in a row, at most */
    bool random;   /* drawn by the seed, instead of the first ones */
    uint64_t seed;
};

/* Writes a PNG. Images below 64 pixels are enlarged by a whole factor. In float images
 * the smallest value is black and the largest white. ERROR_USAGE if the sheet would be too large,
 * ERROR_SYSTEM if it cannot be written. */
int preview_write(const struct Dataset *dataset, const struct Split *split,
                  const struct Preview *preview, const char *path, struct Error *error);

/* The size of the sheet in pixels, for `dataset` and `count`. */
void preview_size(const struct Dataset *dataset, int64_t count, int64_t *height, int64_t *width);

#endif
