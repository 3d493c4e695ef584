/* Several passes over each sample, whose predictions are averaged: the views of test-time
 * augmentation (data/views.h), and the masks of Monte Carlo dropout (Gal and Ghahramani 2016,
 * "Dropout as a Bayesian approximation"), which is by sampling the average over masks that dropout
 * at test time stands for. Not collective. */
#ifndef TRAINER_EVALUATE_PASSES_H
#define TRAINER_EVALUATE_PASSES_H

#include <stdint.h>

#include "data/views.h"

#define PASSES_MASKS 100000 /* at most */

struct PassesRequest {
    const char *views;  /* as views_create takes it; NULL: the image itself */
    int64_t masks;      /* a view; 0: nothing is random */
    uint64_t seed;      /* of the masks */
    struct Image image; /* what the model takes */
    int64_t samples;    /* at most, of one run */
    int64_t outputs;
};

struct Passes {
    struct Views *views;
    int64_t masks;
    uint64_t seed;
    int count;          /* views · max(masks, 1) */
    int64_t elements;   /* of an image */
    float *images;      /* (samples, elements): as loaded; forward destroys the plan's input */
    float *predictions; /* of one pass */
    double *sum;
};

/* *passes is NULL where one pass is enough. Failures begin with "--views". */
int passes_create(struct Passes **passes, const struct PassesRequest *request, struct Error *error);
void passes_release(struct Passes *passes); /* NULL is allowed */

/* The input of pass `pass` for `count` samples, made of passes->images. Mask numbers (ShardCall's
 * step) go by pass, so that no two passes share a mask. */
void passes_fill(struct Passes *passes, int pass, int64_t count, float *input);

#endif
