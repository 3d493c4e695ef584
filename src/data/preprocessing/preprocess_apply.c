#include "compute/projection.h"
#include "data/preprocessing/preprocess.h"

/* Pixels have few channels, which would make inner loops short. The mean and the factor of each
 * channel are therefore repeated for GROUP pixels, and an image is processed in runs of GROUP
 * pixels. */
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

/* How far mean and factor move on after each run: 0 if they are repeated. */
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
    if (preprocess_multiplies_pixels(preprocess)) {
        multiply_pixels(preprocess, count * preprocess->height * preprocess->width, in, out);
        return;
    }
    CHECK(preprocess->projection);
    projection_apply(preprocess->projection, count, in, out);
}
