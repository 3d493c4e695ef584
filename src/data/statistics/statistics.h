/* What a data set file keeps of its training split: mean, standard deviation and covariance of the
 * channels, mean and standard deviation of every pixel. Accumulated batch by batch; the result does
 * not depend on how the images were cut into batches. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_STATISTICS_H
#define TRAINER_DATA_STATISTICS_STATISTICS_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATISTICS_PAIRS 64 /* most channels whose covariance is kept */

/* In the images' own units; deviations and covariances are the population's (divided by the
 * count). NULL: absent. */
struct StatisticValues {
    double *channel_mean, *channel_std; /* (channels) */
    double *channel_covariance;         /* (channels, channels), of single pixels; not of more than
                                           STATISTICS_PAIRS channels */
    float *mean_image, *pixel_std;      /* (height, width, channels) */
};
void statistic_values_release(struct StatisticValues *values);

/* The members of StatisticValues, for reading, writing, comparing and listing. */
struct StatisticRow {
    const char *name; /* in /statistics; NULL ends the table */
    size_t offset;
    bool single;       /* float, else double */
    bool of_deviation; /* a standard deviation: not negative */
    enum { STATISTIC_OF_CHANNELS, STATISTIC_OF_PAIRS, STATISTIC_OF_PIXELS } of;
};
extern const struct StatisticRow statistic_rows[];
/* The row's shape for images of a size; returns the rank, 0 where images of that size have none. */
int statistic_shape(const struct StatisticRow *row, int64_t height, int64_t width, int64_t channels,
                    int64_t size[3]);
void **statistic_place(const struct StatisticRow *row, struct StatisticValues *values);
const void *statistic_of(const struct StatisticRow *row, const struct StatisticValues *values);
double statistic_element(const struct StatisticRow *row, const void *values, int64_t at);
/* A deviation by which values can be divided: 0, which is passed over, or a normal float. */
static inline bool statistic_divides(double deviation) {
    return deviation == 0 || deviation >= (double)FLT_MIN;
}

struct Statistics {
    int64_t height, width, channels;
    int64_t count; /* images so far */
    /* Of uint8 images: integers, exact up to 2^64 / 255² = 2.8e14 values. */
    uint64_t *byte_sum, *byte_square; /* (height, width, channels) */
    uint64_t *byte_product;           /* (channels, channels): of the pixels' channels */
    /* Of float images: running means, sums of squared deviations and of their products. */
    double *float_mean, *float_scatter;   /* (height, width, channels) */
    double *vector_mean, *vector_scatter; /* (channels) */
    double *vector_product;               /* (channels, channels) */
};

void statistics_start(struct Statistics *statistics, int64_t height, int64_t width,
                      int64_t channels);
/* Adds (count, height, width, channels) images: uint8 if `bytes`, else float; never both kinds. */
void statistics_add(struct Statistics *statistics, bool bytes, const void *images, int64_t count);
/* All that images of this size have; at least one image must have been added. The caller releases
 * the values. */
void statistics_result(const struct Statistics *statistics, struct StatisticValues *values);
void statistics_release(struct Statistics *statistics);

#endif
