/* Images of any size to the data set's one size. Not collective. */
#ifndef TRAINER_PICTURES_RESIZE_H
#define TRAINER_PICTURES_RESIZE_H

#include <stdint.h>

#include "pictures/image_bytes.h"

enum ResizeRule {
    RESIZE_CROP,    /* the shorter side is scaled to fit, what is too long is cut at both ends */
    RESIZE_STRETCH, /* both sides are scaled to fit, the aspect ratio changes */
    RESIZE_PAD,     /* the longer side is scaled to fit, the rest is black */
    RESIZE_RULES
};
extern const char *const resize_rule_names[RESIZE_RULES];

/* `in` to out (height, width, in->channels). Along a side that shrinks each pixel is the average of
 * the area it covers, along a side that grows it is interpolated linearly between pixel centres
 * (edges repeated); rounded once, at the end. An image of the right size is copied unchanged. */
void resize_image(const struct ImageBytes *in, enum ResizeRule rule, int64_t height, int64_t width,
                  uint8_t *out);

#endif
