/* Cutout (DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with
 * cutout"): `count` squares of `size` pixels become 0, which is the mean after preprocessing. Each
 * square's centre is a pixel of the image, uniformly; what lies over the border is cut off. */
#include <string.h>

#include "data/augment.h"

struct CutoutOptions {
    int64_t size, count;
};

static const struct Key cutout_keys[] = {
    {.name = "size",
     .type = KEY_INT,
     .offset = offsetof(struct CutoutOptions, size),
     .fallback = "8",
     .minimum = 1,
     .maximum = 65536,
     .unit = "pixels",
     .help = "side of a square; at most twice the image's shorter side"},
    {.name = "count",
     .type = KEY_INT,
     .offset = offsetof(struct CutoutOptions, count),
     .fallback = "1",
     .minimum = 1,
     .maximum = 1000,
     .help = "squares an image; they may overlap"},
    KEY_END};

static int cutout_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                           struct Error *error) {
    const struct CutoutOptions *cutout = choice->options;
    int64_t most = 2 * (in->height < in->width ? in->height : in->width);
    *out = *in;
    if (cutout->size <= most)
        return OK;
    return schema_fail(
        error, choice, "size", "is %lld, expected at most %lld for images of %lldx%lld",
        (long long)cutout->size, (long long)most, (long long)in->height, (long long)in->width);
}

/* [*first, *end) of a line of `side` pixels: `size` of them about a random centre. */
static void span_of(uint32_t word, int64_t size, int64_t side, int64_t *first, int64_t *end) {
    int64_t begin = (int64_t)random_below(word, (uint32_t)side) - size / 2;
    *first = begin < 0 ? 0 : begin;
    *end = begin + size < side ? begin + size : side;
}

static void cutout_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                         const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct CutoutOptions *cutout = options;
    struct RandomStream stream = augment_stream(at);
    memcpy(out->pixels, in->pixels, (size_t)image_elements(in) * sizeof(float));
    for (int64_t i = 0; i < cutout->count; i++) {
        uint32_t words[4];
        int64_t top, bottom, left, right;
        random_block(&stream, (uint32_t)i, words);
        span_of(words[0], cutout->size, in->height, &top, &bottom);
        span_of(words[1], cutout->size, in->width, &left, &right);
        for (int64_t y = top; y < bottom && left < right; y++)
            memset(out->pixels + (y * in->width + left) * in->channels, 0,
                   (size_t)((right - left) * in->channels) * sizeof(float));
    }
}

extern const struct Augment augment_cutout;
const struct Augment augment_cutout = {
    .kind = {.name = "cutout",
             .summary = "cover random squares with the mean",
             .keys = cutout_keys,
             .options_size = sizeof(struct CutoutOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .describe = cutout_describe,
    .apply = cutout_apply,
};
