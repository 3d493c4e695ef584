/* out = f · in + (1 − f) · g, clamped to the pixels' range; g is the pixel's own grey value, and
 * colour.h says how f is drawn. Equals torchvision's adjust_saturation. Needs three channels. */
#include "data/augmentations/colour.h"

static int saturation_describe(const struct Choice *choice, const struct Image *in,
                               struct Image *out, struct Error *error) {
    *out = *in;
    return augment_need_colour(choice, in, error);
}

static void saturation_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                             const struct Image *in, struct Image *out) {
    (void)prepared;
    float factor = colour__factor(options, at);
    struct ColourRange range = colour_range(in);
    const float *restrict from = in->pixels;
    float *restrict to = out->pixels;
    for (int64_t i = 0; i < image_elements(in); i += 3) {
        float other = (1 - factor) * colour_grey(from + i);
        for (int c = 0; c < 3; c++)
            to[i + c] = colour_clamp(factor * from[i + c] + other, range);
    }
}

extern const struct Augment augment_saturation;
const struct Augment augment_saturation = {
    .kind = {.name = "saturation",
             .summary = "blend the pixels of raw images with their own grey by a random factor",
             .keys = colour_keys,
             .options_size = sizeof(struct ColourOptions)},
    .stage = AUGMENT_RAW,
    .describe = saturation_describe,
    .apply = saturation_apply,
};
