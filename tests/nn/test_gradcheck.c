/* The gradient check itself. The linker puts the functions of this program between the check and
 * the plan (--wrap): they add a smooth term, a kink or an error to loss and gradient. */
#include "losses.h"
#include "net.h"
#include "nn/gradcheck.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static struct {
    int64_t element; /* of the state */
    double kink; /* the loss gains kink · |w − centre|, backward the slope of its right side */
    double centre;
    bool every_base; /* the centre moves with the base point; else it stays at the first */
    bool settled;
    double error; /* the error of backward */
} twist;

double __real_plan_loss(struct Plan *plan, const struct ShardCall *call);
double __wrap_plan_loss(struct Plan *plan, const struct ShardCall *call);
void __real_plan_backward(struct Plan *plan, const struct ShardCall *call);
void __wrap_plan_backward(struct Plan *plan, const struct ShardCall *call);

double __wrap_plan_loss(struct Plan *plan, const struct ShardCall *call) {
    double value = ((const double *)call->state)[twist.element], added = 0;
    if (twist.settled)
        added = twist.kink * fabs(value - twist.centre);
    return __real_plan_loss(plan, call) + added;
}

void __wrap_plan_backward(struct Plan *plan, const struct ShardCall *call) {
    __real_plan_backward(plan, call);
    double value = ((const double *)call->state)[twist.element];
    if (!twist.settled || twist.every_base)
        twist.centre = value;
    twist.settled = true;
    ((double *)call->gradient)[twist.element] +=
        twist.error + (value < twist.centre ? -twist.kink : twist.kink);
}

struct Seen {
    int64_t checked, kinks, wrong;
};

static void see(void *context, const struct GradcheckRow *row) {
    struct Seen *seen = context;
    if (!strcmp(row->name, "3.weight"))
        *seen = (struct Seen){row->checked, row->kinks, row->wrong};
}

/* Element 0 of the last layer's weights is twisted. */
static int run_twisted(double kink, bool every_base, double error_of, int64_t elements,
                       struct Seen *seen, struct Error *error) {
    struct Net net = net_create("[flatten, {linear: {out: 6}}, tanh, {linear: {out: 3}}]",
                                (struct Shape){2, 2, 2, 1, 1});
    const struct Arena *arena = model_arena(net.model);
    memset(&twist, 0, sizeof twist);
    twist.element = arena->rows[arena_find(arena, "3.weight")].offset;
    twist.kink = kink;
    twist.every_base = every_base;
    twist.error = error_of;
    struct GradcheckRequest request = {.loss = &net.loss,
                                       .backend = backend_find("openblas", VARIANT_F64, error),
                                       .samples = 3,
                                       .elements = elements,
                                       .tolerance = 1e-6,
                                       .seed = 4};
    int code = gradcheck_run(net.model, &request, see, seen, error);
    net_release(&net);
    return code;
}

static void test_right_gradients_pass(void **unused) {
    (void)unused;
    struct Seen seen;
    struct Error error = {0};
    assert_int_equal(run_twisted(0, false, 0, 0, &seen, &error), OK);
    assert_int_equal(seen.checked, 18);
    assert_int_equal(seen.kinks + seen.wrong, 0);
}

static void test_wrong_gradients_are_found(void **unused) {
    (void)unused;
    static const double errors[] = {1e-5, -1e-3, 0.1, NAN, INFINITY};
    for (int i = 0; i < 5; i++) {
        struct Seen seen;
        struct Error error = {0};
        assert_int_equal(run_twisted(0, false, errors[i], 0, &seen, &error), ERROR_NUMERIC);
        assert_int_equal(seen.wrong, 1);
        assert_non_null(strstr(error.text, "3.weight[0]"));
        /* nor does a kink hide an error that is far larger than it */
        assert_int_equal(run_twisted(1e-7, false, errors[i], 0, &seen, &error), ERROR_NUMERIC);
        assert_int_equal(seen.wrong, 1);
    }
}

/* There the differences of all widths agree with each other and not with backward. */
static void test_kinks_are_left_out(void **unused) {
    (void)unused;
    static const double kinks[] = {1e-5, -1e-3, 0.1, 3};
    for (int i = 0; i < 4; i++) {
        struct Seen seen;
        struct Error error = {0};
        if (run_twisted(kinks[i], false, 0, 0, &seen, &error))
            fail_msg("kink %g: %s", kinks[i], error.text);
        assert_int_equal(seen.kinks, 1);
        assert_int_equal(seen.checked, 17);
    }
}

/* A base point without the kink helps; without one the row is unchecked, which is no success. */
static void test_rows_on_kinks(void **unused) {
    (void)unused;
    struct Seen seen;
    struct Error error = {0};
    struct Net net = net_create("[flatten, {linear: {out: 1}}]", (struct Shape){1, 1, 1, 1, 1});
    struct RunFile *file;
    struct Choice loss;
    assert_int_equal(parse_loss("mse", &file, &loss, &error), OK);
    const struct Arena *arena = model_arena(net.model);
    struct GradcheckRequest request = {.loss = &loss,
                                       .backend = backend_find("openblas", VARIANT_F64, &error),
                                       .samples = 2,
                                       .tolerance = 1e-6,
                                       .seed = 4};
    for (int every_base = 0; every_base < 2; every_base++) {
        memset(&twist, 0, sizeof twist);
        twist.element = arena->rows[arena_find(arena, "1.weight")].offset;
        twist.kink = 0.3;
        twist.every_base = every_base;
        int code = gradcheck_run(net.model, &request, see, &seen, &error);
        assert_int_equal(code, every_base ? ERROR_NUMERIC : OK);
    }
    assert_non_null(strstr(error.text, "1.weight: could not be checked"));
    runfile_release(file);
    net_release(&net);
}

static int run_plain(const char *layers, struct Shape input, int64_t elements,
                     struct Error *error) {
    struct Net net = net_create(layers, input);
    struct Seen seen;
    struct GradcheckRequest request = {.loss = &net.loss,
                                       .backend = backend_find("openblas", VARIANT_F64, error),
                                       .samples = 2,
                                       .elements = elements,
                                       .tolerance = 1e-6,
                                       .seed = 4};
    memset(&twist, 0, sizeof twist);
    int code = gradcheck_run(net.model, &request, see, &seen, error);
    net_release(&net);
    return code;
}

/* 0 in backward and 0 in the differences is no success. */
static void test_dead_units(void **unused) {
    (void)unused;
    struct Error error = {0};
    struct Shape input = {2, 2, 1, 1, 1};
    const char *dead = "[flatten, {linear: {out: 4, bias_init: {constant: {value: -1000}}}}, relu, "
                       "{linear: {out: 3}}]";
    for (int64_t elements = 0; elements <= 5; elements += 5) {
        assert_int_equal(run_plain(dead, input, elements, &error), ERROR_NUMERIC);
        assert_non_null(strstr(error.text, "gradient of 1.weight, 1.bias, 3.weight, input: could "
                                           "not be checked, it is 0"));
    }
}

/* The pooling takes one of 16 x 16 pixels: the others have no gradient. */
static void test_few_elements_with_a_gradient(void **unused) {
    (void)unused;
    struct Error error = {0};
    if (run_plain("[{maxpool: {kernel: 16}}, flatten, {linear: {out: 3}}]",
                  (struct Shape){16, 16, 1, 1, 1}, 5, &error))
        fail_msg("%s", error.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_gradients_pass),
        cmocka_unit_test(test_wrong_gradients_are_found),
        cmocka_unit_test(test_kinks_are_left_out),
        cmocka_unit_test(test_rows_on_kinks),
        cmocka_unit_test(test_dead_units),
        cmocka_unit_test(test_few_elements_with_a_gradient),
    };
    return cmocka_run_group_tests_name("gradcheck", tests, NULL, NULL);
}
