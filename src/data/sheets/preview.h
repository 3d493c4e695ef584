/* A contact sheet of a split, so that people can look: one row a class with its name, or one row a
 * target, from the least to the greatest value, with the first and the last in figures. Not
 * collective. */
#ifndef TRAINER_DATA_SHEETS_PREVIEW_H
#define TRAINER_DATA_SHEETS_PREVIEW_H

#include <stdint.h>

#include "data/dataset/dataset.h"

struct Preview {
    int64_t count; /* images a row, as many as there are */
    bool random;   /* drawn by the seed instead of the first ones */
    uint64_t seed;
};

/* Writes a PNG. Images below 64 pixels are enlarged by a whole factor; float images are shown with
 * the smallest value black and the largest white. */
int preview_write(const struct Dataset *dataset, const struct Split *split,
                  const struct Preview *preview, const char *path, struct Error *error);

/* The size of the sheet, for `dataset` and `count`. */
void preview_size(const struct Dataset *dataset, int64_t count, int64_t *height, int64_t *width);

#endif
