/* Rotates the image about its centre by an angle a, drawn uniformly from [−degrees, degrees];
 * positive angles turn counter-clockwise. Output (x, y), y pointing down, shows the input at
 * (cos a·x − sin a·y, sin a·x + cos a·y), interpolated bilinearly. */
#include <math.h>

#include "data/augment.h"
#include "data/augmentations/affine.h"

struct RotateOptions {
    double degrees;
    int fill;
};

static const struct Key rotate_keys[] = {{.name = "degrees",
                                          .type = KEY_REAL,
                                          .offset = offsetof(struct RotateOptions, degrees),
                                          .fallback = "15",
                                          .minimum = 0,
                                          .maximum = 180,
                                          .unit = "degrees",
                                          .help = "the largest angle, either way"},
                                         {.name = "fill",
                                          .type = KEY_ENUM,
                                          .offset = offsetof(struct RotateOptions, fill),
                                          .fallback = "zero",
                                          .names = affine_fill_names,
                                          .help = AFFINE_FILL_HELP},
                                         KEY_END};

static void rotate_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                         const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct RotateOptions *rotate = options;
    struct RandomStream stream = augment_stream(at);
    double turn = 2 * (double)random_uniform(random_word(&stream, 0)) - 1;
    double angle = turn * rotate->degrees * M_PI / 180;
    const double map[6] = {cos(angle), -sin(angle), 0, sin(angle), cos(angle), 0};
    affine__apply(map, (enum AffineFill)rotate->fill, in, out);
}

extern const struct Augment augment_rotate;
const struct Augment augment_rotate = {
    .kind = {.name = "rotate",
             .summary = "rotate images about their centre by a random angle",
             .keys = rotate_keys,
             .options_size = sizeof(struct RotateOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .apply = rotate_apply,
};
