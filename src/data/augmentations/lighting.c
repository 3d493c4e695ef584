/* PCA colour noise (Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
 * networks", section 4.1): adds to every pixel of an image
 *   Σ_i p_i · λ_i · α_i,   α_i drawn once for the image, normal with mean 0 and the option's
 * deviation, where p_i and λ_i are the eigenvectors and eigenvalues of the covariance of the
 * channels over all pixels of the training split. λ depends on the unit of the pixels: for bytes it
 * is computed with white as 1, and the sum is scaled to 0 … 255. Results are clamped to the pixels'
 * range (colour.h).
 *
 * The covariance comes from the data set file. If the file has none, it is measured when the loader
 * is created: over the whole split up to MOST_IMAGES images, else over about that many, evenly
 * spaced. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "compute/lapack.h"
#include "data/augmentations/colour.h"

#define MOST_CHANNELS 16
#define MOST_IMAGES 10000

struct LightingOptions {
    double deviation;
};

struct Lighting {
    double axes[MOST_CHANNELS * MOST_CHANNELS]; /* row i is λ_i p_i, in the unit of the pixels */
};

static const struct Key lighting_keys[] = {
    {.name = "deviation",
     .type = KEY_REAL,
     .offset = offsetof(struct LightingOptions, deviation),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 10,
     .help = "standard deviation of the random factor of each principal colour"},
    KEY_END};

static int lighting_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                             struct Error *error) {
    *out = *in;
    if (in->channels <= MOST_CHANNELS)
        return OK;
    return schema_fail(error, choice, NULL, "images have %" PRId64 " channels, expected at most %d",
                       in->channels, MOST_CHANNELS);
}

static void measure(const struct Dataset *dataset, const struct Split *split, double *covariance) {
    int64_t channels = dataset->channels, step = (split->count + MOST_IMAGES - 1) / MOST_IMAGES;
    struct Statistics statistics;
    struct StatisticValues values = {0};
    statistics_start(&statistics, dataset->height, dataset->width, channels);
    for (int64_t i = 0; i < split->count; i += step)
        statistics_add(&statistics, split->bytes, dataset_image(dataset, split, i), 1);
    statistics_result(&statistics, &values);
    statistics_release(&statistics);
    memcpy(covariance, values.channel_covariance, (size_t)(channels * channels) * sizeof(double));
    statistic_values_release(&values);
}

static int lighting_prepare(const struct Choice *choice, const struct Dataset *dataset,
                            const struct Split *split, const struct Image *in,
                            const struct Image *out, void **prepared, struct Error *error) {
    (void)in, (void)out;
    int64_t channels = dataset->channels;
    double values[MOST_CHANNELS], white = split->bytes ? 255 : 1;
    struct Lighting *lighting = *prepared = memory_allocate(sizeof *lighting, "colour axes");
    if (dataset->statistics.channel_covariance)
        memcpy(lighting->axes, dataset->statistics.channel_covariance,
               (size_t)(channels * channels) * sizeof(double));
    else
        measure(dataset, split, lighting->axes);
    int code = lapack_symmetric_eigen(channels, lighting->axes, values, error);
    if (code != OK) {
        error_context(error, "%s: the covariance of the channels", dataset->path);
        return schema_blame(error, choice, NULL);
    }
    for (int64_t i = 0; i < channels * channels; i++) /* λ / white², times white */
        lighting->axes[i] *= values[i / channels] / white;
    return OK;
}

static void lighting_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                           const struct Image *in, struct Image *out) {
    const struct LightingOptions *noise = options;
    const struct Lighting *lighting = prepared;
    struct RandomStream stream = augment_stream(at);
    struct ColourRange range = colour_range(in);
    int64_t channels = in->channels;
    double alpha[MOST_CHANNELS];
    float added[MOST_CHANNELS];
    random_normal(&stream, channels, alpha);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t i = 0; i < channels; i++)
            sum += lighting->axes[i * channels + c] * alpha[i];
        added[c] = (float)(noise->deviation * sum);
    }
    const float *restrict from = in->pixels;
    float *restrict to = out->pixels;
    for (int64_t i = 0; i < image_elements(in); i += channels)
        for (int64_t c = 0; c < channels; c++)
            to[i + c] = colour_clamp(from[i + c] + added[c], range);
}

extern const struct Augment augment_lighting;
const struct Augment augment_lighting = {
    .kind = {.name = "lighting",
             .summary = "add random multiples of the training split's principal colours to raw "
                        "images",
             .keys = lighting_keys,
             .options_size = sizeof(struct LightingOptions)},
    .stage = AUGMENT_RAW,
    .describe = lighting_describe,
    .prepare = lighting_prepare,
    .apply = lighting_apply,
};
