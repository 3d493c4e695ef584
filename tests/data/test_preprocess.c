#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "data/made_dataset.h"
#include "data/preprocess.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;

static struct Dataset *made_open(struct Made made) {
    const char *path = scratch_path("d.h5");
    made_write(path, made);
    struct Dataset *dataset;
    if (dataset_open(&dataset, path, &error) != OK)
        fail_msg("%s", error.text);
    return dataset;
}

/* Against the formula, for every centre and scale, bytes and floats. */
static void formula(void **state) {
    (void)state;
    for (int kind = 0; kind < 18; kind++) {
        struct PreprocessOptions options = {.center = kind % 3, .scale = kind / 3 % 3};
        bool floats = kind >= 9;
        struct Dataset *dataset = made_open((struct Made){.floats = floats});
        const struct Split *split = dataset_split(dataset, "test", &error);
        struct Preprocess preprocess;
        assert_int_equal(preprocess_create(&preprocess, &options, dataset, &error), OK);
        for (int64_t s = 0; s < MADE_TEST; s++) {
            float out[MADE_ELEMENTS + 1];
            out[MADE_ELEMENTS] = 12345;
            const char *image = (const char *)split->images +
                                s * MADE_ELEMENTS * (int64_t)(floats ? sizeof(float) : 1);
            preprocess_apply(&preprocess, split->bytes, image, out);
            for (int e = 0; e < MADE_ELEMENTS; e++) {
                int c = e % MADE_CHANNELS;
                double value = made_pixel(s, e) / (floats ? 4.0 : 1.0);
                double mean = options.center == 0   ? 0
                              : options.center == 1 ? dataset->statistics.channel_mean[c]
                                                    : dataset->statistics.mean_image[e];
                double divisor = options.scale == 0   ? 1
                                 : options.scale == 1 ? dataset->statistics.channel_std[c]
                                                      : 255;
                assert_float_equal(out[e], (value - mean) / divisor, 1e-4 / divisor);
            }
            assert_true(out[MADE_ELEMENTS] == 12345);
        }
        preprocess_release(&preprocess);
        dataset_close(dataset);
    }
}

/* Shapes around the run of pixels that is handled at a time, few and many channels. */
static void shapes(void **state) {
    (void)state;
    for (int64_t channels = 1; channels <= 20; channels++)
        for (int64_t width = 1; width < 40; width += 5)
            for (int kind = 0; kind < 3; kind++) {
                int64_t elements = 3 * width * channels;
                float mean[3 * 40 * 20], factor[20], out[3 * 40 * 20 + 1];
                uint8_t image[3 * 40 * 20];
                for (int64_t i = 0; i < elements; i++) {
                    image[i] = (uint8_t)(i * 31);
                    mean[i] = (float)(i % 7);
                }
                for (int64_t c = 0; c < channels; c++)
                    factor[c] = (float)(c + 1) / 4;
                struct Preprocess preprocess = {
                    3,    width, channels, kind == 0 ? 0 : kind == 1 ? channels : elements,
                    mean, factor};
                out[elements] = 12345;
                preprocess_apply(&preprocess, true, image, out);
                for (int64_t i = 0; i < elements; i++) {
                    float m = kind == 0 ? 0 : kind == 1 ? mean[i % channels] : mean[i];
                    assert_true(out[i] == ((float)image[i] - m) * factor[i % channels]);
                }
                assert_true(out[elements] == 12345);
            }
}

static void missing_statistics(void **state) {
    (void)state;
    struct Dataset *dataset = made_open((struct Made){.no_statistics = true});
    struct Preprocess preprocess;
    static const struct {
        int center, scale;
        const char *words;
    } cases[] = {{1, 0, "d.h5: has no /statistics/channel_mean, which preprocess.center"},
                 {2, 0, "has no /statistics/mean_image, which preprocess.center: mean_image"},
                 {0, 1, "has no /statistics/channel_std, which preprocess.scale: channel_std"},
                 {0, 0, NULL},
                 {0, 2, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct PreprocessOptions options = {.center = cases[i].center, .scale = cases[i].scale};
        int result = preprocess_create(&preprocess, &options, dataset, &error);
        assert_int_equal(result, cases[i].words ? ERROR_DATA : OK);
        if (cases[i].words)
            assert_non_null(strstr(error.text, cases[i].words));
        preprocess_release(&preprocess);
    }
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
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
