/* out = f · in, clamped to the pixels' range; colour.h says how f is drawn. Equals torchvision's
 * adjust_brightness. Takes any number of channels. */
#include "data/augmentations/colour.h"

static void brightness_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                             const struct Image *in, struct Image *out) {
    (void)prepared;
    float factor = colour__factor(options, at);
    struct ColourRange range = colour_range(in);
    const float *restrict from = in->pixels;
    float *restrict to = out->pixels;
    for (int64_t i = 0; i < image_elements(in); i++)
        to[i] = colour_clamp(factor * from[i], range);
}

extern const struct Augment augment_brightness;
const struct Augment augment_brightness = {
    .kind = {.name = "brightness",
             .summary = "multiply raw images by a random factor",
             .keys = colour_keys,
             .options_size = sizeof(struct ColourOptions)},
    .stage = AUGMENT_RAW,
    .apply = brightness_apply,
};
