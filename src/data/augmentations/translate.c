/* Moves the image by a random part of its sides: right by u·by·width and down by v·by·height, u and
 * v drawn uniformly from [−1, 1]. Distances are rounded to whole pixels; if `whole` is false,
 * pixels are interpolated bilinearly instead. As torchvision's RandomAffine(translate=(by, by)). */
#include <math.h>

#include "data/augment.h"
#include "data/augmentations/affine.h"

struct TranslateOptions {
    double by;
    bool whole;
    int fill;
};

static const struct Key translate_keys[] = {
    {.name = "by",
     .type = KEY_REAL,
     .offset = offsetof(struct TranslateOptions, by),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 1,
     .help = "the largest distance, as a part of the image's side"},
    {.name = "whole",
     .type = KEY_BOOL,
     .offset = offsetof(struct TranslateOptions, whole),
     .fallback = "true",
     .help = "move by whole pixels; false: by any distance, interpolated"},
    {.name = "fill",
     .type = KEY_ENUM,
     .offset = offsetof(struct TranslateOptions, fill),
     .fallback = "zero",
     .names = affine_fill_names,
     .help = AFFINE_FILL_HELP},
    KEY_END};

static double distance(const struct TranslateOptions *options, uint32_t word, int64_t side) {
    double moved = (2 * (double)random_uniform(word) - 1) * options->by * (double)side;
    return options->whole ? rint(moved) : moved;
}

static void translate_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                            const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct TranslateOptions *translate = options;
    struct RandomStream stream = augment_stream(at);
    uint32_t words[4];
    random_block(&stream, 0, words);
    const double map[6] = {1, 0, -distance(translate, words[0], in->width),
                           0, 1, -distance(translate, words[1], in->height)};
    affine__apply(map, (enum AffineFill)translate->fill, in, out);
}

extern const struct Augment augment_translate;
const struct Augment augment_translate = {
    .kind = {.name = "translate",
             .summary = "move images by a random part of their sides",
             .keys = translate_keys,
             .options_size = sizeof(struct TranslateOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .apply = translate_apply,
};
