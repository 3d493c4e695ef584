/* Principal components of the training images: the eigenvectors of their covariance, largest
 * eigenvalue first. They depend on preprocess.scale, because dividing changes them; subtracting a
 * mean does not. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_PCA_H
#define TRAINER_DATA_STATISTICS_PCA_H

#include "base/error.h"
#include "base/ticker.h"
#include "data/dataset/dataset.h"

struct Pca {
    int64_t elements;      /* height·width·channels */
    int64_t count;         /* how many components are kept, the first ones */
    double total_variance; /* the sum of all eigenvalues, also of components not kept */
    double *eigenvalues;   /* (count), descending, ≥ 0: the variance along each component */
    float *eigenvectors;   /* (count, height, width, channels): of length 1; the element of largest
                              magnitude is positive */
};
void pca_release(struct Pca *pca);

/* How many of `count` eigenvalues of a covariance of `elements` rows, the largest first, are more
 * than the rounding of the covariance and of its decomposition. */
int64_t pca_rank(const double *eigenvalues, int64_t count, int64_t elements);
/* Along how many components `samples` images have variance at most, as far as those that are kept
 * tell: fewer than elements if the images are few, pixels are constant, or follow from others. */
int64_t pca_dimensions(const struct Pca *pca, int64_t samples);

/* The least number of components, the first ones, that explain the given part of the variance; 0
 * if those that are kept do not suffice. */
int64_t pca_components_for(const struct Pca *pca, double part);

/* The values of preprocess.scale that have components of their own: "none", "channel_std",
 * "pixel_std", NULL. */
#define PCA_SCALES 3
extern const char *const pca_scales[PCA_SCALES + 1];

/* Sets divisors (elements) to what each element of an image is divided by under one of pca_scales;
 * 1 for an element that never varies. ERROR_DATA if the data set does not have the statistic. */
int pca_divisors(const struct Dataset *dataset, const struct StatisticValues *values,
                 const char *scale, double *divisors, struct Error *error);

/* Computes the components of `split`, whose statistics are `values`, and keeps the first
 * `components` (0: all). The caller releases `pca`. On one kind of CPU, the bits do not depend on
 * the number of threads. ERROR_DATA if the matrices do not fit into memory. Takes about 4 ·
 * elements³ + images · elements² operations. */
int pca_compute(struct Pca *pca, const struct Dataset *dataset, const struct Split *split,
                const struct StatisticValues *values, const char *scale, int64_t components,
                const struct Ticker *ticker, struct Error *error);

#endif
