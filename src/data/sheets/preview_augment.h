/* What the network will see: a picture with a row for each sample and a column for each epoch, made
 * by a training loader. At the left are the name of the class and the sample as it is at test time;
 * under a mixed image, its two classes and their weights. If the targets are values, the sample's
 * number is at the left, and under each image the first two of its targets, mixed as the image is.
 * Not collective. */
#ifndef TRAINER_DATA_SHEETS_PREVIEW_AUGMENT_H
#define TRAINER_DATA_SHEETS_PREVIEW_AUGMENT_H

#include "data/loader.h"

struct AugmentPreview {
    int64_t samples, epochs; /* the first epochs of a run */
    bool random;             /* samples drawn by the seed, instead of the first of each class */
    uint64_t seed;
    /* The data, the lists and the run's seed. `shuffle` and `evaluate` do not matter: the image of
     * a sample depends neither on its place in the epoch nor on its batch. */
    struct LoaderRequest loader;
};

/* Writes a PNG. Centring and scaling are undone, so that pixels have their own colours again.
 * Decorrelation is not undone: 0 is grey, −3 black, 3 white. */
int preview_augment_write(const struct AugmentPreview *preview, const char *path,
                          struct Error *error);

/* Brings an image of a loader back to the units of the data, in place: value / factor + mean. If
 * augmentation changed its size, the mean of each channel stands in for a mean image, and so with
 * the deviations of pixels. A decorrelated image stays as it is. */
void preview_undo(const struct Preprocess *preprocess, struct Image *image);

#endif
