/* Small trials: limits on a run's samples, and a handful of samples to overfit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "data/made_dataset.h"
#include "run/check.h"
#include "run/overfit.h"
#include "store/scratch.h"

#include <cmocka.h>

/* Everything that makes training harder. */
#define MODEL                                                                                      \
    "model:\n  - conv: {out: 4, kernel: 3, padding: 1, dropconnect: 0.1}\n"                        \
    "  - residual: {drop: 0.2, drop_rule: constant, body: [dropout: {rate: 0.5}]}\n"               \
    "  - flatten\n  - alpha_dropout: {rate: 0.3}\n  - linear: {out: 4, dropconnect: 0.2}\n"
#define REST                                                                                       \
    "augment: [flip]\nmix: [mixup]\n"                                                              \
    "loss: {cross_entropy: {label_smoothing: 0.1}}\n"                                              \
    "optimizer: {momentum: {rate: 0.1, weight_decay: 0.01}}\n"                                     \
    "parameters: [weights: {l1: 0.1, max_norm: 3, rate: 0.5}]\n"                                   \
    "schedule: {cosine: {warmup: 1 epoch}}\naverage: {ema: {decay: 0.9}}\n"                        \
    "large_batch: {base: 2, warmup: 0}\nearly_stopping: {patience: 3}\n"
#define TRAIN "train: {batch: 20, shards: 2, length: 2 epochs}\n"

struct Tried {
    struct RunFile *file;
    struct RunOptions options;
    struct RunParts parts;
    struct Error error;
    int code;
};

static void parse(struct Tried *tried, const char *data, const char *override) {
    *tried = (struct Tried){0};
    char *text =
        memory_print("data: {file: \"%s\"%s}\n" MODEL REST TRAIN, scratch_path("d.h5"), data);
    tried->code = run_parse(&tried->file, "run.yaml", text, &override, override ? 1 : 0,
                            &tried->options, &tried->error);
    memory_release(text);
}

static void check(struct Tried *tried) {
    struct RunRequest request = {.file = tried->file,
                                 .options = &tried->options,
                                 .ranks = 1,
                                 .variant = run_best_variant(&tried->options)};
    tried->code = run_check_model(&request, &tried->parts, &tried->error);
}

static void release(struct Tried *tried) {
    run_parts_release(&tried->parts);
    runfile_release(tried->file);
}

static int write_data(void **state) {
    (void)state;
    made_write(scratch_path("d.h5"), (struct Made){0});
    return 0;
}

/* The first samples, with their labels, and the statistics of the whole split. */
static void test_limit(void **state) {
    (void)state;
    struct Tried tried, whole;
    parse(&whole, ", validation: test", NULL);
    check(&whole);
    parse(&tried, ", validation: test, limit: {train: 22, validation: 5}", NULL);
    check(&tried);
    assert_string_equal(tried.error.text, "");
    assert_int_equal(tried.parts.train->count, 22);
    assert_int_equal(tried.parts.validation->count, 5);
    assert_memory_equal(tried.parts.train->labels, whole.parts.train->labels, 22 * sizeof(int32_t));
    for (int64_t i = 0; i < 22; i++)
        assert_memory_equal(dataset_image(tried.parts.dataset, tried.parts.train, i),
                            dataset_image(whole.parts.dataset, whole.parts.train, i),
                            MADE_ELEMENTS);
    assert_memory_equal(tried.parts.dataset->statistics.channel_mean,
                        whole.parts.dataset->statistics.channel_mean,
                        MADE_CHANNELS * sizeof(double));
    assert_string_equal(tried.parts.train->digest, ""); /* that of the whole is another */
    release(&tried);
    release(&whole);
}

/* A limit that cuts nothing changes nothing. */
static void test_loose_limit(void **state) {
    (void)state;
    struct Tried tried;
    parse(&tried, ", validation: test, limit: {train: 1000, validation: 13}", NULL);
    check(&tried);
    assert_string_equal(tried.error.text, "");
    assert_int_equal(tried.parts.train->count, MADE_TRAIN);
    assert_true(tried.parts.train->as_stored && tried.parts.validation->as_stored);
    release(&tried);
}

static void test_limit_of_folds(void **state) {
    (void)state;
    struct Tried tried;
    parse(&tried,
          ", validation: held, folds: {count: 4}, limit: {train: 6, per_class: true, validation: "
          "2, choose: random}",
          NULL);
    check(&tried);
    assert_string_equal(tried.error.text, "");
    assert_int_equal(tried.parts.train->count, 6 * MADE_CLASSES);
    assert_int_equal(tried.parts.validation->count, 2 * MADE_CLASSES);
    release(&tried);
}

static void refused(const char *data, const char *expected) {
    struct Tried tried;
    parse(&tried, data, NULL);
    assert_int_equal(tried.code, ERROR_RUN_FILE);
    if (!strstr(tried.error.text, expected))
        fail_msg("%s", tried.error.text);
}

static void test_refused_limits(void **state) {
    (void)state;
    refused(", validation: train, limit: {validation: 5}", "is the training split");
    refused(", limit: {per_class: true}", "has no effect without a limit");
    refused(", limit: {train: 0}", "data.limit.train");
}

static void test_overfit(void **state) {
    (void)state;
    struct Tried tried;
    parse(&tried, ", validation: test, folds: {count: 0}", NULL);
    assert_int_equal(run_overfit(tried.file, &tried.options, 9, 1, &tried.error), OK);
    char *once = runfile_emit(run_keys, &tried.options);
    static const char *const parts[] = {"dropconnect: 0}",
                                        "drop: 0\n",
                                        "drop_rule: linear",
                                        "dropout: {rate: 0,",
                                        "alpha_dropout: {rate: 0}",
                                        "augment: []",
                                        "mix: []",
                                        "label_smoothing: 0}",
                                        "weight_decay: 0,",
                                        "{name: \"*\", rate: 0.5, l1: 0, max_norm: 0}",
                                        "constant: {warmup: 0 steps}",
                                        "batch: 8\n",
                                        "length: 300 steps",
                                        "last_batch: drop"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(once, parts[i]))
            fail_msg("%s is not in\n%s", parts[i], once);
    assert_null(strstr(once, "average:"));
    assert_null(strstr(once, "dropconnect: 0."));
    check(&tried);
    assert_string_equal(tried.error.text, "");
    assert_ptr_equal(tried.parts.train, tried.parts.validation);
    assert_int_equal(tried.parts.train->count, 9);
    int64_t of_class[MADE_CLASSES] = {0};
    for (int64_t i = 0; i < 9; i++)
        of_class[tried.parts.train->labels[i]]++;
    for (int c = 0; c < MADE_CLASSES; c++)
        assert_in_range(of_class[c], 2, 3);
    assert_int_equal(run_overfit(tried.file, &tried.options, 9, 1, &tried.error), OK);
    char *twice = runfile_emit(run_keys, &tried.options);
    assert_string_equal(once, twice);
    memory_release(once);
    memory_release(twice);
    release(&tried);
}

static void test_overfit_length(void **state) {
    (void)state;
    struct Tried tried;
    parse(&tried, ", validation: test", "train.length=7 steps");
    assert_int_equal(run_overfit(tried.file, &tried.options, 4, 1, &tried.error), OK);
    assert_int_equal((int)tried.options.train.length.value, 7);
    release(&tried);
}

static void test_overfit_refused(void **state) {
    (void)state;
    struct Tried tried;
    parse(&tried, ", validation: test", NULL);
    assert_int_equal(run_overfit(tried.file, &tried.options, 1, 1, &tried.error), ERROR_RUN_FILE);
    assert_non_null(strstr(tried.error.text, "no more shards than samples"));
    release(&tried);
}

static void test_learnt(void **state) {
    (void)state;
    struct Figures figures = {0};
    assert_false(run_overfit_learnt(&figures));
    figures_set(&figures, FIGURE_R2, 0.98);
    assert_false(run_overfit_learnt(&figures));
    figures_set(&figures, FIGURE_R2, 0.995);
    assert_true(run_overfit_learnt(&figures));
    figures_set(&figures, FIGURE_ACCURACY, 0.95);
    assert_false(run_overfit_learnt(&figures));
    figures_set(&figures, FIGURE_ACCURACY, 1);
    assert_true(run_overfit_learnt(&figures));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),           cmocka_unit_test(test_loose_limit),
        cmocka_unit_test(test_limit_of_folds),  cmocka_unit_test(test_refused_limits),
        cmocka_unit_test(test_overfit),         cmocka_unit_test(test_overfit_length),
        cmocka_unit_test(test_overfit_refused), cmocka_unit_test(test_learnt)};
    return cmocka_run_group_tests(tests, write_data, NULL);
}
