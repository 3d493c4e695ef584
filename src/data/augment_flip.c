/* Mirrors the image left to right with a given probability. */
#include <string.h>

#include "data/augment.h"

struct FlipOptions {
    double probability;
};

static const struct Key flip_keys[] = {{.name = "probability",
                                        .type = KEY_REAL,
                                        .offset = offsetof(struct FlipOptions, probability),
                                        .fallback = "0.5",
                                        .minimum = 0,
                                        .maximum = 1,
                                        .help = "of an image to be mirrored"},
                                       KEY_END};

static int flip_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                         struct Error *error) {
    (void)choice, (void)error;
    *out = *in;
    return OK;
}

static void flip_apply(const void *options, const struct RandomStream *stream,
                       const struct Image *in, struct Image *out) {
    const struct FlipOptions *flip = options;
    int64_t width = in->width, channels = in->channels, row = width * channels;
    if (random_uniform(random_word(stream, 0)) >= flip->probability) {
        memcpy(out->pixels, in->pixels, (size_t)(in->height * row) * sizeof(float));
        return;
    }
    for (int64_t y = 0; y < in->height; y++) {
        const float *from = in->pixels + y * row;
        float *to = out->pixels + (y + 1) * row;
        for (int64_t x = 0; x < width; x++, from += channels) {
            to -= channels;
            for (int64_t c = 0; c < channels; c++)
                to[c] = from[c];
        }
    }
}

extern const struct Augment augment_flip;
const struct Augment augment_flip = {
    .kind = {.name = "flip",
             .summary = "mirror images left to right at random",
             .keys = flip_keys,
             .options_size = sizeof(struct FlipOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .describe = flip_describe,
    .apply = flip_apply,
};
