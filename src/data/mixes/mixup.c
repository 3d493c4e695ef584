/* mixup (Zhang et al. 2018, "mixup: beyond empirical risk minimization"):
 *   x = λ x_i + (1 − λ) x_j,  t = λ t_i + (1 − λ) t_j,
 * with λ drawn from Beta(alpha, alpha) for each sample. */
#include "data/mix.h"

static float mixup_apply(const struct MixOptions *options, const struct RandomStream *stream,
                         struct Image *image, const struct Image *partner) {
    float own = (float)mix_weight(options, stream), other = 1 - own;
    float *restrict to = image->pixels;
    const float *restrict from = partner->pixels;
    for (int64_t i = 0; i < image_elements(image); i++)
        to[i] = own * to[i] + other * from[i];
    return own;
}

extern const struct Mix mix_mixup;
const struct Mix mix_mixup = {
    .kind = {.name = "mixup",
             .summary = "take a weighted mean of two images, and of their targets",
             .keys = mix_keys,
             .options_size = sizeof(struct MixOptions)},
    .apply = mixup_apply,
};
