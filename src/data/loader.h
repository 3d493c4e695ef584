/* The loader makes the samples that a step takes: images and targets, ready for the network. What
 * it makes is a pure function of (seed, epoch, position), so any rank can make any part of any
 * batch. Not collective. */
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
#include "data/stream_cut.h"

struct Loader;

struct LoaderRequest {
    const struct Dataset *dataset;
    const struct Split *split;
    const struct Preprocess *preprocess;
    const struct TargetScale *targets; /* NULL: targets stay as they are */
    const struct ChoiceList *augment;  /* NULL: none */
    const struct ChoiceList *mix;      /* NULL: none */
    bool evaluate; /* use the augmentations' counterparts for test time; do not mix */
    uint64_t seed;
    bool shuffle;         /* a new order in every epoch; else the order of the split */
    bool balanced;        /* with shuffle: the order is that of balanced epochs (data/order.h) */
    struct StreamCut cut; /* of a split that is streamed; its seed and shuffle are those above */
};

/* A split is streamed if its images are in blocks, or if the cut has a window: then the order is
 * that of data/dataset/block_order.h. The thread that reads ahead starts with the first
 * loader_fill.
 *
 * The request's pointers must stay valid until the loader is released. ERROR_DATA if the
 * preprocessing is for images of another size; ERROR_RUN_FILE if an augmentation or a mix does not
 * fit the images. *loader is NULL after a failure. */

int loader_create(struct Loader **loader, const struct LoaderRequest *request, struct Error *error);
void loader_release(struct Loader *loader);

/* What the request named. */
const struct Dataset *loader_dataset(const struct Loader *loader);
const struct Split *loader_split(const struct Loader *loader);

/* The size of the images that come out; augmentation may change it. */
struct Image loader_image(const struct Loader *loader);

/* Makes the samples at positions [first, first + count) of the epoch's order: `images`
 * (count, height, width, channels) of the size that loader_image says; `targets` (count, outputs):
 * one-hot, distributions, or scaled values, zeros if the split has none; `samples` (count), which
 * may be NULL: their numbers in the split. Allocates nothing. The order of an epoch is kept until
 * another epoch is asked for. */
void loader_fill(struct Loader *loader, int64_t epoch, int64_t first, int64_t count, float *images,
                 float *targets, int64_t *samples);
/* The same, and the samples' weights, (count); 1 if the split has none. The weight of a sample that
 * is mixed is the mean of both weights, and its target the mean weighted by them, so that the
 * product is what mixing the two weighted losses comes to. */
void loader_fill_weighted(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                          float *images, float *targets, float *weights);
/* Whether images that these were to make could not be read: the failure, or OK. Those images were
 * zeros. */
int loader_failed(const struct Loader *loader, struct Error *error);

/* Starts a thread that makes up to `most` samples ahead of their use, as loader_expect asks.
 * Without it, or if it cannot be started, loader_expect does nothing. */
void loader_work_ahead(struct Loader *loader, int64_t most);
/* Lets the thread make these samples. Each loader_fill (`weighted`: each loader_fill_weighted) that
 * asks for some of them, and not for their numbers, then takes them from there, until others are
 * expected. What is made is the same. Allocates nothing. */
void loader_expect(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                   bool weighted);

#endif
