/* What the network will see: a picture with one row a sample and one column an epoch, made by a
 * training loader. In front stand the class's name and the sample's test-time counterpart; under a
 * picture that is mixed, its two classes and their shares. Where the targets are values, the
 * sample's number stands in front, and below the first two of its targets, mixed as the picture is.
 * Not collective. */
#ifndef TRAINER_DATA_SHEETS_PREVIEW_AUGMENT_H
#define TRAINER_DATA_SHEETS_PREVIEW_AUGMENT_H

#include "data/loader.h"

struct AugmentPreview {
    int64_t samples, epochs; /* the first epochs of a run */
    bool random;             /* samples drawn by the seed instead of the first of each class */
    uint64_t seed;
    /* The data, the lists and the run's seed. Its `shuffle` and `evaluate` are not looked at: a
     * sample's image depends on neither its place in the epoch nor its batch. */
    struct LoaderRequest loader;
};

/* Writes a PNG. Centring and scaling are undone, so that the pixels have their own colours again;
 * not so after decorrelation: 0 is grey, −3 black, 3 white. */
int preview_augment_write(const struct AugmentPreview *preview, const char *path,
                          struct Error *error);

/* Brings an image of a loader back to the units of the data: value / factor + mean; in place. Where
 * augmentation changed its size, a mean image counts by its channels' means, and so do deviations
 * of pixels. A decorrelated image stays as it is. */
void preview_undo(const struct Preprocess *preprocess, struct Image *image);

#endif
