#include "data/preprocessing/preprocess.h"

#include <string.h>

#include "base/memory.h"
#include "compute/projection.h"
#include "data/preprocessing/decorrelate.h"
#include "data/preprocessing/target_scale.h"

static const char *const center_names[] = {"none", "channel_mean", "mean_image", "auto", NULL};
static const char *const scale_names[] = {"none", "channel_std", "range", "pixel_std", NULL};
static const char *const decorrelate_names[] = {"none", "pca", "pca_whiten", "zca", NULL};
static const char *const scope_names[] = {"image", "pixel", NULL};

#define DEFAULT_EPSILON 1e-5
#define AT(member) offsetof(struct PreprocessOptions, member)
const struct Key preprocess_keys[] = {
    {.name = "center",
     .type = KEY_ENUM,
     .offset = AT(center),
     .fallback = "auto",
     .names = center_names,
     .help = "what is subtracted from every pixel: nothing, its channel's mean over the training "
             "split, or the mean image; auto: the mean image before whole images are decorrelated, "
             "else the channel's mean"},
    {.name = "scale",
     .type = KEY_ENUM,
     .offset = AT(scale),
     .fallback = "channel_std",
     .names = scale_names,
     .help = "what it is divided by then: nothing, its channel's standard deviation, 255 (range), "
             "or its own standard deviation over the training split (pixel_std)"},
    {.name = "decorrelate",
     .type = KEY_ENUM,
     .offset = AT(decorrelate),
     .fallback = "none",
     .names = decorrelate_names,
     .help = "what follows: nothing; projections onto the principal components (pca), each divided "
             "by its standard deviation (pca_whiten), and turned back into an image (zca)"},
    {.name = "scope",
     .type = KEY_ENUM,
     .offset = AT(scope),
     .fallback = "image",
     .names = scope_names,
     .help = "decorrelate whole images, height x width x channels numbers (compute the data set's "
             "principal components first), or the channels of every pixel"},
    {.name = "components",
     .type = KEY_INT,
     .offset = AT(components),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .help = "how many principal components are kept, those of the largest variance; 0: all"},
    {.name = "epsilon",
     .type = KEY_REAL,
     .offset = AT(epsilon),
     .fallback = "1e-5",
     .minimum = 0,
     .maximum = 1e9,
     .above_minimum = true,
     .help = "added to each variance before its root divides; larger (0.01 to 0.1) keeps the noise "
             "of weak components small"},
    {.name = "targets",
     .type = KEY_ENUM,
     .offset = AT(targets),
     .fallback = "standardise",
     .names = target_rule_names,
     .help = "what the network learns of targets that are values: (value - mean) / deviation over "
             "the training split, or the values as they are (none); predictions are in the data "
             "set's units either way"},
    KEY_END};

/* --- what the options say --------------------------------------------------------------------- */

static int center_of(const struct PreprocessOptions *options) {
    if (options->center != CENTER_AUTO)
        return options->center;
    bool images = options->decorrelate != DECORRELATE_NONE && options->scope == SCOPE_IMAGE;
    return images ? CENTER_MEAN_IMAGE : CENTER_CHANNEL_MEAN;
}

/* The covariance is taken about the mean, so the mean has to go before; and it has to be that of
 * the numbers that are decorrelated. */
static int check_scope(const struct PreprocessOptions *options, const struct RunFile *file,
                       const struct Image *in, struct Error *error) {
    bool pixel = options->scope == SCOPE_PIXEL;
    int center = pixel ? CENTER_CHANNEL_MEAN : CENTER_MEAN_IMAGE;
    if (center_of(options) != center)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.center",
                            "%s does not go with decorrelate: %s of scope: %s, expected %s or auto",
                            center_names[options->center], decorrelate_names[options->decorrelate],
                            scope_names[options->scope], center_names[center]);
    if (pixel && options->scale == SCALE_PIXEL_STD)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.scale",
                            "pixel_std does not go with decorrelate: %s of scope: pixel, whose "
                            "channels have one covariance everywhere; expected none, channel_std "
                            "or range",
                            decorrelate_names[options->decorrelate]);
    if (pixel && in->channels > STATISTICS_PAIRS)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.scope",
                            "pixel is for at most %d channels, the images have %lld",
                            STATISTICS_PAIRS, (long long)in->channels);
    return OK;
}

/* Keys of a run file that would do nothing. */
static int check_idle(const struct PreprocessOptions *options, const struct RunFile *file,
                      struct Error *error) {
    int kind = options->decorrelate;
    if (kind == DECORRELATE_NONE && options->components)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                            "%lld is for decorrelate: pca, pca_whiten or zca, which is none",
                            (long long)options->components);
    if (kind == DECORRELATE_NONE && options->scope != SCOPE_IMAGE)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.scope",
                            "%s is for decorrelate: pca, pca_whiten or zca, which is none",
                            scope_names[options->scope]);
    bool divides = kind == DECORRELATE_PCA_WHITEN || kind == DECORRELATE_ZCA;
    if (file && !divides && options->epsilon != DEFAULT_EPSILON)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.epsilon",
                            "%g is for decorrelate: pca_whiten or zca, which is %s",
                            options->epsilon, decorrelate_names[kind]);
    return OK;
}

int preprocess_describe(const struct PreprocessOptions *options, const struct RunFile *file,
                        const struct Image *in, struct Image *out, struct Error *error) {
    *out = *in;
    int result = check_idle(options, file, error);
    if (result != OK || options->decorrelate == DECORRELATE_NONE)
        return result;
    result = check_scope(options, file, in, error);
    if (result != OK)
        return result;
    bool pixel = options->scope == SCOPE_PIXEL;
    int64_t most = pixel ? in->channels : image_elements(in);
    if (options->components > most)
        return runfile_fail(file, error, ERROR_RUN_FILE, "preprocess.components",
                            "is %lld, expected at most the %lld that %s has",
                            (long long)options->components, (long long)most,
                            pixel ? "a pixel" : "an image");
    if (options->decorrelate == DECORRELATE_ZCA)
        return OK;
    if (!pixel)
        out->height = out->width = 1;
    out->channels = options->components ? options->components : most;
    return OK;
}

/* --- from the statistics ---------------------------------------------------------------------- */

static int need(const struct Dataset *dataset, const void *values, const char *name,
                const char *key, struct Error *error) {
    if (values)
        return OK;
    const char *last = strchr(key, '.') + 1;
    fail_key(error, ERROR_DATA, key, "%s: has no /statistics/%s, which %s: %s needs", dataset->path,
             name, last, name);
    return error_advise(error, ADVICE_STATISTICS, dataset->path, NULL, 0);
}

static float *floats(int64_t count) {
    return memory_allocate((size_t)count * sizeof(float), "preprocessing");
}

static int set_mean(struct Preprocess *preprocess, int center, const struct Dataset *dataset,
                    struct Error *error) {
    const struct StatisticValues *statistics = &dataset->statistics;
    int64_t count = 0;
    int result = OK;
    if (center == CENTER_CHANNEL_MEAN) {
        count = dataset->channels;
        result =
            need(dataset, statistics->channel_mean, "channel_mean", "preprocess.center", error);
    } else if (center == CENTER_MEAN_IMAGE) {
        count = dataset->height * dataset->width * dataset->channels;
        result = need(dataset, statistics->mean_image, "mean_image", "preprocess.center", error);
    }
    if (result != OK)
        return result;
    preprocess->mean_count = count;
    preprocess->mean = floats(count);
    for (int64_t i = 0; i < count; i++)
        preprocess->mean[i] = center == CENTER_CHANNEL_MEAN ? (float)statistics->channel_mean[i]
                                                            : statistics->mean_image[i];
    return OK;
}

static double divisor_of(int scale, const struct StatisticValues *statistics, int64_t at) {
    double deviation = scale == SCALE_CHANNEL_STD ? statistics->channel_std[at]
                       : scale == SCALE_PIXEL_STD ? (double)statistics->pixel_std[at]
                       : scale == SCALE_RANGE     ? 255
                                                  : 1;
    /* What never varies says nothing: it is centred and left as it is. */
    return deviation > 0 ? deviation : 1;
}

static int set_factor(struct Preprocess *preprocess, int scale, const struct Dataset *dataset,
                      struct Error *error) {
    const struct StatisticValues *statistics = &dataset->statistics;
    int result = OK;
    if (scale == SCALE_CHANNEL_STD)
        result = need(dataset, statistics->channel_std, "channel_std", "preprocess.scale", error);
    if (scale == SCALE_PIXEL_STD)
        result = need(dataset, statistics->pixel_std, "pixel_std", "preprocess.scale", error);
    if (result != OK)
        return result;
    preprocess->factor_count = dataset->channels;
    if (scale == SCALE_PIXEL_STD)
        preprocess->factor_count *= dataset->height * dataset->width;
    preprocess->factor = floats(preprocess->factor_count);
    for (int64_t i = 0; i < preprocess->factor_count; i++)
        preprocess->factor[i] = (float)(1 / divisor_of(scale, statistics, i));
    return OK;
}

int preprocess_create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                      const struct RunFile *file, const struct Dataset *dataset,
                      struct Error *error) {
    struct Image in = {.height = dataset->height,
                       .width = dataset->width,
                       .channels = dataset->channels},
                 out;
    *preprocess =
        (struct Preprocess){.height = in.height, .width = in.width, .channels = in.channels};
    int result = preprocess_describe(options, file, &in, &out, error);
    if (result != OK)
        return result;
    preprocess->out_height = out.height;
    preprocess->out_width = out.width;
    preprocess->out_channels = out.channels;
    result = set_factor(preprocess, options->scale, dataset, error);
    if (result == OK)
        result = set_mean(preprocess, center_of(options), dataset, error);
    if (result == OK && options->decorrelate != DECORRELATE_NONE)
        result = decorrelate_create(preprocess, options, file, dataset, error);
    return result;
}

struct Image preprocess_image(const struct Preprocess *preprocess) {
    if (!preprocess->matrix)
        return (struct Image){.height = preprocess->height,
                              .width = preprocess->width,
                              .channels = preprocess->channels};
    return (struct Image){.height = preprocess->out_height,
                          .width = preprocess->out_width,
                          .channels = preprocess->out_channels};
}

bool preprocess_makes_vector(const struct Preprocess *preprocess) {
    struct Image out = preprocess_image(preprocess);
    return out.height != preprocess->height || out.width != preprocess->width;
}

static bool of_pixels(const struct Preprocess *preprocess) {
    return preprocess->matrix_columns == preprocess->channels &&
           preprocess->height * preprocess->width > 1;
}

void preprocess_fit(struct Preprocess *preprocess, int64_t height, int64_t width) {
    int64_t channels = preprocess->channels;
    if (preprocess->mean_count > channels || preprocess->factor_count > channels ||
        (preprocess->matrix && !of_pixels(preprocess)))
        return;
    preprocess->height = preprocess->out_height = height;
    preprocess->width = preprocess->out_width = width;
}

void preprocess_prepare(struct Preprocess *preprocess, enum Variant variant) {
    if (preprocess->matrix && !preprocess->projection && !of_pixels(preprocess))
        preprocess->projection = projection_create(variant, preprocess->matrix_rows,
                                                   preprocess->matrix_columns, preprocess->matrix);
}

void preprocess_release(struct Preprocess *preprocess) {
    memory_release(preprocess->mean);
    memory_release(preprocess->factor);
    memory_release(preprocess->matrix);
    projection_release(preprocess->projection);
    memset(preprocess, 0, sizeof *preprocess);
}

/* --- center and scale ------------------------------------------------------------------------- */

/* Pixels have few channels, which would make short inner loops. The mean and the factor of each
 * channel are therefore repeated for GROUP pixels, and an image is walked in runs of that many. */
#define GROUP 16
#define GROUP_CHANNELS 8

static void run_of_bytes(int64_t count, const uint8_t *restrict in, const float *restrict mean,
                         const float *restrict factor, float *restrict out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = ((float)in[i] - mean[i]) * factor[i];
}

static void run_of_floats(int64_t count, const float *in, const float *restrict mean,
                          const float *restrict factor, float *out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = (in[i] - mean[i]) * factor[i];
}

/* How far mean and factor move on with each run: by 0 where they are repeated. */
struct Strides {
    int64_t mean, factor;
};

static void apply_runs(bool bytes, const void *image, int64_t elements, int64_t run,
                       const float *mean, const float *factor, struct Strides strides, float *out) {
    for (int64_t at = 0; at < elements; at += run, mean += strides.mean, factor += strides.factor) {
        int64_t count = elements - at < run ? elements - at : run;
        if (bytes)
            run_of_bytes(count, (const uint8_t *)image + at, mean, factor, out + at);
        else
            run_of_floats(count, (const float *)image + at, mean, factor, out + at);
    }
}

static void apply_narrow(const struct Preprocess *preprocess, bool bytes, const void *image,
                         float *out) {
    float mean[GROUP * GROUP_CHANNELS] = {0}, factor[GROUP * GROUP_CHANNELS] = {0};
    int64_t channels = preprocess->channels, run = GROUP * channels;
    bool mean_image = preprocess->mean_count > channels;
    bool factor_image = preprocess->factor_count > channels;
    for (int64_t i = 0; i < run; i++) {
        if (!factor_image)
            factor[i] = preprocess->factor[i % channels];
        if (preprocess->mean_count == channels)
            mean[i] = preprocess->mean[i % channels];
    }
    struct Strides strides = {mean_image ? run : 0, factor_image ? run : 0};
    apply_runs(bytes, image, preprocess->height * preprocess->width * channels, run,
               mean_image ? preprocess->mean : mean, factor_image ? preprocess->factor : factor,
               strides, out);
}

static void apply_wide(const struct Preprocess *preprocess, bool bytes, const void *image,
                       float *out) {
    int64_t channels = preprocess->channels;
    bool factor_image = preprocess->factor_count > channels;
    for (int64_t pixel = 0; pixel < preprocess->height * preprocess->width; pixel++)
        for (int64_t c = 0; c < channels; c++) {
            int64_t at = pixel * channels + c;
            float value = bytes ? (float)((const uint8_t *)image)[at] : ((const float *)image)[at];
            float mean = preprocess->mean_count == 0          ? 0
                         : preprocess->mean_count == channels ? preprocess->mean[c]
                                                              : preprocess->mean[at];
            out[at] = (value - mean) * preprocess->factor[factor_image ? at : c];
        }
}

void preprocess_apply(const struct Preprocess *preprocess, bool bytes, const void *image,
                      float *out) {
    if (preprocess->channels <= GROUP_CHANNELS)
        apply_narrow(preprocess, bytes, image, out);
    else
        apply_wide(preprocess, bytes, image, out);
}

/* --- decorrelation ---------------------------------------------------------------------------- */

static void multiply_pixels(const struct Preprocess *preprocess, int64_t pixels, const float *in,
                            float *out) {
    int64_t rows = preprocess->matrix_rows, columns = preprocess->matrix_columns;
    for (int64_t pixel = 0; pixel < pixels; pixel++, in += columns, out += rows)
        for (int64_t row = 0; row < rows; row++) {
            const float *weights = preprocess->matrix + row * columns;
            float sum = 0;
            for (int64_t column = 0; column < columns; column++)
                sum += weights[column] * in[column];
            out[row] = sum;
        }
}

void preprocess_decorrelate(const struct Preprocess *preprocess, int64_t count, const float *in,
                            float *out) {
    CHECK(preprocess->matrix);
    if (of_pixels(preprocess)) {
        multiply_pixels(preprocess, count * preprocess->height * preprocess->width, in, out);
        return;
    }
    CHECK(preprocess->projection);
    projection_apply(preprocess->projection, count, in, out);
}
