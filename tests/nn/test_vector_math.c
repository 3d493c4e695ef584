/* The polynomials of nn/vector_math.h against libm in double: errors relative to the value, over
 * all magnitudes, at the ends and for a NaN. */
#define KERNEL_SUFFIX f32
#include "nn/vector_math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

struct Function {
    const char *name;
    float (*ours)(float);
    double (*exact)(double);
    float low, high; /* checked in this range */
    double limit;    /* relative error */
};

static float our_exp(float x) {
    return vector_exp(x);
}
static float our_expm1(float x) {
    return vector_expm1(x);
}
static float our_tanh(float x) {
    return vector_tanh(x);
}
static float our_erf(float x) {
    return vector_erf(x);
}
static float our_sigmoid(float x) {
    return vector_sigmoid(x);
}
static double exact_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static const struct Function functions[] = {
    {"exp", our_exp, exp, -87, 88, 2e-7},
    {"expm1", our_expm1, expm1, -87, 88, 3e-7},
    {"tanh", our_tanh, tanh, -1e30f, 1e30f, 3e-7},
    {"erf", our_erf, erf, -1e30f, 1e30f, 3e-7},
    {"sigmoid", our_sigmoid, exact_sigmoid, -87, 1e30f, 3e-7},
};

static void check(const struct Function *function, float x) {
    if (!(x >= function->low && x <= function->high))
        return;
    double exact = function->exact((double)x), found = (double)function->ours(x);
    if (!(fabs(found - exact) <= function->limit * fabs(exact)))
        fail_msg("%s(%.9g) is %.9g, expected %.9g", function->name, (double)x, found, exact);
}

static void test_against_libm(void **unused) {
    (void)unused;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (float x = -90; x < 90; x += 0.00037f)
            check(&functions[f], x);
        for (float x = 1e-30f; x < 1e30f; x *= 1.003f) {
            check(&functions[f], x);
            check(&functions[f], -x);
        }
        check(&functions[f], 0);
        assert_true(isnan(functions[f].ours(NAN)));
    }
}

static void test_ends(void **unused) {
    (void)unused;
    assert_true(vector_exp(0) == 1 && vector_expm1(0) == 0 && vector_sigmoid(0) == 0.5f);
    assert_true(vector_exp(-INFINITY) < 2e-38f && vector_exp(-INFINITY) > 0);
    assert_true(vector_exp(INFINITY) > 1.6e38f && isfinite(vector_exp(INFINITY)));
    assert_true(vector_expm1(-INFINITY) == -1);
    assert_true(vector_tanh(INFINITY) == 1 && vector_tanh(-INFINITY) == -1);
    assert_true(vector_erf(INFINITY) == 1 && vector_erf(-INFINITY) == -1);
    assert_true(vector_sigmoid(INFINITY) == 1 && vector_sigmoid(-INFINITY) < 1e-37f);
    for (float x = -30; x < 30; x += 0.01f) {
        assert_true(vector_tanh(x) == -vector_tanh(-x) && fabsf(vector_tanh(x)) <= 1);
        assert_true(vector_erf(x) == -vector_erf(-x) && fabsf(vector_erf(x)) <= 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_libm),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
