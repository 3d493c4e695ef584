/* The rate that the large-batch rule makes of a batch, and the warm-up to it. */
#include "choices.h"
#include "optim/large_batch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct Key rule_keys[] = {
    {.name = "large_batch", .type = KEY_SECTION, .keys = large_batch_keys}, KEY_END};

/* What the rule `text` makes of a batch of 512 samples, with 10 steps an epoch. */
static struct ScheduleTime time_of(const char *text) {
    struct RunFile *file;
    struct LargeBatchOptions options = {0};
    struct Error error = {0};
    struct ScheduleTime time = {.total = 100, .steps_per_epoch = 10};
    if (runfile_parse(&file, "run.yaml", text, NULL, 0, rule_keys, &options, &error))
        fail_msg("%s", error.text);
    large_batch_apply(&options, 512, &time);
    runfile_release(file);
    return time;
}

static void expect(const char *text, double scale, int64_t warmup) {
    struct ScheduleTime time = time_of(text);
    assert_true(fabs(time.scale - scale) < 1e-12);
    assert_int_equal(time.scale_warmup, warmup);
}

static void scales(void **unused) {
    (void)unused;
    expect("large_batch: {base: 128, warmup: 3 epochs}", 4, 30);
    expect("large_batch: {base: 128, rule: sqrt, warmup: 7 steps}", 2, 7);
    expect("large_batch: {base: 512, warmup: 3 epochs}", 1, 0);
    expect("large_batch: {base: 2048, warmup: 3 epochs}", 0.25, 0);
    expect("large_batch: {base: 2048, rule: sqrt, warmup: 3 epochs}", 0.5, 0);
    expect("large_batch: {base: 0, warmup: 3 epochs}", 0, 0); /* the rule is off */
}

/* From the base rate itself to four times it, then the schedule. */
static void warms_up(void **unused) {
    (void)unused;
    const struct ScheduleState start = SCHEDULE_STATE_AT_START;
    struct ScheduleTime time = time_of("large_batch: {base: 128, warmup: 30 steps}");
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    assert_int_equal(choices_parse(&file, "schedule: constant", &choices, &error), OK);
    static const struct {
        int64_t step;
        double factor;
    } points[] = {{0, 1}, {1, 1.1}, {15, 2.5}, {29, 3.9}, {30, 4}, {99, 4}};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        assert_true(fabs(schedule_factor(&choices.schedule, &time, &start, points[i].step) -
                         points[i].factor) < 1e-12);
    runfile_release(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales),
        cmocka_unit_test(warms_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
