/* The table of figures: every row is whole, and what loops over it prints, saves and compares. */
#include "report/figures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_rows_are_whole(void **state) {
    (void)state;
    for (int f = 0; f < FIGURE_COUNT; f++) {
        const struct FigureKind *kind = &figure_kinds[f];
        assert_non_null(kind->name);
        assert_non_null(kind->label);
        assert_true(kind->for_classes || kind->for_values || kind->for_sets);
        for (int other = 0; other < f; other++) {
            assert_string_not_equal(kind->name, figure_kinds[other].name);
            assert_string_not_equal(kind->label, figure_kinds[other].label);
        }
    }
}

static void test_kinds_of_targets(void **state) {
    (void)state;
    assert_true(figure_is_for(FIGURE_LOSS, TARGET_CLASSES));
    assert_true(figure_is_for(FIGURE_LOSS, TARGET_VALUES));
    assert_true(figure_is_for(FIGURE_TOP5, TARGET_DISTRIBUTIONS));
    assert_false(figure_is_for(FIGURE_ACCURACY, TARGET_VALUES));
    assert_false(figure_is_for(FIGURE_R2, TARGET_CLASSES));
    assert_true(figure_is_for(FIGURE_F1, TARGET_SETS));
    assert_true(figure_is_for(FIGURE_F1_MICRO, TARGET_SETS));
    assert_false(figure_is_for(FIGURE_F1_MICRO, TARGET_CLASSES));
    assert_false(figure_is_for(FIGURE_TOP5, TARGET_SETS));
}

static void test_which_is_better(void **state) {
    (void)state;
    assert_true(figure_is_better(FIGURE_LOSS, 1, 2));
    assert_false(figure_is_better(FIGURE_LOSS, 1, 1));
    assert_true(figure_is_better(FIGURE_RMSE, 1, 2));
    assert_true(figure_is_better(FIGURE_ACCURACY, 0.5, 0.25));
    assert_true(figure_is_better(FIGURE_R2, -1, -2));
    assert_false(figure_is_better(FIGURE_R2, -2, -2));
    assert_false(figure_is_better(FIGURE_LOSS, NAN, 1) || figure_is_better(FIGURE_LOSS, 1, NAN));
}

static void test_text(void **state) {
    (void)state;
    char text[FIGURES_TEXT];
    struct Figures figures = {0};
    assert_string_equal(figures_text(&figures, ", ", FIGURE_DIGITS, text), "");
    assert_false(figures_any(&figures));
    figures_set(&figures, FIGURE_ACCURACY, 0.56789);
    figures_set(&figures, FIGURE_TOP5, 0.99); /* a detail */
    figures_set(&figures, FIGURE_LOSS, 1.23456789);
    assert_true(figures_any(&figures));
    assert_string_equal(figures_text(&figures, ", ", FIGURE_DIGITS, text),
                        "loss 1.2346, accuracy 56.79 %");
    assert_string_equal(figures_text(&figures, " ", FIGURE_BRIEF, text),
                        "loss 1.2346 accuracy 56.8%");
    assert_string_equal(figures_text(&figures, "; ", FIGURE_EXACT, text),
                        "loss 1.23457; accuracy 56.79 %");
    figures = (struct Figures){0};
    figures_set(&figures, FIGURE_R2, -0.5);
    figures_set(&figures, FIGURE_RMSE, 123456);
    assert_string_equal(figures_text(&figures, ", ", FIGURE_DIGITS, text),
                        "RMSE 123456, R2 -0.5000");
}

/* All figures of the largest sizes fit into the text. */
static void test_long_text(void **state) {
    (void)state;
    char text[FIGURES_TEXT];
    struct Figures figures = {0};
    for (int f = 0; f < FIGURE_COUNT; f++)
        figures_set(&figures, f, -1e300);
    figures.value[FIGURE_ACCURACY] = 1;
    figures_text(&figures, ", ", FIGURE_EXACT, text);
    assert_non_null(strstr(text, figure_kinds[FIGURE_R2].label)); /* the last that is no detail */
    assert_true(strlen(text) < FIGURES_TEXT - 1);
}

static void restored(const struct Figures *figures, enum TargetKind targets,
                     const struct Figures *expected) {
    struct Figures saved, found;
    for (int f = 0; f < FIGURE_COUNT; f++)
        figures_set(&saved, f, figure_saved(figures, f));
    figures_restore(&found, &saved, targets);
    for (int f = 0; f < FIGURE_COUNT; f++) {
        assert_int_equal(found.measured[f], expected->measured[f]);
        assert_true(found.value[f] == expected->value[f]);
    }
}

static void test_saved(void **state) {
    (void)state;
    struct Figures none = {0}, classes = {0}, values = {0};
    assert_true(figure_saved(&none, FIGURE_LOSS) == -1); /* as files have always said it */
    assert_true(figure_saved(&none, FIGURE_ACCURACY) == -1);
    restored(&none, TARGET_CLASSES, &none);
    restored(&none, TARGET_VALUES, &none);
    figures_set(&classes, FIGURE_LOSS, 0);
    figures_set(&classes, FIGURE_ACCURACY, 0.25);
    restored(&classes, TARGET_CLASSES, &classes);
    figures_set(&values, FIGURE_LOSS, 0.5);
    figures_set(&values, FIGURE_RMSE, 0);
    figures_set(&values, FIGURE_R2, -3);
    restored(&values, TARGET_VALUES, &values);
    struct Figures with_detail = classes;
    figures_set(&with_detail, FIGURE_TOP5, 1);
    restored(&with_detail, TARGET_CLASSES, &classes);
}

/* A file written before a figure existed: the figure is not measured, whatever stands for that. */
static void test_missing(void **state) {
    (void)state;
    struct Figures saved = {0}, found;
    figures_set(&saved, FIGURE_LOSS, 0.5);
    figures_set(&saved, FIGURE_RMSE, 2);
    figures_restore(&found, &saved, TARGET_CLASSES);
    assert_true(found.measured[FIGURE_LOSS] && !found.measured[FIGURE_ACCURACY]);
    figures_restore(&found, &saved, TARGET_VALUES);
    assert_true(found.measured[FIGURE_RMSE] && !found.measured[FIGURE_R2]);
    figures_set(&saved, FIGURE_ACCURACY, -1); /* as a later save of the same run leaves it */
    figures_restore(&found, &saved, TARGET_CLASSES);
    assert_false(found.measured[FIGURE_ACCURACY]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_whole),  cmocka_unit_test(test_kinds_of_targets),
        cmocka_unit_test(test_which_is_better), cmocka_unit_test(test_text),
        cmocka_unit_test(test_long_text),       cmocka_unit_test(test_saved),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
