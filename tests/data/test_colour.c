/* Compares the colour augmentations with torchvision's formulas,
 * written out in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/transform.h"

#include <cmocka.h>

static struct Error error;
enum { HEIGHT = 6, WIDTH = 5, PIXELS = HEIGHT * WIDTH, SAMPLES = 300 };
static const struct Image bytes = {HEIGHT, WIDTH, 3, NULL, 255};

/* Pixels from 0 to 255, among them greys, black, white, and pixels with two equal channels. */
static void fill_in(struct Image *image) {
    struct RandomStream stream = random_stream(3, RANDOM_TEST, 0, 0, 0);
    for (int64_t i = 0; i < image_elements(image); i++)
        image->pixels[i] = (float)random_below(random_word(&stream, (uint64_t)i), 256);
    for (int c = 0; c < 3; c++) {
        image->pixels[c] = 0;
        image->pixels[3 + c] = 255;
        image->pixels[6 + c] = 77;
        image->pixels[9 + c] = c == 1 ? 10 : 200;
        image->pixels[12 + c] = c == 2 ? 250 : 30;
    }
}

static double cut(double value) {
    return fmin(fmax(value, 0), 255);
}
static double grey_of(const float *pixel) {
    return 0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
}

enum Formula { BRIGHTNESS, CONTRAST, SATURATION };

static void check_blend(const char *text, enum Formula formula, double amount) {
    struct Transform t;
    transform_start(&t, text, bytes, NULL);
    fill_in(&t.in);
    double mean = 0;
    for (int i = 0; i < PIXELS; i++)
        mean += grey_of(t.in.pixels + 3 * i) / PIXELS;
    for (int sample = 0; sample < SAMPLES; sample++) {
        double least = fmax(0, 1 - amount);
        double factor = least + (1 + amount - least) * transform_uniform(sample);
        transform_run(&t, sample);
        for (int i = 0; i < 3 * PIXELS; i++) {
            double other = formula == BRIGHTNESS ? 0
                           : formula == CONTRAST ? mean
                                                 : grey_of(t.in.pixels + i / 3 * 3);
            assert_float_equal(t.out.pixels[i], cut(factor * t.in.pixels[i] + (1 - factor) * other),
                               1e-3);
        }
    }
    transform_end(&t);
}

static void blends(void **state) {
    (void)state;
    check_blend("augment: [brightness]", BRIGHTNESS, 0.4);
    check_blend("augment: [brightness: {amount: 1.5}]", BRIGHTNESS, 1.5);
    check_blend("augment: [contrast: {amount: 0.8}]", CONTRAST, 0.8);
    check_blend("augment: [saturation: {amount: 2}]", SATURATION, 2);
}

/* RGB to HSV and back, as in Foley et al., with H in [0, 1). */
static void turned(const float *from, double turn, double *to) {
    double r = from[0] / 255, g = from[1] / 255, b = from[2] / 255;
    double v = fmax(r, fmax(g, b)), least = fmin(r, fmin(g, b)), chroma = v - least, h = 0;
    if (chroma > 0)
        h = v == r ? (g - b) / chroma : v == g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    double s = v > 0 ? chroma / v : 0;
    h = h / 6 + turn;
    h = 6 * (h - floor(h));
    double f = h - floor(h), p = v * (1 - s), q = v * (1 - s * f), t = v * (1 - s * (1 - f));
    const double wheel[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    for (int c = 0; c < 3; c++)
        to[c] = 255 * wheel[(int)h % 6][c];
}

static void hues(void **state) {
    (void)state;
    struct Transform t;
    transform_start(&t, "augment: [hue: {amount: 0.5}]", bytes, NULL);
    fill_in(&t.in);
    for (int sample = 0; sample < SAMPLES; sample++) {
        transform_run(&t, sample);
        for (int i = 0; i < PIXELS; i++) {
            double expected[3];
            turned(t.in.pixels + 3 * i, 0.5 * (2 * transform_uniform(sample) - 1), expected);
            for (int c = 0; c < 3; c++)
                assert_float_equal(t.out.pixels[3 * i + c], expected[c], 1e-3);
        }
    }
    transform_end(&t);
}

static void greys(void **state) {
    (void)state;
    struct Transform t;
    transform_start(&t, "augment: [greyscale: {probability: 0.3}]", bytes, NULL);
    fill_in(&t.in);
    int grey = 0;
    for (int sample = 0; sample < 4000; sample++) {
        transform_run(&t, sample);
        bool is_grey = transform_uniform(sample) < 0.3;
        for (int i = 0; i < 3 * PIXELS; i++)
            assert_float_equal(t.out.pixels[i],
                               is_grey ? grey_of(t.in.pixels + i / 3 * 3) : t.in.pixels[i],
                               is_grey ? 1e-3 : 0);
        grey += is_grey;
    }
    assert_in_range(grey, 1200 - 145, 1200 + 145); /* five standard deviations */
    transform_end(&t);
}

/* With an amount of 0.4, factors are uniform in [0.6, 1.4]: 20,000 of them fill ten bins evenly. */
static void factors(void **state) {
    (void)state;
    const struct Image one = {1, 1, 1, NULL, 0};
    enum { TRIALS = 20000 };
    struct Transform t;
    transform_start(&t, "augment: [brightness: {amount: 0.4}]", one, NULL);
    t.in.pixels[0] = 1000;
    int bins[10] = {0};
    for (int sample = 0; sample < TRIALS; sample++) {
        transform_run(&t, sample);
        double place = (t.out.pixels[0] / 1000 - 0.6) / 0.8;
        assert_true(place > -1e-6 && place < 1 + 1e-6);
        bins[(int)fmin(fmax(place * 10, 0), 9)]++;
    }
    for (int i = 0; i < 10; i++) /* 42 is the standard deviation */
        assert_in_range(bins[i], TRIALS / 10 - 210, TRIALS / 10 + 210);
    transform_end(&t);
}

/* The range of float images is unknown, so nothing is clamped; without three channels, grey is
 * their mean. */
static void floats(void **state) {
    (void)state;
    const struct Image two = {1, 2, 2, NULL, 0};
    struct Transform t;
    transform_start(&t, "augment: [contrast: {amount: 3}]", two, NULL);
    const float pixels[4] = {-900, 4, 700, 20};
    memcpy(t.in.pixels, pixels, sizeof pixels);
    bool beyond = false;
    for (int sample = 0; sample < 50; sample++) {
        double factor = 4 * transform_uniform(sample), mean = (-900.0 + 4 + 700 + 20) / 4;
        transform_run(&t, sample);
        for (int i = 0; i < 4; i++)
            assert_float_equal(t.out.pixels[i], factor * pixels[i] + (1 - factor) * mean, 1e-2);
        beyond |= t.out.pixels[0] < -900;
    }
    assert_true(beyond);
    transform_end(&t);
}

enum { LIT_COUNT = 50, LIT_AREA = 6, LIT_CHANNELS = 5, LIT_TRIALS = 20000 };

/* Images of 2x3 with correlated channels. */
struct Lit {
    int channels;
    double white; /* 255 if they are bytes, else 1 */
    uint8_t bytes[LIT_COUNT * LIT_AREA * LIT_CHANNELS];
    float floats[LIT_COUNT * LIT_AREA * LIT_CHANNELS];
    double covariance[LIT_CHANNELS][LIT_CHANNELS]; /* of the channels, with white as 1 */
};

static void make_lit(struct Lit *lit, bool as_bytes, int channels) {
    double sum[LIT_CHANNELS] = {0}, n = LIT_COUNT * LIT_AREA;
    *lit = (struct Lit){.channels = channels, .white = as_bytes ? 255 : 1};
    for (int i = 0; i < LIT_COUNT * LIT_AREA; i++) {
        double value[LIT_CHANNELS];
        for (int c = 0; c < channels; c++) {
            int byte = (i * 37 % 128) + (i * 11 + 29 * c * i) % (30 + 20 * c);
            lit->bytes[i * channels + c] = (uint8_t)byte;
            lit->floats[i * channels + c] = (float)byte / 64;
            value[c] = (as_bytes ? byte : lit->floats[i * channels + c]) / lit->white;
            sum[c] += value[c] / n;
        }
        for (int a = 0; a < channels; a++)
            for (int b = 0; b < channels; b++)
                lit->covariance[a][b] += value[a] * value[b] / n;
    }
    for (int a = 0; a < channels; a++)
        for (int b = 0; b < channels; b++)
            lit->covariance[a][b] -= sum[a] * sum[b];
}

/* `found` must be 0.2² times the square of the covariance, in the unit of the pixels. */
static void expect_squared_covariance(const struct Lit *lit,
                                      double found[LIT_CHANNELS][LIT_CHANNELS]) {
    double expected[LIT_CHANNELS][LIT_CHANNELS] = {{0}}, largest = 0;
    for (int a = 0; a < lit->channels; a++)
        for (int b = 0; b < lit->channels; b++) {
            for (int k = 0; k < lit->channels; k++)
                expected[a][b] += lit->covariance[a][k] * lit->covariance[k][b];
            expected[a][b] *= 0.2 * 0.2 * lit->white * lit->white;
            largest = fmax(largest, fabs(expected[a][b]));
        }
    for (int a = 0; a < lit->channels; a++)
        for (int b = 0; b < lit->channels; b++)
            assert_float_equal(found[a][b], expected[a][b], 0.05 * largest);
}

/* Principal colours: the covariance of the noise is deviation² Σ λ_i² p_i p_iᵀ, which is deviation²
 * times the square of the covariance of the pixels. */
static void check_lighting(bool as_bytes, int channels, bool in_file) {
    static char name[] = "made";
    static struct Lit lit;
    make_lit(&lit, as_bytes, channels);
    struct Split split = {.name = name, .count = LIT_COUNT, .bytes = as_bytes};
    split.images = as_bytes ? (const void *)lit.bytes : lit.floats;
    struct Dataset dataset = {
        .height = 2, .width = 3, .channels = channels, .split_count = 1, .splits = &split};
    double known[LIT_CHANNELS * LIT_CHANNELS];
    for (int i = 0; i < channels * channels; i++)
        known[i] = lit.covariance[i / channels][i % channels] * lit.white * lit.white;
    if (in_file) { /* the pixels must not matter then */
        dataset.statistics.channel_covariance = known;
        split.count = 0;
    }
    struct Transform t;
    transform_start(&t, "augment: [lighting: {deviation: 0.2}]",
                    (struct Image){2, 3, channels, NULL, 0}, &dataset);
    double found[LIT_CHANNELS][LIT_CHANNELS] = {{0}};
    for (int sample = 0; sample < LIT_TRIALS; sample++) {
        transform_run(&t, sample);
        for (int i = channels; i < LIT_AREA * channels; i++) /* the same noise for every pixel */
            assert_true(t.out.pixels[i] == t.out.pixels[i % channels]);
        for (int a = 0; a < channels; a++)
            for (int b = 0; b < channels; b++)
                found[a][b] += (double)t.out.pixels[a] * t.out.pixels[b] / LIT_TRIALS;
    }
    expect_squared_covariance(&lit, found);
    transform_end(&t);
}

static void lighting(void **state) {
    (void)state;
    check_lighting(true, 3, false);
    check_lighting(false, 3, false);
    check_lighting(false, 5, true);
    check_lighting(true, 3, true);
    check_lighting(true, 1, false);
}

static void refused(const char *text, int64_t channels, const char *words) {
    struct Transform t;
    int code =
        transform_describe(&t, text, (struct Image){HEIGHT, WIDTH, channels, NULL, 255}, &error);
    assert_int_equal(code, ERROR_RUN_FILE);
    if (!strstr(error.text, words) || !strstr(error.text, "test.yaml"))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    runfile_release(t.augmented.file);
}

static void refusals(void **state) {
    (void)state;
    refused("augment: [hue]", 1, "images have 1 channel, expected 3");
    refused("augment: [saturation]", 4, "images have 4 channels, expected 3");
    refused("augment: [greyscale]", 1, "images have 1 channel, expected 3");
    refused("augment: [lighting]", 17, "images have 17 channels, expected at most 16");
    refused("augment: [hue: {amount: 0.6}]", 3, "amount");
    refused("augment: [brightness: {amount: -0.1}]", 3, "amount");
    refused("augment: [greyscale: {probability: 2}]", 3, "probability");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blends),   cmocka_unit_test(hues),   cmocka_unit_test(greys),
        cmocka_unit_test(factors),  cmocka_unit_test(floats), cmocka_unit_test(lighting),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
