/* The loader with a preprocessing that has a matrix after centre and scale: images are multiplied
 * in blocks, and no bit of an image depends on the batch that it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "data/augmented.h"
#include "data/loader.h"
#include "data/made_dataset.h"
#include "data/statistics/statistics_file.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { SIZE = MADE_ELEMENTS };

static struct Error error;

static void ok(int code) {
    if (code != OK)
        fail_msg("%s", error.text);
}

struct Fixture {
    struct Dataset *dataset;
    struct Preprocess preprocess;
    struct Augmented augmented;
};

static struct Dataset *opened(void) {
    struct Dataset *dataset;
    ok(dataset_open(&dataset, scratch_path("d.h5"), &error));
    return dataset;
}

/* The made data set, with principal components for scale: channel_std. */
static void make_file(void) {
    made_write(scratch_path("d.h5"), (struct Made){0});
    struct Dataset *dataset = opened();
    const struct Split *train = dataset_split(dataset, "train", &error);
    struct Statistics statistics;
    struct StatisticValues values;
    struct Pca pca;
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    statistics_add(&statistics, train->bytes, train->images, train->count);
    statistics_result(&statistics, &values);
    ok(pca_compute(&pca, dataset, train, &values, "channel_std", 0, NULL, &error));
    ok(statistics_store(dataset, &values, &pca, "channel_std", &error));
    pca_release(&pca);
    statistic_values_release(&values);
    statistics_release(&statistics);
    dataset_close(dataset);
}

static struct Fixture fixture(struct PreprocessOptions options, const char *augment) {
    struct Fixture f = {0};
    make_file();
    f.dataset = opened();
    options.center = CENTER_AUTO;
    options.scale = SCALE_CHANNEL_STD;
    options.epsilon = 0.01;
    ok(preprocess_create(&f.preprocess, &options, NULL, f.dataset, &error));
    preprocess_prepare(&f.preprocess, variant_best(VARIANT_F32_V4));
    ok(augmented_parse(&f.augmented, augment, &error));
    return f;
}

static int create(struct Fixture *f, struct Loader **loader) {
    struct LoaderRequest request = {.dataset = f->dataset,
                                    .split = dataset_split(f->dataset, "train", &error),
                                    .preprocess = &f->preprocess,
                                    .augment = &f->augmented.list,
                                    .mix = &f->augmented.mix,
                                    .seed = 5,
                                    .shuffle = true};
    return loader_create(loader, &request, &error);
}

static void release(struct Fixture *f) {
    preprocess_release(&f->preprocess);
    dataset_close(f->dataset);
    runfile_release(f->augmented.file);
    scratch_empty();
}

static const struct {
    struct PreprocessOptions options;
    const char *augment;
} cases[] = {
    {{.decorrelate = DECORRELATE_ZCA}, "{}"},
    {{.decorrelate = DECORRELATE_ZCA},
     "augment: [flip, crop, brightness]\nmix: [{mixup: {probability: 0.4}}, {cutmix: {probability: "
     "0.5}}]"},
    {{.decorrelate = DECORRELATE_ZCA, .scope = SCOPE_PIXEL}, "augment: [flip, hue]\nmix: [mixup]"},
    {{.decorrelate = DECORRELATE_PCA, .scope = SCOPE_PIXEL, .components = 2}, "augment: [crop]"},
    {{.decorrelate = DECORRELATE_PCA_WHITEN, .components = 17}, "augment: [hue]\nmix: [mixup]"},
};
enum { CASES = sizeof cases / sizeof *cases };

static void cuts_change_no_bit(void **state) {
    (void)state;
    static float whole[MADE_TRAIN * SIZE], part[MADE_TRAIN * SIZE];
    static float targets[MADE_TRAIN * MADE_CLASSES], some[MADE_TRAIN * MADE_CLASSES];
    for (int at = 0; at < CASES; at++) {
        struct Fixture f = fixture(cases[at].options, cases[at].augment);
        struct Loader *loader;
        ok(create(&f, &loader));
        struct Image image = loader_image(loader);
        int64_t elements = image_elements(&image);
        loader_fill(loader, 2, 0, MADE_TRAIN, whole, targets, NULL);
        for (int64_t step = 1; step < MADE_TRAIN; step += 6)
            for (int64_t first = 0; first < MADE_TRAIN; first += step) {
                int64_t count = MADE_TRAIN - first < step ? MADE_TRAIN - first : step;
                loader_fill(loader, 2, first, count, part, some, NULL);
                assert_memory_equal(part, whole + first * elements,
                                    (size_t)(count * elements) * sizeof *part);
                assert_memory_equal(some, targets + first * MADE_CLASSES,
                                    (size_t)(count * MADE_CLASSES) * sizeof *some);
            }
        loader_release(loader);
        release(&f);
    }
}

/* Without augmentation, images have the values and the shape that preprocess.c gives them. */
static void images_are_those_of_preprocessing(void **state) {
    (void)state;
    static float images[MADE_TRAIN * SIZE], targets[MADE_TRAIN * MADE_CLASSES];
    static const int64_t shapes[][3] = {{6, 5, 3}, {6, 5, 3}, {6, 5, 3}, {6, 5, 2}, {1, 1, 17}};
    for (int at = 0; at < CASES; at++) {
        struct Fixture f = fixture(cases[at].options, "{}");
        struct Loader *loader;
        ok(create(&f, &loader));
        struct Image image = loader_image(loader);
        assert_true(image.height == shapes[at][0] && image.width == shapes[at][1] &&
                    image.channels == shapes[at][2]);
        int64_t elements = image_elements(&image), samples[MADE_TRAIN];
        loader_fill(loader, 0, 0, MADE_TRAIN, images, targets, samples);
        for (int64_t i = 0; i < MADE_TRAIN; i++) {
            float centred[SIZE], expected[SIZE];
            const struct Split *train = dataset_split(f.dataset, "train", &error);
            preprocess_apply(&f.preprocess, true,
                             (const uint8_t *)train->images + samples[i] * SIZE, centred);
            preprocess_decorrelate(&f.preprocess, 1, centred, expected);
            assert_memory_equal(expected, images + i * elements, (size_t)elements * sizeof *images);
        }
        loader_release(loader);
        release(&f);
    }
}

static void a_vector_is_not_augmented(void **state) {
    (void)state;
    struct Fixture f = fixture((struct PreprocessOptions){.decorrelate = DECORRELATE_PCA},
                               "augment:\n  - hue\n  - flip");
    struct Loader *loader;
    assert_int_equal(create(&f, &loader), ERROR_RUN_FILE);
    assert_non_null(strstr(error.text, "test.yaml:3: "));
    assert_non_null(strstr(error.text, "vectors of 90 features"));
    struct Image stored = {MADE_HEIGHT, MADE_WIDTH, MADE_CHANNELS, NULL, 0}, out;
    struct Image vector = {1, 1, SIZE, NULL, 0};
    assert_int_equal(augment_describe(&f.augmented.list, &stored, &vector, &out, &error),
                     ERROR_RUN_FILE);
    assert_int_equal(augment_describe(&f.augmented.list, &stored, &stored, &out, &error), OK);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_change_no_bit),
        cmocka_unit_test(images_are_those_of_preprocessing),
        cmocka_unit_test(a_vector_is_not_augmented),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
