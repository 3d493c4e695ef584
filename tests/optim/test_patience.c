/* What follows the validation: improvement, the plateau schedule's state, its warm-up. Cycles of a
 * schedule. The large-batch rule. */
#include "choices.h"
#include "optim/large_batch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool observe(struct Patience *watch, struct PatienceRule rule, double value) {
    struct Figures validation = {0};
    figures_set(&validation, rule.figure, value);
    return patience_observe(watch, rule, &validation);
}

static void test_improvement(void **state) {
    (void)state;
    struct Patience watch = {0};
    struct PatienceRule loss = {.figure = FIGURE_LOSS, .threshold = 0.1, .relative = true};
    assert_true(observe(&watch, loss, 2));
    assert_false(observe(&watch, loss, 1.9)); /* by less than a tenth */
    assert_false(observe(&watch, loss, 1.8)); /* by a tenth: it has to be more */
    assert_int_equal(watch.waited, 2);
    assert_true(watch.best == 2);
    assert_true(observe(&watch, loss, 1.79));
    assert_int_equal(watch.waited, 0);
    assert_int_equal(watch.seen, 4);
    assert_true(watch.best == 1.79);

    watch = (struct Patience){0};
    struct PatienceRule accuracy = {.figure = FIGURE_ACCURACY, .threshold = 0.125};
    assert_true(observe(&watch, accuracy, 0)); /* the first, whatever it is */
    assert_false(observe(&watch, accuracy, 0.125));
    assert_true(observe(&watch, accuracy, 0.25));
    watch = (struct Patience){0};
    struct PatienceRule r2 = {.figure = FIGURE_R2, .threshold = 0.1, .relative = true};
    assert_true(observe(&watch, r2, -2)); /* R2 of values may be negative */
    assert_false(observe(&watch, r2, -2.1));
    assert_false(observe(&watch, r2, -2));
    assert_false(observe(&watch, r2, -1.9));
    assert_true(observe(&watch, r2, -1.7));
    watch = (struct Patience){0};
    loss.relative = false;
    assert_true(observe(&watch, loss, 1));
    assert_false(observe(&watch, loss, 0.95));
    assert_true(observe(&watch, loss, 0.85));

    watch = (struct Patience){0};
    assert_true(observe(&watch, loss, NAN)); /* the first ... */
    assert_false(observe(&watch, loss, NAN));
    assert_true(observe(&watch, loss, 1e30)); /* ... which any number beats */
    assert_false(observe(&watch, loss, NAN));
    assert_true(watch.best == 1e30 && watch.waited == 1);
}

static struct Choices choices;
static struct RunFile *parse(const char *text) {
    struct RunFile *file = NULL;
    struct Error error = {0};
    if (choices_parse(&file, text, &choices, &error))
        fail_msg("%s", error.text);
    return file;
}

static const struct ScheduleTime hundred = {.total = 100, .steps_per_epoch = 10};

static void test_plateau(void **state) {
    (void)state;
    struct RunFile *file = parse("schedule: {plateau: {patience: 1, factor: 0.5, cooldown: 2, "
                                 "minimum: 0.2, warmup: 2 epochs}}");
    struct ScheduleState seen = SCHEDULE_STATE_AT_START;
    struct Figures same = {0}, worse = {0};
    figures_set(&same, FIGURE_LOSS, 1);
    figures_set(&worse, FIGURE_LOSS, 3);
    assert_true(schedule_needs_validations(&choices.schedule));
    schedule_observe(&choices.schedule, &hundred, &worse, 10, &seen);
    schedule_observe(&choices.schedule, &hundred, &worse, 20, &seen);
    assert_int_equal(seen.patience.seen, 0); /* warm-up */
    assert_true(schedule_factor(&choices.schedule, &hundred, &seen, 9) == 0.5);
    /*                           best, wait, ½, cool, cool, wait, min 0.2 … */
    static const double scales[] = {1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        schedule_observe(&choices.schedule, &hundred, &same, 30, &seen);
        assert_true(schedule_factor(&choices.schedule, &hundred, &seen, 31) == scales[i]);
    }
    runfile_release(file);
    file = parse("schedule: cosine");
    assert_false(schedule_needs_validations(&choices.schedule));
    seen = SCHEDULE_STATE_AT_START;
    schedule_observe(&choices.schedule, &hundred, &same, 30, &seen);
    assert_int_equal(seen.patience.seen, 0);
    runfile_release(file);
}

static void test_cycles(void **state) {
    (void)state;
    struct RunFile *file =
        parse("schedule: {cosine_restarts: {period: 1 epoch, growth: 2, warmup: 5 steps}}");
    static const int ends[] = {15, 35, 75, 155};
    assert_true(schedule_has_cycles(&choices.schedule));
    for (int step = 0, done = 0; step < 200; step++) {
        done += done < 4 && step == ends[done];
        assert_int_equal(schedule_cycles(&choices.schedule, &hundred, step), done);
    }
    runfile_release(file);
    file = parse("schedule: {cosine_restarts: {period: 7 steps}}");
    for (int step = 0; step < 100; step++)
        assert_int_equal(schedule_cycles(&choices.schedule, &hundred, step), step / 7);
    runfile_release(file);
    file = parse("schedule: {cosine_restarts: {period: 3 steps, growth: 1000000}}");
    assert_int_equal(schedule_cycles(&choices.schedule, &hundred, INT64_MAX / 2), 4);
    runfile_release(file);
    file = parse("schedule: one_cycle");
    assert_false(schedule_has_cycles(&choices.schedule));
    assert_int_equal(schedule_cycles(&choices.schedule, &hundred, 100), 0);
    runfile_release(file);
}

/* Goyal et al.: from η at step 0 to kη where the warm-up ends, and then the schedule times k. */
static void test_large_batch(void **state) {
    (void)state;
    struct RunFile *file = parse("schedule: linear");
    const struct ScheduleState seen = SCHEDULE_STATE_AT_START;
    struct ScheduleTime time = hundred;
    struct LargeBatchOptions rule = {.base = 256, .warmup = {5, true}};
    large_batch_apply(&rule, 2048, &time);
    assert_int_equal(time.scale_warmup, 50);
    for (int step = 0; step < 100; step++) {
        double expected = step < 50 ? 1 + 7 * step / 50.0 : 8 * (1 - (step - 50) / 50.0);
        double found = schedule_factor(&choices.schedule, &time, &seen, step);
        assert_true(fabs(found - expected) < 1e-14);
    }
    rule.rule = 1; /* sqrt */
    large_batch_apply(&rule, 1024, &time);
    assert_true(schedule_factor(&choices.schedule, &time, &seen, 50) == 2);
    large_batch_apply(&rule, 64, &time); /* smaller: less rate, no warm-up */
    assert_int_equal(time.scale_warmup, 0);
    assert_true(schedule_factor(&choices.schedule, &time, &seen, 0) == 0.5);
    rule.base = 0;
    large_batch_apply(&rule, 64, &time);
    assert_true(schedule_factor(&choices.schedule, &time, &seen, 0) == 1);
    runfile_release(file);
}

static void refused(const char *text, const struct LargeBatchOptions *rule, const char *part) {
    struct RunFile *file = parse(text);
    struct Error error = {0};
    struct ScheduleTime time = hundred;
    if (rule)
        large_batch_apply(rule, 1000, &time);
    int code = large_batch_check(file, &choices.schedule, &time, &error);
    if (!code)
        code = schedule_check(&choices.schedule, &time, &error);
    assert_int_equal(code, ERROR_RUN_FILE);
    if (!strstr(error.text, part) || !strstr(error.text, "run.yaml:1"))
        fail_msg("unexpected message: %s", error.text);
    runfile_release(file);
}

static void test_refusals(void **state) {
    (void)state;
    const struct LargeBatchOptions rule = {.base = 10, .warmup = {5, true}},
                                   long_rule = {.base = 10, .warmup = {11, true}};
    refused("schedule: {multi_step: {at: []}}", NULL, "at: names no time");
    refused("schedule: {multi_step: {at: [0 epochs]}}", NULL, "not after the warm-up");
    refused("schedule: {multi_step: {at: [2 epochs], warmup: 30 steps}}", NULL,
            "item 0 is step 20, which is not after the warm-up (step 30)");
    refused("schedule: {multi_step: {at: [2 epochs, 20 steps]}}", NULL,
            "item 1 is step 20, which is not after the one before it");
    refused("schedule: {multi_step: {at: [2 epochs]}}", &rule, "not after the warm-up (step 50)");
    refused("schedule: {exponential: {every: 0}}", NULL, "every");
    refused("schedule: {cosine_restarts: {period: 0.01 epochs}}", NULL, "period");
    refused("schedule: {one_cycle: {rise: 0.6, three_phase: true}}", NULL, "rise");
    refused("schedule: {cosine: {warmup: 1 epoch}}", &rule, "large_batch has a warm-up");
    refused("schedule: cosine", &long_rule, "large_batch.warmup: 110 steps of warm-up");
    refused("schedule: one_cycle", &rule, "large_batch.warmup: no warm-up goes with one_cycle");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_improvement), cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_cycles),      cmocka_unit_test(test_large_batch),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
