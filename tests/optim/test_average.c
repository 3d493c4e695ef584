/* What each average of weights makes of the states of the first steps, by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "optim/average.h"
#include "runfile/runfile.h"

#include <cmocka.h>

enum { STEPS = 8 };
/* A state of one number. */
static const float state[STEPS] = {8, 4, 16, -2, 6, 1, 3, 10};

static struct ScheduleTime run_time = {.total = STEPS, .steps_per_epoch = 4};

static void check(const char *text, int64_t first, int64_t batches, const double expected[STEPS]) {
    static const struct Key keys[] = {
        {.name = "average", .type = KEY_CHOICE, .kinds = &average_kinds}, KEY_END};
    struct RunFile *file;
    struct Choice choice = {0};
    struct Error error = {0};
    if (runfile_parse(&file, "run.yaml", text, NULL, 0, keys, &choice, &error) ||
        average_check(&choice, &run_time, &error))
        fail_msg("%s", error.text);
    float average = 99; /* must not matter */
    for (int64_t step = 1; step <= STEPS; step++) {
        assert_int_equal(average_begun(&choice, &run_time, step), step >= first);
        double weight = average_weight(&choice, &run_time, step);
        assert_true(weight >= 0 && weight <= 1);
        if (weight > 0)
            average_blend(&average, &state[step - 1], 1, weight);
        if (step >= first && fabs((double)average - expected[step - 1]) > 1e-6)
            fail_msg("%s: step %d: %.9g, expected %.9g", text, (int)step, (double)average,
                     expected[step - 1]);
    }
    assert_int_equal(average_batches(&choice, &run_time), batches);
    runfile_release(file);
}

static void exponential(void **unused) {
    (void)unused;
    check("average: {ema: {decay: 0.75, decay_warmup: false}}", 1, 0,
          (double[]){8, 7, 9.25, 6.4375, 6.328125, 4.99609375, 4.4970703125, 5.872802734375});
}

/* d = min(decay, (1 + n)/(10 + n)) after n earlier steps: 2/11, 3/12, 4/13, … */
static void exponential_with_warmup(void **unused) {
    (void)unused;
    double expected[STEPS] = {8};
    for (int n = 1; n < STEPS; n++) {
        double decay = fmin(0.3, (1.0 + n) / (10.0 + n));
        expected[n] = decay * expected[n - 1] + (1 - decay) * (double)state[n];
    }
    check("average: {ema: {decay: 0.3, decay_warmup: true}}", 1, 0, expected);
}

static void of_all_steps(void **unused) {
    (void)unused;
    check("average: {polyak: {start: 0 steps, batches: 3}}", 1, 3,
          (double[]){8, 6, 28.0 / 3, 6.5, 6.4, 5.5, 36.0 / 7, 5.75});
}

static void from_a_step_on(void **unused) {
    (void)unused;
    check("average: {polyak: {start: 1 epoch, batches: 100}}", 4, 4,
          (double[]){0, 0, 0, -2, 2, 5.0 / 3, 2, 3.6});
}

static void at_regular_steps(void **unused) {
    (void)unused;
    check("average: {swa: {start: 2 steps, every: 3 steps, batches: 2}}", 2, 2,
          (double[]){0, 4, 4, 4, 5, 5, 5, 20.0 / 3});
}

/* Without a start the first state that is added is that of step `every`. */
static void at_regular_steps_from_the_start(void **unused) {
    (void)unused;
    check("average: {swa: {start: 0 steps, every: 3 steps, batches: all}}", 3, 4,
          (double[]){0, 0, 16, 16, 16, 8.5, 8.5, 8.5});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential),      cmocka_unit_test(exponential_with_warmup),
        cmocka_unit_test(of_all_steps),     cmocka_unit_test(from_a_step_on),
        cmocka_unit_test(at_regular_steps), cmocka_unit_test(at_regular_steps_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
