/* PCA colour noise (Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
 * networks", section 4.1): to every pixel of an image is added
 *   Σ_i p_i · λ_i · α_i,   α_i normal with mean 0 and deviation `deviation`, once an image,
 * p_i and λ_i the eigenvectors and eigenvalues of the covariance of the pixels' channels over the
 * training split. λ depends on the unit of the pixels: of bytes it is taken with white as 1, and
 * the sum is brought back to 0 … 255. Results are cut to the pixels' range (colour.h).
 *
 * The covariance is measured when a loader starts: over the whole split up to MOST_IMAGES images,
 * else over that many of them, evenly spaced: the same on every rank. */
#include <string.h>

#include "base/memory.h"
#include "data/colour.h"

#define MOST_CHANNELS 16
#define MOST_IMAGES 10000

struct LightingOptions {
    double deviation;
};

struct Lighting {
    double axes[MOST_CHANNELS][MOST_CHANNELS]; /* [i]: λ_i p_i, in the unit of the pixels */
};

static const struct Key lighting_keys[] = {
    {.name = "deviation",
     .type = KEY_REAL,
     .offset = offsetof(struct LightingOptions, deviation),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 10,
     .help = "standard deviation of each component's factor"},
    KEY_END};

static int lighting_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                             struct Error *error) {
    *out = *in;
    if (in->channels <= MOST_CHANNELS)
        return OK;
    return schema_fail(error, choice, NULL, "images have %lld channels, expected at most %d",
                       (long long)in->channels, MOST_CHANNELS);
}

/* Sums of the values and of their products over one image. */
static void add_image(int64_t channels, int64_t pixels, const void *image, bool bytes, double *sum,
                      double product[MOST_CHANNELS][MOST_CHANNELS]) {
    double value[MOST_CHANNELS];
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t a = 0; a < channels; a++) {
            int64_t at = i * channels + a;
            value[a] =
                bytes ? (double)((const uint8_t *)image)[at] : (double)((const float *)image)[at];
            sum[a] += value[a];
            for (int64_t b = 0; b <= a; b++)
                product[a][b] += value[a] * value[b];
        }
}

static void find_covariance(const struct Dataset *dataset, const struct Split *split,
                            double covariance[MOST_CHANNELS][MOST_CHANNELS]) {
    int64_t channels = dataset->channels, pixels = dataset->height * dataset->width;
    int64_t step = (split->count + MOST_IMAGES - 1) / MOST_IMAGES, images = 0;
    size_t bytes = (size_t)(pixels * channels) * (split->bytes ? 1 : sizeof(float));
    double sum[MOST_CHANNELS] = {0};
    for (int64_t i = 0; i < split->count; i += step, images++)
        add_image(channels, pixels, (const char *)split->images + (size_t)i * bytes, split->bytes,
                  sum, covariance);
    double n = (double)(images * pixels), white = split->bytes ? 255 : 1;
    for (int64_t a = 0; a < channels; a++)
        for (int64_t b = 0; b <= a; b++) {
            double value = (covariance[a][b] / n - sum[a] / n * (sum[b] / n)) / (white * white);
            covariance[a][b] = covariance[b][a] = value;
        }
}

/* One rotation of Jacobi's method: makes matrix[p][q] zero, and turns the rows of `axes` along. */
static void rotate_pair(int64_t size, int64_t p, int64_t q,
                        double matrix[MOST_CHANNELS][MOST_CHANNELS],
                        double axes[MOST_CHANNELS][MOST_CHANNELS]) {
    double theta = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q]);
    double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int64_t k = 0; k < size; k++) {
        double left = matrix[k][p], right = matrix[k][q];
        matrix[k][p] = c * left - s * right;
        matrix[k][q] = s * left + c * right;
    }
    for (int64_t k = 0; k < size; k++) {
        double left = matrix[p][k], right = matrix[q][k];
        matrix[p][k] = c * left - s * right;
        matrix[q][k] = s * left + c * right;
        left = axes[p][k], right = axes[q][k];
        axes[p][k] = c * left - s * right;
        axes[q][k] = s * left + c * right;
    }
}

/* Jacobi's method: on return matrix[i][i] is the eigenvalue of the eigenvector axes[i]. */
static void find_axes(int64_t size, double matrix[MOST_CHANNELS][MOST_CHANNELS],
                      double axes[MOST_CHANNELS][MOST_CHANNELS]) {
    for (int64_t i = 0; i < size; i++)
        axes[i][i] = 1;
    for (int sweep = 0; sweep < 30; sweep++)
        for (int64_t p = 0; p < size; p++)
            for (int64_t q = p + 1; q < size; q++)
                if (fabs(matrix[p][q]) > 1e-15 * sqrt(fabs(matrix[p][p] * matrix[q][q])))
                    rotate_pair(size, p, q, matrix, axes);
}

static void *lighting_prepare(const struct Choice *choice, const struct Dataset *dataset,
                              const struct Split *split, const struct Image *in,
                              const struct Image *out) {
    (void)choice, (void)in, (void)out;
    struct Lighting *lighting = memory_allocate(sizeof *lighting, "colour axes");
    double covariance[MOST_CHANNELS][MOST_CHANNELS] = {{0}};
    find_covariance(dataset, split, covariance);
    find_axes(dataset->channels, covariance, lighting->axes);
    for (int64_t i = 0; i < dataset->channels; i++)
        for (int64_t c = 0; c < dataset->channels; c++)
            lighting->axes[i][c] *= covariance[i][i] * (split->bytes ? 255 : 1);
    return lighting;
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
            sum += lighting->axes[i][c] * alpha[i];
        added[c] = (float)(noise->deviation * sum);
    }
    const float *restrict from = in->pixels;
    float *restrict to = out->pixels;
    for (int64_t i = 0; i < image_elements(in); i += channels)
        for (int64_t c = 0; c < channels; c++)
            to[i + c] = colour_cut(from[i + c] + added[c], range);
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
