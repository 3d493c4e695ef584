/* Pictures that gnuplot draws: what is in them, what becomes of values that no axis has, and of
 * words that mean something to gnuplot. */
#include "report/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* after error.h: it has a macro called fail */

#include "store/scratch.h"

static struct Error error;
static char content[1 << 18];
static size_t length;

static void draw(const struct Plot *panels, int count, const char *name) {
    const char *path = scratch_path(name);
    if (plot_write(panels, count, 2, path, &error))
        fail_msg("%s", error.text);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    length = fread(content, 1, sizeof content - 1, file);
    content[length] = '\0';
    fclose(file);
    unlink(path);
}

static void test_values_that_no_axis_has_are_left_out(void **state) {
    (void)state;
    const double x[] = {1, 2, 0, 4, 5}, y[] = {0.5, NAN, 3, INFINITY, -1};
    const struct PlotSeries series = {.title = "loss", .count = 5, .x = x, .y = y};
    const struct Plot linear = {.series = &series, .series_count = 1, .y = "loss", .title = "a"};
    struct Plot logarithmic = linear;
    logarithmic.log_x = logarithmic.log_y = true;
    draw(&linear, 1, "plot.svg");
    assert_non_null(strstr(content, "</svg>"));
    assert_non_null(strstr(content, ">loss<"));
    draw(&logarithmic, 1, "plot.svg");
    assert_non_null(strstr(content, "</svg>"));
}

static void test_a_line_of_one_value_is_a_point(void **state) {
    (void)state;
    const double y[] = {0.5, 0.6};
    struct PlotSeries series = {.title = "loss", .count = 2, .y = y};
    const struct Plot plot = {.series = &series, .series_count = 1};
    draw(&plot, 1, "plot.svg");
    assert_null(strstr(content, "href='#gpPt6'"));
    series.count = 1;
    draw(&plot, 1, "plot.svg");
    assert_non_null(strstr(content, "href='#gpPt6'"));
}

static void test_panels_without_values_are_empty(void **state) {
    (void)state;
    const double nothing[] = {NAN, NAN};
    const struct PlotSeries series = {.title = "none", .count = 2, .y = nothing};
    const struct Plot panels[] = {{.title = "first", .series = &series, .series_count = 1},
                                  {.title = "second"},
                                  {.title = "third", .series = &series, .series_count = 1}};
    draw(panels, 3, "plot.svg");
    assert_non_null(strstr(content, ">first<"));
    assert_non_null(strstr(content, ">third<"));
}

/* The height of the picture that was drawn. */
static int height_of(int titles) {
    const double y[] = {1, 2};
    struct PlotSeries series[12];
    for (int i = 0; i < titles; i++)
        series[i] = (struct PlotSeries){.title = "a title that is long", .count = 2, .y = y};
    const struct Plot plot = {.series = series, .series_count = titles};
    draw(&plot, 1, "plot.svg");
    const char *found = strstr(content, "viewBox=\"0 0 960 ");
    assert_non_null(found);
    return atoi(found + strlen("viewBox=\"0 0 960 "));
}

/* A title that ended at its sample would run into the sample of the column before. */
static void test_titles_of_the_key_begin_beside_their_samples(void **state) {
    (void)state;
    const double y[] = {1, 2};
    const struct PlotSeries series[] = {{.title = "training", .count = 2, .y = y},
                                        {.title = "a", .count = 2, .y = y}};
    const struct Plot plot = {.series = series, .series_count = 2};
    draw(&plot, 1, "plot.svg");
    assert_null(strstr(strstr(content, "<title>training"), "text-anchor=\"end\""));
}

static void test_a_long_key_takes_nothing_from_the_curves(void **state) {
    (void)state;
    assert_int_equal(height_of(1), 300);
    assert_in_range(height_of(12), 300 + 5 * 16, 600);
}

static void test_long_numbers_have_room(void **state) {
    (void)state;
    const double x[] = {0, 300000}, y[] = {1, 2};
    const struct PlotSeries series = {.count = 2, .x = x, .y = y};
    const struct Plot plot = {.series = &series, .series_count = 1};
    draw(&plot, 1, "plot.svg");
    assert_non_null(strstr(content, ">200000<"));
    assert_null(strstr(content, "50000<"));
}

static void test_words_are_never_commands(void **state) {
    (void)state;
    const double y[] = {1, 2};
    const char *const beside[] = {"it\"s", "back\\slash"};
    const struct PlotSeries series = {.title = "'; system('touch plotted'); '\nEND_OF_DATA",
                                      .count = 2,
                                      .y = y,
                                      .text = beside,
                                      .style = PLOT_POINTS};
    const struct Plot plot = {.title = "it's <b> & `date`", .series = &series, .series_count = 1};
    draw(&plot, 1, "plot.svg");
    assert_non_null(strstr(content, "it\u2019s &lt;b> &amp; `date`"));
    assert_int_not_equal(access("plotted", F_OK), 0);
}

static void test_axes_have_names_ranges_and_marks(void **state) {
    (void)state;
    static const char *const names[] = {"first", "it's"};
    const double x[] = {0, 1, 0.9}, y[] = {0.03, 0.06, 0.04}, shade[] = {10, 20, NAN};
    const struct PlotSeries series = {
        .style = PLOT_SHADED, .count = 3, .x = x, .y = y, .shade = shade};
    const struct Plot plot = {.low_x = -0.5,
                              .high_x = 1.5,
                              .names_x = names,
                              .name_count_x = 2,
                              .log_y = true, /* although the values span a factor of 2 */
                              .low_y = 0.02,
                              .high_y = 0.08,
                              .shade = "accuracy",
                              .series = &series,
                              .series_count = 1};
    draw(&plot, 1, "plot.svg");
    assert_non_null(strstr(content, ">it\u2019s<"));
    assert_non_null(strstr(content, ">0.02<"));
    assert_non_null(strstr(content, ">0.05<"));
    assert_null(strstr(content, ">0.03<"));
    assert_non_null(strstr(content, ">accuracy<"));
}

/* Long names would run into one another; braces are letters. */
static void test_names_of_marks_have_room(void **state) {
    (void)state;
    static const char *const names[] = {"{a: 1}", "[flatten, linear: {out: 3}]",
                                        "[flatten, linear: {out: 4}]"};
    const double x[] = {0, 1, 2}, y[] = {1, 2, 3};
    const struct PlotSeries series = {.style = PLOT_POINTS, .count = 3, .x = x, .y = y};
    const struct Plot plot = {.low_x = -0.5,
                              .high_x = 2.5,
                              .names_x = names,
                              .name_count_x = 3,
                              .series = &series,
                              .series_count = 1};
    draw(&plot, 1, "plot.svg");
    assert_non_null(strstr(content, ">{a: 1}<"));
    assert_non_null(strstr(content, ">2: [flatte\u2026<"));
    assert_non_null(strstr(content, ">3: [flatte\u2026<"));
}

static void test_a_longer_logarithmic_axis_has_fewer_marks(void **state) {
    (void)state;
    const double y[] = {0.002, 0.3};
    const struct PlotSeries series = {.count = 2, .y = y};
    const struct Plot plot = {
        .log_y = true, .low_y = 1e-3, .high_y = 0.4, .series = &series, .series_count = 1};
    draw(&plot, 1, "plot.svg");
    assert_non_null(strstr(content, ">0.003<"));
    assert_null(strstr(content, ">0.002<"));
}

static void test_a_png_is_one(void **state) {
    (void)state;
    double y[PLOT_STYLES * 3];
    struct PlotSeries series[PLOT_STYLES];
    for (int i = 0; i < PLOT_STYLES * 3; i++)
        y[i] = i;
    for (int i = 0; i < PLOT_STYLES; i++)
        series[i] = (struct PlotSeries){.title = "all",
                                        .style = (enum PlotStyle)i,
                                        .colour = i + 7,
                                        .count = 3,
                                        .shade = i == PLOT_SHADED ? y : NULL,
                                        .y = y + 3 * i};
    const struct Plot plot = {.series = series, .series_count = PLOT_STYLES, .high_y = 20};
    draw(&plot, 1, "plot.png");
    assert_memory_equal(content, "\x89PNG\r\n\x1a\n", 8);
    assert_true(length > 2000);
}

static void test_failures_are_said(void **state) {
    (void)state;
    const struct Plot plot = {.title = "none"};
    assert_int_equal(plot_write(&plot, 1, 1, scratch_path("no/folder.svg"), &error), ERROR_SYSTEM);
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(plot_write(&plot, 1, 1, scratch_path("plot.svg"), &error), ERROR_SYSTEM);
    setenv("PATH", path, 1);
    free(path);
    assert_non_null(strstr(error.text, "gnuplot"));
    assert_int_not_equal(access(scratch_path("plot.svg"), F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_that_no_axis_has_are_left_out),
        cmocka_unit_test(test_a_line_of_one_value_is_a_point),
        cmocka_unit_test(test_panels_without_values_are_empty),
        cmocka_unit_test(test_titles_of_the_key_begin_beside_their_samples),
        cmocka_unit_test(test_a_long_key_takes_nothing_from_the_curves),
        cmocka_unit_test(test_long_numbers_have_room),
        cmocka_unit_test(test_words_are_never_commands),
        cmocka_unit_test(test_axes_have_names_ranges_and_marks),
        cmocka_unit_test(test_names_of_marks_have_room),
        cmocka_unit_test(test_a_longer_logarithmic_axis_has_fewer_marks),
        cmocka_unit_test(test_a_png_is_one),
        cmocka_unit_test(test_failures_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
