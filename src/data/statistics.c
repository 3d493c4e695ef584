#include "data/statistics.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

void statistics_start(struct Statistics *statistics, int64_t height, int64_t width,
                      int64_t channels) {
    size_t pixels = (size_t)(height * width * channels), vector = (size_t)channels;
    *statistics = (struct Statistics){.height = height, .width = width, .channels = channels};
    statistics->byte_sum = memory_allocate(pixels * sizeof(uint64_t), "statistics");
    statistics->byte_square = memory_allocate(vector * sizeof(uint64_t), "statistics");
    statistics->float_sum = memory_allocate(pixels * sizeof(double), "statistics");
    statistics->float_mean = memory_allocate(vector * sizeof(double), "statistics");
    statistics->float_scatter = memory_allocate(vector * sizeof(double), "statistics");
}

void statistics_release(struct Statistics *statistics) {
    memory_release(statistics->byte_sum);
    memory_release(statistics->byte_square);
    memory_release(statistics->float_sum);
    memory_release(statistics->float_mean);
    memory_release(statistics->float_scatter);
    *statistics = (struct Statistics){0};
}

/* Sums of bytes are integers: exact up to 2^64 / 255^2 = 2.8e14 values. */
static void add_bytes(struct Statistics *statistics, const uint8_t *image) {
    int64_t channels = statistics->channels, area = statistics->height * statistics->width;
    for (int64_t i = 0; i < area * channels; i++)
        statistics->byte_sum[i] += image[i];
    for (int64_t c = 0; c < channels; c++) {
        uint64_t square = 0;
        for (int64_t i = c; i < area * channels; i += channels)
            square += (uint64_t)image[i] * image[i];
        statistics->byte_square[c] += square;
    }
}

/* One image's mean and scatter in two passes, then merged (Chan, Golub and LeVeque 1979), so that a
 * mean far from zero costs no digits. */
static void add_floats(struct Statistics *statistics, const float *image) {
    int64_t channels = statistics->channels, area = statistics->height * statistics->width;
    for (int64_t i = 0; i < area * channels; i++)
        statistics->float_sum[i] += image[i];
    double before = (double)statistics->count, after = before + 1;
    for (int64_t c = 0; c < channels; c++) {
        double mean = 0, scatter = 0;
        for (int64_t i = c; i < area * channels; i += channels)
            mean += image[i];
        mean /= (double)area;
        for (int64_t i = c; i < area * channels; i += channels)
            scatter += (image[i] - mean) * (image[i] - mean);
        double step = mean - statistics->float_mean[c];
        statistics->float_mean[c] += step / after;
        statistics->float_scatter[c] += scatter + step * step * (double)area * before / after;
    }
}

void statistics_add(struct Statistics *statistics, bool bytes, const void *images, int64_t count) {
    int64_t pixels = statistics->height * statistics->width * statistics->channels;
    for (int64_t i = 0; i < count; i++) {
        if (bytes)
            add_bytes(statistics, (const uint8_t *)images + i * pixels);
        else
            add_floats(statistics, (const float *)images + i * pixels);
        statistics->count++;
    }
}

void statistics_result(const struct Statistics *statistics, double *channel_mean,
                       double *channel_std, float *mean_image) {
    CHECK(statistics->count > 0);
    int64_t channels = statistics->channels, area = statistics->height * statistics->width;
    double images = (double)statistics->count;
    /* One of the two kinds of sums is zero. */
    for (int64_t i = 0; i < area * channels; i++)
        mean_image[i] =
            (float)(((double)statistics->byte_sum[i] + statistics->float_sum[i]) / images);
    for (int64_t c = 0; c < channels; c++) {
        unsigned __int128 sum = 0, n = (unsigned __int128)statistics->count * (uint64_t)area;
        for (int64_t i = c; i < area * channels; i += channels)
            sum += statistics->byte_sum[i];
        /* n^2 times the variance is n Σx² − (Σx)²: an integer, no digit lost before the division.
         */
        double spread = (double)(n * statistics->byte_square[c] - sum * sum);
        double values = (double)n;
        channel_mean[c] = (double)sum / values + statistics->float_mean[c];
        channel_std[c] = sqrt(spread / values / values + statistics->float_scatter[c] / values);
    }
}
