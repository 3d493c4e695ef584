/* The moments at which the loop calls callbacks; early stopping; the best validation. */
#include <ftw.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "data/made_dataset.h"
#include "store/scratch.h"
#include "train/trainer.h"

#include <cmocka.h>

/* ---- A run that two callbacks watch ---- */

/* What happened, in its order: "start", "update 1", ... */
static struct Text told;

struct Counter {
    int64_t steps;
};

static void tell(const struct Trainer *trainer, const char *moment) {
    text_add(&told, "%s %d; ", moment, (int)trainer->saved.progress.step);
}

static void on_make(const struct Trainer *trainer, void *state) {
    assert_int_equal(((struct Counter *)state)->steps, 0);
    tell(trainer, "make");
}

static int on_start(struct Trainer *trainer, void *state, struct Error *error) {
    (void)state, (void)error;
    tell(trainer, "start");
    return OK;
}

static void on_update(struct Trainer *trainer, void *state) {
    ((struct Counter *)state)->steps++;
    tell(trainer, "update");
}

static int on_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error) {
    (void)error;
    assert_int_equal(report->step, trainer->saved.progress.step);
    assert_int_equal(((struct Counter *)state)->steps, report->step);
    assert_true(report->figures.measured[FIGURE_LOSS]);
    tell(trainer, "step");
    return OK;
}

static void before_validation(struct Trainer *trainer, void *state) {
    (void)state;
    tell(trainer, "before");
}

static void on_validation(struct Trainer *trainer, void *state,
                          const struct Validation *validation) {
    (void)state;
    assert_true(validation->model.measured[FIGURE_ACCURACY]);
    assert_false(figures_any(&validation->average));
    tell(trainer, "validation");
}

static void on_validated(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)state;
    assert_true(report->train.measured[FIGURE_LOSS]);
    assert_true(report->validation.measured[FIGURE_LOSS]);
    tell(trainer, "validated");
}

static void on_epoch(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)state;
    assert_true(report->train.measured[FIGURE_LOSS]);
    assert_int_equal(report->epoch, trainer->saved.progress.epoch + 1);
    tell(trainer, "epoch");
}

static int on_save(struct Trainer *trainer, void *state, struct Error *error) {
    (void)state, (void)error;
    tell(trainer, "save");
    return OK;
}

static void on_stop(struct Trainer *trainer, void *state, const struct StopReport *report) {
    (void)state;
    assert_int_equal(report->waited, 77);
    tell(trainer, "stop");
}

static void release(void *state) {
    (void)state;
    text_add(&told, "release");
}

static const struct Callback teller = {.name = "teller",
                                       .state_size = sizeof(struct Counter),
                                       .release = release,
                                       .make = on_make,
                                       .on_start = on_start,
                                       .on_update = on_update,
                                       .on_step = on_step,
                                       .before_validation = before_validation,
                                       .on_validation = on_validation,
                                       .on_epoch = on_epoch,
                                       .on_validated = on_validated,
                                       .on_save = on_save,
                                       .on_stop = on_stop};

static const struct SavedField counter_fields[] = {
    SAVED_FIELD(struct Counter, "steps", steps, .optional = true), SAVED_END};
static const struct SavedTable counter_saved = {.what = "a counter", .fields = counter_fields};

static void count(struct Trainer *trainer, void *state) {
    (void)trainer;
    ((struct Counter *)state)->steps++;
}

static bool stop_at_three(const struct Trainer *trainer, const void *state,
                          struct StopReport *report) {
    (void)trainer;
    *report = (struct StopReport){.waited = 77};
    return ((const struct Counter *)state)->steps == 3;
}

/* Ends the run after three steps, and its count is saved. */
static const struct Callback stopper = {.name = "stopper",
                                        .state_size = sizeof(struct Counter),
                                        .saved = &counter_saved,
                                        .prefix = "test_counter_",
                                        .on_update = count,
                                        .wants_stop = stop_at_three};

static int fail_at_two(struct Trainer *trainer, void *state, const struct StepReport *report,
                       struct Error *error) {
    (void)trainer, (void)state;
    return report->step == 2 ? (fail)(error, ERROR_NUMERIC, "two is too much") : OK;
}
static const struct Callback failer = {.name = "failer", .on_step = fail_at_two};

/* 40 samples of 4 classes and 13 to validate on: 2 steps an epoch. */
static int write_run(void **state) {
    (void)state;
    made_write(scratch_path("d.h5"), (struct Made){0});
    FILE *file = fopen(scratch_path("run.yaml"), "w");
    assert_non_null(file);
    fprintf(file,
            "data: {file: \"%s\", validation: test}\n"
            "model: [flatten, linear: {out: 4}]\n"
            "optimizer: {sgd: {rate: 0.001}}\n"
            "train: {batch: 20, shards: 1, length: 6 steps}\n"
            "checkpoint: {every: 100 epochs}\n",
            scratch_path("d.h5"));
    fclose(file);
    return 0;
}

static int run_with(const char *override, const struct Callback *const *callbacks,
                    const char *folder, bool resume, struct TrainResult *result,
                    struct Error *error) {
    struct Ranks *ranks = ranks_alone();
    char *path = memory_copy_text(scratch_path(folder));
    struct TrainRequest request = {.run_path = scratch_path("run.yaml"),
                                   .overrides = &override,
                                   .override_count = override ? 1 : 0,
                                   .folder = path,
                                   .resume = resume,
                                   .quiet = true,
                                   .callbacks = callbacks};
    int code = train(ranks, &request, result, error);
    memory_release(result->checkpoint);
    memory_release(path);
    ranks_release(ranks);
    return code;
}

static int run(const struct Callback *const *callbacks, const char *folder, bool resume,
               struct TrainResult *result, struct Error *error) {
    return run_with(NULL, callbacks, folder, resume, result, error);
}

static void test_moments(void **state) {
    (void)state;
    static const struct Callback *const table[] = {&teller, &stopper, NULL};
    struct TrainResult result;
    struct Error error = {0};
    text_release(&told);
    told = (struct Text){0};
    if (run(table, "a", false, &result, &error))
        fail_msg("%s", error.text);
    assert_int_equal(result.progress.step, 3);
    /* The first validation is the best so far, and so it is saved. */
    assert_true(result.stopped_early && result.finished);
    assert_string_equal(told.data, "make 0; start 0; save 0; update 1; step 1; update 2; step 2; "
                                   "before 2; validation 2; epoch 2; save 2; update 3; step 3; "
                                   "stop 3; save 3; release");
    text_release(&told);
    told = (struct Text){0};
}

/* The moments of one run of 6 steps, 2 an epoch, that are not those of each step. The seed makes no
 * validation but the first the best. */
static void expect_moments(const char *override, const char *folder, const char *expected) {
    static const struct Callback *const table[] = {&teller, NULL};
    struct TrainResult result;
    struct Error error = {0};
    struct Text found = {0};
    text_release(&told);
    told = (struct Text){0};
    if (run_with(override, table, folder, false, &result, &error))
        fail_msg("%s", error.text);
    char *rest = NULL;
    for (char *word = strtok_r(told.data, ";", &rest); word; word = strtok_r(NULL, ";", &rest))
        if (strstr(word, "validat") || strstr(word, "epoch"))
            text_add(&found, "%s;", word);
    assert_string_equal(found.data, expected);
    text_release(&found);
    text_release(&told);
    told = (struct Text){0};
}

static void test_moments_of_validations(void **state) {
    (void)state;
    expect_moments("validation.every=3 steps", "v3",
                   " epoch 2; validation 3; validated 3; epoch 4; validation 6; epoch 6;");
    expect_moments("validation.every=2 epochs", "v2e",
                   " epoch 2; validation 4; epoch 4; validation 6; epoch 6;");
    expect_moments("validation.every=0.5 epochs", "vhalf",
                   " validation 1; validated 1; validation 2; epoch 2; validation 3; validated 3;"
                   " validation 4; epoch 4; validation 5; validated 5; validation 6; epoch 6;");
    expect_moments("validation.every=0", "v0", " epoch 2; epoch 4; validation 6; epoch 6;");
    /* By the clock, here as often as it can be: after each step before which time has passed since
     * the newest validation. */
    expect_moments("validation.every=0.000000001 s", "vclock",
                   " validation 2; epoch 2; validation 4; epoch 4; validation 6; epoch 6;");
    expect_moments("validation.every=1 d", "vday", " epoch 2; epoch 4; validation 6; epoch 6;");
}

/* Its count goes on from the checkpoint's, so that the run is finished. */
static void test_saved_value(void **state) {
    (void)state;
    static const struct Callback *const table[] = {&stopper, NULL};
    struct TrainResult result;
    struct Error error = {0};
    assert_int_equal(run(table, "b", false, &result, &error), OK);
    assert_int_equal(result.progress.step, 3);
    assert_int_equal(run(table, "b", true, &result, &error), OK);
    assert_int_equal(result.progress.step, 3);
    assert_true(result.stopped_early);
    static const struct Callback *const none[] = {NULL};
    assert_int_equal(run(none, "b", true, &result, &error), OK);
    assert_int_equal(result.progress.step, 6);
}

static void test_failure(void **state) {
    (void)state;
    static const struct Callback *const table[] = {&failer, &teller, NULL};
    struct TrainResult result;
    struct Error error = {0};
    assert_int_equal(run(table, "c", false, &result, &error), ERROR_NUMERIC);
    assert_string_equal(error.text, "two is too much");
    assert_null(strstr(told.data, "step 2"));
    assert_non_null(strstr(told.data, "update 2"));
    text_release(&told);
    told = (struct Text){0};
}

/* ---- A checkpoint that is written while the run goes on ---- */

#define EVERY 40 /* steps; a run goes on for a twentieth of them */
#define GOES_ON 2

/* What the thread that writes sees; assertions are made after the run. */
static struct {
    pthread_t run;
    atomic_int newest;        /* step that the run has done */
    int apart, ahead, beyond; /* writes by a thread; steps made meanwhile, and after a while */
    int failures;             /* the next so many writes fail */
    int code;                 /* with this code */
} writing;

static void pause_a_moment(int milliseconds) {
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

/* Holds the write up until the run has gone on as far as it may. */
static int hold_up(const void *state, struct Error *error) {
    (void)state;
    (void)error;
    if (pthread_equal(pthread_self(), writing.run))
        return OK;
    int step = writing.newest;
    step -= step % EVERY;
    for (int i = 0; i < 10000 && writing.newest < step + GOES_ON; i++)
        pause_a_moment(1);
    writing.ahead = writing.newest - step;
    pause_a_moment(20);
    writing.beyond = writing.newest - step;
    writing.apart++;
    return OK;
}

static int note_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                     struct Error *error) {
    (void)trainer, (void)state, (void)error;
    writing.newest = (int)report->step;
    return OK;
}

static const struct Callback holder = {
    .name = "holder", .on_step = note_step, .synchronise = hold_up};

static int write_with_holder(const char *folder, int64_t stop, struct Error *error) {
    static const struct Callback *const table[] = {&holder, NULL};
    static const char *const overrides[] = {"checkpoint.every=40 steps",
                                            "checkpoint.on_error={retry: 0}", "validation.every=0",
                                            "train.length=100 steps"};
    struct Ranks *ranks = ranks_alone();
    struct TrainResult result;
    char *path = memory_copy_text(scratch_path(folder));
    struct TrainRequest request = {.run_path = scratch_path("run.yaml"),
                                   .overrides = overrides,
                                   .override_count = 4,
                                   .folder = path,
                                   .stop_after = stop,
                                   .quiet = true,
                                   .callbacks = table};
    writing.run = pthread_self();
    writing.newest = 0;
    writing.apart = 0;
    int code = train(ranks, &request, &result, error);
    memory_release(result.checkpoint);
    memory_release(path);
    ranks_release(ranks);
    return code;
}

static void read_model(const char *path, float values[1000]) {
    struct Checkpoint *checkpoint;
    struct Error error = {0};
    if (checkpoint_open(&checkpoint, scratch_path(path), &error))
        fail_msg("%s", error.text);
    const struct CheckpointArray *array = checkpoint_array(checkpoint, "model/", "1.weight");
    assert_non_null(array);
    assert_in_range(array->count, 1, 1000);
    assert_int_equal(checkpoint_get_array(checkpoint, array, values, &error), OK);
    checkpoint_close(checkpoint);
}

/* It holds the state from which it was begun, and what is written last is written by the run. */
static void test_writing_while_the_run_goes_on(void **state) {
    (void)state;
    struct Error error = {0};
    float later[1000] = {0}, at_once[1000] = {0}, last[1000] = {0};
    if (write_with_holder("w", 0, &error) || write_with_holder("x", EVERY, &error))
        fail_msg("%s", error.text);
    assert_int_equal(writing.apart, 0);
    if (write_with_holder("y", 0, &error))
        fail_msg("%s", error.text);
    assert_int_equal(writing.apart, 2);
    assert_int_equal(writing.ahead, GOES_ON);
    assert_int_equal(writing.beyond, GOES_ON);
    read_model("w/checkpoints/step-000000040.h5", later);
    read_model("x/checkpoints/step-000000040.h5", at_once);
    read_model("y/checkpoints/latest.h5", last);
    assert_memory_equal(later, at_once, sizeof later);
    assert_memory_not_equal(later, last, sizeof later);
}

/* The second write, that of step 40, fails, and the run hears of it two steps later. */
static int fail_once(const void *state, struct Error *error) {
    (void)state;
    bool fails = writing.newest >= EVERY && writing.failures > 0;
    writing.failures -= fails;
    return fails ? (fail)(error, writing.code, "the disk is full") : OK;
}
static const struct Callback failing_writer = {
    .name = "failing", .on_step = note_step, .synchronise = fail_once};

static int write_and_fail(int code, const char *give_up, struct Error *error) {
    static const struct Callback *const table[] = {&failing_writer, NULL};
    const char *overrides[] = {"checkpoint.every=40 steps", give_up, "train.length=100 steps"};
    struct Ranks *ranks = ranks_alone();
    struct TrainResult result;
    char *path = memory_copy_text(scratch_path(give_up));
    struct TrainRequest request = {.run_path = scratch_path("run.yaml"),
                                   .overrides = overrides,
                                   .override_count = 3,
                                   .folder = path,
                                   .quiet = true,
                                   .callbacks = table};
    writing.newest = 0;
    writing.failures = 1;
    writing.code = code;
    int found = train(ranks, &request, &result, error);
    memory_release(result.checkpoint);
    memory_release(path);
    ranks_release(ranks);
    return found;
}

static void test_a_write_that_fails_while_the_run_goes_on(void **state) {
    (void)state;
    struct Error error = {0};
    assert_int_equal(
        write_and_fail(ERROR_SYSTEM, "checkpoint.on_error={retry: 0, give_up_after: 0}", &error),
        ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "the disk is full; the newest checkpoint is that of step"));
    assert_in_range(writing.newest, EVERY, EVERY + GOES_ON);
    assert_int_equal(
        write_and_fail(ERROR_SYSTEM, "checkpoint.on_error={retry: 0, give_up_after: 1 h}", &error),
        OK);
    assert_int_equal(writing.newest, 100);
    assert_int_equal(
        write_and_fail(ERROR_SYSTEM, "checkpoint.on_error={retry: 1, give_up_after: 0}", &error),
        OK);
    assert_int_equal(writing.failures, 0);
}

/* ---- Early stopping ---- */

extern const struct Callback callback_early_stopping;

static void validate(struct Trainer *trainer, double model, double average) {
    struct Validation validation = {0};
    figures_set(&validation.model, FIGURE_ACCURACY, model);
    if (average >= 0)
        figures_set(&validation.average, FIGURE_ACCURACY, average);
    trainer->saved.validation = validation.model;
    trainer->saved.progress.step++;
    callbacks__on_validation(trainer, &validation);
}

static void test_early_stopping(void **state) {
    (void)state;
    static const struct Callback *const table[] = {&callback_early_stopping, NULL};
    struct StopReport report;
    struct Trainer trainer = {.parts.time.total = 100};
    trainer.options.early_stopping =
        (struct EarlyStoppingOptions){.patience = 2, .metric = FIGURE_ACCURACY};
    callbacks__create(&trainer.callbacks, table);
    validate(&trainer, 0.5, -1);
    validate(&trainer, 0.5, -1);
    assert_false(callbacks__want_stop(&trainer, &report));
    validate(&trainer, 0.25, -1);
    assert_true(callbacks__want_stop(&trainer, &report));
    assert_int_equal(report.step, 3);
    assert_int_equal(report.figure, FIGURE_ACCURACY);
    assert_int_equal(report.waited, 2);
    assert_true(report.best == 0.5);
    trainer.options.early_stopping.patience = 3;
    assert_false(callbacks__want_stop(&trainer, &report));
    trainer.options.early_stopping.patience = 0; /* off */
    assert_false(callbacks__want_stop(&trainer, &report));
    trainer.options.early_stopping.patience = 2;
    trainer.parts.time.total = 3; /* the last step */
    assert_false(callbacks__want_stop(&trainer, &report));
    trainer.parts.time.total = 100;
    validate(&trainer, 0.1, 0.75); /* the average counts if there is one */
    assert_false(callbacks__want_stop(&trainer, &report));
    callbacks__release(&trainer.callbacks);
}

/* It counts while it is off, because patience may be given when the run resumes. */
static void test_off(void **state) {
    (void)state;
    static const struct Callback *const table[] = {&callback_early_stopping, NULL};
    struct StopReport report;
    struct Trainer trainer = {.parts.time.total = 100};
    trainer.options.early_stopping.metric = FIGURE_ACCURACY;
    callbacks__create(&trainer.callbacks, table);
    for (int i = 0; i < 5; i++)
        validate(&trainer, 0.5, -1);
    assert_false(callbacks__want_stop(&trainer, &report));
    trainer.options.early_stopping.patience = 4;
    assert_true(callbacks__want_stop(&trainer, &report));
    callbacks__release(&trainer.callbacks);
}

/* ---- The best validation ---- */

static void observe(struct Best *best, enum Figure figure, double value, double loss,
                    int64_t step) {
    struct Figures validation = {0};
    figures_set(&validation, FIGURE_LOSS, loss);
    figures_set(&validation, figure, value);
    best_observe(best, figure, &validation, step);
}

static void test_best(void **state) {
    (void)state;
    struct Best best = {.metric = -1, .loss = -1, .figure = -1};
    observe(&best, FIGURE_ACCURACY, 0, 9, 10); /* the first, whatever it is */
    assert_true(best.metric == 0 && best.step == 10);
    observe(&best, FIGURE_ACCURACY, 0.5, 3, 20);
    observe(&best, FIGURE_ACCURACY, 0.25, 1, 40);
    assert_true(best.metric == 0.5 && best.step == 20);
    best = (struct Best){.metric = -1, .loss = -1};
    observe(&best, FIGURE_LOSS, 2, 2, 1);
    observe(&best, FIGURE_LOSS, 3, 3, 2);
    assert_true(best.metric == 2 && best.step == 1);
    observe(&best, FIGURE_LOSS, 1, 1, 3);
    assert_true(best.metric == 1 && best.step == 3 && best.figure == FIGURE_LOSS);
}

static void test_equal_validations_are_decided_by_loss(void **state) {
    (void)state;
    struct Best best = {.metric = -1, .loss = -1, .figure = -1};
    observe(&best, FIGURE_ACCURACY, 0.5, 3, 10);
    observe(&best, FIGURE_ACCURACY, 0.5, 3, 20); /* as good is not better */
    observe(&best, FIGURE_ACCURACY, 0.5, 4, 30);
    assert_int_equal(best.step, 10);
    observe(&best, FIGURE_ACCURACY, 0.5, 2, 40);
    assert_true(best.step == 40 && best.loss == 2);
    best.loss = -1; /* the checkpoint of a program that did not save it */
    observe(&best, FIGURE_ACCURACY, 0.5, 1, 50);
    assert_int_equal(best.step, 40);
    best.metric = NAN;
    observe(&best, FIGURE_ACCURACY, 0.1, 9, 60);
    assert_int_equal(best.step, 60);
}

static void test_which_figure_is_best(void **state) {
    (void)state;
    assert_int_equal(best_metric_figure(BEST_AUTO, TARGET_CLASSES), FIGURE_ACCURACY);
    assert_int_equal(best_metric_figure(BEST_AUTO, TARGET_VALUES), FIGURE_LOSS);
    assert_int_equal(best_metric_figure(1 + FIGURE_LOSS, TARGET_CLASSES), FIGURE_LOSS);
    assert_int_equal(best_metric_figure(1 + FIGURE_ACCURACY, TARGET_VALUES), FIGURE_R2);
    struct Best old = {.figure = -1};
    assert_int_equal(best_figure(&old, TARGET_DISTRIBUTIONS), FIGURE_ACCURACY);
}

static int remove_one(const char *path, const struct stat *what, int type, struct FTW *place) {
    (void)what, (void)type, (void)place;
    return remove(path);
}

static int remove_runs(void **state) {
    (void)state;
    return nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_moments, write_run),
        cmocka_unit_test(test_moments_of_validations),
        cmocka_unit_test_setup(test_saved_value, write_run),
        cmocka_unit_test_setup(test_failure, write_run),
        cmocka_unit_test_setup(test_writing_while_the_run_goes_on, write_run),
        cmocka_unit_test_setup(test_a_write_that_fails_while_the_run_goes_on, write_run),
        cmocka_unit_test(test_early_stopping),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_equal_validations_are_decided_by_loss),
        cmocka_unit_test(test_which_figure_is_best),
    };
    return cmocka_run_group_tests_name("callbacks", tests, scratch_make, remove_runs);
}
