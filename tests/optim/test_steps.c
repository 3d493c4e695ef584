/* Three steps of the optimisers with unequal options, against numbers that were computed from the
 * published formulas by hand: two parameters, x = (1, −0.5), with the gradients (3, 0.5), (−1, 2)
 * and (2, −1) whatever x is. For the first step of Adam, with β₁ = 0.5, β₂ = 0.75, ε = 1/16 and η =
 * 0.1:
 *
 *   m = 0.5 · 3 = 1.5, m/(1 − 0.5) = 3;   v = 0.25 · 9 = 2.25, v/(1 − 0.75) = 9
 *   x = 1 − 0.1 · 3 / (√9 + 0.0625) = 0.902041
 */
#include "choices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 3

static const struct Case {
    const char *text;
    double expected[STEPS][2]; /* x after each step */
} cases[] = {
    {"optimizer: {adam: {rate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0625}}",
     {{0.902040816327, -0.588888888889},
      {0.886657979126, -0.682092119511},
      {0.826080040746, -0.687191935313}}},
    {"optimizer: {adam: {rate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0625, weight_decay: 0.5}}",
     {{0.901754385965, -0.58},
      {0.868272308507, -0.669591417571},
      {0.797126382335, -0.652303576285}}},
    {"optimizer: {adam: {rate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0625, amsgrad: true}}",
     {{0.902040816327, -0.588888888889},
      {0.887736425644, -0.682092119511},
      {0.827158487264, -0.68716458169}}},
    {"optimizer: {adamw: {rate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0625, weight_decay: 0.5}}",
     {{0.852040816327, -0.563888888889},
      {0.79405593831, -0.628897675066},
      {0.693775203014, -0.602552607115}}},
    {"optimizer: {adagrad: {rate: 0.1, epsilon: 0.0625, rate_decay: 0.5, initial: 0.25}}",
     {{0.903346818266, -0.564968242513},
      {0.92377126616, -0.626023325971},
      {0.897712072091, -0.605256687121}}},
    {"optimizer: {rmsprop: {rate: 0.1, alpha: 0.75, epsilon: 0.0625}}",
     {{0.808, -0.66}, {0.876754933176, -0.844218193783}, {0.753961041388, -0.751619281079}}},
    {"optimizer: {rmsprop: {rate: 0.1, alpha: 0.75, epsilon: 0.0625, momentum: 0.5, centered: "
     "true}}",
     {{0.77966095936, -0.679207390192},
      {0.739968151939, -0.992083126041},
      {0.581800384242, -1.05427059968}}},
    {"optimizer: {lars: {rate: 0.1, momentum: 0.5, trust: 0.25, epsilon: 0.0625, weight_decay: "
     "0.5}}",
     {{0.973292194573, -0.501907700388},
      {0.964876309562, -0.519685852114},
      {0.936774600255, -0.516448787784}}},
    {"optimizer: {lamb: {rate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 0.0625, weight_decay: 0.5}}",
     {{0.89735685791, -0.544321387408},
      {0.826588580548, -0.621827528788},
      {0.7263603439, -0.596264231878}}},
};

static char row_name[] = "0.weight";
static struct ArenaRow row = {
    .name = row_name, .role = ROLE_WEIGHT, .count = 2, .rank = 2, .size = {1, 2}};
static const struct Arena arena = {.rows = &row, .row_count = 1, .parameters = 16};

static void check(const struct Case *c, enum Variant variant) {
    static const double gradients[STEPS][2] = {{3, 0.5}, {-1, 2}, {2, -1}};
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    if (choices_parse(&file, c->text, &choices, &error) ||
        choices_updater(&updater, &choices, &arena, variant, &error))
        fail_msg("%s", error.text);
    double wide[16] = {1, -0.5}, wide_gradient[16] = {0};
    float narrow[16] = {1, -0.5F}, narrow_gradient[16] = {0};
    bool is_double = variant == VARIANT_F64;
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < 2; i++) {
            wide_gradient[i] = gradients[step][i];
            narrow_gradient[i] = (float)gradients[step][i];
        }
        assert_true(updater_step(updater, 0.1, step + 1, is_double ? (void *)wide : narrow,
                                 is_double ? (void *)wide_gradient : narrow_gradient));
        for (int i = 0; i < 2; i++) {
            double found = is_double ? wide[i] : (double)narrow[i];
            if (!(fabs(found - c->expected[step][i]) <= (is_double ? 1e-11 : 1e-6)))
                fail_msg("%s, %s: x[%d] after step %d is %.12g, expected %.12g", c->text,
                         variant_name(variant), i, step + 1, found, c->expected[step][i]);
        }
    }
    updater_release(updater);
    runfile_release(file);
}

static void test_steps(void **state) {
    (void)state;
    for (int variant = 0; variant < VARIANT_COUNT; variant++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            if (variant_available((enum Variant)variant))
                check(&cases[i], (enum Variant)variant);
}

/* AMSGrad divides by the largest v so far, however long ago that was: after one large gradient the
 * steps of many small ones stay small. */
static void test_amsgrad_remembers(void **state) {
    (void)state;
    const char *text = "optimizer: {adam: {rate: 0.1, beta1: 0.5, beta2: 0.5, epsilon: 0.0625, "
                       "amsgrad: true}}";
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    if (choices_parse(&file, text, &choices, &error) ||
        choices_updater(&updater, &choices, &arena, VARIANT_F64, &error))
        fail_msg("%s", error.text);
    double x[16] = {1}, gradient[16] = {0}, expected = 1, m = 0, v = 0, largest = 0;
    for (int step = 1; step <= 6; step++) {
        double g = gradient[0] = step == 1 ? 4 : 0.25;
        m = 0.5 * m + 0.5 * g;
        v = 0.5 * v + 0.5 * g * g;
        largest = fmax(largest, v);
        assert_true(largest == 8);
        double correction = 1 - pow(0.5, step);
        expected -= 0.1 * m / correction / (sqrt(largest / correction) + 0.0625);
        assert_true(updater_step(updater, 0.1, step, x, gradient));
        assert_true(fabs(x[0] - expected) < 1e-12);
    }
    updater_release(updater);
    runfile_release(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_amsgrad_remembers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
