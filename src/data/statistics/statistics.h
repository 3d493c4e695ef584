/* The statistics of a training split: mean, standard deviation and covariance of the channels, mean
 * and standard deviation of every pixel. Images are added in batches; the result does not depend on
 * how they were divided into batches. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_STATISTICS_H
#define TRAINER_DATA_STATISTICS_STATISTICS_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATISTICS_PAIRS 64 /* channels beyond this many have no covariance */

/* All in the images' own units. Deviations and covariances are those of the population (divided by
 * the count). What is absent is NULL. */
struct StatisticValues {
    double *channel_mean, *channel_std; /* (channels) */
    double *channel_covariance;    /* (channels, channels), over all pixels; absent if there are
                                      more than STATISTICS_PAIRS channels */
    float *mean_image, *pixel_std; /* (height, width, channels) */
};
void statistic_values_release(struct StatisticValues *values);
/* A copy of its own, of images of this size. */
struct StatisticValues statistic_values_copy(const struct StatisticValues *values, int64_t height,
                                             int64_t width, int64_t channels);

/* A table of the members of StatisticValues, for reading, writing, comparing and listing. */
struct StatisticRow {
    const char *name; /* in the group /statistics; NULL ends the table */
    size_t offset;
    bool single;       /* float, else double */
    bool of_deviation; /* a standard deviation, so not negative */
    enum { STATISTIC_OF_CHANNELS, STATISTIC_OF_PAIRS, STATISTIC_OF_PIXELS } of;
};
extern const struct StatisticRow statistic_rows[];
/* The shape of a statistic of images of this size. Returns its rank; 0 if such images do not have
 * it. */
int statistic_shape(const struct StatisticRow *row, int64_t height, int64_t width, int64_t channels,
                    int64_t size[3]);
/* Where the values have the statistic; the statistic itself; one element of it. */
void **statistic_place(const struct StatisticRow *row, struct StatisticValues *values);
const void *statistic_of(const struct StatisticRow *row, const struct StatisticValues *values);
double statistic_element(const struct StatisticRow *row, const void *values, int64_t at);
/* Whether values can be divided by a deviation: a normal float, or 0,
 * by which nothing is divided. */
static inline bool statistic_divides(double deviation) {
    return deviation == 0 || deviation >= (double)FLT_MIN;
}

struct Statistics {
    int64_t height, width, channels;
    int64_t count; /* images so far */
    void *words;   /* all sums below, and room for the count before them */
    int64_t word_count;
    /* For uint8 images: integers, exact up to 2^64 / 255² = 2.8e14 values. */
    uint64_t *byte_sum, *byte_square; /* (height, width, channels) */
    uint64_t *byte_product; /* (channels, channels): products of two channels of a pixel */
    /* For float images: running means, sums of squared deviations and of products of deviations. */
    double *float_mean, *float_scatter;   /* (height, width, channels) */
    double *vector_mean, *vector_scatter; /* (channels) */
    double *vector_product;               /* (channels, channels) */
};

void statistics_start(struct Statistics *statistics, int64_t height, int64_t width,
                      int64_t channels);
/* Adds images (count, height, width, channels): uint8 if `bytes`, else float; always the same. */
void statistics_add(struct Statistics *statistics, bool bytes, const void *images, int64_t count);
/* All statistics that images of this size have. At least one image must have been added. The caller
 * releases the values. */
void statistics_result(const struct Statistics *statistics, struct StatisticValues *values);
void statistics_release(struct Statistics *statistics);

#endif
