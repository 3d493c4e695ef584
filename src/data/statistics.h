/* What a data set file keeps of its training split: the mean and the standard deviation of every
 * channel, and the mean image. Accumulated batch by batch; the result does not depend on how the
 * images were cut into batches. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_H
#define TRAINER_DATA_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

struct Statistics {
    int64_t height, width, channels;
    int64_t count;                      /* images so far */
    uint64_t *byte_sum;                 /* (height, width, channels): of uint8 images, exact */
    uint64_t *byte_square;              /* (channels) */
    double *float_sum;                  /* (height, width, channels): of float images */
    double *float_mean, *float_scatter; /* (channels): running mean, sum of squared deviations */
};

void statistics_start(struct Statistics *statistics, int64_t height, int64_t width,
                      int64_t channels);
/* Adds (count, height, width, channels) images: uint8 if `bytes`, else float; never both kinds. */
void statistics_add(struct Statistics *statistics, bool bytes, const void *images, int64_t count);
/* Into channel_mean (channels), channel_std (channels), mean_image (height, width, channels); at
 * least one image must have been added. The deviation is the population's (divided by the count).
 */
void statistics_result(const struct Statistics *statistics, double *channel_mean,
                       double *channel_std, float *mean_image);
void statistics_release(struct Statistics *statistics);

#endif
