/* Weights that balance classes, by hand; scikit-learn's compute_class_weight gives the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "data/class_weights.h"

#include <cmocka.h>

enum { COUNT = 8, CLASSES = 4 };
static const int32_t labels[COUNT] = {0, 0, 0, 0, 0, 1, 3, 3};

static void check(const struct Split *split, bool by_itself, const double expected[CLASSES]) {
    struct Dataset dataset = {.targets = {.count = CLASSES}};
    struct ClassWeights weights;
    class_weights_balance(&weights, &dataset, split, by_itself);
    assert_int_equal(weights.count, CLASSES);
    for (int c = 0; c < CLASSES; c++)
        assert_true(fabs(weights.values[c] - expected[c]) < 1e-12);
    class_weights_release(&weights);
}

static void of_labels(void **unused) {
    (void)unused;
    const struct Split split = {.count = COUNT, .labels = labels};
    check(&split, false, (double[]){8.0 / 15, 8.0 / 3, 1, 8.0 / 6});
    check(&split, true, (double[]){3.0 / 5, 7, 1, 3});
}

static void of_distributions_and_sets(void **unused) {
    (void)unused;
    const float soft[] = {0.5f, 0.5f, 0, 0, 1, 0, 0, 0}, sets[] = {1, 1, 0, 0, 1, 0, 0, 0};
    check(&(struct Split){.count = 2, .targets = soft}, false, (double[]){2.0 / 3, 2, 1, 1});
    /* All have class 0, and nobody has 2 and 3. */
    check(&(struct Split){.count = 2, .targets = sets}, true, (double[]){1, 1, 1, 1});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_labels),
        cmocka_unit_test(of_distributions_and_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
