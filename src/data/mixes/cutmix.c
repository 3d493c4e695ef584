/* CutMix (Yun et al. 2019, "CutMix: regularization strategy to train strong classifiers with
 * localizable features"): pastes a rectangle of the partner over the image. With λ drawn
 * from Beta(alpha, alpha), its sides are ⌊H √(1 − λ)⌋ and ⌊W √(1 − λ)⌋; its centre is a pixel drawn
 * uniformly from the image; what extends beyond the border is cut off. The weight of the image's
 * own target is the part of its area that is left after that, which may differ from λ. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/mix.h"
#include "data/patch.h"

static int cutmix_check(const struct Choice *choice, const struct Image *image,
                        struct Error *error) {
    if (image->height > 1 && image->width > 1)
        return OK;
    return schema_fail(error, choice, NULL,
                       "images are %" PRId64 "x%" PRId64
                       " pixels, expected at least 2x2 to cut from",
                       image->height, image->width);
}

static float cutmix_apply(const struct MixOptions *options, const struct RandomStream *stream,
                          struct Image *image, const struct Image *partner) {
    double cut = sqrt(1 - mix_weight(options, stream));
    int64_t height = image->height, width = image->width, channels = image->channels;
    struct Patch patch = patch_draw(stream, 0, (int64_t)((double)height * cut),
                                    (int64_t)((double)width * cut), image);
    int64_t rows = patch.bottom - patch.top, columns = patch.right - patch.left;
    for (int64_t y = patch.top; y < patch.bottom; y++)
        memcpy(image->pixels + (y * width + patch.left) * channels,
               partner->pixels + (y * width + patch.left) * channels,
               (size_t)(columns * channels) * sizeof(float));
    return (float)(1 - (double)(rows * columns) / (double)(height * width));
}

extern const struct Mix mix_cutmix;
const struct Mix mix_cutmix = {
    .kind = {.name = "cutmix",
             .summary = "paste a rectangle of one image on another; targets are weighted by area",
             .keys = mix_keys,
             .options_size = sizeof(struct MixOptions)},
    .check = cutmix_check,
    .apply = cutmix_apply,
};
