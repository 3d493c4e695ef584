/* What the colour augmentations have in common: grey values, clamping, random factors. They work on
 * raw images in the data's own units. If those are bytes, results are clamped to 0 … 255 and not
 * rounded; the range of float images is unknown, so they are not clamped. */
#ifndef TRAINER_DATA_AUGMENTATIONS_COLOUR_H
#define TRAINER_DATA_AUGMENTATIONS_COLOUR_H

#include <math.h>

#include "data/augment.h"

/* The range that results are clamped to. */
struct ColourRange {
    float least, most;
};
static inline struct ColourRange colour_range(const struct Image *image) {
    struct ColourRange known = {0, image->white}, unknown = {-INFINITY, INFINITY};
    return image->white > 0 ? known : unknown;
}
static inline float colour_clamp(float value, struct ColourRange range) {
    value = value < range.least ? range.least : value;
    return value > range.most ? range.most : value;
}

/* The luma of ITU-R BT.601, as in torchvision and PIL. */
static inline float colour_grey(const float *rgb) {
    return 0.2989f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
}

/* A factor drawn uniformly from [max(0, 1 − amount), 1 + amount]. */
struct ColourOptions {
    double amount;
};
extern const struct Key colour_keys[];
float colour__factor(const struct ColourOptions *options, const struct AugmentPlace *at);

#endif
