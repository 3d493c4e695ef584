/* Brings images to a size. Not collective; may be called from any thread. */
#ifndef TRAINER_PICTURES_RESIZE_H
#define TRAINER_PICTURES_RESIZE_H

#include <stdint.h>

#include "pictures/picture.h"

enum ResizeRule {
    RESIZE_CROP,    /* scale the shorter side to fit, cut the longer one at both ends */
    RESIZE_STRETCH, /* scale both sides to fit; the aspect ratio changes */
    RESIZE_PAD,     /* scale the longer side to fit, leave the rest black */
    RESIZE_RULES
};
extern const char *const resize_rule_names[RESIZE_RULES];

/* Brings `in` to `out` (height, width, in->channels), of the same type. Along a side that shrinks,
 * each pixel is the average of the area it covers; along a side that grows, it is interpolated
 * linearly between pixel centres, and edges are repeated. Bytes are rounded once, at the end. An
 * image that has the size already is copied unchanged. */
void resize_image(const struct Picture *in, enum ResizeRule rule, int64_t height, int64_t width,
                  void *out);

#endif
