/* out = f · in + (1 − f) · m, clamped to the pixels' range; m is the mean of the image's grey
 * values, and colour.h says how f is drawn. Equals torchvision's adjust_contrast without PIL's
 * rounding of m. Grey is the luma of three channels; with another number of channels, it is their
 * mean. */
#include "data/augmentations/colour.h"

static float mean_grey(const struct Image *image) {
    const float *pixel = image->pixels;
    int64_t pixels = image->height * image->width;
    double sum = 0;
    if (image->channels == 3) {
        for (int64_t i = 0; i < pixels; i++, pixel += 3)
            sum += (double)colour_grey(pixel);
        return (float)(sum / (double)pixels);
    }
    for (int64_t i = 0; i < pixels * image->channels; i++)
        sum += (double)pixel[i];
    return (float)(sum / (double)(pixels * image->channels));
}

static void contrast_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                           const struct Image *in, struct Image *out) {
    (void)prepared;
    float factor = colour__factor(options, at), other = (1 - factor) * mean_grey(in);
    struct ColourRange range = colour_range(in);
    const float *restrict from = in->pixels;
    float *restrict to = out->pixels;
    for (int64_t i = 0; i < image_elements(in); i++)
        to[i] = colour_clamp(factor * from[i] + other, range);
}

extern const struct Augment augment_contrast;
const struct Augment augment_contrast = {
    .kind = {.name = "contrast",
             .summary = "blend raw images with their mean grey by a random factor",
             .keys = colour_keys,
             .options_size = sizeof(struct ColourOptions)},
    .stage = AUGMENT_RAW,
    .apply = contrast_apply,
};
