/* With a given probability, replaces all three channels with the pixel's grey value (ITU-R BT.601
 * luma), as torchvision's RandomGrayscale does. */
#include "data/augmentations/colour.h"

struct GreyscaleOptions {
    double probability;
};

static const struct Key greyscale_keys[] = {
    {.name = "probability",
     .type = KEY_REAL,
     .offset = offsetof(struct GreyscaleOptions, probability),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1,
     .help = "probability that an image loses its colours"},
    KEY_END};

static int greyscale_describe(const struct Choice *choice, const struct Image *in,
                              struct Image *out, struct Error *error) {
    *out = *in;
    return augment_need_colour(choice, in, error);
}

static void greyscale_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                            const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct GreyscaleOptions *greyscale = options;
    struct RandomStream stream = augment_stream(at);
    if (random_uniform(random_word(&stream, 0)) >= greyscale->probability) {
        image_copy(in, out);
        return;
    }
    for (int64_t i = 0; i < image_elements(in); i += 3) {
        float grey = colour_grey(in->pixels + i);
        out->pixels[i] = out->pixels[i + 1] = out->pixels[i + 2] = grey;
    }
}

extern const struct Augment augment_greyscale;
const struct Augment augment_greyscale = {
    .kind = {.name = "greyscale",
             .summary = "turn some raw images grey",
             .keys = greyscale_keys,
             .options_size = sizeof(struct GreyscaleOptions)},
    .stage = AUGMENT_RAW,
    .describe = greyscale_describe,
    .apply = greyscale_apply,
};
