/* The core of translate, rotate and shear: an image seen through an affine map. Output pixel (x,
 * y), both counted from the image's centre, is the input at
 *
 *   (m[0]·x + m[1]·y + m[2],  m[3]·x + m[4]·y + m[5])       in pixels,
 *
 * interpolated linearly between the four pixel centres around it. That is torch's affine_grid and
 * grid_sample (bilinear, align_corners=False) on square images, with pixels instead of half sides
 * as the unit. What the map takes from outside the image is `fill`. */
#ifndef TRAINER_DATA_AUGMENTATIONS_AFFINE_H
#define TRAINER_DATA_AUGMENTATIONS_AFFINE_H

#include "data/image.h"
#include "runfile/schema.h"

enum AffineFill {
    AFFINE_ZERO,   /* 0: after preprocessing the mean */
    AFFINE_EDGE,   /* the nearest pixel of the border */
    AFFINE_REFLECT /* the image mirrored at its border pixels */
};
extern const char *const affine_fill_names[]; /* for KEY_ENUM */
#define AFFINE_FILL_HELP                                                                           \
    "what comes in from outside: zero (0 after preprocessing), the nearest edge pixel, or the "    \
    "image mirrored at its border pixels (reflect)"

/* `in` and `out` have the same size; two buffers. */
void affine_apply(const double m[6], enum AffineFill fill, const struct Image *in,
                  struct Image *out);

#endif
