/* Where a network looks: how much its belief in a class falls if a patch of the image is hidden.
 * Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014. Not collective.
 */
#ifndef TRAINER_EVALUATE_OCCLUSION_H
#define TRAINER_EVALUATE_OCCLUSION_H

#include <stdint.h>

#include "data/dataset/dataset.h"
#include "evaluate/predictor.h"

#define OCCLUSION_GRID 16 /* places of the patch along each side */

/* map (OCCLUSION_GRID, OCCLUSION_GRID): log p(class) of the whole image minus that with a patch
 * around that place, of an eighth to a quarter of each side, set to 0, which is the mean of
 * preprocessed images. The predictor is that of `split`, runs once on each sample, gives
 * probabilities, and was prepared; its preprocessing leaves images. ERROR_DATA if the sample cannot
 * be read. */
int occlusion_map(const struct Predictor *predictor, const struct Split *split, int64_t sample,
                  int64_t class, double *map, struct Error *error);

#endif
