/* Every schedule against its closed form, step by step. */
#include "choices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOTAL 1000
static const struct ScheduleState at_start = SCHEDULE_STATE_AT_START;
static const struct ScheduleTime run_time = {.total = TOTAL, .steps_per_epoch = 40};

typedef double Formula(double step, double warmup); /* after the warm-up */

static void check(const char *text, int warmup, Formula *formula) {
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    if (choices_parse(&file, text, &choices, &error) ||
        schedule_check(&choices.schedule, &run_time, &error))
        fail_msg("%s", error.text);
    for (int step = 0; step < TOTAL; step++) {
        double expected = step < warmup ? (step + 1) / (double)warmup : formula(step, warmup);
        double found = schedule_factor(&choices.schedule, &run_time, &at_start, step);
        if (!(fabs(found - expected) <= 1e-14))
            fail_msg("%s: step %d: %.17g, expected %.17g", text, step, found, expected);
    }
    runfile_release(file);
}

static double constant(double step, double warmup) {
    (void)step, (void)warmup;
    return 1;
}
static double step_default(double step, double warmup) {
    return pow(0.1, floor((step - warmup) / 300));
}
static double step_half(double step, double warmup) {
    return pow(0.5, floor((step - warmup) / 80));
}
static double cosine(double step, double warmup) { /* as the peer writes it */
    return 0.5 * (1 + cos(M_PI * (step - warmup) / fmax(1, TOTAL - warmup)));
}
static double cosine_final(double step, double warmup) {
    return 0.1 + 0.9 * cosine(step, warmup);
}
static double linear(double step, double warmup) {
    return 1 - (step - warmup) / (TOTAL - warmup);
}
static double linear_final(double step, double warmup) {
    return linear(step, warmup) * 0.75 + 0.25;
}
static double inverse_sqrt_epoch(double step, double warmup) {
    return sqrt(40 / (40 + step - warmup));
}
static double inverse_sqrt_warmup(double step, double warmup) { /* Vaswani: √(w/t) */
    return sqrt(warmup / step);
}

static double exponential(double step, double warmup) {
    return pow(0.5, (step - warmup) / 100);
}
static double cosine_restarts(double step, double warmup) { /* cycles of 100, 200, 400, … steps */
    double t = step - warmup, length = 100;
    for (; t >= length; length *= 2)
        t -= length;
    return 0.2 + 0.8 * 0.5 * (1 + cos(M_PI * t / length));
}
static double one_cycle(double step, double warmup) { /* 300 steps up, 700 down */
    (void)warmup;
    return step <= 299 ? 0.1 + 0.9 * step / 299 : 1 + (0.01 - 1) * (step - 299) / 700;
}
static double multi_step(double step, double warmup) { /* from the run's start, warm-up included */
    (void)warmup;
    return step < 30 ? 1 : step < 80 ? 0.5 : step < 999 ? 0.25 : 0.125;
}

static void test_formulas(void **state) {
    (void)state;
    check("schedule: constant", 0, constant);
    check("schedule: {constant: {warmup: 2 epochs}}", 80, constant);
    check("schedule: {constant: {warmup: 1000 steps}}", 1000, constant);
    check("schedule: {step: {every: 300 steps}}", 0, step_default);
    check("schedule: {step: {every: 2 epochs, factor: 0.5, warmup: 7 steps}}", 7, step_half);
    check("schedule: cosine", 0, cosine);
    check("schedule: {cosine: {warmup: 2 epochs}}", 80, cosine);
    check("schedule: {cosine: {warmup: 999 steps}}", 999, cosine);
    check("schedule: {cosine: {final: 0.1, warmup: 33 steps}}", 33, cosine_final);
    check("schedule: linear", 0, linear);
    check("schedule: {linear: {final: 0.25, warmup: 100 steps}}", 100, linear_final);
    check("schedule: inverse_sqrt", 0, inverse_sqrt_epoch);
    check("schedule: {inverse_sqrt: {warmup: 5 epochs}}", 200, inverse_sqrt_epoch);
    check("schedule: {inverse_sqrt: {scale: 100 steps, warmup: 100 steps}}", 100,
          inverse_sqrt_warmup);
    check("schedule: {exponential: {every: 100 steps, factor: 0.5, warmup: 10 steps}}", 10,
          exponential);
    check(
        "schedule: {cosine_restarts: {period: 100 steps, growth: 2, final: 0.2, warmup: 1 epoch}}",
        40, cosine_restarts);
    check("schedule: {one_cycle: {rise: 0.3, initial: 0.1, final: 0.01, anneal: linear}}", 0,
          one_cycle);
    check("schedule: {multi_step: {at: [30 steps, 2 epochs, 999 steps], factor: 0.5}}", 0,
          multi_step);
    check("schedule: {multi_step: {at: [30 steps, 2 epochs, 999 steps], factor: 0.5, "
          "warmup: 29 steps}}",
          29, multi_step);
}

/* The peer's learning rate to the last bit: both train the same run. */
static void test_peer_exactly(void **state) {
    (void)state;
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    assert_int_equal(
        choices_parse(&file, "schedule: {cosine: {warmup: 2 epochs}}", &choices, &error), OK);
    for (int step = 0; step < TOTAL; step++) {
        double peer = step < 80 ? (step + 1) / 80.0
                                : 0.5 * (1 + cos(M_PI * (step - 80) / (double)(TOTAL - 80)));
        assert_true(schedule_factor(&choices.schedule, &run_time, &at_start, step) == peer);
    }
    runfile_release(file);
}

static void test_spans(void **state) {
    (void)state;
    assert_int_equal(span_steps((struct Span){7, false}, 40), 7);
    assert_int_equal(span_steps((struct Span){2, true}, 40), 80);
    assert_int_equal(span_steps((struct Span){0.5, true}, 41), 21);
    assert_int_equal(span_steps((struct Span){0, false}, 40), 0);
}

static void refused(const char *text, const char *part) {
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    if (choices_parse(&file, text, &choices, &error))
        fail_msg("%s", error.text);
    assert_int_equal(schedule_check(&choices.schedule, &run_time, &error), ERROR_RUN_FILE);
    if (!strstr(error.text, part) || !strstr(error.text, "run.yaml:1"))
        fail_msg("unexpected message: %s", error.text);
    runfile_release(file);
}

static void test_refusals(void **state) {
    (void)state;
    refused("schedule: {cosine: {warmup: 1001 steps}}", "warmup");
    refused("schedule: {constant: {warmup: 26 epochs}}", "warmup");
    refused("schedule: {step: {every: 0 steps}}", "every");
    refused("schedule: {inverse_sqrt: {scale: 0 epochs}}", "scale");
    refused("schedule: {one_cycle: {warmup: 4 steps}}",
            "schedule.one_cycle.warmup: one_cycle rises to the base rate by itself");
}

static void test_last_change(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t step;
    } cases[] = {{"schedule: constant", -1},
                 {"schedule: {multi_step: {at: [2 epochs, 100 steps]}}", 100},
                 {"schedule: {multi_step: {at: [100 steps, 4 epochs]}}", 160}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct RunFile *file;
        struct Choices choices = {0};
        struct Error error = {0};
        assert_int_equal(choices_parse(&file, cases[i].text, &choices, &error), OK);
        assert_int_equal(schedule_last_change(&choices.schedule, &run_time), cases[i].step);
        runfile_release(file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),    cmocka_unit_test(test_peer_exactly),
        cmocka_unit_test(test_spans),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_last_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
