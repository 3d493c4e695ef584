/* Cutout (DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with
 * cutout"): `count` squares of `size` pixels become 0, which is the mean after preprocessing. The
 * centre of each square is a pixel drawn uniformly from the image; what extends beyond the border
 * is cut off. */
#include <inttypes.h>
#include <string.h>

#include "data/augment.h"
#include "data/patch.h"

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
     .help = "squares for each image; they may overlap"},
    KEY_END};

static int cutout_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                           struct Error *error) {
    const struct CutoutOptions *cutout = choice->options;
    int64_t most = 2 * (in->height < in->width ? in->height : in->width);
    *out = *in;
    if (cutout->size <= most)
        return OK;
    return schema_fail(error, choice, "size",
                       "is %" PRId64 ", expected at most %" PRId64 " for images of %" PRId64
                       "x%" PRId64,
                       cutout->size, most, in->height, in->width);
}

static void cutout_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                         const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct CutoutOptions *cutout = options;
    struct RandomStream stream = augment_stream(at);
    image_copy(in, out);
    for (int64_t i = 0; i < cutout->count; i++) {
        struct Patch patch = patch_draw(&stream, (uint32_t)i, cutout->size, cutout->size, in);
        for (int64_t y = patch.top; y < patch.bottom; y++)
            memset(out->pixels + (y * in->width + patch.left) * in->channels, 0,
                   (size_t)((patch.right - patch.left) * in->channels) * sizeof(float));
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
