/* Principal components of the training images: eigenvectors of their covariance, largest eigenvalue
 * first. They belong to the images after a preprocess.scale: dividing changes them, subtracting a
 * mean does not. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_PCA_H
#define TRAINER_DATA_STATISTICS_PCA_H

#include "base/error.h"
#include "base/ticker.h"
#include "data/dataset/dataset.h"

struct Pca {
    int64_t elements;      /* height·width·channels */
    int64_t count;         /* components that are kept, the first ones */
    double total_variance; /* of all components: the sum of all eigenvalues */
    double *eigenvalues;   /* (count), descending, ≥ 0: variances along the components */
    float *eigenvectors;   /* (count, height, width, channels), of length 1, that element positive
                              which is largest in magnitude */
};
void pca_release(struct Pca *pca);

/* How many components, the first ones, keep that share of the variance; 0: those kept do not. */
int64_t pca_components_for(const struct Pca *pca, double share);

/* The scales that have components of their own: "none", "channel_std", "pixel_std", NULL. */
extern const char *const pca_scales[];

/* What each element of an image is divided by, (elements), under one of pca_scales; a value that
 * never varies is left as it is. ERROR_DATA where `dataset` lacks the statistic. */
int pca_divisors(const struct Dataset *dataset, const struct StatisticValues *values,
                 const char *scale, double *divisors, struct Error *error);

/* Of `split`, whose statistics are `values`; keeps the first `components` (0: all). The same bits
 * on any number of threads of one kind of CPU. ERROR_DATA where matrices of that size have no
 * room. Takes about elements³ · 4 + images · elements² operations. */
int pca_compute(struct Pca *pca, const struct Dataset *dataset, const struct Split *split,
                const struct StatisticValues *values, const char *scale, int64_t components,
                const struct Ticker *ticker, struct Error *error);

#endif
