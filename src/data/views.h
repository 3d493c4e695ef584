/* Views of an image for test-time augmentation: the model predicts each view, and the mean of its
 * predictions is the result. Nothing is random. Not collective.
 *
 * - mirror has 2 views: the image, and its mirror image (left to right).
 * - five_crop has 5, as torchvision's FiveCrop: the corners (top left, top right, bottom left,
 *   bottom right) and the centre.
 * - ten_crop has 10, as torchvision's TenCrop: those of five_crop, then the same ones mirrored.
 * - shifts has 9: the image moved by −by, 0 and +by pixels along both sides, row by row.
 *
 * A view has the size of the image, which is what the model takes. A crop is therefore taken from
 * the image with `pad` zeros around it (0 is the mean after preprocessing), or it is smaller
 * (`crop`) and scaled to the image's size bilinearly, or both. */
#ifndef TRAINER_DATA_VIEWS_H
#define TRAINER_DATA_VIEWS_H

#include "base/error.h"
#include "data/image.h"
#include "runfile/schema.h"

struct Views;

/* From the text of a flag, written as in a run file: "mirror", "ten_crop: {pad: 2}",
 * "{shifts: {by: 1}}"; for images of the size `image`. Failures (ERROR_USAGE) blame the option
 * "views". */
int views_create(struct Views **views, const char *text, const struct Image *image,
                 struct Error *error);
void views_release(struct Views *views); /* NULL is allowed */

int views_count(const struct Views *views);

/* Makes view `view` of `in` (height, width, channels) in `out`, another buffer of the same size.
 * Allocates nothing. */
void view_apply(struct Views *views, int view, const float *in, float *out);

extern const struct KindTable view_kinds;

#endif
