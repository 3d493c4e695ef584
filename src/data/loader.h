/* The loader: which samples a step takes, and their pixels, ready for the network. A pure function
 * of (seed, epoch, position): any rank can make any part of any batch. Not collective. */
#ifndef TRAINER_DATA_LOADER_H
#define TRAINER_DATA_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "data/augment.h"
#include "data/dataset/dataset.h"
#include "data/mix.h"
#include "data/preprocessing/preprocess.h"
#include "data/preprocessing/target_scale.h"

struct Loader;

struct LoaderRequest {
    const struct Dataset *dataset;
    const struct Split *split;
    const struct Preprocess *preprocess;
    const struct TargetScale *targets; /* NULL: values stay as they are */
    const struct ChoiceList *augment;  /* NULL: none */
    const struct ChoiceList *mix;      /* NULL: none */
    bool evaluate;                     /* the list's test-time counterparts; no mixing */
    uint64_t seed;
    bool shuffle;
};

int loader_create(struct Loader **loader, const struct LoaderRequest *request, struct Error *error);
void loader_release(struct Loader *loader);

/* The size of the image that comes out (augmentation may change it). */
struct Image loader_image(const struct Loader *loader);

/* Samples at positions [first, first + count) of the epoch's order: images (count,H,W,C) float;
 * targets (count, outputs) float: one-hot, a distribution, or scaled values; indices in the split
 * to `samples`, which may be NULL. The order of an epoch is made once, when it is first asked for.
 */
void loader_fill(struct Loader *loader, int64_t epoch, int64_t first, int64_t count, float *images,
                 float *targets, int64_t *samples);

#endif
