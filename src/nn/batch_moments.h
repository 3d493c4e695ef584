/* The mean and variance of each channel for batch normalisation: those of a shard, of the global
 * batch, or the running ones. Also the layout of the layer's scratch memory and of the partial
 * vectors that the shards exchange. A part of layers/batchnorm.c, which alone includes it. */
#ifndef TRAINER_NN_BATCH_MOMENTS_H
#define TRAINER_NN_BATCH_MOMENTS_H

#include <math.h>
#include <string.h>

#include "nn/lanes.h"
#include "nn/layer.h"
#include "nn/layer_options.h"

#ifdef KERNEL_SUFFIX

#define PIXELS_FOR_SHIFT 64 /* how many pixels give the shift */

/* The scratch memory has the lane arrays, then two sums of each channel for each chunk. */
enum { LANES_SCALE, LANES_SHIFT, LANES_CENTRE, LANES_FACTOR, LANES_OFFSET, LANE_ARRAYS };
static real *lane_array(const struct Call *call, struct Lanes lanes, int array) {
    return (real *)call->scratch + array * lanes.width;
}
static real *chunk_sums(const struct Call *call, struct Lanes lanes) {
    return lane_array(call, lanes, LANE_ARRAYS);
}

/* A partial vector has in forward the shard's number of values of a channel, the means, and the
 * sums of squared deviations from them; in backward Σ g and Σ g·(x − mean). */
enum { PARTIAL_COUNT, PARTIAL_MEANS };
static int64_t partial_values(int64_t channels) {
    return PARTIAL_MEANS + 2 * channels;
}

static int statistics_of(const struct Operation *operation) {
    return ((const struct BatchnormOptions *)operation->node->options)->statistics;
}

/* The mean of the first pixels. It is near enough to the mean of all that the squares of x − shift
 * lose no digits. */
static void estimate_mean(const element *x, int64_t pixels, int64_t channels, real *mean) {
    int64_t count = pixels < PIXELS_FOR_SHIFT ? pixels : PIXELS_FOR_SHIFT;
    memset(mean, 0, (size_t)channels * sizeof(real));
    for (int64_t i = 0; i < count; i++)
        for (int64_t c = 0; c < channels; c++)
            mean[c] += element_value(x[i * channels + c]);
    for (int64_t c = 0; c < channels; c++)
        mean[c] /= (real)count;
}

struct Moments {
    double n, mean, variance; /* of n values; the variance is the biased one, divided by n */
};

/* Computes the chunks' sums of the shard; `centre` receives the values by which x is shifted. */
static void sum_shard(const struct Call *call, struct Lanes lanes, int64_t pixels, real *centre) {
    real *spread_centre = lane_array(call, lanes, LANES_CENTRE);
    estimate_mean(call->input[0], pixels, lanes.channels, centre);
    spread(lanes, centre, spread_centre);
    const struct Sums s = {.lanes = lanes, .x = call->input[0], .centre = spread_centre};
    sum_all(&s, sum_moments, pixels, chunk_sums(call, lanes));
}

/* The moments of a channel in the shard, from the chunks' sums. */
static struct Moments shard_moments(const struct Call *call, struct Lanes lanes, int64_t pixels,
                                    int64_t channel) {
    double first, second, n = (double)pixels;
    total(chunk_sums(call, lanes), chunk_count(pixels), lanes.channels, channel, &first, &second);
    double variance = fmax(second / n - first / n * (first / n), 0);
    if (isnan(second)) /* fmax ignores NaN */
        variance = second;
    return (struct Moments){n, (double)lane_array(call, lanes, LANES_CENTRE)[channel] + first / n,
                            variance};
}

/* The moments of a channel in the global batch, from the partial vectors of all shards. Chan, Golub
 * and LeVeque 1979: Σ (x − mean)² = Σ_shards (own + n (own mean − mean)²). */
static struct Moments batch_moments(const struct Call *call, int64_t channels, int64_t channel) {
    int64_t values = partial_values(channels);
    const double *count = call->partials.all + PARTIAL_COUNT;
    const double *mean = call->partials.all + PARTIAL_MEANS + channel, *squares = mean + channels;
    struct Moments m = {0};
    for (int64_t i = 0; i < call->partials.shards * values; i += values) {
        m.n += count[i];
        m.mean += count[i] * mean[i];
    }
    m.mean /= m.n;
    for (int64_t i = 0; i < call->partials.shards * values; i += values)
        m.variance += squares[i] + count[i] * (mean[i] - m.mean) * (mean[i] - m.mean);
    m.variance /= m.n;
    return m;
}

static struct Moments running_moments(const struct Call *call, int64_t channel) {
    return (struct Moments){1, (double)call_parameter(call, BATCHNORM_MEAN)[channel],
                            (double)call_parameter(call, BATCHNORM_VARIANCE)[channel]};
}

/* The moments of a channel that training uses, by the layer's option `statistics`. */
static struct Moments moments_of(const struct Call *call, struct Lanes lanes, int64_t pixels,
                                 int64_t channel) {
    switch (statistics_of(call->operation)) {
    case STATISTICS_BATCH:
        return batch_moments(call, lanes.channels, channel);
    case STATISTICS_RUNNING:
        return running_moments(call, channel);
    default:
        return shard_moments(call, lanes, pixels, channel);
    }
}

#endif
#endif
