/* Cuts a random rectangle out of the image and scales it to the output's size (Szegedy et al. 2015,
 * "Going deeper with convolutions"), as torchvision's RandomResizedCrop does. It draws an area
 * a·H·W, a uniform in `scale`, and an aspect ratio (width over height) whose logarithm is uniform
 * in `aspect`, up to ten times, until the rectangle fits into the image, and puts it at a uniformly
 * random place. If none fits, it takes the largest rectangle in the middle whose aspect ratio is
 * allowed. Scaling is bilinear, with antialiasing if it shrinks (resample.h).
 *
 * At test time it takes the middle of the image, `test_share` of each side, scaled to the same
 * size. */
#include <math.h>

#include "data/augment.h"
#include "data/resample.h"

struct ResizedCropOptions {
    int64_t size; /* −1: the input's size */
    struct Reals scale, aspect;
    double test_share;
};

static const char *const same_word[] = {"same", NULL};
static const struct Key resized_crop_keys[] = {
    {.name = "size",
     .type = KEY_COUNT,
     .offset = offsetof(struct ResizedCropOptions, size),
     .fallback = "same",
     .minimum = 1,
     .maximum = 65536,
     .names = same_word,
     .unit = "pixels",
     .help = "side of the square that comes out; same: the height and width of the image that "
             "comes in"},
    {.name = "scale",
     .type = KEY_REALS,
     .offset = offsetof(struct ResizedCropOptions, scale),
     .fallback = "[0.08, 1]",
     .help = "least and largest area of the crop, as a part of the image's area"},
    {.name = "aspect",
     .type = KEY_REALS,
     .offset = offsetof(struct ResizedCropOptions, aspect),
     .fallback = "[0.75, 1.3333333333333333]",
     .help = "least and largest aspect ratio of the crop, width over height"},
    {.name = "test_share",
     .type = KEY_REAL,
     .offset = offsetof(struct ResizedCropOptions, test_share),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1,
     .above_minimum = true,
     .help = "how much of each side is kept at test time, in the middle of the image; 0.875 is "
             "usual for ImageNet"},
    KEY_END};

static int resized_crop_describe(const struct Choice *choice, const struct Image *in,
                                 struct Image *out, struct Error *error) {
    const struct ResizedCropOptions *crop = choice->options;
    *out = *in;
    int code = augment_need_range(choice, "scale", &crop->scale, error);
    if (code == OK && crop->scale.values[1] > 1)
        code =
            schema_fail(error, choice, "scale", "is [%g, %g], expected at most the whole image, 1",
                        crop->scale.values[0], crop->scale.values[1]);
    if (code == OK)
        code = augment_need_range(choice, "aspect", &crop->aspect, error);
    if (code == OK && crop->size > 0)
        out->height = out->width = crop->size;
    return code;
}

static int resized_crop_prepare(const struct Choice *choice, const struct Dataset *dataset,
                                const struct Split *split, const struct Image *in,
                                const struct Image *out, void **prepared, struct Error *error) {
    (void)choice, (void)dataset, (void)split, (void)error;
    *prepared = resample__create(in, out);
    return OK;
}

static struct Box fallback_box(const struct ResizedCropOptions *crop, const struct Image *in) {
    double aspect = (double)in->width / (double)in->height;
    struct Box box = {.height = in->height, .width = in->width};
    if (aspect < crop->aspect.values[0])
        box.height = (int64_t)rint((double)in->width / crop->aspect.values[0]);
    else if (aspect > crop->aspect.values[1])
        box.width = (int64_t)rint((double)in->height * crop->aspect.values[1]);
    box.height = box.height < 1 ? 1 : box.height > in->height ? in->height : box.height;
    box.width = box.width < 1 ? 1 : box.width > in->width ? in->width : box.width;
    box.top = (in->height - box.height) / 2;
    box.left = (in->width - box.width) / 2;
    return box;
}

static struct Box random_box(const struct ResizedCropOptions *crop,
                             const struct RandomStream *stream, const struct Image *in) {
    double area = (double)(in->height * in->width);
    double low = log(crop->aspect.values[0]), high = log(crop->aspect.values[1]);
    double least = crop->scale.values[0], most = crop->scale.values[1];
    for (uint32_t attempt = 0; attempt < 10; attempt++) {
        uint32_t words[4];
        random_block(stream, attempt, words);
        double target = area * (least + (most - least) * (double)random_uniform(words[0]));
        double aspect = exp(low + (high - low) * (double)random_uniform(words[1]));
        double width = rint(sqrt(target * aspect)), height = rint(sqrt(target / aspect));
        if (width < 1 || height < 1 || width > (double)in->width || height > (double)in->height)
            continue;
        struct Box box = {.height = (int64_t)height, .width = (int64_t)width};
        box.top = random_below(words[2], (uint32_t)(in->height - box.height + 1));
        box.left = random_below(words[3], (uint32_t)(in->width - box.width + 1));
        return box;
    }
    return fallback_box(crop, in);
}

static void resized_crop_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                               const struct Image *in, struct Image *out) {
    struct RandomStream stream = augment_stream(at);
    struct Box box = random_box(options, &stream, in);
    resample__image(prepared, in, &box, out);
}

static void resized_crop_evaluate(const void *options, void *prepared, const struct Image *in,
                                  struct Image *out) {
    const struct ResizedCropOptions *crop = options;
    struct Box box = resample__box_of_centre(in, out->height, out->width, crop->test_share);
    resample__image(prepared, in, &box, out);
}

extern const struct Augment augment_resized_crop;
const struct Augment augment_resized_crop = {
    .kind = {.name = "resized_crop",
             .summary =
                 "cut a random rectangle out of images and scale it to the output's size; at "
                 "test time the middle",
             .keys = resized_crop_keys,
             .options_size = sizeof(struct ResizedCropOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .describe = resized_crop_describe,
    .prepare = resized_crop_prepare,
    .apply = resized_crop_apply,
    .evaluate = resized_crop_evaluate,
};
