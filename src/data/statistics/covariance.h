/* The covariance matrix of whole images, each a vector of height·width·channels elements, summed
 * block after block, so that no more than a block is in memory as numbers. The blocks are always of
 * COVARIANCE_BLOCK images, however the images come: the bits depend neither on that nor on the
 * threads. Of uint8 images all sums are integers, and exact. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_COVARIANCE_H
#define TRAINER_DATA_STATISTICS_COVARIANCE_H

#include <stdbool.h>
#include <stdint.h>

#define COVARIANCE_BLOCK 256 /* images */

struct Covariance {
    int64_t elements;
    bool bytes;
    int64_t count;   /* images so far */
    double *shift;   /* (elements): near the mean, subtracted from every image */
    double *sum;     /* (elements): of the images less the shift, of complete blocks */
    double *scatter; /* (elements, elements): of their products; lower triangle */
    double *block;   /* (COVARIANCE_BLOCK, elements): images less the shift */
};

/* Bytes that it takes. */
int64_t covariance_bytes(int64_t elements);
/* Images are uint8 if `bytes`, else float. `mean` (elements) need only be near: it saves digits. */
void covariance_start(struct Covariance *covariance, int64_t elements, bool bytes,
                      const float *mean);
/* Adds (count, elements) images. Uses the run's OpenMP threads. */
void covariance_add(struct Covariance *covariance, const void *images, int64_t count);
/* The population's covariance (divided by the count) into the lower triangle of `scatter`; once,
 * after the last image. */
void covariance_finish(struct Covariance *covariance);
void covariance_release(struct Covariance *covariance);

#endif
