/* What translate, rotate and shear have in common: an affine map of an image. Output pixel (x, y),
 * counted from the image's centre, shows the input at
 *
 *   (m[0]·x + m[1]·y + m[2],  m[3]·x + m[4]·y + m[5])       in pixels,
 *
 * interpolated linearly between the four nearest pixel centres. On square images this equals
 * PyTorch's affine_grid and grid_sample (bilinear, align_corners=False), but in pixels, not in half
 * sides. `fill` decides what the map shows from outside the image. */
#ifndef TRAINER_DATA_AUGMENTATIONS_AFFINE_H
#define TRAINER_DATA_AUGMENTATIONS_AFFINE_H

#include "data/image.h"
#include "runfile/schema.h"

enum AffineFill {
    AFFINE_ZERO,   /* 0, which is the mean after preprocessing */
    AFFINE_EDGE,   /* the nearest pixel of the border */
    AFFINE_REFLECT /* the image mirrored at its border pixels */
};
extern const char *const affine_fill_names[]; /* for KEY_ENUM */
#define AFFINE_FILL_HELP                                                                           \
    "what comes in from outside: zero (0 after preprocessing), the nearest edge pixel (edge), or " \
    "the image mirrored at its border pixels (reflect)"

/* `in` and `out` have the same size and are two buffers. */
void affine__apply(const double m[6], enum AffineFill fill, const struct Image *in,
                   struct Image *out);

#endif
