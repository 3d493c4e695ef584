/* What the colour augmentations share: greys, mixing with a limit, random factors. They work on raw
 * images, in the data's own units: of bytes, 0 … 255; results are cut to that range, not rounded.
 * Float images have no known white, and are not cut. */
#ifndef TRAINER_DATA_AUGMENTATIONS_COLOUR_H
#define TRAINER_DATA_AUGMENTATIONS_COLOUR_H

#include <math.h>

#include "data/augment.h"

/* The range that results are cut to. */
struct ColourRange {
    float least, most;
};
static inline struct ColourRange colour_range(const struct Image *image) {
    struct ColourRange known = {0, image->white}, unknown = {-INFINITY, INFINITY};
    return image->white > 0 ? known : unknown;
}
static inline float colour_cut(float value, struct ColourRange range) {
    value = value < range.least ? range.least : value;
    return value > range.most ? range.most : value;
}

/* ITU-R BT.601 luma, as torchvision and PIL. */
static inline float colour_grey(const float *rgb) {
    return 0.2989f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
}

/* options {amount}, a factor uniform in [max(0, 1 − amount), 1 + amount]. */
struct ColourOptions {
    double amount;
};
extern const struct Key colour_keys[];
float colour_factor(const struct ColourOptions *options, const struct AugmentPlace *at);

#endif
