#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "data/views.h"

#include <cmocka.h>

static struct Error error;
enum { HEIGHT = 7, WIDTH = 9, CHANNELS = 2, ELEMENTS = HEIGHT * WIDTH * CHANNELS };
static const struct Image size = {HEIGHT, WIDTH, CHANNELS, NULL, 0};
static float in[ELEMENTS], out[ELEMENTS + 1];

static float pixel(int64_t y, int64_t x, int64_t c) {
    return y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH ? 0 : in[(y * WIDTH + x) * CHANNELS + c];
}

/* `out` must be the part of `in` that begins at (top, left), mirrored if `mirrored` is true;
 * outside of `in` there are zeros. */
static void assert_moved(int64_t top, int64_t left, int mirrored) {
    for (int64_t y = 0, at = 0; y < HEIGHT; y++)
        for (int64_t x = 0; x < WIDTH; x++)
            for (int64_t c = 0; c < CHANNELS; c++)
                assert_true(out[at++] == pixel(y + top, left + (mirrored ? WIDTH - 1 - x : x), c));
}

static struct Views *made(const char *text, int count) {
    struct Views *views;
    if (views_create(&views, text, &size, &error) != OK)
        fail_msg("%s", error.text);
    assert_int_equal(views_count(views), count);
    for (int i = 0; i < ELEMENTS; i++)
        in[i] = (float)(i * 29 % 97 + 1);
    return views;
}

static void show(struct Views *views, int view) {
    for (int i = 0; i <= ELEMENTS; i++)
        out[i] = -77;
    view_apply(views, view, in, out);
    assert_true(out[ELEMENTS] == -77);
}

static void mirrors(void **state) {
    (void)state;
    struct Views *views = made("mirror", 2);
    for (int view = 0; view < 2; view++) {
        show(views, view);
        assert_moved(0, 0, view);
    }
    views_release(views);
}

static void shifts(void **state) {
    (void)state;
    struct Views *views = made("shifts: {by: 2}", 9);
    for (int view = 0; view < 9; view++) {
        show(views, view);
        assert_moved(-(view / 3 - 1) * 2, -(view % 3 - 1) * 2, 0);
    }
    views_release(views);
}

static void padded_crops(void **state) {
    (void)state;
    const int corner[5][2] = {{-3, -3}, {-3, 3}, {3, -3}, {3, 3}, {0, 0}};
    struct Views *five = made("{five_crop: {pad: 3}}", 5), *ten = made("ten_crop: {pad: 3}", 10);
    struct Views *usual = made("ten_crop", 10);
    for (int view = 0; view < 10; view++) {
        if (view < 5) {
            show(five, view);
            assert_moved(corner[view][0], corner[view][1], 0);
        }
        show(ten, view);
        assert_moved(corner[view % 5][0], corner[view % 5][1], view >= 5);
        show(usual, view);
        assert_moved(corner[view % 5][0] * 4 / 3, corner[view % 5][1] * 4 / 3, view >= 5);
    }
    views_release(five);
    views_release(ten);
    views_release(usual);
}

/* Interpolates a crop linearly between pixel centres; its edges are repeated. */
static double between(int64_t top, int64_t left, int64_t height, int64_t width, double y, double x,
                      int64_t c) {
    y = fmin(fmax(y, 0), (double)height - 1);
    x = fmin(fmax(x, 0), (double)width - 1);
    int64_t y0 = (int64_t)y, x0 = (int64_t)x;
    int64_t y1 = y0 + 1 < height ? y0 + 1 : y0, x1 = x0 + 1 < width ? x0 + 1 : x0;
    double v = y - (double)y0, u = x - (double)x0;
    return (1 - v) * ((1 - u) * pixel(top + y0, left + x0, c) + u * pixel(top + y0, left + x1, c)) +
           v * ((1 - u) * pixel(top + y1, left + x0, c) + u * pixel(top + y1, left + x1, c));
}

/* Crops with a shorter side of 5 from an image 7 high and 9 wide: 5x6, in the corners and the
 * middle. */
static void enlarged_crops(void **state) {
    (void)state;
    const int64_t height = 5, width = 6, place[5][2] = {{0, 0}, {0, 3}, {2, 0}, {2, 3}, {1, 2}};
    struct Views *views = made("ten_crop: {crop: 5}", 10);
    for (int view = 0; view < 10; view++) {
        show(views, view);
        for (int64_t y = 0, at = 0; y < HEIGHT; y++)
            for (int64_t x = 0; x < WIDTH; x++)
                for (int64_t c = 0; c < CHANNELS; c++) {
                    double across = (double)(view < 5 ? x : WIDTH - 1 - x);
                    double expected = between(place[view % 5][0], place[view % 5][1], height, width,
                                              ((double)y + 0.5) * height / HEIGHT - 0.5,
                                              (across + 0.5) * width / WIDTH - 0.5, c);
                    assert_float_equal(out[at++], expected, 1e-4);
                }
    }
    views_release(views);
}

static void refused_for(const struct Image *image, const char *text, const char *words) {
    struct Views *views;
    assert_int_equal(views_create(&views, text, image, &error), ERROR_USAGE);
    assert_null(views);
    if (!strstr(error.text, words) || strcmp(error.option.name, "views") ||
        !strncmp(error.text, "views", 5))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

static void refused(const char *text, const char *words) {
    refused_for(&size, text, words);
}

static void refusals(void **state) {
    (void)state;
    refused("miror", "unknown set of views 'miror'; did you mean 'mirror'?");
    refused("ten_crop: {crop: 8}", "expected at most 7 for images of 7x9");
    refused("ten_crop: {pad: 7}", "expected less than 7 for images of 7x9");
    refused("shifts: {by: 7}", "expected less than 7 for images of 7x9");
    refused("shifts: {by: 0}", "by");
    refused("mirror: {by: 1}", "by");
    refused("", "expected a set of views");
    const struct Image row_of_table = {1, 1, 4, NULL, 0}, column = {5, 1, 3, NULL, 0};
    refused_for(&row_of_table, "mirror", "images of 1x1 have no other views");
    refused_for(&row_of_table, "five_crop", "images of 1x1 have no other views");
    refused_for(&row_of_table, "five_crop: {pad: 0}", "images of 1x1 have no other views");
    refused_for(&row_of_table, "ten_crop: {crop: 1}", "images of 1x1 have no other views");
    refused_for(&row_of_table, "shifts", "images of 1x1 have no other views");
    refused_for(&column, "mirror", "expected a width of 2");
    refused("[mirror", "not valid YAML");
    refused("{five_crop: {pad: 1}, mirror: {}}", "side by side");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mirrors),      cmocka_unit_test(shifts),
        cmocka_unit_test(padded_crops), cmocka_unit_test(enlarged_crops),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
