#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "compute/backend.h"
#include "data/made_dataset.h"
#include "run/blocks.h"
#include "run/check.h"
#include "store/scratch.h"

#include <cmocka.h>

/* A run on the made data set: 40 samples of 4 classes, so 10 steps an epoch. */
#define MODEL "model: [flatten, linear: {out: 4}]\n"
#define OPTIMIZER "optimizer: {sgd: {rate: 0.1}}\n"
#define TRAIN "train: {batch: 4, shards: 2, length: 2 epochs}\n"

struct Checked {
    struct RunFile *file;
    struct RunOptions options;
    struct RunParts parts;
    struct Error error;
    int code;
};

/* Parses the run file that has `text` beside its data set, and checks it on `ranks` ranks. */
static void check(struct Checked *checked, const char *text, int64_t ranks,
                  const struct Shape *input) {
    *checked = (struct Checked){0};
    char *whole =
        memory_print("data: {file: \"%s\", validation: none}\n%s", scratch_path("d.h5"), text);
    checked->code =
        run_parse(&checked->file, "run.yaml", whole, NULL, 0, &checked->options, &checked->error);
    if (checked->code)
        fail_msg("%s", checked->error.text);
    memory_release(whole);
    struct RunRequest request = {.file = checked->file,
                                 .options = &checked->options,
                                 .ranks = ranks,
                                 .variant = run_best_variant(&checked->options),
                                 .input = input};
    checked->code = run_check(&request, &checked->parts, &checked->error);
}

static void check_release(struct Checked *checked) {
    run_parts_release(&checked->parts);
    runfile_release(checked->file);
}

static int write_data(void **state) {
    (void)state;
    made_write(scratch_path("d.h5"), (struct Made){0});
    return 0;
}

/* The parts of a run that can start. */
static void test_parts(void **state) {
    (void)state;
    struct Checked checked;
    check(&checked, MODEL OPTIMIZER TRAIN, 2, NULL);
    assert_int_equal(checked.code, OK);
    assert_int_equal(checked.parts.train->count, MADE_TRAIN);
    assert_null(checked.parts.validation);
    assert_null(checked.parts.validation_plan);
    assert_int_equal(checked.parts.time.steps_per_epoch, 10);
    assert_int_equal(checked.parts.time.total, 20);
    assert_non_null(checked.parts.plan);
    assert_int_equal(model_arena(checked.parts.model)->trained, MADE_ELEMENTS * 4 + 4);
    check_release(&checked);
}

static int rule_of(const char *saved, const char *file, const char *override) {
    struct RunFile *parsed = NULL;
    struct RunOptions options = {0};
    struct Error error = {0};
    int code = run_parse(&parsed, file, saved, &override, override != NULL, &options, &error);
    if (code)
        fail_msg("%s", error.text);
    runfile_release(parsed);
    return options.train.convolution;
}

/* A saved run that names no rule is of a program that had none. */
static void test_convolution_rules(void **state) {
    (void)state;
#define SAVED "data: {file: d.h5, validation: none}\n" MODEL OPTIMIZER
    const char *older = SAVED "train: {batch: 4, length: 1 epoch}\n";
    const char *newer = SAVED "train: {batch: 4, length: 1 epoch, convolution: fastest-1}\n";
    FILE *file = fopen(scratch_path("rules.yaml"), "w");
    fputs(older, file);
    assert_int_equal(fclose(file), 0);
    const char *path = scratch_path("rules.yaml");
    assert_int_equal(rule_of(older, "saved", NULL), CONVOLUTION_DIRECT);
    assert_int_equal(rule_of(newer, "saved", NULL), CONVOLUTION_FASTEST_1);
    assert_int_equal(rule_of(NULL, path, NULL), CONVOLUTION_AUTO);
    assert_int_equal(rule_of(NULL, path, "train.convolution=winograd"), CONVOLUTION_WINOGRAD);
    assert_int_equal(convolution_rule(CONVOLUTION_AUTO, PRECISION_FP32), CONVOLUTION_FASTEST_5);
    assert_int_equal(convolution_rule(CONVOLUTION_AUTO, PRECISION_BF16), CONVOLUTION_BF16_2);
    assert_int_equal(convolution_rule(CONVOLUTION_DIRECT, PRECISION_BF16), CONVOLUTION_DIRECT);
}

/* A saved run may hold a number that float32 does not. */
static void test_saved_numbers(void **state) {
    (void)state;
    const char *saved = SAVED "train: {batch: 4, length: 1 epoch}\nclip: {norm: 1.0e-50}\n";
    struct RunFile *parsed = NULL;
    struct RunOptions options = {0};
    struct Error error = {0};
    assert_int_equal(run_parse(&parsed, "saved", saved, NULL, 0, &options, &error), OK);
    assert_true(options.clip.norm == 1e-50);
    runfile_release(parsed);
    parsed = NULL;
    options = (struct RunOptions){0};
    FILE *file = fopen(scratch_path("numbers.yaml"), "w");
    fputs(saved, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(
        run_parse(&parsed, scratch_path("numbers.yaml"), NULL, NULL, 0, &options, &error),
        ERROR_RUN_FILE);
    assert_non_null(strstr(error.text, "clip.norm: "));
    assert_non_null(strstr(error.text, "too small for float32"));
}

/* A last batch that is dropped makes no step. */
static void test_last_batch(void **state) {
    (void)state;
    static const struct {
        const char *train;
        int64_t steps;
    } cases[] = {{"train: {batch: 12, shards: 2, length: 1 epoch}\n", 4},
                 {"train: {batch: 12, shards: 2, length: 1 epoch, last_batch: drop}\n", 3},
                 {"train: {batch: 40, shards: 2, length: 1 epoch, last_batch: drop}\n", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = memory_print("%s%s", MODEL OPTIMIZER, cases[i].train);
        struct Checked checked;
        check(&checked, text, 1, NULL);
        assert_int_equal(checked.code, OK);
        assert_int_equal(checked.parts.time.total, cases[i].steps);
        check_release(&checked);
        memory_release(text);
    }
}

/* What depends on the run's length holds at its very end, and is refused one step later. */
static void test_limits(void **state) {
    (void)state;
    static const struct {
        const char *good, *bad, *says;
    } cases[] = {
        {"schedule: {constant: {warmup: 20 steps}}\n", "schedule: {constant: {warmup: 21 steps}}\n",
         "run.yaml:5: schedule.constant.warmup: "},
        {"lookahead: {every: 20}\n", "lookahead: {every: 21}\n", "run.yaml:5: lookahead.every: "},
        {"large_batch: {base: 2, warmup: 2 epochs}\n", "large_batch: {base: 2, warmup: 21 steps}\n",
         "run.yaml:5: large_batch.warmup: "},
        {"schedule: {cosine_restarts: {period: 20 steps}}\ncheckpoint: {snapshots: true}\n",
         "schedule: {cosine_restarts: {period: 21 steps}}\ncheckpoint: {snapshots: true}\n",
         "run.yaml:6: checkpoint.snapshots: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int bad = 0; bad < 2; bad++) {
            char *text =
                memory_print("%s%s", MODEL OPTIMIZER TRAIN, bad ? cases[i].bad : cases[i].good);
            struct Checked checked;
            check(&checked, text, 1, NULL);
            if (checked.code != (bad ? ERROR_RUN_FILE : OK))
                fail_msg("%s: %d %s", text, checked.code, checked.error.text);
            if (bad && strncmp(checked.error.text, cases[i].says, strlen(cases[i].says)))
                fail_msg("\"%s\" does not begin with \"%s\"", checked.error.text, cases[i].says);
            check_release(&checked);
            memory_release(text);
        }
}

static void refused(const char *text, int64_t ranks, int code, const char *key, const char *says) {
    struct Checked checked;
    check(&checked, text, ranks, NULL);
    if (checked.code != code || strcmp(checked.error.key, key) || !strstr(checked.error.text, says))
        fail_msg("%d, %s: %s", checked.code, checked.error.key, checked.error.text);
    assert_true(checked.error.located);
    check_release(&checked);
}

static void test_refusals(void **state) {
    (void)state;
    refused(MODEL OPTIMIZER TRAIN, 3, ERROR_RUN_FILE, "train.shards",
            "run.yaml:4: train.shards: 2 shards cannot be dealt out equally to 3 ranks");
    refused(MODEL OPTIMIZER "train: {batch: 5, shards: 2, length: 1 epoch}\n", 1, ERROR_RUN_FILE,
            "train.batch", "cannot be cut into 2 equal shards");
    refused(MODEL OPTIMIZER "train: {batch: 42, shards: 2, length: 1 epoch}\n", 1, ERROR_RUN_FILE,
            "train.batch", "more than the 40 samples");
    refused(MODEL OPTIMIZER "train: {batch: 6, shards: 6, exchange: halving, length: 1 epoch}\n", 3,
            ERROR_RUN_FILE, "train.exchange",
            "run.yaml:4: train.exchange: halving needs powers of two");
    refused("model: [flatten, linear: {out: 3}]\n" OPTIMIZER TRAIN, 1, ERROR_RUN_FILE, "model",
            "run.yaml:2: model: the model has 3 outputs");
    refused(MODEL OPTIMIZER TRAIN "early_stopping: {patience: 2}\n", 1, ERROR_RUN_FILE,
            "early_stopping.patience", "data.validation is none");
    refused(MODEL OPTIMIZER TRAIN "schedule: plateau\n", 1, ERROR_RUN_FILE, "schedule.plateau",
            "data.validation is none");
    refused(MODEL OPTIMIZER TRAIN "initialise: {residual: zero}\n", 1, ERROR_RUN_FILE,
            "initialise.residual", "the model has none");
}

/* Without the data set, what needs it is left out and the rest is not. */
static void test_without_data(void **state) {
    (void)state;
    const struct Shape input = {6, 5, 3, 1, 1};
    struct Checked checked;
    check(&checked,
          "model: [flatten, linear: {out: 3}]\n" OPTIMIZER TRAIN
          "schedule: {constant: {warmup: 21 steps}}\n",
          1, &input);
    assert_int_equal(checked.code, OK);
    assert_null(checked.parts.dataset);
    assert_non_null(checked.parts.plan);
    check_release(&checked);
    check(&checked, "model: [flatten]\n" OPTIMIZER TRAIN, 1, &input);
    assert_int_equal(checked.code, ERROR_RUN_FILE);
    assert_string_equal(checked.error.text,
                        "run.yaml:2: model: nothing to train: no layer has parameters");
    check_release(&checked);
}

/* Without the data nobody knows the steps of an epoch: what is in steps is checked, and the rest is
 * not. */
static void test_times_without_data(void **state) {
    (void)state;
    static const struct {
        const char *length, *text;
        int code;
    } cases[] = {
        {"20 steps", "schedule: {cosine: {warmup: 20 steps}}\n", OK},
        {"20 steps", "schedule: {cosine: {warmup: 21 steps}}\n", ERROR_RUN_FILE},
        {"20 steps", "schedule: {cosine: {warmup: 21 epochs}}\n", OK},
        {"2 epochs", "schedule: {cosine: {warmup: 21 steps}}\n", OK},
        {"20 steps", "schedule: {step: {every: 1 epoch, warmup: 21 steps}}\n", ERROR_RUN_FILE},
        {"20 steps", "schedule: {step: {every: 1 epoch}}\n", OK},
        {"20 steps", "schedule: {multi_step: {at: [1 epoch, 3 steps]}}\n", OK},
        {"20 steps", "schedule: {multi_step: {at: [5 steps, 3 steps]}}\n", ERROR_RUN_FILE},
        {"20 steps", "average: {swa: {start: 21 steps, every: 1 steps}}\n", ERROR_RUN_FILE},
        {"20 steps", "average: {swa: {start: 21 steps, every: 1 epoch}}\n", OK},
        {"20 steps", "lookahead: {every: 21}\n", ERROR_RUN_FILE},
        {"20 steps", "large_batch: {base: 2, warmup: 21 steps}\n", ERROR_RUN_FILE},
        {"20 steps", "large_batch: {base: 2, warmup: 3 epochs}\n", OK},
        {"20 steps",
         "schedule: {cosine_restarts: {period: 21 steps}}\ncheckpoint: {snapshots: true}\n",
         ERROR_RUN_FILE},
        {"20 steps",
         "schedule: {cosine_restarts: {period: 1 epoch}}\ncheckpoint: {snapshots: true}\n", OK},
    };
    const struct Shape input = {2, 2, 2, 1, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = memory_print("%strain: {batch: 4, shards: 2, length: %s}\n%s", MODEL OPTIMIZER,
                                  cases[i].length, cases[i].text);
        struct Checked checked;
        check(&checked, text, 1, &input);
        if (checked.code != cases[i].code)
            fail_msg("%s: %d %s", text, checked.code, checked.error.text);
        check_release(&checked);
        memory_release(text);
    }
}

/* A part of an epoch can be less than a step. */
static void test_no_step(void **state) {
    (void)state;
    refused(MODEL OPTIMIZER "train: {batch: 4, shards: 2, length: 0.01 epochs}\n", 1,
            ERROR_RUN_FILE, "train.length", "run.yaml:4: train.length: must be at least one step");
}

/* The words of the run file are those of the parts that they name. */
static void test_names(void **state) {
    (void)state;
    assert_string_equal(instruction_set_names[0], "auto");
    for (int i = 1; i < VARIANT_COUNT; i++)
        assert_string_equal(instruction_set_names[i], variant_name((enum Variant)i));
    assert_null(instruction_set_names[VARIANT_COUNT]);
    struct Error error = {0};
    assert_null(backend_find("no such", VARIANT_F32, &error));
    char *list = strstr(error.text, "which has "), *rest = list;
    assert_non_null(list);
    for (char *word = strtok_r(list + strlen("which has "), ", ", &rest); word;
         word = strtok_r(NULL, ", ", &rest)) {
        int i = 0;
        while (backend_choice_names[i] && strcmp(backend_choice_names[i], word))
            i++;
        if (!backend_choice_names[i])
            fail_msg("train.backend does not take %s", word);
    }
}

/* A missing file says where it was looked for, if its path is relative. */
static void test_paths(void **state) {
    (void)state;
    struct Error error;
    (fail)(&error, ERROR_DATA, "no.h5: missing");
    assert_int_equal(run_blame_path(&error, "data.file", "no.h5"), ERROR_DATA);
    assert_string_equal(error.key, "data.file");
    assert_non_null(strstr(error.text, "no.h5: missing (relative to /"));
    (fail)(&error, ERROR_DATA, "/no.h5: missing");
    run_blame_path(&error, "data.file", "/no.h5");
    assert_string_equal(error.text, "/no.h5: missing");
}

static void test_blocks(void **state) {
    (void)state;
    static const int64_t cases[][4] = {/* samples, blocks, their sizes */
                                       {1, 1, 1, 0},     {199, 1, 199, 0}, {200, 1, 200, 0},
                                       {201, 2, 200, 1}, {400, 1, 200, 0}, {599, 2, 200, 199}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t sizes[2] = {0};
        assert_int_equal(block_sizes(cases[i][0], sizes), cases[i][1]);
        assert_int_equal(sizes[0], cases[i][2]);
        assert_int_equal(sizes[1], cases[i][3]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),         cmocka_unit_test(test_convolution_rules),
        cmocka_unit_test(test_saved_numbers), cmocka_unit_test(test_last_batch),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_without_data),  cmocka_unit_test(test_paths),
        cmocka_unit_test(test_blocks),        cmocka_unit_test(test_times_without_data),
        cmocka_unit_test(test_no_step),       cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, write_data, NULL);
}
