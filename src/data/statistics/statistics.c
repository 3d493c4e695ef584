#include "data/statistics/statistics.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/statistics/merge.h"

#define ROW(member, is_single, is_deviation, what)                                                 \
    { #member, offsetof(struct StatisticValues, member), is_single, is_deviation, what }
const struct StatisticRow statistic_rows[] = {
    ROW(channel_mean, false, false, STATISTIC_OF_CHANNELS),
    ROW(channel_std, false, true, STATISTIC_OF_CHANNELS),
    ROW(channel_covariance, false, false, STATISTIC_OF_PAIRS),
    ROW(mean_image, true, false, STATISTIC_OF_PIXELS),
    ROW(pixel_std, true, true, STATISTIC_OF_PIXELS),
    {NULL},
};

int statistic_shape(const struct StatisticRow *row, int64_t height, int64_t width, int64_t channels,
                    int64_t size[3]) {
    size[0] = row->of == STATISTIC_OF_PIXELS ? height : channels;
    size[1] = row->of == STATISTIC_OF_PIXELS ? width : channels;
    size[2] = channels;
    switch (row->of) {
    case STATISTIC_OF_CHANNELS:
        return 1;
    case STATISTIC_OF_PAIRS:
        return channels <= STATISTICS_PAIRS ? 2 : 0;
    case STATISTIC_OF_PIXELS:
        break;
    }
    return 3;
}

void **statistic_place(const struct StatisticRow *row, struct StatisticValues *values) {
    return (void **)(void *)((char *)values + row->offset);
}

const void *statistic_of(const struct StatisticRow *row, const struct StatisticValues *values) {
    return *(void *const *)(const void *)((const char *)values + row->offset);
}

double statistic_element(const struct StatisticRow *row, const void *values, int64_t at) {
    return row->single ? (double)((const float *)values)[at] : ((const double *)values)[at];
}

void statistic_values_release(struct StatisticValues *values) {
    for (const struct StatisticRow *row = statistic_rows; row->name; row++)
        memory_release(*statistic_place(row, values));
    *values = (struct StatisticValues){0};
}

struct StatisticValues statistic_values_copy(const struct StatisticValues *values, int64_t height,
                                             int64_t width, int64_t channels) {
    struct StatisticValues copy = {0};
    for (const struct StatisticRow *row = statistic_rows; row->name; row++) {
        int64_t size[3];
        int rank = statistic_shape(row, height, width, channels, size);
        size_t bytes = row->single ? sizeof(float) : sizeof(double);
        if (rank && statistic_of(row, values))
            *statistic_place(row, &copy) =
                memory_copy(statistic_of(row, values), (size_t)memory_product(size, rank) * bytes,
                            "statistics");
    }
    return copy;
}

static int64_t elements_of(const struct Statistics *statistics) {
    return statistics->height * statistics->width * statistics->channels;
}

static bool has_pairs(const struct Statistics *statistics) {
    return statistics->channels <= STATISTICS_PAIRS;
}

static void *zeros(int64_t count) {
    return memory_array(double, count, "statistics");
}

void statistics_start(struct Statistics *statistics, int64_t height, int64_t width,
                      int64_t channels) {
    *statistics = (struct Statistics){.height = height, .width = width, .channels = channels};
    int64_t elements = elements_of(statistics);
    int64_t pairs = has_pairs(statistics) ? channels * channels : 0;
    statistics->word_count = 1 + 4 * elements + 2 * channels + 2 * pairs;
    statistics->words = zeros(statistics->word_count);
    uint64_t *exact = statistics->words;
    statistics->byte_sum = exact + 1;
    statistics->byte_square = statistics->byte_sum + elements;
    statistics->byte_product = statistics->byte_square + elements;
    statistics->float_mean = (double *)(void *)(statistics->byte_product + pairs);
    statistics->float_scatter = statistics->float_mean + elements;
    statistics->vector_mean = statistics->float_scatter + elements;
    statistics->vector_scatter = statistics->vector_mean + channels;
    statistics->vector_product = statistics->vector_scatter + channels;
}

void statistics_release(struct Statistics *statistics) {
    memory_release(statistics->words);
    *statistics = (struct Statistics){0};
}

const void *statistics__pack(struct Statistics *statistics, int64_t *bytes) {
    *bytes = statistics->word_count * (int64_t)sizeof(double);
    memcpy(statistics->words, &statistics->count, sizeof statistics->count);
    return statistics->words;
}

void statistics__unpack(struct Statistics *statistics, const void *words) {
    memcpy(statistics->words, words, (size_t)statistics->word_count * sizeof(double));
    memcpy(&statistics->count, words, sizeof statistics->count);
}

/* Means and scatters of `count` values, each over `before` and `after` samples. */
static void merge_floats(int64_t count, double before, double after, double *mean, double *scatter,
                         const double *other_mean, const double *other_scatter) {
    for (int64_t i = 0; i < count; i++) {
        double step = other_mean[i] - mean[i];
        mean[i] += step * (after / (before + after));
        scatter[i] += other_scatter[i] + step * step * (before * after / (before + after));
    }
}

void statistics__merge(struct Statistics *statistics, const struct Statistics *other) {
    int64_t channels = statistics->channels, elements = elements_of(statistics);
    int64_t pairs = has_pairs(statistics) ? channels * channels : 0;
    double before = (double)statistics->count, after = (double)other->count;
    double area = (double)(statistics->height * statistics->width);
    if (!other->count)
        return;
    for (int64_t i = 0; i < 2 * elements + pairs; i++) /* sums, squares, products */
        statistics->byte_sum[i] += other->byte_sum[i];
    for (int64_t c = 0; pairs && c < channels; c++)
        for (int64_t d = 0; d < c; d++) {
            double steps = (other->vector_mean[c] - statistics->vector_mean[c]) *
                           (other->vector_mean[d] - statistics->vector_mean[d]);
            statistics->vector_product[c * channels + d] +=
                other->vector_product[c * channels + d] +
                steps * (area * before * after / (before + after));
        }
    merge_floats(elements, before, after, statistics->float_mean, statistics->float_scatter,
                 other->float_mean, other->float_scatter);
    merge_floats(channels, area * before, area * after, statistics->vector_mean,
                 statistics->vector_scatter, other->vector_mean, other->vector_scatter);
    statistics->count += other->count;
}

static void add_bytes(struct Statistics *statistics, const uint8_t *image) {
    int64_t channels = statistics->channels, elements = elements_of(statistics);
    for (int64_t i = 0; i < elements; i++) {
        statistics->byte_sum[i] += image[i];
        statistics->byte_square[i] += (uint64_t)image[i] * image[i];
    }
    for (int64_t c = 0; has_pairs(statistics) && c < channels; c++)
        for (int64_t d = 0; d < c; d++) {
            uint64_t product = 0;
            for (int64_t i = 0; i < elements; i += channels)
                product += (uint64_t)image[i + c] * image[i + d];
            statistics->byte_product[c * channels + d] += product;
        }
}

/* Channels: the mean and the scatter of one image in two passes, which are then merged with the
 * rest (Chan, Golub and LeVeque 1979), so that no digits are lost if the mean is far from zero.
 * Single pixels: one image at a time (Welford 1962). */
static void add_floats(struct Statistics *statistics, const float *image) {
    int64_t channels = statistics->channels, elements = elements_of(statistics);
    double area = (double)(statistics->height * statistics->width);
    double before = (double)statistics->count, after = before + 1;
    for (int64_t i = 0; i < elements; i++) {
        double step = image[i] - statistics->float_mean[i];
        statistics->float_mean[i] += step / after;
        statistics->float_scatter[i] += step * (image[i] - statistics->float_mean[i]);
    }
    double *mean = zeros(channels), *step = zeros(channels);
    for (int64_t c = 0; c < channels; c++) {
        double scatter = 0;
        for (int64_t i = c; i < elements; i += channels)
            mean[c] += image[i];
        mean[c] /= area;
        for (int64_t i = c; i < elements; i += channels)
            scatter += (image[i] - mean[c]) * (image[i] - mean[c]);
        step[c] = mean[c] - statistics->vector_mean[c];
        statistics->vector_mean[c] += step[c] / after;
        statistics->vector_scatter[c] += scatter + step[c] * step[c] * area * before / after;
        for (int64_t d = 0; has_pairs(statistics) && d < c; d++) {
            double product = 0;
            for (int64_t i = 0; i < elements; i += channels)
                product += (image[i + c] - mean[c]) * (image[i + d] - mean[d]);
            statistics->vector_product[c * channels + d] +=
                product + step[c] * step[d] * area * before / after;
        }
    }
    memory_release(mean);
    memory_release(step);
}

void statistics_add(struct Statistics *statistics, bool bytes, const void *images, int64_t count) {
    int64_t pixels = elements_of(statistics);
    for (int64_t i = 0; i < count; i++) {
        if (bytes)
            add_bytes(statistics, (const uint8_t *)images + i * pixels);
        else
            add_floats(statistics, (const float *)images + i * pixels);
        statistics->count++;
    }
}

/* n² times a covariance is n Σxy − Σx Σy: an integer, so no digit is lost before the division. */
static double spread_of(uint64_t count, uint64_t products, unsigned __int128 sum_x,
                        unsigned __int128 sum_y) {
    __int128 n = count, spread = n * (__int128)products - (__int128)(sum_x * sum_y);
    return (double)spread / (double)count / (double)count;
}

/* Images are either bytes or floats; all sums of the other kind are zero. */
static void pixel_results(const struct Statistics *statistics, struct StatisticValues *values) {
    double images = (double)statistics->count;
    for (int64_t i = 0; i < elements_of(statistics); i++) {
        uint64_t sum = statistics->byte_sum[i];
        values->mean_image[i] = (float)((double)sum / images + statistics->float_mean[i]);
        double spread =
            spread_of((uint64_t)statistics->count, statistics->byte_square[i], sum, sum);
        values->pixel_std[i] = (float)sqrt(spread + statistics->float_scatter[i] / images);
    }
}

static void channel_results(const struct Statistics *statistics, struct StatisticValues *values) {
    int64_t channels = statistics->channels, elements = elements_of(statistics);
    uint64_t count = (uint64_t)(statistics->count * statistics->height * statistics->width);
    uint64_t *sum = zeros(channels);
    for (int64_t c = 0; c < channels; c++) {
        uint64_t square = 0;
        for (int64_t i = c; i < elements; i += channels) {
            sum[c] += statistics->byte_sum[i];
            square += statistics->byte_square[i];
        }
        double variance = spread_of(count, square, sum[c], sum[c]) +
                          statistics->vector_scatter[c] / (double)count;
        values->channel_mean[c] = (double)sum[c] / (double)count + statistics->vector_mean[c];
        values->channel_std[c] = sqrt(variance);
        for (int64_t d = 0; has_pairs(statistics) && d <= c; d++) {
            int64_t at = c * channels + d;
            double covariance = variance;
            if (d < c)
                covariance = spread_of(count, statistics->byte_product[at], sum[c], sum[d]) +
                             statistics->vector_product[at] / (double)count;
            values->channel_covariance[at] = values->channel_covariance[d * channels + c] =
                covariance;
        }
    }
    memory_release(sum);
}

void statistics_result(const struct Statistics *statistics, struct StatisticValues *values) {
    CHECK(statistics->count > 0);
    *values = (struct StatisticValues){0};
    for (const struct StatisticRow *row = statistic_rows; row->name; row++) {
        int64_t size[3];
        int rank =
            statistic_shape(row, statistics->height, statistics->width, statistics->channels, size);
        if (rank)
            *statistic_place(row, values) = zeros(memory_product(size, rank));
    }
    pixel_results(statistics, values);
    channel_results(statistics, values);
}
