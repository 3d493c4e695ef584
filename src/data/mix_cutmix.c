/* CutMix (Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with
 * localizable features"): a rectangle of the partner is pasted over the image. With λ of
 * Beta(alpha, alpha) its sides are ⌊H √(1 − λ)⌋ and ⌊W √(1 − λ)⌋, its centre is a pixel of the
 * image, uniformly, and what lies over the border is cut off. The target's weight is the part of
 * the area that is left: exact after cutting, not λ. */
#include <math.h>
#include <string.h>

#include "data/mix.h"

static int cutmix_check(const struct Choice *choice, const struct Image *image,
                        struct Error *error) {
    if (image->height > 1 && image->width > 1)
        return OK;
    return schema_fail(error, choice, NULL,
                       "images are %lldx%lld pixels, expected at least 2x2 to cut from",
                       (long long)image->height, (long long)image->width);
}

/* [*first, *end): half of `size` to each side of a random centre, inside `side`. */
static void span_of(uint32_t word, int64_t size, int64_t side, int64_t *first, int64_t *end) {
    int64_t centre = random_below(word, (uint32_t)side);
    *first = centre - size / 2 < 0 ? 0 : centre - size / 2;
    *end = centre - size / 2 + size > side ? side : centre - size / 2 + size;
}

static float cutmix_apply(const struct MixOptions *options, const struct RandomStream *stream,
                          struct Image *image, const struct Image *partner) {
    double cut = sqrt(1 - mix_weight(options, stream));
    int64_t top, bottom, left, right, width = image->width, channels = image->channels;
    uint32_t words[4];
    random_block(stream, 0, words);
    span_of(words[0], (int64_t)((double)image->height * cut), image->height, &top, &bottom);
    span_of(words[1], (int64_t)((double)width * cut), width, &left, &right);
    for (int64_t y = top; y < bottom; y++)
        memcpy(image->pixels + (y * width + left) * channels,
               partner->pixels + (y * width + left) * channels,
               (size_t)((right - left) * channels) * sizeof(float));
    double area = (double)((bottom - top) * (right - left));
    return (float)(1 - area / (double)(image->height * width));
}

extern const struct Mix mix_cutmix;
const struct Mix mix_cutmix = {
    .kind = {.name = "cutmix",
             .summary = "a rectangle of one image on another; targets by area",
             .keys = mix_keys,
             .options_size = sizeof(struct MixOptions)},
    .check = cutmix_check,
    .apply = cutmix_apply,
};
