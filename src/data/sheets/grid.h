/* Pictures side by side, each with words under it, as one PNG. Not collective. */
#ifndef TRAINER_DATA_SHEETS_GRID_H
#define TRAINER_DATA_SHEETS_GRID_H

#include <stdint.h>

#include "base/error.h"
#include "data/image.h"

#define GRID_LINES 2

struct GridItem {
    struct Image image;            /* one or two channels: the first, as grey; more: RGB */
    float black, white;            /* the values that are drawn as such */
    const char *words[GRID_LINES]; /* under it; NULL: an empty line */
};

/* Writes `count` items in rows of `columns`. Images below 64 pixels are enlarged by a whole factor,
 * and words that are longer than the widest image and than 200 pixels are cut off. `lines`: how
 * many lines of words there are, at most GRID_LINES. ERROR_USAGE if the picture would be too large,
 * ERROR_SYSTEM if it cannot be written. */
int grid_write(const struct GridItem *items, int64_t count, int64_t columns, int lines,
               const char *path, struct Error *error);

#endif
