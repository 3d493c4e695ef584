#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "compute/projection.h"
#include "data/made_dataset.h"
#include "data/preprocessing/preprocess.h"
#include "data/statistics/statistics_file.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;

static struct Dataset *opened(void) {
    struct Dataset *dataset;
    if (dataset_open(&dataset, scratch_path("d.h5"), &error) != OK)
        fail_msg("%s", error.text);
    return dataset;
}

static struct Dataset *made_open(struct Made made) {
    made_write(scratch_path("d.h5"), made);
    return opened();
}

/* A data set with all statistics, and the first `components` (0: all) components for `scale`. */
static struct Dataset *complete_open(bool floats, const char *scale, int64_t components) {
    struct Dataset *dataset = made_open((struct Made){.floats = floats});
    const struct Split *train = dataset_split(dataset, "train", &error);
    struct Statistics statistics;
    struct StatisticValues values;
    struct Pca pca = {0};
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    statistics_add(&statistics, train->bytes, train->images, train->count);
    statistics_result(&statistics, &values);
    statistics_release(&statistics);
    int code =
        scale ? pca_compute(&pca, dataset, train, &values, scale, components, NULL, &error) : OK;
    if (code == OK)
        code = statistics_store(dataset, &values, scale ? &pca : NULL, scale, &error);
    if (code != OK)
        fail_msg("%s", error.text);
    pca_release(&pca);
    statistic_values_release(&values);
    dataset_close(dataset);
    return opened();
}

static const void *image_of(const struct Split *split, int64_t sample) {
    return (const char *)split->images +
           sample * MADE_ELEMENTS * (int64_t)(split->bytes ? 1 : sizeof(float));
}

/* Compares with the formula, for every centre and scale, for bytes and floats. */
static void formula(void **state) {
    (void)state;
    for (int kind = 0; kind < 32; kind++) {
        struct PreprocessOptions options = {.center = kind % 4, .scale = kind / 4 % 4};
        bool floats = kind >= 16;
        struct Dataset *dataset = complete_open(floats, NULL, 0);
        const struct StatisticValues *statistics = &dataset->statistics;
        const struct Split *split = dataset_split(dataset, "test", &error);
        struct Preprocess preprocess;
        assert_int_equal(preprocess_create(&preprocess, &options, NULL, dataset, &error), OK);
        assert_true(preprocess.out_height == MADE_HEIGHT && preprocess.out_width == MADE_WIDTH &&
                    preprocess.out_channels == MADE_CHANNELS && !preprocess.matrix);
        for (int64_t s = 0; s < MADE_TEST; s++) {
            float out[MADE_ELEMENTS + 1];
            out[MADE_ELEMENTS] = 12345;
            preprocess_apply(&preprocess, split->bytes, image_of(split, s), out);
            for (int e = 0; e < MADE_ELEMENTS; e++) {
                int c = e % MADE_CHANNELS;
                double value = made_pixel(s, e) / (floats ? 4.0 : 1.0);
                double mean = options.center == CENTER_NONE         ? 0
                              : options.center == CENTER_MEAN_IMAGE ? statistics->mean_image[e]
                                                                    : statistics->channel_mean[c];
                double divisor = options.scale == SCALE_NONE          ? 1
                                 : options.scale == SCALE_CHANNEL_STD ? statistics->channel_std[c]
                                 : options.scale == SCALE_PIXEL_STD   ? statistics->pixel_std[e]
                                                                      : 255;
                assert_float_equal(out[e], (value - mean) / divisor, 1e-4 / divisor);
            }
            assert_true(out[MADE_ELEMENTS] == 12345);
        }
        preprocess_release(&preprocess);
        dataset_close(dataset);
    }
}

/* Shapes with a little less and more pixels than are handled at a time,
 * with few and many channels. */
static void shapes(void **state) {
    (void)state;
    enum { MOST = 3 * 40 * 20 };
    for (int64_t channels = 1; channels <= 20; channels++)
        for (int64_t width = 1; width < 40; width += 5)
            for (int kind = 0; kind < 6; kind++) {
                int64_t elements = 3 * width * channels;
                float mean[MOST], factor[MOST], out[MOST + 1];
                uint8_t image[MOST];
                for (int64_t i = 0; i < elements; i++) {
                    image[i] = (uint8_t)(i * 31);
                    mean[i] = (float)(i % 7);
                    factor[i] = (float)(i + 1) / 4;
                }
                int64_t factors = kind < 3 ? channels : elements;
                int64_t means = kind % 3 == 0 ? 0 : kind % 3 == 1 ? channels : elements;
                struct Preprocess preprocess = {.height = 3,
                                                .width = width,
                                                .channels = channels,
                                                .mean_count = means,
                                                .mean = mean,
                                                .factor_count = factors,
                                                .factor = factor};
                out[elements] = 12345;
                preprocess_apply(&preprocess, true, image, out);
                for (int64_t i = 0; i < elements; i++) {
                    float m = means ? mean[i % means] : 0;
                    assert_true(out[i] == ((float)image[i] - m) * factor[i % factors]);
                }
                assert_true(out[elements] == 12345);
            }
}

static void missing_statistics(void **state) {
    (void)state;
    struct Dataset *dataset = made_open((struct Made){.no_statistics = true});
    struct Preprocess preprocess;
    static const struct {
        struct PreprocessOptions options;
        const char *words;
    } cases[] = {
        {{.center = CENTER_CHANNEL_MEAN},
         "d.h5: has no /statistics/channel_mean, which center: channel_mean needs"},
        {{.center = CENTER_MEAN_IMAGE}, "has no /statistics/mean_image, which center: mean_image"},
        {{.scale = SCALE_CHANNEL_STD}, "has no /statistics/channel_std, which scale: channel_std"},
        {{.scale = SCALE_PIXEL_STD}, "has no /statistics/pixel_std, which scale: pixel_std"},
        {{.center = CENTER_NONE}, NULL},
        {{.scale = SCALE_RANGE}, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = preprocess_create(&preprocess, &cases[i].options, NULL, dataset, &error);
        assert_int_equal(code, cases[i].words ? ERROR_DATA : OK);
        if (cases[i].words)
            assert_non_null(strstr(error.text, cases[i].words));
        preprocess_release(&preprocess);
    }
    dataset_close(dataset);
}

enum { OUT = MADE_ELEMENTS };

/* Decorrelates the whole training split at once; one by one, images must have the same bits. */
static void transform(const struct Preprocess *preprocess, const struct Split *split, float *out) {
    static float centred[MADE_TRAIN][MADE_ELEMENTS];
    int64_t elements = preprocess->out_height * preprocess->out_width * preprocess->out_channels;
    for (int64_t i = 0; i < MADE_TRAIN; i++)
        preprocess_apply(preprocess, split->bytes, image_of(split, i), centred[i]);
    preprocess_decorrelate(preprocess, MADE_TRAIN, centred[0], out);
    for (int64_t i = 0; i < MADE_TRAIN; i++) {
        float one[OUT];
        preprocess_decorrelate(preprocess, 1, centred[i], one);
        assert_memory_equal(one, out + i * elements, (size_t)elements * sizeof *one);
    }
}

/* The covariance of columns a and b of values (rows, columns), whose means must be zero. */
static double covariance_of(int64_t rows, int64_t columns, const float *values, int64_t a,
                            int64_t b) {
    double mean_a = 0, mean_b = 0, sum = 0, largest = 1;
    for (int64_t i = 0; i < rows; i++) {
        mean_a += (double)values[i * columns + a] / (double)rows;
        mean_b += (double)values[i * columns + b] / (double)rows;
        largest = fmax(largest, fabs((double)values[i * columns + a]));
    }
    assert_true(fabs(mean_a) < 1e-4 * largest);
    for (int64_t i = 0; i < rows; i++)
        sum += ((double)values[i * columns + a] - mean_a) *
               ((double)values[i * columns + b] - mean_b) / (double)rows;
    return sum;
}

/* The covariance that outputs a and b must have, from eigenvalues and eigenvectors. */
static double expected_covariance(const struct PreprocessOptions *options, const struct Pca *pca,
                                  int64_t kept, int64_t a, int64_t b) {
    double shrink = options->scale == SCALE_RANGE ? 255. * 255 : 1, sum = 0;
    if (options->decorrelate == DECORRELATE_PCA)
        return a == b ? pca->eigenvalues[a] / shrink : 0;
    for (int64_t i = 0; i < kept; i++) {
        double value = pca->eigenvalues[i] / shrink, whitened = value / (value + options->epsilon);
        if (options->decorrelate == DECORRELATE_PCA_WHITEN)
            sum += a == b && a == i ? whitened : 0;
        else
            sum += whitened * (double)pca->eigenvectors[i * MADE_ELEMENTS + a] *
                   (double)pca->eigenvectors[i * MADE_ELEMENTS + b];
    }
    return sum;
}

static void check_image_scope(struct PreprocessOptions options, bool floats) {
    static const char *const scales[] = {"none", "channel_std", "none", "pixel_std"};
    struct Dataset *dataset = complete_open(floats, scales[options.scale], 0);
    const struct Split *split = dataset_split(dataset, "train", &error);
    struct Preprocess preprocess;
    struct Pca pca;
    assert_int_equal(pca_read(&pca, dataset, scales[options.scale], &error), OK);
    if (preprocess_create(&preprocess, &options, NULL, dataset, &error) != OK)
        fail_msg("%s", error.text);
    preprocess_prepare(&preprocess, variant_best(VARIANT_F32_V4));
    int64_t kept = options.components ? options.components : MADE_ELEMENTS;
    bool zca = options.decorrelate == DECORRELATE_ZCA;
    int64_t columns = zca ? MADE_ELEMENTS : kept;
    assert_int_equal(preprocess.out_height, zca ? MADE_HEIGHT : 1);
    assert_int_equal(preprocess.out_channels, zca ? MADE_CHANNELS : kept);
    assert_int_equal(preprocess_makes_vector(&preprocess), !zca);
    for (int64_t i = 0; zca && i < MADE_ELEMENTS; i++)
        for (int64_t j = 0; j < i; j++)
            assert_true(preprocess.matrix[i * MADE_ELEMENTS + j] ==
                        preprocess.matrix[j * MADE_ELEMENTS + i]);
    static float out[MADE_TRAIN * OUT];
    transform(&preprocess, split, out);
    double unit = options.decorrelate == DECORRELATE_PCA ? fmax(pca.eigenvalues[0], 1) : 1;
    for (int64_t a = 0; a < columns; a++)
        for (int64_t b = 0; b <= a; b++) {
            double found = covariance_of(MADE_TRAIN, columns, out, a, b);
            double expected = expected_covariance(&options, &pca, kept, a, b);
            if (!(fabs(found - expected) < 2e-5 * unit))
                fail_msg("decorrelate %d scale %d: covariance (%ld,%ld) is %.9g, expected %.9g",
                         options.decorrelate, options.scale, a, b, found, expected);
        }
    preprocess_release(&preprocess);
    pca_release(&pca);
    dataset_close(dataset);
}

static void whole_images(void **state) {
    (void)state;
    for (int decorrelate = DECORRELATE_PCA; decorrelate <= DECORRELATE_ZCA; decorrelate++)
        for (int scale = 0; scale < 4; scale++)
            for (int64_t components = 0; components <= 20; components += 20)
                check_image_scope(
                    (struct PreprocessOptions){
                        .center = CENTER_AUTO,
                        .scale = scale,
                        .decorrelate = decorrelate,
                        .components = decorrelate == DECORRELATE_PCA_WHITEN && !components
                                          ? MADE_TRAIN - 1 /* its rank */
                                          : components,
                        .epsilon = scale == SCALE_NONE ? 100 : 0.01},
                    (components + scale) % 3 == 0);
}

/* Over all pixels of the split, the channels are uncorrelated and, if whitened, have a variance
 * of 1. */
static void channels_of_pixels(void **state) {
    (void)state;
    for (int kind = 0; kind < 12; kind++) {
        struct PreprocessOptions options = {.center = CENTER_AUTO,
                                            .scale = kind % 3,
                                            .decorrelate = 1 + kind / 3 % 3,
                                            .scope = SCOPE_PIXEL,
                                            .components = kind >= 9 ? 2 : 0,
                                            .epsilon = 1e-9};
        struct Dataset *dataset = complete_open(kind & 1, NULL, 0);
        const struct Split *split = dataset_split(dataset, "train", &error);
        struct Preprocess preprocess;
        assert_int_equal(preprocess_create(&preprocess, &options, NULL, dataset, &error), OK);
        preprocess_prepare(&preprocess, VARIANT_F32);
        bool zca = options.decorrelate == DECORRELATE_ZCA;
        int64_t channels = options.components && !zca ? options.components : MADE_CHANNELS;
        assert_int_equal(preprocess.out_height, MADE_HEIGHT);
        assert_int_equal(preprocess.out_width, MADE_WIDTH);
        assert_int_equal(preprocess.out_channels, channels);
        assert_false(preprocess_makes_vector(&preprocess));
        static float out[MADE_TRAIN * OUT];
        transform(&preprocess, split, out);
        int64_t pixels = MADE_TRAIN * MADE_HEIGHT * MADE_WIDTH;
        for (int64_t a = 0; a < channels; a++)
            for (int64_t b = 0; b <= a; b++) {
                double found = covariance_of(pixels, channels, out, a, b);
                double variance = covariance_of(pixels, channels, out, a, a);
                if (a != b && (!zca || !options.components))
                    assert_true(fabs(found) < 1e-5 * fmax(1, variance));
                if (a == b && options.decorrelate != DECORRELATE_PCA && !options.components)
                    assert_true(fabs(found - 1) < 1e-5);
            }
        preprocess_release(&preprocess);
        dataset_close(dataset);
    }
}

static const struct Key file_keys[] = {{.name = "preprocess",
                                        .type = KEY_SECTION,
                                        .offset = 0,
                                        .keys = preprocess_keys,
                                        .help = "for tests"},
                                       KEY_END};

static void refused(struct Dataset *dataset, const char *text, int code, const char *words) {
    struct RunFile *file;
    struct PreprocessOptions options = {0};
    struct Preprocess preprocess = {0};
    char *yaml = memory_print("preprocess: {%s}\n", text);
    int result = runfile_parse(&file, "test.yaml", yaml, NULL, 0, file_keys, &options, &error);
    assert_int_equal(result, OK);
    result = preprocess_create(&preprocess, &options, file, dataset, &error);
    if (result != code || (words && !strstr(error.text, words)))
        fail_msg("%s: %d \"%s\", expected %d \"%s\"", text, result, error.text, code, words);
    preprocess_release(&preprocess);
    runfile_release(file);
    memory_release(yaml);
}

static void what_does_not_fit_together(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"decorrelate: zca, epsilon: 0.01", NULL},
        {"decorrelate: zca, components: 39", NULL},
        {"decorrelate: zca",
         "variance along 39 at most; what a new image has along the others, decorrelate: zca would "
         "multiply by 1 / sqrt(epsilon) = 316; expected no more components, or epsilon from 0.0"},
        {"decorrelate: zca, components: 40", "preprocess.components: 40, but the 40 training"},
        {"decorrelate: pca, center: mean_image, components: 12", NULL},
        {"decorrelate: zca, center: none",
         "test.yaml:1: preprocess.center: none does not go with decorrelate: zca of scope: image, "
         "expected mean_image or auto"},
        {"decorrelate: pca, center: channel_mean",
         "channel_mean does not go with decorrelate: pca"},
        {"decorrelate: zca, scope: pixel, center: mean_image", "expected channel_mean or auto"},
        {"decorrelate: zca, scope: pixel, scale: pixel_std",
         "preprocess.scale: pixel_std does not go with"},
        {"components: 3", "test.yaml:1: preprocess.components: 3 is for decorrelate: pca"},
        {"scope: pixel", "test.yaml:1: preprocess.scope: pixel is for decorrelate: pca"},
        {"epsilon: 0.1", "test.yaml:1: preprocess.epsilon: 0.1 is for decorrelate: pca_whiten or "
                         "zca, which is none"},
        {"scope: image, epsilon: 0.00001, components: 0", NULL}, /* as a saved run file has them */
        {"decorrelate: pca, epsilon: 0.1", "preprocess.epsilon: 0.1 is for"},
        {"decorrelate: pca, components: 91",
         "preprocess.components: is 91, expected at most the 90 that an image has"},
        {"decorrelate: pca, scope: pixel, components: 4", "at most the 3 that a pixel has"},
    };
    struct Dataset *dataset = complete_open(false, "channel_std", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(dataset, cases[i].text, cases[i].words ? ERROR_RUN_FILE : OK, cases[i].words);
    refused(dataset, "decorrelate: zca, scale: pixel_std", ERROR_DATA,
            "has no principal components for preprocess.scale: pixel_std");
    dataset_close(dataset);
    dataset = complete_open(false, "none", 0); /* epsilon is compared with the variance */
    refused(dataset, "decorrelate: zca, scale: none, epsilon: 0.01", ERROR_RUN_FILE,
            "or epsilon from ");
    refused(dataset, "decorrelate: zca, scale: none, epsilon: 100", OK, NULL);
    dataset_close(dataset);
    dataset = complete_open(false, "channel_std", 10);
    refused(dataset, "decorrelate: pca, components: 10", OK, NULL);
    refused(dataset, "decorrelate: pca, components: 11", ERROR_RUN_FILE, "components: 11, ");
    refused(dataset, "decorrelate: pca", ERROR_RUN_FILE, "keeps the first 10");
    dataset_close(dataset);
    dataset = made_open((struct Made){0});
    refused(dataset, "decorrelate: zca, scope: pixel", ERROR_DATA,
            "has no /statistics/channel_covariance");
    dataset_close(dataset);
}

static int empty(void **state) {
    (void)state;
    scratch_empty();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(formula, empty),
        cmocka_unit_test(shapes),
        cmocka_unit_test_teardown(missing_statistics, empty),
        cmocka_unit_test_teardown(whole_images, empty),
        cmocka_unit_test_teardown(channels_of_pixels, empty),
        cmocka_unit_test_teardown(what_does_not_fit_together, empty),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
