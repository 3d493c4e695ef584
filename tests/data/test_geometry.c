/* Compares augmentations that move pixels with plain interpolation in double precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/transform.h"

#include <cmocka.h>

static struct Error error;
enum { HEIGHT = 8, WIDTH = 11, CHANNELS = 2, SAMPLES = 200 };
static const struct Image size = {HEIGHT, WIDTH, CHANNELS, NULL, 0};

static void fill_in(struct Image *image) {
    for (int64_t i = 0; i < image_elements(image); i++)
        image->pixels[i] = (float)(i * 37 % 101 + 1) / 16;
}

enum Fill { ZERO, EDGE, REFLECT };

static double pixel(const struct Image *in, int64_t y, int64_t x, int64_t c, enum Fill fill) {
    if (fill == EDGE) {
        y = y < 0 ? 0 : y >= in->height ? in->height - 1 : y;
        x = x < 0 ? 0 : x >= in->width ? in->width - 1 : x;
    }
    while (fill == REFLECT && (y < 0 || y >= in->height))
        y = y < 0 ? -y : 2 * (in->height - 1) - y;
    while (fill == REFLECT && (x < 0 || x >= in->width))
        x = x < 0 ? -x : 2 * (in->width - 1) - x;
    bool outside = y < 0 || y >= in->height || x < 0 || x >= in->width;
    return outside ? 0 : (double)in->pixels[(y * in->width + x) * in->channels + c];
}

static double between(const struct Image *in, double y, double x, int64_t c, enum Fill fill) {
    int64_t top = (int64_t)floor(y), left = (int64_t)floor(x);
    double v = y - floor(y), u = x - floor(x);
    return (1 - v) *
               ((1 - u) * pixel(in, top, left, c, fill) + u * pixel(in, top, left + 1, c, fill)) +
           v * ((1 - u) * pixel(in, top + 1, left, c, fill) +
                u * pixel(in, top + 1, left + 1, c, fill));
}

/* out(x, y) = in(a·x + b·y + e, c·x + d·y + f), counted from the centre. */
static void assert_mapped(const struct Transform *t, const double m[6], enum Fill fill) {
    double middle_y = (HEIGHT - 1) / 2.0, middle_x = (WIDTH - 1) / 2.0;
    for (int64_t i = 0; i < image_elements(&t->out); i++) {
        double y = (double)(i / CHANNELS / WIDTH) - middle_y;
        double x = (double)(i / CHANNELS % WIDTH) - middle_x;
        double expected = between(&t->in, m[3] * x + m[4] * y + m[5] + middle_y,
                                  m[0] * x + m[1] * y + m[2] + middle_x, i % CHANNELS, fill);
        assert_float_equal(t->out.pixels[i], expected, 1e-4);
    }
}

static double symmetric(uint32_t word) {
    return 2 * (double)random_uniform(word) - 1;
}

enum Move { TRANSLATE, TRANSLATE_SMOOTH, ROTATE, SHEAR_X, SHEAR_Y, SHEAR_BOTH };

static void check_move(const char *format, enum Move move, double by) {
    static const char *const names[] = {"zero", "edge", "reflect"};
    for (int fill = ZERO; fill <= REFLECT; fill++) {
        char text[200];
        snprintf(text, sizeof text, format, names[fill]);
        struct Transform t;
        transform_start(&t, text, size, NULL);
        fill_in(&t.in);
        for (int sample = 0; sample < SAMPLES; sample++) {
            uint32_t words[4];
            transform_words(sample, words);
            double u = symmetric(words[0]) * by, v = symmetric(words[1]) * by;
            double m[6] = {1, 0, 0, 0, 1, 0};
            if (move == TRANSLATE || move == TRANSLATE_SMOOTH) {
                m[2] = -u * WIDTH;
                m[5] = -v * HEIGHT;
            }
            if (move == TRANSLATE) {
                m[2] = rint(m[2]);
                m[5] = rint(m[5]);
            }
            if (move == ROTATE) {
                m[0] = m[4] = cos(u * M_PI / 180);
                m[1] = -sin(u * M_PI / 180);
                m[3] = sin(u * M_PI / 180);
            }
            if (move == SHEAR_X || move == SHEAR_BOTH)
                m[1] = tan(u * M_PI / 180);
            if (move == SHEAR_Y || move == SHEAR_BOTH)
                m[3] = tan(v * M_PI / 180);
            transform_run(&t, sample);
            assert_mapped(&t, m, (enum Fill)fill);
        }
        transform_end(&t);
    }
}

static void moves(void **state) {
    (void)state;
    check_move("augment: [translate: {by: 0.3, fill: %s}]", TRANSLATE, 0.3);
    check_move("augment: [translate: {by: 1, fill: %s}]", TRANSLATE, 1);
    check_move("augment: [translate: {by: 0.2, whole: false, fill: %s}]", TRANSLATE_SMOOTH, 0.2);
    check_move("augment: [rotate: {degrees: 30, fill: %s}]", ROTATE, 30);
    check_move("augment: [rotate: {degrees: 180, fill: %s}]", ROTATE, 180);
    check_move("augment: [shear: {degrees: 20, fill: %s}]", SHEAR_X, 20);
    check_move("augment: [shear: {degrees: 20, along: y, fill: %s}]", SHEAR_Y, 20);
    check_move("augment: [shear: {degrees: 40, along: both, fill: %s}]", SHEAR_BOTH, 40);
}

/* A positive angle turns counter-clockwise: a pixel right of the centre moves up. */
static void direction(void **state) {
    (void)state;
    struct Transform t;
    transform_start(&t, "augment: [rotate: {degrees: 40}]", (struct Image){9, 9, 1, NULL, 0}, NULL);
    memset(t.in.pixels, 0, 81 * sizeof(float));
    t.in.pixels[4 * 9 + 7] = 1;
    for (int sample = 0; sample < 100; sample++) {
        transform_run(&t, sample);
        double turn = 2 * transform_uniform(sample) - 1, upper = 0, lower = 0;
        for (int i = 0; i < 36; i++) {
            upper += t.out.pixels[i];
            lower += t.out.pixels[80 - i];
        }
        if (fabs(turn) > 0.3)
            assert_true(turn > 0 ? upper > lower : upper < lower);
    }
    transform_end(&t);
}

/* torchvision's RandomResizedCrop.get_params, with block `attempt` of the sample's stream. */
static void expected_box(int64_t sample, const double scale[2], const double aspect[2],
                         int64_t box[4]) {
    struct RandomStream stream =
        random_stream(TRANSFORM_SEED, RANDOM_AUGMENTATION, 0, TRANSFORM_EPOCH, (uint64_t)sample);
    for (uint32_t attempt = 0; attempt < 10; attempt++) {
        uint32_t words[4];
        random_block(&stream, attempt, words);
        double area =
            HEIGHT * WIDTH * (scale[0] + (scale[1] - scale[0]) * (double)random_uniform(words[0]));
        double ratio = exp(log(aspect[0]) +
                           (log(aspect[1]) - log(aspect[0])) * (double)random_uniform(words[1]));
        box[3] = lrint(sqrt(area * ratio));
        box[2] = lrint(sqrt(area / ratio));
        if (box[3] > 0 && box[3] <= WIDTH && box[2] > 0 && box[2] <= HEIGHT) {
            box[0] = random_below(words[2], (uint32_t)(HEIGHT - box[2] + 1));
            box[1] = random_below(words[3], (uint32_t)(WIDTH - box[3] + 1));
            return;
        }
    }
    double ratio = (double)WIDTH / HEIGHT;
    box[2] = ratio < aspect[0] ? lrint(WIDTH / aspect[0]) : HEIGHT;
    box[3] = ratio > aspect[1] ? lrint(HEIGHT * aspect[1]) : WIDTH;
    box[0] = (HEIGHT - box[2]) / 2;
    box[1] = (WIDTH - box[3]) / 2;
}

/* The box scaled to the output's size. Boxes are only enlarged here, so plain interpolation will
 * do. */
static void assert_shows(const struct Transform *t, const int64_t box[4]) {
    struct Image part = {box[2], box[3], CHANNELS, NULL, 0};
    part.pixels = memory_array(float, image_elements(&part), "test");
    for (int64_t i = 0; i < image_elements(&part); i++)
        part.pixels[i] = (float)pixel(&t->in, box[0] + i / CHANNELS / box[3],
                                      box[1] + i / CHANNELS % box[3], i % CHANNELS, ZERO);
    for (int64_t i = 0; i < image_elements(&t->out); i++) {
        double y = (double)(i / CHANNELS / t->out.width), x = (double)(i / CHANNELS % t->out.width);
        y = (y + 0.5) * (double)box[2] / (double)t->out.height - 0.5;
        x = (x + 0.5) * (double)box[3] / (double)t->out.width - 0.5;
        assert_float_equal(t->out.pixels[i], between(&part, y, x, i % CHANNELS, EDGE), 1e-4);
    }
    memory_release(part.pixels);
}

static double check_resized(const char *text, const double scale[2], const double aspect[2]) {
    struct Transform t;
    double area = 0;
    transform_start(&t, text, size, NULL);
    fill_in(&t.in);
    for (int sample = 0; sample < 10 * SAMPLES; sample++) {
        int64_t box[4];
        expected_box(sample, scale, aspect, box);
        area += (double)(box[2] * box[3]) / (HEIGHT * WIDTH) / (10 * SAMPLES);
        transform_run(&t, sample);
        assert_shows(&t, box);
    }
    transform_end(&t);
    return area;
}

static void resized_crops(void **state) {
    (void)state;
    const double usual[2] = {0.08, 1}, ratio[2] = {0.75, 4.0 / 3};
    check_resized("augment: [resized_crop]", usual, ratio);
    const double scale[2] = {0.2, 0.5}, square[2] = {1, 1};
    double area = check_resized("augment: [resized_crop: {scale: [0.2, 0.5], aspect: [1, 1]}]",
                                scale, square);
    assert_float_equal(area, 0.35, 0.02);
    check_resized("augment: [resized_crop: {size: 13}]", usual, ratio);
    const double any[2] = {0.1, 1.6}, most[2] = {0.9, 1}; /* one attempt in ten fits */
    check_resized("augment: [resized_crop: {scale: [0.9, 1], aspect: [0.1, 1.6]}]", most, any);
    const double whole[2] = {0.9, 1}, wide[2] = {9, 10}, tall[2] = {0.1, 0.2};
    check_resized("augment: [resized_crop: {scale: [0.9, 1], aspect: [9, 10]}]", whole, wide);
    check_resized("augment: [resized_crop: {scale: [0.9, 1], aspect: [0.1, 0.2]}]", whole, tall);
}

/* At test time the middle is taken, and nothing is random. */
static void resized_test_time(void **state) {
    (void)state;
    struct Transform t;
    transform_start(&t, "augment: [resized_crop]", size, NULL);
    fill_in(&t.in);
    transform_evaluate(&t);
    assert_memory_equal(t.out.pixels, t.in.pixels, HEIGHT * WIDTH * CHANNELS * sizeof(float));
    transform_end(&t);
    transform_start(&t, "augment: [resized_crop: {size: 10, test_share: 0.75}]", size, NULL);
    assert_true(t.out.height == 10 && t.out.width == 10);
    fill_in(&t.in);
    transform_evaluate(&t);
    assert_shows(&t, (const int64_t[4]){1, 2, 6, 6});
    transform_end(&t);
}

static void cutouts(void **state) {
    (void)state;
    enum { TRIALS = 4000 };
    struct Transform t;
    transform_start(&t, "augment: [cutout: {size: 3}]", size, NULL);
    fill_in(&t.in);
    int seen[HEIGHT][WIDTH] = {{0}};
    for (int sample = 0; sample < TRIALS; sample++) {
        uint32_t words[4];
        transform_words(sample, words);
        int64_t y0 = random_below(words[0], HEIGHT), x0 = random_below(words[1], WIDTH);
        transform_run(&t, sample);
        for (int64_t y = 0, i = 0; y < HEIGHT; y++)
            for (int64_t x = 0; x < WIDTH; x++)
                for (int64_t c = 0; c < CHANNELS; c++, i++) {
                    bool covered = llabs(y - y0) <= 1 && llabs(x - x0) <= 1;
                    assert_true(t.out.pixels[i] == (covered ? 0 : t.in.pixels[i]));
                    seen[y][x] += covered && c == 0;
                }
    }
    /* A pixel inside is covered for 9 of the 88 centres, one in a corner for 4: 409 and 182 times,
     * with deviations of 19 and 13. */
    assert_in_range(seen[4][5], 409 - 95, 409 + 95);
    assert_in_range(seen[0][0], 182 - 65, 182 + 65);
    transform_end(&t);
    transform_start(&t, "augment: [cutout: {size: 2, count: 400}]", size, NULL);
    fill_in(&t.in);
    transform_run(&t, 0);
    int left = 0;
    for (int64_t i = 0; i < image_elements(&t.out); i++)
        left += t.out.pixels[i] != 0;
    assert_true(left < 20);
    transform_end(&t);
}

/* Images of one or a few pixels: every value that comes out is one of the image,
 * or 0 from outside. */
static void smallest_images(void **state) {
    (void)state;
    static const char *const texts[] = {"augment: [translate: {by: 1, fill: reflect}]",
                                        "augment: [rotate: {degrees: 180, fill: reflect}]",
                                        "augment: [rotate: {degrees: 180, fill: edge}]",
                                        "augment: [shear: {along: both, degrees: 80}]",
                                        "augment: [resized_crop]",
                                        "augment: [resized_crop: {size: 5, test_share: 0.01}]",
                                        "augment: [resized_crop: {size: 1}]",
                                        "augment: [cutout: {size: 2, count: 3}]",
                                        "augment: [flip: {alternate: true}]",
                                        "augment: [crop: {pad: 0, fill: reflect}]",
                                        "augment: [contrast]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int64_t shape = 0; shape < 9; shape++) {
            struct Transform t;
            transform_start(&t, texts[i], (struct Image){shape / 3 + 1, shape % 3 + 1, 1, NULL, 0},
                            NULL);
            for (int64_t e = 0; e < image_elements(&t.in); e++)
                t.in.pixels[e] = 3;
            for (int sample = 0; sample < 30; sample++) {
                transform_run(&t, sample);
                for (int64_t e = 0; e < image_elements(&t.out); e++)
                    assert_true(t.out.pixels[e] >= 0 && t.out.pixels[e] < 3.001f);
            }
            if (t.augment->evaluate) {
                transform_evaluate(&t);
                for (int64_t e = 0; e < image_elements(&t.out); e++)
                    assert_float_equal(t.out.pixels[e], 3, 1e-5);
            }
            transform_end(&t);
        }
}

static void refused(const char *text, const char *words) {
    struct Transform t;
    assert_int_equal(transform_describe(&t, text, size, &error), ERROR_RUN_FILE);
    if (!strstr(error.text, words) || !strstr(error.text, "test.yaml"))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    runfile_release(t.augmented.file);
}

static void refusals(void **state) {
    (void)state;
    refused("augment: [resized_crop: {scale: [0.5]}]", "has 1 number, expected two");
    refused("augment: [resized_crop: {scale: [0.5, 0.1]}]", "expected 0 < least <= most");
    refused("augment: [resized_crop: {scale: [0, 1]}]", "expected 0 < least <= most");
    refused("augment: [resized_crop: {scale: [0.5, 1.5]}]", "expected at most the whole image");
    refused("augment: [resized_crop: {aspect: [-1, 1]}]", "expected 0 < least <= most");
    refused("augment: [resized_crop: {size: 0}]", "size");
    refused("augment: [resized_crop: {test_share: 0}]", "test_share");
    refused("augment: [rotate: {degrees: 181}]", "degrees");
    refused("augment: [shear: {along: z}]", "along");
    refused("augment: [translate: {fill: reflct}]", "did you mean 'reflect'?");
    refused("augment: [cutout: {size: 17}]", "expected at most 16 for images of 8x11");
    refused("augment: [rotat]", "did you mean 'rotate'?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves),         cmocka_unit_test(direction),
        cmocka_unit_test(resized_crops), cmocka_unit_test(resized_test_time),
        cmocka_unit_test(cutouts),       cmocka_unit_test(smallest_images),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
