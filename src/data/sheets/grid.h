/* Pictures side by side, as one PNG. Not collective. */
#ifndef TRAINER_DATA_SHEETS_GRID_H
#define TRAINER_DATA_SHEETS_GRID_H

#include <stdint.h>

#include "base/error.h"
#include "data/image.h"

struct GridItem {
    struct Image image; /* one or two channels: the first, as grey; more: RGB */
    float black, white; /* the values that are drawn as such */
};

/* Writes `count` items in rows of `columns`. Images below 64 pixels are enlarged by a whole factor.
 * ERROR_USAGE if the picture would be too large, ERROR_SYSTEM if it cannot be written. */
int grid_write(const struct GridItem *items, int64_t count, int64_t columns, const char *path,
               struct Error *error);

#endif
