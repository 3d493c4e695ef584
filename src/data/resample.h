/* A rectangle of a float image drawn at another size: bilinear between pixel centres, widened to a
 * triangle over the pixels that are covered where it shrinks, weights normalised inside the
 * rectangle. The same as torch.nn.functional.interpolate(crop, mode="bilinear", antialias=True). */
#ifndef TRAINER_DATA_RESAMPLE_H
#define TRAINER_DATA_RESAMPLE_H

#include "data/image.h"

struct Box { /* whole pixels, inside the image */
    int64_t top, left, height, width;
};

/* Work space for any box of an image of the size `in` drawn at the size `out`: one block, released
 * by memory_release. */
struct Resampler *resampler_create(const struct Image *in, const struct Image *out);

/* Writes out->pixels. Allocates nothing. A box of the right size is copied unchanged. */
void resample(struct Resampler *resampler, const struct Image *in, const struct Box *box,
              struct Image *out);

/* The largest box of the aspect ratio height:width in the middle of the image, times `share` of its
 * sides. */
struct Box box_of_centre(const struct Image *in, int64_t height, int64_t width, double share);

#endif
