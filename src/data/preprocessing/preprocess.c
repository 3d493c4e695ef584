#include "data/preprocessing/preprocess.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "compute/projection.h"
#include "data/preprocessing/decorrelate.h"

#define ROUNDING 1e-4f /* in units of the deviation: another program may have summed otherwise */

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
    return memory_array(float, count, "preprocessing");
}

static int set_mean(struct Preprocess *preprocess, int center, const struct Dataset *dataset,
                    struct Error *error) {
    const struct StatisticValues *statistics = &dataset->statistics;
    int64_t count = 0;
    int code = OK;
    if (center == CENTER_CHANNEL_MEAN) {
        count = dataset->channels;
        code = need(dataset, statistics->channel_mean, "channel_mean", "preprocess.center", error);
    } else if (center == CENTER_MEAN_IMAGE) {
        count = dataset->height * dataset->width * dataset->channels;
        code = need(dataset, statistics->mean_image, "mean_image", "preprocess.center", error);
    }
    if (code != OK)
        return code;
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
    /* An element that never varies is centred and not divided. */
    return deviation > 0 ? deviation : 1;
}

static int set_factor(struct Preprocess *preprocess, int scale, const struct Dataset *dataset,
                      struct Error *error) {
    const struct StatisticValues *statistics = &dataset->statistics;
    int code = OK;
    if (scale == SCALE_CHANNEL_STD)
        code = need(dataset, statistics->channel_std, "channel_std", "preprocess.scale", error);
    if (scale == SCALE_PIXEL_STD)
        code = need(dataset, statistics->pixel_std, "pixel_std", "preprocess.scale", error);
    if (code != OK)
        return code;
    preprocess->factor_count = dataset->channels;
    if (scale == SCALE_PIXEL_STD)
        preprocess->factor_count *= dataset->height * dataset->width;
    preprocess->factor = floats(preprocess->factor_count);
    for (int64_t i = 0; i < preprocess->factor_count; i++)
        preprocess->factor[i] = (float)(1 / divisor_of(scale, statistics, i));
    return OK;
}

/* Pixels that no import made are known by their type. */
static struct PictureRule rule_of(const struct Dataset *dataset) {
    struct PictureRule rule = dataset->pictures;
    if (!*rule.values && dataset->split_count)
        strcpy(rule.values, dataset->splits[0].bytes ? PICTURE_RULE_BYTES : PICTURE_RULE_FLOATS);
    return rule;
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
    int code = preprocess_describe(options, file, &in, &out, error);
    if (code != OK)
        return code;
    preprocess->out_height = out.height;
    preprocess->out_width = out.width;
    preprocess->out_channels = out.channels;
    preprocess->pictures = rule_of(dataset);
    code = set_factor(preprocess, options->scale, dataset, error);
    if (code == OK)
        code = set_mean(preprocess, preprocess_center(options), dataset, error);
    if (code == OK && options->decorrelate != DECORRELATE_NONE)
        code = decorrelate__create(preprocess, options, file, dataset, error);
    return code;
}

bool preprocess_scales_alike(const struct Preprocess *preprocess, const struct Preprocess *other) {
    int64_t means = preprocess->mean_count, factors = preprocess->factor_count;
    bool alike = means == other->mean_count && factors == other->factor_count;
    for (int64_t i = 0; alike && i < factors; i++)
        alike = fabsf(other->factor[i] - preprocess->factor[i]) <= ROUNDING * preprocess->factor[i];
    for (int64_t i = 0; alike && i < means; i++)
        alike = fabsf(other->mean[i] - preprocess->mean[i]) * preprocess->factor[i % factors] <=
                ROUNDING * (1 + fabsf(preprocess->mean[i] * preprocess->factor[i % factors]));
    return alike;
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

void preprocess_fit(struct Preprocess *preprocess, int64_t height, int64_t width) {
    int64_t channels = preprocess->channels;
    if (preprocess->mean_count > channels || preprocess->factor_count > channels ||
        (preprocess->matrix && !preprocess_multiplies_pixels(preprocess)))
        return;
    preprocess->height = preprocess->out_height = height;
    preprocess->width = preprocess->out_width = width;
}

void preprocess_prepare(struct Preprocess *preprocess, enum Variant variant) {
    if (preprocess->matrix && !preprocess->projection && !preprocess_multiplies_pixels(preprocess))
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
