/* Covariance and principal components of the training images, in memory and in the file. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "data/made_dataset.h"
#include "data/preprocessing/preprocess.h"
#include "data/statistics/covariance.h"
#include "data/statistics/statistics_file.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { IMAGES = 600, ELEMENTS = 33 }; /* two whole blocks and a part */

static struct Error error;
static uint8_t bytes[IMAGES * ELEMENTS];
static float floats[IMAGES * ELEMENTS];

/* Images with correlated elements; the mean of the floats is far above their deviation. */
static void make_images(void) {
    for (int i = 0; i < IMAGES; i++)
        for (int e = 0; e < ELEMENTS; e++) {
            int value = (i * 7919 % 61) * (e % 5) / 4 + (i * i + e * e * 31) % 97;
            bytes[i * ELEMENTS + e] = (uint8_t)value;
            floats[i * ELEMENTS + e] = 1000 + (float)value / 64;
        }
}

static void cut(struct Covariance *covariance, bool of_bytes, int step, int threads) {
    float near[ELEMENTS];
    omp_set_num_threads(threads);
    for (int e = 0; e < ELEMENTS; e++)
        near[e] = of_bytes ? 60.3f : 1000.9f;
    covariance__start(covariance, ELEMENTS, of_bytes, near);
    for (int first = 0; first < IMAGES; first += step) {
        int count = IMAGES - first < step ? IMAGES - first : step;
        covariance__add(covariance,
                        of_bytes ? (const void *)(bytes + first * ELEMENTS)
                                 : (const void *)(floats + first * ELEMENTS),
                        count);
    }
    covariance__flush(covariance);
    covariance__finish(covariance);
    omp_set_num_threads(1);
}

static double image_value(bool of_bytes, int i, int e) {
    return of_bytes ? bytes[i * ELEMENTS + e] : (double)floats[i * ELEMENTS + e];
}

/* Compares with two passes over all images in memory. */
static void covariance_is_that_of_all_images(void **state) {
    (void)state;
    for (int of_bytes = 0; of_bytes < 2; of_bytes++) {
        struct Covariance covariance;
        cut(&covariance, of_bytes, 100, 1);
        double mean[ELEMENTS] = {0};
        for (int e = 0; e < ELEMENTS; e++)
            for (int i = 0; i < IMAGES; i++)
                mean[e] += image_value(of_bytes, i, e) / IMAGES;
        for (int e = 0; e < ELEMENTS; e++)
            for (int f = 0; f <= e; f++) {
                double expected = 0;
                for (int i = 0; i < IMAGES; i++)
                    expected += (image_value(of_bytes, i, e) - mean[e]) *
                                (image_value(of_bytes, i, f) - mean[f]) / IMAGES;
                assert_true(fabs(covariance.scatter[e * ELEMENTS + f] - expected) < 1e-9);
            }
        covariance__release(&covariance);
    }
}

static void cuts_and_threads_change_no_bit(void **state) {
    (void)state;
    for (int of_bytes = 0; of_bytes < 2; of_bytes++) {
        struct Covariance whole;
        cut(&whole, of_bytes, IMAGES, 1);
        static const int steps[] = {1, 7, 255, 256, 257, 300};
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            struct Covariance parts;
            cut(&parts, of_bytes, steps[s], 1 + (int)s % 3);
            for (int e = 0; e < ELEMENTS; e++)
                assert_memory_equal(parts.scatter + e * ELEMENTS, whole.scatter + e * ELEMENTS,
                                    (size_t)(e + 1) * sizeof(double));
            covariance__release(&parts);
        }
        covariance__release(&whole);
    }
}

static struct Dataset *made_open(struct Made made) {
    const char *path = scratch_path("d.h5");
    made_write(path, made);
    struct Dataset *dataset;
    if (dataset_open(&dataset, path, &error) != OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void values_of(const struct Dataset *dataset, const struct Split *split,
                      struct StatisticValues *values) {
    struct Statistics statistics;
    statistics_start(&statistics, dataset->height, dataset->width, dataset->channels);
    statistics_add(&statistics, split->bytes, split->images, split->count);
    statistics_result(&statistics, values);
    statistics_release(&statistics);
}

/* Projections onto the components are uncorrelated, and their variances are the eigenvalues. */
static void check_projections(const struct Pca *pca, const struct Split *split,
                              const double *divisors) {
    static double projected[MADE_TRAIN][MADE_ELEMENTS];
    for (int64_t k = 0; k < pca->count; k++) {
        double mean = 0;
        for (int i = 0; i < MADE_TRAIN; i++) {
            projected[i][k] = 0;
            for (int e = 0; e < MADE_ELEMENTS; e++) {
                double pixel = split->bytes
                                   ? ((const uint8_t *)split->images)[i * MADE_ELEMENTS + e]
                                   : (double)((const float *)split->images)[i * MADE_ELEMENTS + e];
                projected[i][k] +=
                    (double)pca->eigenvectors[k * MADE_ELEMENTS + e] * pixel / divisors[e];
            }
            mean += projected[i][k] / MADE_TRAIN;
        }
        for (int i = 0; i < MADE_TRAIN; i++)
            projected[i][k] -= mean;
    }
    for (int64_t k = 0; k < pca->count; k++)
        for (int64_t l = 0; l <= k; l++) {
            double covariance = 0;
            for (int i = 0; i < MADE_TRAIN; i++)
                covariance += projected[i][k] * projected[i][l] / MADE_TRAIN;
            assert_true(fabs(covariance - (k == l ? pca->eigenvalues[k] : 0)) <
                        1e-6 * pca->eigenvalues[0]);
        }
}

static void components_of_each_scale(void **state) {
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        struct Dataset *dataset = made_open((struct Made){.floats = kind & 1});
        const struct Split *train = dataset_split(dataset, "train", &error);
        struct StatisticValues values;
        values_of(dataset, train, &values);
        const char *scale = pca_scales[kind / 2];
        double divisors[MADE_ELEMENTS];
        struct Pca all, some;
        assert_int_equal(pca_divisors(dataset, &values, scale, divisors, &error), OK);
        assert_int_equal(pca_compute(&all, dataset, train, &values, scale, 0, NULL, &error), OK);
        assert_int_equal(pca_compute(&some, dataset, train, &values, scale, 7, NULL, &error), OK);
        assert_int_equal(all.count, MADE_ELEMENTS);
        assert_int_equal(some.count, 7);
        check_projections(&all, train, divisors);
        double total = 0, variances = 0;
        for (int64_t i = 0; i < all.count; i++)
            total += all.eigenvalues[i];
        for (int e = 0; e < MADE_ELEMENTS; e++)
            variances += pow((double)values.pixel_std[e] / divisors[e], 2);
        assert_true(fabs(total / all.total_variance - 1) < 1e-12);
        assert_true(fabs(variances / all.total_variance - 1) < 1e-5);
        assert_true(some.total_variance == all.total_variance);
        assert_memory_equal(some.eigenvectors, all.eigenvectors, 7 * MADE_ELEMENTS * sizeof(float));
        pca_release(&all);
        pca_release(&some);
        statistic_values_release(&values);
        dataset_close(dataset);
    }
}

static struct Dataset *reopened(void) {
    struct Dataset *dataset;
    if (dataset_open(&dataset, scratch_path("d.h5"), &error) != OK)
        fail_msg("%s", error.text);
    return dataset;
}

static void kept_in_the_file(void **state) {
    (void)state;
    struct Dataset *dataset =
        made_open((struct Made){.digest = "0123456789abcdef0123456789abcdef"});
    const struct Split *train = dataset_split(dataset, "train", &error);
    assert_null(dataset->statistics.pixel_std);
    struct StatisticValues values;
    values_of(dataset, train, &values);
    struct Pca pca, read;
    assert_int_equal(pca_read(&read, dataset, "pixel_std", &error), ERROR_DATA);
    assert_non_null(
        strstr(error.text, "d.h5: has no principal components for preprocess.scale: pixel_std"));
    assert_int_equal(error.advice.kind, ADVICE_COMPONENTS);
    assert_string_equal(error.advice.detail, "pixel_std");
    assert_non_null(strstr(error.advice.file, "/d.h5"));
    assert_int_equal(pca_compute(&pca, dataset, train, &values, "pixel_std", 9, NULL, &error), OK);
    for (int again = 0; again < 2; again++)
        if (statistics_store(dataset, &values, &pca, "pixel_std", &error) != OK)
            fail_msg("%s", error.text);
    assert_int_equal(scratch_count(), 1);
    assert_int_equal(((const uint8_t *)train->images)[5],
                     made_pixel(0, 5)); /* still that of the old file */
    struct Dataset *now = reopened();
    int64_t elements = MADE_ELEMENTS;
    for (const struct StatisticRow *row = statistic_rows; row->name; row++) {
        assert_non_null(statistic_of(row, &now->statistics));
        assert_true(statistic_element(row, statistic_of(row, &now->statistics), 1) ==
                    statistic_element(row, statistic_of(row, &values), 1));
    }
    assert_int_equal(pca_read(&read, now, "pixel_std", &error), OK);
    assert_int_equal(read.count, 9);
    assert_true(read.total_variance == pca.total_variance);
    assert_memory_equal(read.eigenvalues, pca.eigenvalues, 9 * sizeof(double));
    assert_memory_equal(read.eigenvectors, pca.eigenvectors,
                        (size_t)(9 * elements) * sizeof(float));
    pca_release(&read);
    assert_int_equal(pca_read(&read, now, "channel_std", &error), ERROR_DATA);
    statistic_values_release(&values);
    pca_release(&pca);
    dataset_close(now);
    dataset_close(dataset);
}

/* Writes components for `scale` into d.h5, with one part of them wrong. */
static void damaged(const char *digest, double value, float element, double total) {
    struct H5Writer *writer;
    double values[2] = {5, value};
    static float vectors[2 * MADE_ELEMENTS];
    vectors[1] = element;
    vectors[MADE_ELEMENTS] = 1;
    const int64_t size[] = {2, MADE_HEIGHT, MADE_WIDTH, MADE_CHANNELS};
    int code = h5_update(&writer, scratch_path("d.h5"), ERROR_DATA, &error);
    if (code == OK)
        code = h5_write(writer, "statistics/pca/none/eigenvalues", H5_FLOAT64, 1, size, values,
                        &error);
    if (code == OK)
        code = h5_write(writer, "statistics/pca/none/eigenvectors", H5_FLOAT32, 4, size, vectors,
                        &error);
    if (code == OK)
        code = h5_write_attribute(writer, "statistics/pca/none", "total_variance", H5_FLOAT64,
                                  &total, &error);
    if (code == OK)
        code = h5_write_attribute(writer, "statistics/pca/none", "digest", H5_TEXT, digest, &error);
    if (code != OK || h5_commit(writer, &error) != OK)
        fail_msg("%s", error.text);
}

static void what_is_wrong_is_named(void **state) {
    (void)state;
    static const char good[] = "0123456789abcdef0123456789abcdef";
    static const struct {
        const char *digest;
        double value;
        float element;
        double total;
        const char *words;
    } cases[] = {
        {good, 4, 1, 9, NULL},
        {"", 4, 1, 9, NULL},
        {"beef", 4, 1, 9, "/statistics/pca/none: is of another training split (digest beef"},
        {good, 6, 1, 9, "eigenvalues: element 1 is 6, expected descending"},
        {good, -1, 1, 9, "eigenvalues: element 1 is -1"},
        {good, NAN, 1, 9, "eigenvalues: element 1 is"},
        {good, 4, NAN, 9, "eigenvectors: vector 0 has the length"},
        {good, 4, 7, 9, "eigenvectors: vector 0 has the length 7, expected 1"},
        {good, 4, 1, INFINITY, "total_variance: is inf"}};
    struct Dataset *dataset = made_open((struct Made){.digest = good});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        damaged(cases[i].digest, cases[i].value, cases[i].element, cases[i].total);
        struct Pca pca;
        int code = pca_read(&pca, dataset, "none", &error);
        if (!cases[i].words && code != OK)
            fail_msg("%s", error.text);
        assert_int_equal(code, cases[i].words ? ERROR_DATA : OK);
        if (cases[i].words && !strstr(error.text, cases[i].words))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].words);
        pca_release(&pca);
    }
    dataset_close(dataset);
}

static void too_large_is_refused(void **state) {
    (void)state;
    struct Dataset dataset = {
        .path = (char *)(uintptr_t) "x.h5", .height = 256, .width = 256, .channels = 3};
    struct StatisticValues values = {0};
    struct Pca pca;
    assert_int_equal(pca_compute(&pca, &dataset, NULL, &values, "none", 5, NULL, &error),
                     ERROR_DATA);
    assert_non_null(strstr(error.text, "images of 256x256x3 have a covariance matrix of 196608"));
    assert_non_null(strstr(error.text, "scope: pixel"));
}

/* Components are of values of preprocess.scale; only those of range are those of none. */
static void scales_are_those_of_preprocess(void **state) {
    (void)state;
    int count = 0;
    for (int i = 0; preprocess_scale_names[i]; i++) {
        if (i != SCALE_RANGE)
            assert_string_equal(pca_scales[count++], preprocess_scale_names[i]);
    }
    assert_null(pca_scales[count]);
}

static int empty(void **state) {
    (void)state;
    scratch_empty();
    return 0;
}

int main(void) {
    make_images();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(covariance_is_that_of_all_images),
        cmocka_unit_test(cuts_and_threads_change_no_bit),
        cmocka_unit_test_teardown(components_of_each_scale, empty),
        cmocka_unit_test_teardown(kept_in_the_file, empty),
        cmocka_unit_test_teardown(what_is_wrong_is_named, empty),
        cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(scales_are_those_of_preprocess),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
