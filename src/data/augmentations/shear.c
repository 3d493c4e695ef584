/* Shears the image about its centre: along x by an angle a and along y by an angle b, each drawn
 * uniformly from [−degrees, degrees]. Output (x, y) shows the input at (x + tan a·y, tan b·x + y),
 * interpolated bilinearly. */
#include <math.h>

#include "data/augment.h"
#include "data/augmentations/affine.h"

enum { SHEAR_X, SHEAR_Y, SHEAR_BOTH };
static const char *const along_names[] = {"x", "y", "both", NULL};

struct ShearOptions {
    double degrees;
    int along;
    int fill;
};

static const struct Key shear_keys[] = {{.name = "degrees",
                                         .type = KEY_REAL,
                                         .offset = offsetof(struct ShearOptions, degrees),
                                         .fallback = "10",
                                         .minimum = 0,
                                         .maximum = 80,
                                         .unit = "degrees",
                                         .help = "the largest angle, either way"},
                                        {.name = "along",
                                         .type = KEY_ENUM,
                                         .offset = offsetof(struct ShearOptions, along),
                                         .fallback = "x",
                                         .names = along_names,
                                         .help = "shift rows along x, columns along y, or both"},
                                        {.name = "fill",
                                         .type = KEY_ENUM,
                                         .offset = offsetof(struct ShearOptions, fill),
                                         .fallback = "zero",
                                         .names = affine_fill_names,
                                         .help = AFFINE_FILL_HELP},
                                        KEY_END};

static double slope(const struct ShearOptions *shear, uint32_t word) {
    return tan((2 * (double)random_uniform(word) - 1) * shear->degrees * M_PI / 180);
}

static void shear_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                        const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct ShearOptions *shear = options;
    struct RandomStream stream = augment_stream(at);
    uint32_t words[4];
    random_block(&stream, 0, words);
    double along_x = shear->along != SHEAR_Y ? slope(shear, words[0]) : 0;
    double along_y = shear->along != SHEAR_X ? slope(shear, words[1]) : 0;
    const double map[6] = {1, along_x, 0, along_y, 1, 0};
    affine__apply(map, (enum AffineFill)shear->fill, in, out);
}

extern const struct Augment augment_shear;
const struct Augment augment_shear = {
    .kind = {.name = "shear",
             .summary = "shear images about their centre by a random angle",
             .keys = shear_keys,
             .options_size = sizeof(struct ShearOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .apply = shear_apply,
};
