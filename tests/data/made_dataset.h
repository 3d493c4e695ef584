/* Small data set files for tests, good ones and ones in which some part is wrong. */
#ifndef TESTS_DATA_MADE_DATASET_H
#define TESTS_DATA_MADE_DATASET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/preprocessing/target_scale.h"
#include "store/h5.h"

enum { MADE_TRAIN = 40, MADE_TEST = 13, MADE_HEIGHT = 6, MADE_WIDTH = 5, MADE_CHANNELS = 3 };
enum { MADE_ELEMENTS = MADE_HEIGHT * MADE_WIDTH * MADE_CHANNELS, MADE_CLASSES = 4 };
static const char *const made_names[MADE_CLASSES] = {"ant", "bee", "cat", "dog"};

static inline uint8_t made_pixel(int64_t sample, int64_t element) {
    return (uint8_t)(sample * 37 + element * 11 + sample * element * element / 5);
}
static inline int32_t made_label(int64_t sample) {
    return (int32_t)(sample * 7 % MADE_CLASSES);
}

static inline void made_targets(float *targets, int64_t samples) { /* (samples, 2) */
    for (int64_t i = 0; i < samples; i++) {
        targets[2 * i] = (float)i;
        targets[2 * i + 1] = (float)(i % 7);
    }
}

struct Made { /* all zero: a good file */
    bool floats, no_statistics, no_classes, no_labels, no_images, no_splits;
    bool targets; /* two values for each sample, with /target_names and statistics */
    enum H5Type image_type, label_type; /* 0: the usual types */
    int64_t samples, labels;            /* how many in /train; 0: the usual number, −1: none */
    int rank;                           /* of /train/images */
    int64_t test_width;
    int32_t bad_label, bad_row; /* bad_row > 0: the label in that row of /train/labels */
    int32_t version;
    int class_count;
    int64_t mean_count;
    double std0;
    const char *digest;
};

static inline int made_split(struct H5Writer *writer, const struct Made *made, const char *name,
                             int64_t samples, int64_t labels, int rank, int64_t width,
                             struct Error *error) {
    int64_t size[4] = {samples, MADE_HEIGHT, width, MADE_CHANNELS};
    int64_t count = samples * MADE_HEIGHT * width * MADE_CHANNELS;
    enum H5Type type = made->image_type ? made->image_type : made->floats ? H5_FLOAT32 : H5_UINT8;
    static uint8_t bytes[100 * 8 * 8 * 3 * 8];
    memset(bytes, 0, sizeof bytes);
    for (int64_t i = 0; i < count; i++) {
        uint8_t pixel = made_pixel(i / MADE_ELEMENTS, i % MADE_ELEMENTS);
        if (type == H5_UINT8)
            bytes[i] = pixel;
        else if (type == H5_FLOAT32)
            ((float *)(void *)bytes)[i] = (float)pixel / 4;
    }
    char path[100];
    int code = OK;
    snprintf(path, sizeof path, "%s/images", name);
    if (!made->no_images)
        code = h5_write(writer, path, type, rank, size, bytes, error);
    static int64_t values[200];
    memset(values, 0, sizeof values);
    type = made->label_type ? made->label_type : H5_INT32;
    for (int64_t i = 0; i < labels; i++) {
        int32_t label = made->bad_row && made->bad_row == i ? made->bad_label : made_label(i);
        if (type == H5_INT32)
            ((int32_t *)(void *)values)[i] = label;
        else if (type == H5_INT64)
            values[i] = label;
        else
            ((float *)(void *)values)[i] = (float)label;
    }
    snprintf(path, sizeof path, "%s/labels", name);
    if (code == OK && !made->no_labels)
        code = h5_write(writer, path, type, 1, &labels, values, error);
    const int64_t shape[] = {samples, 2};
    float targets[MADE_TRAIN * 2];
    if (made->targets)
        made_targets(targets, samples);
    snprintf(path, sizeof path, "%s/targets", name);
    if (code == OK && made->targets)
        code = h5_write(writer, path, H5_FLOAT32, 2, shape, targets, error);
    return code;
}

/* Statistics of the training split, by definition. */
static inline void made_statistics(bool floats, double *mean, double *deviation, float *image) {
    double square[MADE_CHANNELS] = {0}, count = MADE_TRAIN * MADE_HEIGHT * MADE_WIDTH;
    memset(mean, 0, MADE_CHANNELS * sizeof *mean);
    for (int e = 0; e < MADE_ELEMENTS; e++) {
        double sum = 0;
        for (int s = 0; s < MADE_TRAIN; s++) {
            double value = made_pixel(s, e) / (floats ? 4.0 : 1.0);
            sum += value;
            mean[e % MADE_CHANNELS] += value / count;
            square[e % MADE_CHANNELS] += value * value / count;
        }
        image[e] = (float)(sum / MADE_TRAIN);
    }
    for (int c = 0; c < MADE_CHANNELS; c++)
        deviation[c] = __builtin_sqrt(square[c] - mean[c] * mean[c]);
}

static inline int made_target_statistics(struct H5Writer *writer, struct Error *error) {
    float targets[MADE_TRAIN * 2];
    double mean[2], deviation[2];
    const int64_t two = 2;
    made_targets(targets, MADE_TRAIN);
    target_statistics(targets, MADE_TRAIN, 2, mean, deviation);
    int code = h5_write(writer, "statistics/target_mean", H5_FLOAT64, 1, &two, mean, error);
    return code ? code
                : h5_write(writer, "statistics/target_std", H5_FLOAT64, 1, &two, deviation, error);
}

static inline int made_extras(struct H5Writer *writer, const struct Made *made,
                              struct Error *error) {
    int32_t version = made->version ? made->version : 1;
    int code = h5_write_attribute(writer, "/", "format_version", H5_INT32, &version, error);
    if (code == OK)
        code = h5_write_attribute(writer, "/", "source", H5_TEXT, "made by a test", error);
    if (code == OK && made->digest)
        code = h5_write_attribute(writer, "train", "digest", H5_TEXT, made->digest, error);
    if (code == OK && !made->no_classes)
        code = h5_write_texts(writer, "classes", made_names,
                              made->class_count ? made->class_count : MADE_CLASSES, error);
    static const char *const targets[] = {"mass", "drift"};
    if (code == OK && made->targets)
        code = h5_write_texts(writer, "target_names", targets, 2, error);
    if (code != OK || made->no_statistics)
        return code;
    double mean[MADE_CHANNELS], deviation[MADE_CHANNELS];
    float image[MADE_ELEMENTS];
    made_statistics(made->floats, mean, deviation, image);
    if (made->std0 != 0)
        deviation[0] = made->std0;
    int64_t channels = made->mean_count ? made->mean_count : MADE_CHANNELS;
    int64_t size[3] = {MADE_HEIGHT, MADE_WIDTH, MADE_CHANNELS};
    code = h5_write(writer, "statistics/channel_mean", H5_FLOAT64, 1, &channels, mean, error);
    if (code == OK)
        code =
            h5_write(writer, "statistics/channel_std", H5_FLOAT64, 1, size + 2, deviation, error);
    if (code == OK)
        code = h5_write(writer, "statistics/mean_image", H5_FLOAT32, 3, size, image, error);
    return code == OK && made->targets ? made_target_statistics(writer, error) : code;
}

static inline void made_write(const char *path, struct Made made) {
    struct Error error;
    struct H5Writer *writer;
    int64_t samples = made.samples > 0 ? made.samples : made.samples < 0 ? 0 : MADE_TRAIN;
    int64_t labels = made.labels > 0 ? made.labels : samples;
    int code = h5_create(&writer, path, &error);
    if (code == OK && !made.no_splits)
        code = made_split(writer, &made, "train", samples, labels, made.rank ? made.rank : 4,
                          MADE_WIDTH, &error);
    if (code == OK && !made.no_splits)
        code = made_split(writer, &made, "test", MADE_TEST, MADE_TEST, 4,
                          made.test_width ? made.test_width : MADE_WIDTH, &error);
    if (code == OK)
        code = made_extras(writer, &made, &error);
    if (code == OK)
        code = h5_commit(writer, &error);
    if (code != OK) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
}

#endif
