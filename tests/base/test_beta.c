/* Beta variates against cumulative distributions that are known in closed form, and moments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/random.h"

#include <cmocka.h>

enum { TRIALS = 20000 };
static double values[TRIALS];

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void draw(double a, double b) {
    for (int i = 0; i < TRIALS; i++) {
        struct RandomStream stream = random_stream(8, RANDOM_TEST, 1, 2, (uint64_t)i);
        values[i] = random_beta(&stream, 1, a, b);
        assert_true(values[i] >= 0 && values[i] <= 1);
    }
    qsort(values, TRIALS, sizeof *values, by_size);
}

static double uniform(double x) {
    return x;
}
static double arcsine(double x) {
    return 2 / M_PI * asin(sqrt(x));
}
static double parabola(double x) {
    return x * x * (3 - 2 * x);
}
static double power(double x) { /* Beta(5, 1) */
    return pow(x, 5);
}
static double root(double x) { /* Beta(0.2, 1) */
    return pow(x, 0.2);
}

/* Kolmogorov-Smirnov: 1.95 / √n is passed by chance once in a thousand. */
static void check_distribution(double a, double b, double (*cumulative)(double)) {
    double distance = 0;
    draw(a, b);
    for (int i = 0; i < TRIALS; i++) {
        double expected = cumulative(values[i]);
        distance = fmax(distance, fmax(fabs(expected - (double)i / TRIALS),
                                       fabs(expected - (i + 1.0) / TRIALS)));
    }
    assert_true(distance < 1.95 / sqrt(TRIALS));
}

static void distributions(void **state) {
    (void)state;
    check_distribution(1, 1, uniform);
    check_distribution(0.5, 0.5, arcsine);
    check_distribution(2, 2, parabola);
    check_distribution(5, 1, power);
    check_distribution(0.2, 1, root);
}

/* Mean a / (a + b), variance ab / ((a + b)² (a + b + 1)); also if most variates are 0 or 1. */
static void moments(void **state) {
    (void)state;
    const double shapes[][2] = {{0.001, 0.001}, {0.01, 0.01}, {0.2, 0.2},
                                {0.3, 1.7},     {40, 60},     {1000, 1000}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        double a = shapes[s][0], b = shapes[s][1], mean = 0, square = 0;
        double variance = a * b / ((a + b) * (a + b) * (a + b + 1));
        draw(a, b);
        for (int i = 0; i < TRIALS; i++) {
            mean += values[i] / TRIALS;
            square += (values[i] - a / (a + b)) * (values[i] - a / (a + b)) / TRIALS;
        }
        assert_float_equal(mean, a / (a + b), 5 * sqrt(variance / TRIALS));
        assert_float_equal(square, variance, 0.08 * variance);
    }
}

static void same_number_again(void **state) {
    (void)state;
    struct RandomStream stream = random_stream(8, RANDOM_TEST, 1, 2, 3);
    assert_true(random_beta(&stream, 1, 0.4, 0.4) == random_beta(&stream, 1, 0.4, 0.4));
    assert_true(random_beta(&stream, 1, 0.4, 0.4) != random_beta(&stream, 9, 0.4, 0.4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distributions),
        cmocka_unit_test(moments),
        cmocka_unit_test(same_number_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
