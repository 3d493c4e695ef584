/* metrics.jsonl: every line is JSON with every digit, also of a NaN; a resumed run's file goes on
 * where its checkpoint stands. */
#include "report/metrics_file.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h> /* after error.h: it has a macro called fail */

#include "store/scratch.h"

#define LINES 100

/* The file's lines, parsed; a line that is no JSON object ends the test. */
static int read_lines(json_t *lines[LINES]) {
    FILE *file = fopen(scratch_path("metrics.jsonl"), "r");
    char *line = NULL;
    size_t capacity = 0;
    int count = 0;
    assert_non_null(file);
    while (getline(&line, &capacity, file) > 0) {
        json_error_t error;
        assert_true(count < LINES && strchr(line, '\n'));
        lines[count] = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(lines[count]))
            fail_msg("%s: %s", line, error.text);
        count++;
    }
    free(line);
    fclose(file);
    return count;
}

static void release_lines(json_t *lines[LINES], int count) {
    for (int i = 0; i < count; i++)
        json_decref(lines[i]);
}

static double real_of(json_t *line, const char *key) {
    assert_true(json_is_number(json_object_get(line, key)));
    return json_number_value(json_object_get(line, key));
}

static long long integer_of(json_t *line, const char *key) {
    assert_true(json_is_integer(json_object_get(line, key)));
    return (long long)json_integer_value(json_object_get(line, key));
}

static struct Figures of_classes(double loss, double accuracy, double top5) {
    struct Figures figures = {0};
    figures_set(&figures, FIGURE_LOSS, loss);
    figures_set(&figures, FIGURE_ACCURACY, accuracy);
    figures_set(&figures, FIGURE_TOP5, top5);
    return figures;
}

static struct Figures of_values(double loss, double rmse, double r2) {
    struct Figures figures = {0};
    figures_set(&figures, FIGURE_LOSS, loss);
    figures_set(&figures, FIGURE_RMSE, rmse);
    figures_set(&figures, FIGURE_R2, r2);
    return figures;
}

static struct MetricsFile *open_metrics(int64_t keep_steps) {
    struct MetricsFile *metrics;
    struct Error error = {0};
    if (metrics_file_open(&metrics, scratch_path("metrics.jsonl"), keep_steps, &error))
        fail_msg("%s", error.text);
    return metrics;
}

static void write_steps(struct MetricsFile *metrics, int64_t first, int64_t last) {
    struct Error error = {0};
    for (int64_t step = first; step <= last; step++)
        metrics_file_step(metrics,
                          &(struct StepReport){.step = step,
                                               .epoch = (step - 1) / 3 + 1,
                                               .figures = of_classes(2.0 / (double)step, 0.25, 1),
                                               .rate = 0.1,
                                               .images_per_second = 1e6});
    assert_int_equal(metrics_file_flush(metrics, &error), OK);
}

static void test_lines(void **unused) {
    (void)unused;
    struct Error error = {0};
    json_t *lines[LINES];
    scratch_empty();
    struct MetricsFile *metrics = open_metrics(0);
    float loss = 0x1.23456ap1f;
    metrics_file_step(metrics, &(struct StepReport){.step = 12,
                                                    .epoch = 3,
                                                    .figures = of_classes(loss, 0.5, 0.75),
                                                    .rate = 1e-9,
                                                    .images_per_second = 812.4,
                                                    .gradient_norm = 0.75,
                                                    .penalty = 0.25});
    metrics_file_epoch(metrics, &(struct EpochReport){.step = 12,
                                                      .epoch = 3,
                                                      .penalty = 0.125,
                                                      .train = of_classes(1.5, 0.5, 0.75),
                                                      .rate = 0.0125,
                                                      .validation = of_classes(1.25, 0.625, 0.9),
                                                      .average = of_classes(1.125, 0.75, 1),
                                                      .seconds = 33,
                                                      .input_wait = 0.0625});
    metrics_file_epoch(metrics,
                       &(struct EpochReport){.step = INT64_C(1) << 40, .epoch = 4, .penalty = NAN});
    metrics_file_stop(metrics, &(struct StopReport){24, 4, FIGURE_LOSS, 0.5, 3, false});
    metrics_file_nan(metrics, &(struct NanReport){25, 4, "skip", 2, -1, 1});
    metrics_file_nan(metrics, &(struct NanReport){26, 5, "roll_back", 1, 24, 0.5});
    assert_int_equal(metrics_file_flush(metrics, &error), OK);
    int count = read_lines(lines); /* before closing: a flush is enough */
    assert_int_equal(count, 6);
    assert_string_equal(json_string_value(json_object_get(lines[4], "kind")), "nan");
    assert_string_equal(json_string_value(json_object_get(lines[4], "action")), "skip");
    assert_int_equal(integer_of(lines[4], "count"), 2);
    assert_null(json_object_get(lines[4], "checkpoint"));
    assert_string_equal(json_string_value(json_object_get(lines[5], "action")), "roll_back");
    assert_int_equal(integer_of(lines[5], "step"), 26);
    assert_int_equal(integer_of(lines[5], "epoch"), 5);
    assert_int_equal(integer_of(lines[5], "checkpoint"), 24);
    assert_true(real_of(lines[5], "rate_factor") == 0.5);
    assert_string_equal(json_string_value(json_object_get(lines[0], "kind")), "step");
    assert_int_equal(integer_of(lines[0], "step"), 12);
    assert_int_equal(integer_of(lines[0], "epoch"), 3);
    assert_true((float)real_of(lines[0], "loss") == loss);
    assert_true(real_of(lines[0], "accuracy") == 0.5);
    assert_true(real_of(lines[0], "rate") == 1e-9);
    assert_true(real_of(lines[0], "images_per_second") == 812.4);
    assert_true(real_of(lines[0], "gradient_norm") == 0.75);
    assert_true(real_of(lines[0], "penalty") == 0.25);
    assert_true((float)real_of(lines[0], "objective") == loss + 0.25f);
    assert_string_equal(json_string_value(json_object_get(lines[1], "kind")), "epoch");
    assert_true(real_of(lines[1], "train_loss") == 1.5);
    assert_true(real_of(lines[1], "train_accuracy") == 0.5);
    assert_true(real_of(lines[1], "rate") == 0.0125);
    assert_true(real_of(lines[1], "penalty") == 0.125);
    assert_true(real_of(lines[1], "objective") == 1.625);
    assert_null(json_object_get(lines[2], "penalty"));
    assert_true(real_of(lines[1], "validation_loss") == 1.25);
    assert_true(real_of(lines[1], "validation_accuracy") == 0.625);
    assert_true(real_of(lines[1], "validation_top5") == 0.9);
    assert_true(real_of(lines[1], "seconds") == 33);
    assert_true(real_of(lines[1], "input_wait") == 0.0625);
    assert_int_equal(integer_of(lines[2], "step"), INT64_C(1) << 40);
    assert_null(json_object_get(lines[2], "validation_loss")); /* not validated */
    assert_true(real_of(lines[1], "average_loss") == 1.125);
    assert_true(real_of(lines[1], "average_accuracy") == 0.75);
    assert_true(real_of(lines[1], "average_top5") == 1);
    assert_null(json_object_get(lines[2], "average_loss")); /* there is none */
    assert_string_equal(json_string_value(json_object_get(lines[3], "kind")), "stop");
    assert_string_equal(json_string_value(json_object_get(lines[3], "metric")), "loss");
    assert_int_equal(integer_of(lines[3], "step"), 24);
    assert_int_equal(integer_of(lines[3], "waited"), 3);
    assert_true(real_of(lines[3], "best") == 0.5);
    release_lines(lines, count);
    metrics_file_close(metrics);
    metrics_file_close(NULL);
}

/* Values have no accuracy, classes no error. */
static void test_regression(void **unused) {
    (void)unused;
    struct Error error = {0};
    json_t *lines[LINES];
    struct MetricsFile *metrics = open_metrics(0);
    metrics_file_step(metrics, &(struct StepReport){.step = 1, .figures = of_values(1, 0.25, 0.5)});
    metrics_file_epoch(metrics, &(struct EpochReport){.step = 1,
                                                      .train = of_values(1, 0.5, 0.5),
                                                      .validation = of_values(2, 0.75, -0.5)});
    assert_int_equal(metrics_file_flush(metrics, &error), OK);
    metrics_file_close(metrics);
    int count = read_lines(lines);
    assert_int_equal(count, 2);
    assert_true(real_of(lines[0], "rmse") == 0.25);
    assert_null(json_object_get(lines[0], "accuracy"));
    assert_true(real_of(lines[1], "train_rmse") == 0.5);
    assert_true(real_of(lines[1], "validation_loss") == 2);
    assert_true(real_of(lines[1], "validation_rmse") == 0.75);
    assert_true(real_of(lines[1], "validation_r2") == -0.5);
    assert_null(json_object_get(lines[1], "train_accuracy"));
    assert_null(json_object_get(lines[1], "validation_accuracy"));
    assert_null(json_object_get(lines[1], "validation_top5"));
    release_lines(lines, count);
}

static void test_not_numbers(void **unused) {
    (void)unused;
    struct Error error = {0};
    json_t *lines[LINES];
    struct MetricsFile *metrics = open_metrics(0); /* a new file in the old one's place */
    metrics_file_step(metrics, &(struct StepReport){.step = 1,
                                                    .epoch = 1,
                                                    .figures = of_classes(NAN, 0.5, 1),
                                                    .rate = INFINITY,
                                                    .images_per_second = -INFINITY,
                                                    .gradient_norm = NAN});
    metrics_file_epoch(metrics, &(struct EpochReport){.step = 1,
                                                      .epoch = 1,
                                                      .train = of_classes(NAN, 0, 0),
                                                      .validation = of_classes(INFINITY, 0, 0),
                                                      .seconds = 1});
    assert_int_equal(metrics_file_flush(metrics, &error), OK);
    metrics_file_close(metrics);
    int count = read_lines(lines);
    assert_int_equal(count, 2);
    assert_true(json_is_null(json_object_get(lines[0], "loss")));
    assert_true(json_is_null(json_object_get(lines[0], "rate")));
    assert_true(json_is_null(json_object_get(lines[0], "images_per_second")));
    assert_null(json_object_get(lines[0], "gradient_norm")); /* not measured */
    assert_true(json_is_real(json_object_get(lines[0], "accuracy")));
    assert_true(json_is_null(json_object_get(lines[1], "train_loss")));
    assert_true(json_is_null(json_object_get(lines[1], "validation_loss")));
    release_lines(lines, count);
}

static void append(const char *text) {
    FILE *file = fopen(scratch_path("metrics.jsonl"), "a");
    assert_true(file && fputs(text, file) >= 0);
    fclose(file);
}

/* Reopened at step 6 of 9: the lines of 7 to 9 and what a crash tore are gone, epochs included. */
static void test_resumed(void **unused) {
    (void)unused;
    static const char *const torn[] = {"", "{\"kind\":\"step\",\"step\":5,\"epo",
                                       "{\"kind\":\"step\",\"step\":5,\"epoch\":2,\"loss\":1}",
                                       "not json at all\n", "[5]\n{\"step\":\"5\"}\n\n"};
    for (int t = 0; t < 5; t++) {
        json_t *lines[LINES];
        scratch_empty();
        struct MetricsFile *metrics = open_metrics(0);
        write_steps(metrics, 1, 6);
        metrics_file_epoch(metrics, &(struct EpochReport){.step = 6, .epoch = 2});
        write_steps(metrics, 7, 9);
        metrics_file_epoch(metrics, &(struct EpochReport){.step = 9, .epoch = 3});
        metrics_file_close(metrics);
        append(torn[t]);
        metrics = open_metrics(6);
        write_steps(metrics, 7, 8);
        metrics_file_close(metrics);
        int count = read_lines(lines);
        assert_int_equal(count, 9);
        for (int i = 0; i < 9; i++)
            assert_int_equal(integer_of(lines[i], "step"), i < 6 ? i + 1 : i);
        assert_string_equal(json_string_value(json_object_get(lines[6], "kind")), "epoch");
        release_lines(lines, count);
        assert_int_equal(scratch_count(), 1); /* nothing left beside it */
    }
}

static void test_resumed_without_a_file(void **unused) {
    (void)unused;
    json_t *lines[LINES];
    scratch_empty();
    struct MetricsFile *metrics = open_metrics(6);
    write_steps(metrics, 7, 7);
    metrics_file_close(metrics);
    int count = read_lines(lines);
    assert_int_equal(count, 1);
    release_lines(lines, count);
}

/* Each line can be read, whole, as soon as it is written: a plot can follow the run. */
static void test_followed(void **unused) {
    (void)unused;
    scratch_empty();
    struct MetricsFile *metrics = open_metrics(0);
    for (int step = 1; step <= 80; step++) { /* more than the buffer of a stream holds */
        json_t *lines[LINES];
        if (step % 20)
            metrics_file_step(metrics, &(struct StepReport){.step = step, .rate = 1.0 / 3});
        else if (step % 40)
            metrics_file_epoch(metrics, &(struct EpochReport){.step = step, .seconds = 1.0 / 3});
        else
            metrics_file_stop(metrics, &(struct StopReport){.step = step, .figure = FIGURE_LOSS});
        int count = read_lines(lines);
        assert_int_equal(count, step);
        assert_int_equal(integer_of(lines[step - 1], "step"), step);
        release_lines(lines, count);
    }
    metrics_file_close(metrics);
}

/* The flush says why a line could not be written before it; no line is lost. */
static void test_full(void **unused) {
    (void)unused;
    struct Error error = {0};
    json_t *lines[LINES];
    struct rlimit before;
    scratch_empty();
    struct MetricsFile *metrics = open_metrics(0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 100, .rlim_max = before.rlim_max});
    for (int step = 1; step <= 3; step++)
        metrics_file_step(metrics, &(struct StepReport){.step = step, .rate = 1.0 / 3});
    int code = metrics_file_flush(metrics, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(code, ERROR_SYSTEM);
    assert_non_null(strstr(error.text, strerror(EFBIG)));
    metrics_file_step(metrics, &(struct StepReport){.step = 4});
    int count = read_lines(lines);
    assert_int_equal(count, 4);
    for (int i = 0; i < count; i++)
        assert_int_equal(integer_of(lines[i], "step"), i + 1);
    release_lines(lines, count);
    assert_int_equal(metrics_file_flush(metrics, &error), OK);
    metrics_file_close(metrics);
}

static void test_unwritable(void **unused) {
    (void)unused;
    struct MetricsFile *metrics;
    struct Error error = {0};
    const char *path = scratch_path("no/folder/metrics.jsonl");
    assert_int_equal(metrics_file_open(&metrics, path, 0, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, path));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_regression),
        cmocka_unit_test(test_not_numbers),
        cmocka_unit_test(test_resumed),
        cmocka_unit_test(test_resumed_without_a_file),
        cmocka_unit_test(test_followed),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_unwritable),
    };
    return cmocka_run_group_tests_name("metrics", tests, scratch_make, scratch_remove);
}
