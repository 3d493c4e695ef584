/* The built-in data set, and contact sheets. */
#include "pictures/made_pictures.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/memory.h"
#include "data/sheets/preview.h"
#include "data/statistics/statistics.h"
#include "data/synthesize.h"
#include "store/h5.h"

#define BYTES (32 * 32 * 3)

static char *digest_of(const char *path, const char *group) {
    struct H5File *file;
    struct Error error;
    char *digest;
    assert_int_equal(h5_open(&file, path, ERROR_DATA, &error), OK);
    assert_int_equal(h5_read_attribute(file, group, "digest", H5_TEXT, &digest, &error), OK);
    h5_close(file);
    return digest;
}

/* The bits are the same for any number of threads, and when images are drawn one by one. */
static void threads_change_nothing(void **state) {
    (void)state;
    const struct Synthesis synthesis = {.seed = 5, .size = 32, .count = {1503, 40, 20}};
    char *digests[2];
    struct Error error;
    const char *path = place(folder, "drawn.h5");
    for (int k = 0; k < 2; k++) {
        omp_set_num_threads(k == 0 ? 1 : 3);
        assert_int_equal(synthesize(&synthesis, path, NULL, &error), OK);
        digests[k] = digest_of(path, "/train");
    }
    omp_set_num_threads(1);
    assert_string_equal(digests[0], digests[1]);
    static uint8_t images[1503 * BYTES];
    static int32_t labels[1503];
    for (int64_t i = 0; i < 1503; i++)
        labels[i] = synthesize_image(5, SYNTHESIS_TRAIN, i, 32, images + i * BYTES);
    XXH3_state_t *hash = XXH3_createState();
    XXH3_128bits_reset(hash);
    XXH3_128bits_update(hash, images, sizeof images);
    XXH3_128bits_update(hash, labels, sizeof labels);
    XXH128_hash_t result = XXH3_128bits_digest(hash);
    XXH3_freeState(hash);
    char text[33];
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, result.high64, result.low64);
    assert_string_equal(digests[0], text);
    memory_release(digests[0]);
    memory_release(digests[1]);
}

/* Published results and checkpoints depend on these images, so a change must be on purpose. */
static void images_are_those_of_before(void **state) {
    (void)state;
    static uint8_t images[200 * BYTES];
    for (int64_t i = 0; i < 200; i++)
        synthesize_image(1, SYNTHESIS_TRAIN, i, 32, images + i * BYTES);
    assert_true(XXH3_64bits(images, sizeof images) == 0xc5adca7f2ab4cda4ull);
}

static void splits_and_seeds_differ(void **state) {
    (void)state;
    uint8_t images[4][BYTES];
    synthesize_image(1, SYNTHESIS_TRAIN, 3, 32, images[0]);
    synthesize_image(1, SYNTHESIS_TEST, 3, 32, images[1]);
    synthesize_image(2, SYNTHESIS_TRAIN, 3, 32, images[2]);
    synthesize_image(1, SYNTHESIS_TRAIN, 13, 32, images[3]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) {
            int differing = 0;
            for (int p = 0; p < BYTES; p++)
                differing += images[i][p] != images[j][p];
            assert_true(differing > BYTES / 2);
        }
}

static void every_size_and_class(void **state) {
    (void)state;
    for (int64_t size = SYNTHESIS_LEAST_SIZE; size <= 64; size += 16) {
        uint8_t *pixels = memory_allocate((size_t)(size * size * 3), "image");
        for (int64_t i = 0; i < 2 * SYNTHESIS_CLASSES; i++) {
            assert_int_equal(synthesize_image(1, SYNTHESIS_TRAIN, i, size, pixels), i % 10);
            int low = 255, high = 0;
            for (int64_t p = 0; p < size * size * 3; p++) {
                low = pixels[p] < low ? pixels[p] : low;
                high = pixels[p] > high ? pixels[p] : high;
            }
            assert_true(high - low > 30);
        }
        memory_release(pixels);
    }
}

static void unwritable_file(void **state) {
    (void)state;
    const struct Synthesis synthesis = {.seed = 1, .size = 32, .count = {10, 0, 0}};
    struct Error error = {0};
    int code = synthesize(&synthesis, "/no/such/folder/a.h5", NULL, &error);
    expect_failure(&error, code, ERROR_SYSTEM, "/no/such/folder/a.h5");
}

static void float_statistics(void **state) {
    (void)state;
    static float images[50 * 12];
    struct Statistics statistics;
    statistics_start(&statistics, 2, 3, 2);
    for (int i = 0; i < 600; i++)
        images[i] = 1e4f + (float)(i * i % 97) * 0.01f; /* a mean far above the deviation */
    for (int i = 0; i < 50; i += 10)
        statistics_add(&statistics, false, images + i * 12, 10);
    struct StatisticValues values;
    statistics_result(&statistics, &values);
    double mean[2], product = 0;
    for (int c = 0; c < 2; c++) {
        double sum = 0, square = 0;
        for (int i = c; i < 600; i += 2)
            sum += images[i];
        mean[c] = sum / 300;
        for (int i = c; i < 600; i += 2)
            square += (images[i] - mean[c]) * (images[i] - mean[c]);
        assert_true(fabs(values.channel_mean[c] - mean[c]) < 1e-9);
        assert_true(fabs(values.channel_std[c] - sqrt(square / 300)) < 1e-9);
        assert_true(fabs(values.channel_covariance[3 * c] - square / 300) < 1e-9);
    }
    for (int i = 0; i < 600; i += 2)
        product += (images[i] - mean[0]) * (images[i + 1] - mean[1]);
    assert_true(fabs(values.channel_covariance[1] - product / 300) < 1e-9);
    assert_true(values.channel_covariance[1] == values.channel_covariance[2]);
    for (int e = 0; e < 12; e++) {
        double sum = 0, square = 0;
        for (int i = e; i < 600; i += 12)
            sum += images[i];
        for (int i = e; i < 600; i += 12)
            square += (images[i] - sum / 50) * (images[i] - sum / 50);
        assert_true(fabs(values.mean_image[e] - sum / 50) < 1e-3);
        assert_true(fabs(values.pixel_std[e] - sqrt(square / 50)) < 1e-6);
    }
    statistic_values_release(&values);
    statistics_release(&statistics);
}

/* A data set of two classes with three images of the first and one of the second; image k has the
 * level 60 k + 10 everywhere. */
struct Fruit {
    uint8_t images[4 * 16 * 8];
    int32_t labels[4];
    char *names[2];
    struct Split split;
    struct Dataset dataset;
};

static void make_fruit(struct Fruit *fruit) {
    *fruit = (struct Fruit){
        .labels = {0, 0, 0, 1},
        .names = {(char *)(uintptr_t) "apple", (char *)(uintptr_t) "pear"},
        .split = {.name = (char *)(uintptr_t) "train", .count = 4, .bytes = true},
        .dataset = {.height = 16, .width = 8, .channels = 1, .targets.count = 2, .split_count = 1}};
    for (size_t i = 0; i < sizeof fruit->images; i++)
        fruit->images[i] = (uint8_t)(60 * (i / 128) + 10);
    fruit->split.images = fruit->images;
    fruit->split.labels = fruit->labels;
    fruit->dataset.targets.names = fruit->names;
    fruit->dataset.splits = &fruit->split;
}

/* The contact sheet of three images a class, read back; the caller releases it. Its size must be
 * the one that preview_size says. */
static uint8_t *make_sheet(const char *path, const struct Fruit *fruit, int64_t *height,
                           int64_t *width) {
    const struct Preview preview = {.count = 3};
    struct Error error = {0};
    preview_size(&fruit->dataset, 3, height, width);
    if (preview_write(&fruit->dataset, &fruit->split, &preview, path, &error) != OK)
        stop_test("%s", error.text);
    png_image png = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&png, path));
    assert_int_equal(png.width, *width);
    assert_int_equal(png.height, *height);
    png.format = PNG_FORMAT_RGB;
    uint8_t *sheet = memory_array(uint8_t, PNG_IMAGE_SIZE(png), "sheet");
    assert_true(png_image_finish_read(&png, NULL, sheet, 0, NULL));
    return sheet;
}

/* Images of 16x8 are enlarged four times, to 64 high and 32 wide, with 4 pixels between them. */
static void images_of_a_class_in_a_row(void **state) {
    (void)state;
    struct Fruit fruit;
    int64_t height, width;
    make_fruit(&fruit);
    uint8_t *sheet = make_sheet(place(folder, "sheet.png"), &fruit, &height, &width);
    int64_t left = width - 3 * 36;
    for (int64_t k = 0; k < 3; k++) {
        assert_int_equal(sheet[((4 + 20) * width + left + k * 36 + 5) * 3], 60 * k + 10);
        assert_int_equal(sheet[((4 + 68 + 20) * width + left + k * 36 + 5) * 3],
                         k == 0 ? 190 : 255);
    }
    memory_release(sheet);
}

static void names_of_classes_at_the_left(void **state) {
    (void)state;
    struct Fruit fruit;
    int64_t height, width, ink = 0;
    make_fruit(&fruit);
    uint8_t *sheet = make_sheet(place(folder, "sheet.png"), &fruit, &height, &width);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width - 3 * 36; x++)
            ink += sheet[(y * width + x) * 3] == 0;
    assert_true(ink > 100);
    memory_release(sheet);
}

static void a_sheet_in_no_folder(void **state) {
    (void)state;
    const struct Preview preview = {.count = 3};
    struct Fruit fruit;
    struct Error error = {0};
    make_fruit(&fruit);
    int code =
        preview_write(&fruit.dataset, &fruit.split, &preview, "/no/such/folder/a.png", &error);
    expect_failure(&error, code, ERROR_SYSTEM, "/no/such/folder/a.png", "No such file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(images_are_those_of_before),
        cmocka_unit_test(splits_and_seeds_differ),
        cmocka_unit_test(every_size_and_class),
        cmocka_unit_test(unwritable_file),
        cmocka_unit_test(float_statistics),
        cmocka_unit_test(images_of_a_class_in_a_row),
        cmocka_unit_test(names_of_classes_at_the_left),
        cmocka_unit_test(a_sheet_in_no_folder),
    };
    return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
