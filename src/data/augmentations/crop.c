/* Pads the image on all sides and cuts an image of its own size out of it at a random place. */
#include <inttypes.h>
#include <string.h>

#include "data/augment.h"

enum { FILL_ZERO, FILL_REFLECT };
static const char *const fill_names[] = {"zero", "reflect", NULL};

struct CropOptions {
    int64_t pad;
    int fill;
};

static const struct Key crop_keys[] = {
    {.name = "pad",
     .type = KEY_INT,
     .offset = offsetof(struct CropOptions, pad),
     .fallback = "4",
     .minimum = 0,
     .maximum = 65536,
     .unit = "pixels",
     .help =
         "how much is added on each side before cropping; less than the image's height and width"},
    {.name = "fill",
     .type = KEY_ENUM,
     .offset = offsetof(struct CropOptions, fill),
     .fallback = "zero",
     .names = fill_names,
     .help = "what is added: zero (0 after preprocessing), or the image mirrored at its border "
             "pixels (reflect)"},
    KEY_END};

static int crop_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                         struct Error *error) {
    const struct CropOptions *crop = choice->options;
    int64_t smaller = in->height < in->width ? in->height : in->width;
    if (crop->pad >= smaller)
        return schema_fail(error, choice, "pad",
                           "is %" PRId64 ", expected less than %" PRId64 " for images of %" PRId64
                           "x%" PRId64,
                           crop->pad, smaller, in->height, in->width);
    *out = *in;
    return OK;
}

/* Which pixel of a line of `size` pixels is shown at place i, if the line is mirrored at both ends:
 * ... 2 1 | 0 1 2 ... */
static int64_t reflected(int64_t i, int64_t size) {
    i = i < 0 ? -i : i;
    return i < size ? i : 2 * (size - 1) - i;
}

/* One row, moved by `shift` pixels: out[x] = in[x + shift]. */
static void crop_row(const float *in, float *out, int64_t width, int64_t channels, int64_t shift,
                     int fill) {
    int64_t first = shift < 0 ? -shift : 0;          /* the first x that shows the image */
    int64_t end = shift > 0 ? width - shift : width; /* the x after the last that does */
    size_t pixel = (size_t)channels * sizeof(float);
    memcpy(out + first * channels, in + (first + shift) * channels, (size_t)(end - first) * pixel);
    if (fill == FILL_ZERO) {
        memset(out, 0, (size_t)first * pixel);
        memset(out + end * channels, 0, (size_t)(width - end) * pixel);
        return;
    }
    for (int64_t x = 0; x < first; x++)
        memcpy(out + x * channels, in + reflected(x + shift, width) * channels, pixel);
    for (int64_t x = end; x < width; x++)
        memcpy(out + x * channels, in + reflected(x + shift, width) * channels, pixel);
}

static void crop_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                       const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct CropOptions *crop = options;
    struct RandomStream stream = augment_stream(at);
    uint32_t words[4], places = 2 * (uint32_t)crop->pad + 1;
    random_block(&stream, 0, words);
    int64_t down = (int64_t)random_below(words[0], places) - crop->pad;
    int64_t right = (int64_t)random_below(words[1], places) - crop->pad;
    int64_t row = in->width * in->channels;
    for (int64_t y = 0; y < in->height; y++) {
        int64_t from = y + down;
        float *to = out->pixels + y * row;
        bool outside = from < 0 || from >= in->height;
        if (outside && crop->fill == FILL_ZERO)
            memset(to, 0, (size_t)row * sizeof(float));
        else
            crop_row(in->pixels + reflected(from, in->height) * row, to, in->width, in->channels,
                     right, crop->fill);
    }
}

extern const struct Augment augment_crop;
const struct Augment augment_crop = {
    .kind = {.name = "crop",
             .summary = "pad images and crop them back to their size at a random place",
             .keys = crop_keys,
             .options_size = sizeof(struct CropOptions)},
    .stage = AUGMENT_PREPROCESSED,
    .describe = crop_describe,
    .apply = crop_apply,
};
