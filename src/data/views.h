/* Views of an image for evaluation with test-time augmentation: fixed, nothing random. The model
 * predicts each view, and the mean of its predictions is the answer. Not collective.
 *
 *   mirror     2 views: the image; left to right
 *   five_crop  5: the corners (top left, top right, bottom left, bottom right) and the centre, as
 *              torchvision's FiveCrop
 *   ten_crop   10: those of five_crop, then the same ones mirrored, as TenCrop
 *   shifts     9: the image moved by −by, 0, +by pixels along both sides; row by row
 *
 * A view has the image's own size, which is what the model takes. A crop therefore comes from the
 * image with `pad` zeros (after preprocessing: the mean) around it, or is smaller (`crop`) and
 * drawn at the image's size, bilinearly; or both. */
#ifndef TRAINER_DATA_VIEWS_H
#define TRAINER_DATA_VIEWS_H

#include "base/error.h"
#include "data/image.h"
#include "runfile/schema.h"

struct Views;

/* From the text of a flag, written as in a run file: "mirror", "ten_crop: {pad: 2}",
 * "{shifts: {by: 1}}"; for images of the size `image`. Failures (ERROR_USAGE) begin with
 * "--views". */
int views_create(struct Views **views, const char *text, const struct Image *image,
                 struct Error *error);
void views_release(struct Views *views); /* NULL is allowed */

int views_count(const struct Views *views);

/* View `view` of `in` (height,width,channels) into `out`, of the same size; two buffers. Allocates
 * nothing. */
void view_apply(struct Views *views, int view, const float *in, float *out);

extern const struct KindTable view_kinds;

#endif
