/* Images as a glance sees them: small, grey, and with a hash that is nearly the same for images
 * that look nearly the same. Inside check/ only. */
#ifndef TRAINER_CHECK_THUMB_H
#define TRAINER_CHECK_THUMB_H

#include <stdbool.h>
#include <stdint.h>

#include "data/dataset/dataset.h"

#define THUMB_SIDE 32  /* at most */
#define THUMB_LEAST 16 /* images with a shorter side show too little */

struct Thumb {
    int height, width;
    float grey[THUMB_SIDE * THUMB_SIDE];
};

/* Whether the images of a data set are large enough. */
bool thumb__can(const struct Dataset *dataset);
/* The mean of the channels, reduced by averages over areas. */
void thumb__make(const struct Dataset *dataset, const struct Split *split, const void *image,
                 struct Thumb *thumb);

/* The difference hash (Krawetz 2013, "Kind of like that") of rows and of columns: for 8×8 places,
 * whether the next one to the right, or below, is lighter. */
struct ThumbHash {
    uint64_t bits[2];
};
struct ThumbHash thumb__hash(const struct Thumb *thumb);
/* The bits in which two hashes differ, of 128; about half if the images are not alike. */
static inline int thumb__bits_apart(const struct ThumbHash *a, const struct ThumbHash *b) {
    return __builtin_popcountll(a->bits[0] ^ b->bits[0]) +
           __builtin_popcountll(a->bits[1] ^ b->bits[1]);
}
/* The correlation of the grey values of two thumbs of equal size, at the shift of up to two places
 * at which it is highest. */
double thumb__correlation(const struct Thumb *a, const struct Thumb *b);

#endif
