/* Scales a rectangle of a float image to another size: bilinearly between pixel centres; if the
 * image shrinks, with a triangle filter as wide as the pixels that an output pixel covers.
 * Weights are normalised inside the rectangle. The same as torch.nn.functional.interpolate(crop,
 * mode="bilinear", antialias=True). Not collective. */
#ifndef TRAINER_DATA_RESAMPLE_H
#define TRAINER_DATA_RESAMPLE_H

#include "data/image.h"

struct Box { /* in pixels, inside the image */
    int64_t top, left, height, width;
};

/* Work space to scale any box of an image of the size `in` to the size `out`: one block; the caller
 * releases it with memory_release. */
struct Resampler *resample__create(const struct Image *in, const struct Image *out);

/* Scales a box of `in` into out->pixels. Allocates nothing. A box that has the output's size is
 * copied unchanged. */
void resample__image(struct Resampler *resampler, const struct Image *in, const struct Box *box,
                     struct Image *out);

/* The largest box with the aspect ratio height:width in the middle of the image, each side
 * shortened to the given part of it. */
struct Box resample__box_of_centre(const struct Image *in, int64_t height, int64_t width,
                                   double part);

#endif
