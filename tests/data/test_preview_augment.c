/* The picture of what the network sees: all of its pixels come from loader_fill. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/augmented.h"
#include "data/sheets/preview_augment.h"
#include "data/sheets/sheet.h"
#include "pictures/picture_decode.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;
enum { COUNT = 12, SIDE = 16, CHANNELS = 3, ELEMENTS = SIDE * SIDE * CHANNELS, CLASSES = 3 };
enum { SAMPLES = 5, EPOCHS = 4, SCALE = 4 };

static uint8_t stored[COUNT * ELEMENTS];
static int32_t labels[COUNT];
static float mean_image[ELEMENTS], factor[CHANNELS] = {0.02f, 0.03f, 0.01f};
static char cat[] = "cat", dog[] = "dog", elephant[] = "elephant";
static char *names[CLASSES] = {cat, dog, elephant};
static struct Split split = {.name = cat, .count = COUNT, .bytes = true, .images = stored};
static struct Dataset dataset = {.path = cat,
                                 .height = SIDE,
                                 .width = SIDE,
                                 .channels = CHANNELS,
                                 .targets = {.count = CLASSES, .names = names},
                                 .split_count = 1,
                                 .splits = &split};

static struct Preprocess preprocess_of(int64_t mean_count) {
    struct RandomStream stream = random_stream(3, RANDOM_TEST, 0, 0, 0);
    for (int64_t i = 0; i < COUNT * ELEMENTS; i++)
        stored[i] = (uint8_t)random_word(&stream, (uint64_t)i);
    for (int i = 0; i < COUNT; i++)
        labels[i] = i / (COUNT / CLASSES);
    for (int i = 0; i < ELEMENTS; i++)
        mean_image[i] = (float)(i * 7 % 100 + 60);
    split.labels = labels;
    return (struct Preprocess){.height = SIDE,
                               .width = SIDE,
                               .channels = CHANNELS,
                               .mean_count = mean_count,
                               .mean = mean_image,
                               .factor = factor};
}

static struct Picture read_picture(const char *path) {
    struct Picture picture;
    const struct PictureForm form = {.channels = 3};
    if (picture_decode_file(path, &form, &picture, &error) != OK)
        fail_msg("%s", error.text);
    return picture;
}

/* Compares the cell (row, column) of the picture with an image of the loader. */
static void assert_cell(const struct Picture *picture, int64_t row, int64_t column,
                        const struct Image *image) {
    int64_t high =
        SIDE * SCALE + 2 * (SHEET_TEXT_HEIGHT + 4) + SHEET_GAP; /* two lines of text below */
    int64_t wide = 14 * 12 + SHEET_GAP;                         /* ">99% elephant " */
    int64_t left = 8 * 12 + 2 * SHEET_GAP + column * wide;      /* "elephant" */
    int64_t top = SHEET_TEXT_HEIGHT + 2 * SHEET_GAP + row * high;
    for (int64_t i = 0; i < SIDE * SCALE * SIDE * SCALE * 3; i++) {
        int64_t y = i / 3 / (SIDE * SCALE), x = i / 3 % (SIDE * SCALE);
        float value = image->pixels[(y / SCALE * SIDE + x / SCALE) * CHANNELS + i % 3];
        double expected = fmin(fmax((double)value, 0), 255);
        double found =
            ((const uint8_t *)picture->values)[((top + y) * picture->width + left + x) * 3 + i % 3];
        assert_true(fabs(found - expected) <= 0.501);
    }
}

/* At the left of a row there must be a name in black at half its height, and nothing else. */
static void assert_name(const struct Picture *picture, int64_t row) {
    int64_t top = SHEET_TEXT_HEIGHT + 2 * SHEET_GAP +
                  row * (SIDE * SCALE + 2 * (SHEET_TEXT_HEIGHT + 4) + SHEET_GAP);
    int64_t middle = (SIDE * SCALE - SHEET_TEXT_HEIGHT) / 2, ink = 0, elsewhere = 0;
    for (int64_t y = 0; y < SIDE * SCALE + 2 * (SHEET_TEXT_HEIGHT + 4); y++)
        for (int64_t x = 0; x < SHEET_GAP + 8 * 12; x++) {
            bool black =
                ((const uint8_t *)picture->values)[((top + y) * picture->width + x) * 3] == 0;
            ink += black;
            elsewhere += black && (y < middle || y >= middle + SHEET_TEXT_HEIGHT);
        }
    assert_true(ink > 50 && elsewhere == 0);
}

static void from_loader_fill(void **state) {
    (void)state;
    static const char text[] = "augment: [brightness, hue, flip: {alternate: true}, crop: {pad: 2},"
                               " resized_crop, rotate, cutout]\nmix: [mixup: {probability: 0.5}]";
    struct Preprocess preprocess = preprocess_of(CHANNELS);
    struct Augmented augmented;
    if (augmented_parse(&augmented, text, &error) != OK)
        fail_msg("%s", error.text);
    struct LoaderRequest request = {.dataset = &dataset,
                                    .split = &split,
                                    .preprocess = &preprocess,
                                    .augment = &augmented.list,
                                    .mix = &augmented.mix,
                                    .seed = 6,
                                    .shuffle = true}; /* as in training */
    const struct AugmentPreview preview = {.samples = SAMPLES, .epochs = EPOCHS, .loader = request};
    if (preview_augment_write(&preview, scratch_path("seen.png"), &error) != OK)
        fail_msg("%s", error.text);
    struct Picture picture = read_picture(scratch_path("seen.png"));
    struct Loader *loader;
    assert_int_equal(loader_create(&loader, &request, &error), OK);
    float pixels[ELEMENTS], target[CLASSES];
    struct Image image = {SIDE, SIDE, CHANNELS, pixels, 0};
    const int64_t shown[SAMPLES] = {0, 4, 8, 1, 5}; /* from one class after another */
    for (int64_t row = 0; row < SAMPLES; row++)
        for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
            int64_t sample = -1;
            for (int64_t place = 0; place < COUNT && sample != shown[row]; place++)
                loader_fill(loader, epoch, place, 1, pixels, target, &sample);
            assert_int_equal(sample, shown[row]);
            preview_undo(&preprocess, &image);
            assert_cell(&picture, row, epoch + 1, &image);
        }
    for (int64_t row = 0; row < SAMPLES; row++) { /* at test time: as it is stored */
        for (int i = 0; i < ELEMENTS; i++)
            pixels[i] = stored[shown[row] * ELEMENTS + i];
        assert_cell(&picture, row, 0, &image);
    }
    for (int64_t row = 0; row < SAMPLES; row++) /* names are at half the height of a row */
        assert_name(&picture, row);
    loader_release(loader);
    memory_release(picture.values);
    runfile_release(augmented.file);
    scratch_empty();
}

static void undoing(void **state) {
    (void)state;
    const int64_t counts[3] = {0, CHANNELS, ELEMENTS};
    for (int c = 0; c < 3; c++) {
        struct Preprocess preprocess = preprocess_of(counts[c]);
        float pixels[ELEMENTS];
        struct Image image = {SIDE, SIDE, CHANNELS, pixels, 0};
        preprocess_apply(&preprocess, true, stored, pixels);
        preview_undo(&preprocess, &image);
        for (int i = 0; i < ELEMENTS; i++)
            assert_float_equal(pixels[i], stored[i], 1e-3);
    }
}

static void too_large(void **state) {
    (void)state;
    struct Preprocess preprocess = preprocess_of(0);
    struct AugmentPreview preview = {
        .samples = SAMPLES,
        .epochs = 10000000,
        .loader = {.dataset = &dataset, .split = &split, .preprocess = &preprocess}};
    assert_int_equal(preview_augment_write(&preview, scratch_path("x.png"), &error), ERROR_USAGE);
    assert_non_null(strstr(error.text, "fewer epochs"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_loader_fill),
        cmocka_unit_test(undoing),
        cmocka_unit_test(too_large),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
