/* The covariance matrix of whole images, each a vector of height·width·channels elements. It is
 * summed in blocks, so that only one block is in memory in double precision. Blocks always have
 * COVARIANCE_BLOCK images, whatever batches the images are added in, so the bits depend neither on
 * the batches nor on the number of threads. For uint8 images all sums are exact integers. Not
 * collective. */
#ifndef TRAINER_DATA_STATISTICS_COVARIANCE_H
#define TRAINER_DATA_STATISTICS_COVARIANCE_H

#include <stdbool.h>
#include <stdint.h>

#define COVARIANCE_BLOCK 256 /* images */

struct Covariance {
    int64_t elements;
    bool bytes;      /* images are uint8, else float */
    int64_t count;   /* images so far */
    double *shift;   /* (elements): subtracted from every image; near the mean */
    double *sum;     /* (elements): sum of the shifted images in complete blocks */
    double *scatter; /* (elements, elements): sum of their outer products; lower triangle */
    double *block;   /* (COVARIANCE_BLOCK, elements): the shifted images of a block */
};

/* The memory that it takes, in bytes. */
int64_t covariance__bytes(int64_t elements);
/* Begins. Images are uint8 if `bytes`, else float. `mean` (elements) only has to be near the mean:
 * the nearer, the fewer digits are lost. */
void covariance__start(struct Covariance *covariance, int64_t elements, bool bytes,
                       const float *mean);
/* Adds (count, elements) images. Uses the run's OpenMP threads. */
void covariance__add(struct Covariance *covariance, const void *images, int64_t count);
/* Sums the images of a block that is not complete. Call once, after the last image. */
void covariance__flush(struct Covariance *covariance);
/* Call once, after the flush: makes the lower triangle of `scatter` the covariance of the
 * population (divided by the count). At least one image must have been added. */
void covariance__finish(struct Covariance *covariance);
void covariance__release(struct Covariance *covariance);

#endif
