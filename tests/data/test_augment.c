#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "data/augmented.h"

#include <cmocka.h>

static struct Error error;
enum { HEIGHT = 7, WIDTH = 9, CHANNELS = 3, ELEMENTS = HEIGHT * WIDTH * CHANNELS };

static const struct Augment *parsed(struct Augmented *augmented, const char *text) {
    if (augmented_parse(augmented, text, &error) != OK)
        fail_msg("%s", error.text);
    assert_int_equal(augmented->list.count, 1);
    return (const struct Augment *)augmented->list.items[0].kind;
}

static float pixel_at(int64_t y, int64_t x, int64_t c) {
    return (float)((y * WIDTH + x) * CHANNELS + c + 1);
}

static void run_in_epoch(const struct Augmented *augmented, int64_t epoch, int64_t item,
                         float *out) {
    const struct Choice *choice = &augmented->list.items[0];
    const struct Augment *augment = (const struct Augment *)choice->kind;
    float pixels[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        pixels[i] = (float)(i + 1);
    struct Image in = {HEIGHT, WIDTH, CHANNELS, pixels, 0}, made;
    assert_int_equal(augment_describe(&augmented->list, &in, &in, &made, &error), OK);
    assert_true(made.height == HEIGHT && made.width == WIDTH && made.channels == CHANNELS);
    made.pixels = out;
    const struct AugmentPlace at = {5, 0, (uint64_t)epoch, (uint64_t)item};
    for (int i = 0; i <= ELEMENTS; i++)
        out[i] = -77;
    augment->apply(choice->options, NULL, &at, &in, &made);
    assert_true(out[ELEMENTS] == -77);
}

static void run(const struct Augmented *augmented, int64_t item, float *out) {
    run_in_epoch(augmented, 1, item, out);
}

static bool is_mirrored(const float *out, bool mirrored) {
    for (int64_t y = 0, at = 0; y < HEIGHT; y++)
        for (int64_t x = 0; x < WIDTH; x++)
            for (int64_t c = 0; c < CHANNELS; c++)
                if (out[at++] != pixel_at(y, mirrored ? WIDTH - 1 - x : x, c))
                    return false;
    return true;
}

static int count_flips(const char *text, int trials) {
    struct Augmented augmented;
    parsed(&augmented, text);
    int mirrored = 0;
    for (int i = 0; i < trials; i++) {
        float out[ELEMENTS + 1];
        run(&augmented, i, out);
        assert_true(is_mirrored(out, true) != is_mirrored(out, false));
        mirrored += is_mirrored(out, true);
    }
    runfile_release(augmented.file);
    return mirrored;
}

static void flips(void **state) {
    (void)state;
    assert_int_equal(count_flips("augment: [flip: {probability: 0}]", 500), 0);
    assert_int_equal(count_flips("augment: [flip: {probability: 1}]", 500), 500);
    int half = count_flips("augment: [flip]", 4000); /* standard deviation 32 */
    assert_in_range(half, 1850, 2150);
    int tenth = count_flips("augment: [flip: {probability: 0.1}]", 4000); /* 19 */
    assert_in_range(tenth, 310, 490);
}

/* Half of the images are mirrored in the first epoch; after it, each image in every other epoch. */
static void alternating_flips(void **state) {
    (void)state;
    struct Augmented augmented;
    parsed(&augmented, "augment: [flip: {alternate: true}]");
    int mirrored = 0;
    for (int item = 0; item < 1000; item++) {
        bool first = false;
        for (int epoch = 0; epoch < 6; epoch++) {
            float out[ELEMENTS + 1];
            run_in_epoch(&augmented, epoch, item, out);
            first = epoch == 0 ? is_mirrored(out, true) : first;
            assert_true(is_mirrored(out, first != (epoch % 2 == 1)));
        }
        mirrored += first;
    }
    assert_in_range(mirrored, 420, 580); /* deviation 16 */
    runfile_release(augmented.file);
}

/* As numpy's pad(mode="reflect"), which does not repeat the border pixel. */
static int64_t reflect(int64_t i, int64_t size) {
    while (i < 0 || i >= size)
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
}

static float padded(int64_t y, int64_t x, int64_t c, bool fill_reflect) {
    if (fill_reflect)
        return pixel_at(reflect(y, HEIGHT), reflect(x, WIDTH), c);
    return y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH ? 0 : pixel_at(y, x, c);
}

/* Finds the shift that makes the image from the original; fails if there is none. */
static void find_shift(const float *out, int64_t pad, bool fill_reflect, int64_t *down,
                       int64_t *right) {
    for (*down = -pad; *down <= pad; ++*down)
        for (*right = -pad; *right <= pad; ++*right) {
            bool equal = true;
            for (int64_t y = 0, at = 0; equal && y < HEIGHT; y++)
                for (int64_t x = 0; x < WIDTH; x++)
                    for (int64_t c = 0; c < CHANNELS; c++)
                        equal =
                            out[at++] == padded(y + *down, x + *right, c, fill_reflect) && equal;
            if (equal)
                return;
        }
    fail_msg("no shift up to %d explains the image", (int)pad);
}

static void crops(void **state) {
    (void)state;
    for (int64_t pad = 0; pad <= 5; pad++) /* reflected, shifts of −6 and 6 look alike */
        for (int fill_reflect = 0; fill_reflect < 2; fill_reflect++) {
            char text[100];
            snprintf(text, sizeof text, "augment: [crop: {pad: %d, fill: %s}]", (int)pad,
                     fill_reflect ? "reflect" : "zero");
            struct Augmented augmented;
            parsed(&augmented, text);
            int seen[11][11] = {{0}};
            for (int i = 0; i < 2000; i++) {
                float out[ELEMENTS + 1];
                run(&augmented, i, out);
                int64_t down = 0, right = 0;
                find_shift(out, pad, fill_reflect, &down, &right);
                seen[down + pad][right + pad]++;
            }
            for (int64_t y = 0; y <= 2 * pad; y++) /* at least 2000 / 121 = 16 expected */
                for (int64_t x = 0; x <= 2 * pad; x++)
                    assert_true(seen[y][x] > 0);
            runfile_release(augmented.file);
        }
}

static void refused(const char *text, const char *words) {
    struct Augmented augmented;
    int code = augmented_parse(&augmented, text, &error);
    if (code == OK) {
        struct Image in = {HEIGHT, WIDTH, CHANNELS, NULL, 0}, out;
        code = augment_describe(&augmented.list, &in, &in, &out, &error);
    }
    assert_int_equal(code, ERROR_RUN_FILE);
    if (!strstr(error.text, words) || !strstr(error.text, "test.yaml"))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    runfile_release(augmented.file);
}

static void refusals(void **state) {
    (void)state;
    refused("augment: [crop: {pad: 7}]", "expected less than 7 for images of 7x9");
    refused("augment: [crop: {pad: -1}]", "pad");
    refused("augment: [crop: {fill: mirror}]", "fill");
    refused("augment: [flip: {probability: 1.5}]", "probability");
    refused("augment: [flip: {alternate: 2}]", "alternate");
    refused("augment: [flop]", "flip");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flips),
        cmocka_unit_test(alternating_flips),
        cmocka_unit_test(crops),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
