/* The mean of several predictions of each sample: over the views of test-time augmentation
 * (data/views.h), and over masks of Monte Carlo dropout (Gal and Ghahramani 2016, "Dropout as a
 * Bayesian approximation"). Not collective. */
#ifndef TRAINER_EVALUATE_TEST_TIME_H
#define TRAINER_EVALUATE_TEST_TIME_H

#include <stdint.h>

#include "data/views.h"

#define TEST_TIME_DROPOUT_SAMPLES 100000 /* at most */

struct TestTimeRequest {
    const char *views;       /* as views_create takes it; NULL: the image itself */
    int64_t dropout_samples; /* masks for each view; 0: nothing is random */
    uint64_t seed;           /* of the masks */
    struct Image image;      /* what the model takes */
    int64_t samples;         /* of a call of predictor_run, at most */
    int64_t outputs;
};

struct TestTime {
    struct Views *views;
    int64_t dropout_samples;
    uint64_t seed;
    int count;        /* predictions of each sample: views · max(dropout_samples, 1) */
    int64_t elements; /* of an image */
    float *images;    /* (samples, elements): as loaded; forward destroys the plan's input */
    double *scores;   /* of one of the predictions, (samples, outputs) */
};

/* *test_time is NULL if each sample is predicted once. */
int test_time_create(struct TestTime **test_time, const struct TestTimeRequest *request,
                     struct Error *error);
void test_time_release(struct TestTime *test_time); /* NULL is allowed */

/* Makes the input of prediction `number` (from 0, below test_time->count) for `count` samples from
 * test_time->images. The number is also ShardCall's step, so that no two predictions have the same
 * masks. */
void test_time_fill(struct TestTime *test_time, int number, int64_t count, float *input);

#endif
