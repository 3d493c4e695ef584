#include "data/preprocess.h"

#include <string.h>

#include "base/memory.h"
#include "data/target_scale.h"

enum { CENTER_NONE, CENTER_CHANNEL_MEAN, CENTER_MEAN_IMAGE };
enum { SCALE_NONE, SCALE_CHANNEL_STD, SCALE_RANGE };
static const char *const center_names[] = {"none", "channel_mean", "mean_image", NULL};
static const char *const scale_names[] = {"none", "channel_std", "range", NULL};

const struct Key preprocess_keys[] = {
    {.name = "center",
     .type = KEY_ENUM,
     .offset = offsetof(struct PreprocessOptions, center),
     .fallback = "channel_mean",
     .names = center_names,
     .help = "what is subtracted from every pixel: nothing, its channel's mean over the training "
             "split, or the mean image"},
    {.name = "scale",
     .type = KEY_ENUM,
     .offset = offsetof(struct PreprocessOptions, scale),
     .fallback = "channel_std",
     .names = scale_names,
     .help = "what it is divided by then: nothing, its channel's standard deviation, or 255 "
             "(range)"},
    {.name = "targets",
     .type = KEY_ENUM,
     .offset = offsetof(struct PreprocessOptions, targets),
     .fallback = "standardise",
     .names = target_rule_names,
     .help = "what the network learns of targets that are values: (value - mean) / deviation over "
             "the training split, or the values as they are (none); predictions are in the data "
             "set's units either way"},
    KEY_END};

static int need(const struct Dataset *dataset, const void *values, const char *name,
                const char *key, struct Error *error) {
    if (values)
        return OK;
    return fail(error, ERROR_DATA, "%s: has no /statistics/%s, which %s needs", dataset->path, name,
                key);
}

static int set_mean(struct Preprocess *preprocess, int center, const struct Dataset *dataset,
                    struct Error *error) {
    int64_t count = 0;
    int result = OK;
    if (center == CENTER_CHANNEL_MEAN) {
        count = dataset->channels;
        result = need(dataset, dataset->statistics.channel_mean, "channel_mean",
                      "preprocess.center: channel_mean", error);
    } else if (center == CENTER_MEAN_IMAGE) {
        count = dataset->height * dataset->width * dataset->channels;
        result = need(dataset, dataset->statistics.mean_image, "mean_image",
                      "preprocess.center: mean_image", error);
    }
    if (result != OK)
        return result;
    preprocess->mean_count = count;
    preprocess->mean = memory_allocate((size_t)count * sizeof(float), "preprocessing");
    for (int64_t i = 0; i < count; i++)
        preprocess->mean[i] = center == CENTER_CHANNEL_MEAN
                                  ? (float)dataset->statistics.channel_mean[i]
                                  : dataset->statistics.mean_image[i];
    return OK;
}

int preprocess_create(struct Preprocess *preprocess, const struct PreprocessOptions *options,
                      const struct Dataset *dataset, struct Error *error) {
    *preprocess = (struct Preprocess){
        .height = dataset->height, .width = dataset->width, .channels = dataset->channels};
    int result = OK;
    if (options->scale == SCALE_CHANNEL_STD)
        result = need(dataset, dataset->statistics.channel_std, "channel_std",
                      "preprocess.scale: channel_std", error);
    if (result == OK)
        result = set_mean(preprocess, options->center, dataset, error);
    if (result != OK)
        return result;
    preprocess->factor =
        memory_allocate((size_t)dataset->channels * sizeof(float), "preprocessing");
    for (int64_t c = 0; c < dataset->channels; c++) {
        double divisor = options->scale == SCALE_RANGE ? 255 : 1;
        /* A channel that never varies says nothing: it is centred and left as it is. */
        if (options->scale == SCALE_CHANNEL_STD && dataset->statistics.channel_std[c] > 0)
            divisor = dataset->statistics.channel_std[c];
        preprocess->factor[c] = (float)(1 / divisor);
    }
    return OK;
}

void preprocess_release(struct Preprocess *preprocess) {
    memory_release(preprocess->mean);
    memory_release(preprocess->factor);
    memset(preprocess, 0, sizeof *preprocess);
}

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

/* `mean_stride`: how far the mean moves on with each run; 0 where it is repeated. */
static void apply_runs(bool bytes, const void *image, int64_t elements, int64_t run,
                       const float *mean, int64_t mean_stride, const float *factor, float *out) {
    for (int64_t at = 0; at < elements; at += run, mean += mean_stride) {
        int64_t count = elements - at < run ? elements - at : run;
        if (bytes)
            run_of_bytes(count, (const uint8_t *)image + at, mean, factor, out + at);
        else
            run_of_floats(count, (const float *)image + at, mean, factor, out + at);
    }
}

static void apply_narrow(const struct Preprocess *preprocess, bool bytes, const void *image,
                         float *out) {
    float mean[GROUP * GROUP_CHANNELS] = {0}, factor[GROUP * GROUP_CHANNELS];
    int64_t channels = preprocess->channels, run = GROUP * channels;
    bool mean_image = preprocess->mean_count > channels;
    for (int64_t i = 0; i < run; i++) {
        factor[i] = preprocess->factor[i % channels];
        if (preprocess->mean_count == channels)
            mean[i] = preprocess->mean[i % channels];
    }
    apply_runs(bytes, image, preprocess->height * preprocess->width * channels, run,
               mean_image ? preprocess->mean : mean, mean_image ? run : 0, factor, out);
}

static void apply_wide(const struct Preprocess *preprocess, bool bytes, const void *image,
                       float *out) {
    int64_t channels = preprocess->channels;
    for (int64_t pixel = 0; pixel < preprocess->height * preprocess->width; pixel++)
        for (int64_t c = 0; c < channels; c++) {
            int64_t at = pixel * channels + c;
            float value = bytes ? (float)((const uint8_t *)image)[at] : ((const float *)image)[at];
            float mean = preprocess->mean_count == 0          ? 0
                         : preprocess->mean_count == channels ? preprocess->mean[c]
                                                              : preprocess->mean[at];
            out[at] = (value - mean) * preprocess->factor[c];
        }
}

void preprocess_apply(const struct Preprocess *preprocess, bool bytes, const void *image,
                      float *out) {
    if (preprocess->channels <= GROUP_CHANNELS)
        apply_narrow(preprocess, bytes, image, out);
    else
        apply_wide(preprocess, bytes, image, out);
}
