/* What a log file gets: whole lines, no control characters, no line a step. */
#include "report/progress_bar.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <cmocka.h> /* after error.h: it has a macro called fail */
#include <string.h>
#include <unistd.h>

#define CLASSES(a_loss, an_accuracy)                                                               \
    {                                                                                              \
        .measured = {[FIGURE_LOSS] = true, [FIGURE_ACCURACY] = true}, .value = {                   \
            [FIGURE_LOSS] = a_loss,                                                                \
            [FIGURE_ACCURACY] = an_accuracy                                                        \
        }                                                                                          \
    }

static const struct EpochReport epoch = {.step = 195,
                                         .epoch = 1,
                                         .train = CLASSES(1.25, 0.5),
                                         .validation = CLASSES(1.5, 0.375),
                                         .seconds = 83,
                                         .input_wait = 0.07};

/* Everything that a run of 195 steps writes to a file; free() it. */
static char *log_of(bool quiet) {
    FILE *file = tmpfile();
    assert_non_null(file);
    struct ProgressBar *bar = progress_create(file, quiet, 390, 195, 0);
    progress_note(bar, "data: %s", "x.h5");
    for (int64_t step = 1; step <= 195; step++)
        progress_step(bar, &(struct StepReport){.step = step,
                                                .epoch = 1,
                                                .figures = CLASSES(2.3, 0.1),
                                                .rate = 0.05,
                                                .images_per_second = 1000,
                                                .gradient_norm = NAN});
    progress_epoch(bar, &epoch);
    progress_release(bar);
    long length = ftell(file);
    assert_true(length >= 0);
    char *text = calloc((size_t)length + 1, 1);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    fclose(file);
    return text;
}

static void test_lines(void **unused) {
    (void)unused;
    char *text = log_of(false);
    int lines = 0;
    for (const char *c = text; *c; c++) {
        lines += *c == '\n';
        assert_true(*c == '\n' || (*c >= ' ' && *c < 127));
    }
    assert_string_equal(strrchr(text, '\n'), "\n");
    assert_int_equal(lines, 2); /* steps within half a minute are not worth a line */
    assert_memory_equal(text, "data: x.h5\n", 11);
    static const char *const words[] = {"epoch 1/2",        "train loss 1.2500",
                                        "accuracy 50.00 %", "validation loss 1.5000",
                                        "37.50 %",          "(1m23s, 7 % waiting for input)"};
    for (int i = 0; i < 6; i++)
        if (!strstr(text, words[i]))
            fail_msg("\"%s\" is not in: %s", words[i], text);
    free(text);
}

static void test_quiet(void **unused) {
    (void)unused;
    char *text = log_of(true);
    assert_string_equal(text, "");
    free(text);
}

static void test_no_bar(void **unused) {
    (void)unused;
    progress_note(NULL, "every rank but the first calls it like this");
    progress_step(NULL, &(struct StepReport){.step = 1});
    progress_epoch(NULL, &epoch);
    progress_release(NULL);
}

/* The linker hands clock_seconds() to this one (--wrap). */
static double now;
double __wrap_clock_seconds(void);
double __wrap_clock_seconds(void) {
    return now;
}

static void expect_line(FILE *file, const char *expected) {
    char line[200] = "";
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    if (!strstr(line, expected))
        fail_msg("\"%s\" is not in: %s", expected, line);
    rewind(file);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
}

/* The time left comes from the steps that this start made, not from those before it. */
static void test_time_left(void **unused) {
    (void)unused;
    FILE *file = tmpfile();
    now = 1000;
    struct ProgressBar *bar = progress_create(file, false, 400, 100, 200);
    struct StepReport report = {.step = 220, .epoch = 3, .figures = CLASSES(2.3, 0.1)};
    now += 40;
    progress_step(bar, &report);
    expect_line(file, "  6m00s left");
    report.step = 300;
    now += 120;
    progress_step(bar, &report);
    expect_line(file, "  2m40s left");
    progress_release(bar);
    fclose(file);
}

/* Seconds, minutes and hours: one of two steps is done, so what is left takes as long. */
static void test_words_of_times(void **unused) {
    (void)unused;
    static const struct {
        double seconds;
        const char *words;
    } cases[] = {{31, "  31s left"},      {59.4, "  59s left"},   {59.6, "  1m00s left"},
                 {3599, "  59m59s left"}, {3600, "  1h00m left"}, {8700, "  2h25m left"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *file = tmpfile();
        now = 1000;
        struct ProgressBar *bar = progress_create(file, false, 2, 2, 0);
        now += cases[i].seconds;
        progress_step(bar, &(struct StepReport){.step = 1, .figures = CLASSES(1, 0.5)});
        expect_line(file, cases[i].words);
        progress_release(bar);
        fclose(file);
    }
}

/* What a terminal of 80 columns gets for step 100 of 400. */
static void test_bar(void **unused) {
    (void)unused;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master))
        skip();
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    FILE *terminal = fopen(ptsname(master), "w");
    assert_non_null(terminal);
    assert_int_equal(ioctl(fileno(terminal), TIOCSWINSZ, &window), 0);
    now = 1000;
    struct ProgressBar *bar = progress_create(terminal, false, 400, 100, 0);
    now += 60;
    progress_step(bar, &(struct StepReport){.step = 100,
                                            .epoch = 1,
                                            .figures = CLASSES(2.5, 0.125),
                                            .images_per_second = 1000});
    char drawn[400] = "";
    assert_true(read(master, drawn, sizeof drawn - 1) > 0);
    const char *words = "  25% epoch 1 loss 2.5000 accuracy 12.5% 1000 samples/s 3m00s";
    const char *begin = strchr(drawn, '['), *end = strstr(drawn, words);
    begin = begin && begin[1] == 'K' ? strchr(begin + 1, '[') : begin; /* ESC [ K clears the line */
    if (!begin || !end || end[-1] != ']')
        fail_msg("no bar, or no \"%s\": %s", words, drawn);
    size_t width = (size_t)(end - begin) - 2, full = strspn(begin + 1, "=");
    assert_int_equal(full, width / 4);
    assert_int_equal(begin[1 + full], '>');
    assert_int_equal(width + 2 + strlen(words), 79);
    progress_release(bar);
    fclose(terminal);
    close(master);
}

/* A terminal gets no line that is wider than 80 columns; a log gets one line for each message. */
static void test_long_messages(void **unused) {
    static const char note[] =
        "note: this sentence is long enough that a terminal of the usual width "
        "would break it in the middle of a word, and so it is wrapped";
    (void)unused;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master))
        skip();
    FILE *terminal = fopen(ptsname(master), "w");
    assert_non_null(terminal);
    struct ProgressBar *bar = progress_create(terminal, false, 390, 195, 0);
    progress_note(bar, "%s", note);
    progress_epoch(bar, &epoch);
    char shown[1000] = "";
    for (size_t length = 0; !strstr(shown, ")\r\n"); length = strlen(shown))
        assert_true(read(master, shown + length, sizeof shown - 1 - length) > 0);
    int lines = 0, first = 0;
    for (char *at = shown, *end; (end = strstr(at, "\r\n")); at = end + 2, lines++) {
        assert_true(end > at && end - at <= 80);
        first += *at != ' ';
    }
    assert_int_equal(first, 2);
    assert_true(lines >= 4);
    progress_release(bar);
    fclose(terminal);
    close(master);
    FILE *file = tmpfile();
    bar = progress_create(file, false, 390, 195, 0);
    progress_note(bar, "%s", note);
    expect_line(file, note);
    progress_release(bar);
    fclose(file);
}

static void expect_epoch(int64_t total, int64_t each, int64_t number, const char *expected) {
    FILE *file = tmpfile();
    struct ProgressBar *bar = progress_create(file, false, total, each, 0);
    progress_epoch(bar,
                   &(struct EpochReport){
                       .step = total, .epoch = number, .penalty = NAN, .train = CLASSES(1, 0.5)});
    expect_line(file, expected);
    progress_release(bar);
    fclose(file);
}

/* A run whose last epoch is short has that one too. */
static void test_number_of_epochs(void **unused) {
    (void)unused;
    expect_epoch(250, 100, 3, "epoch 3/3 ");
    expect_epoch(201, 100, 3, "epoch 3/3 ");
    expect_epoch(200, 100, 2, "epoch 2/2 ");
    expect_epoch(1, 100, 1, "epoch 1/1 ");
}

/* Epochs that take a moment, as those of a handful of samples: a validation every five of them. */
static void test_short_epochs(void **unused) {
    static const char *const lines[] = {"epoch 1/20",  "epoch 5/20",  "epoch 10/20",
                                        "epoch 12/20", "epoch 15/20", "epoch 20/20"};
    (void)unused;
    FILE *file = tmpfile();
    struct ProgressBar *bar = progress_create(file, false, 20, 1, 0);
    for (int64_t i = 1; i <= 20; i++) {
        struct EpochReport report = {.step = i, .epoch = i, .penalty = NAN, .train = CLASSES(1, 1)};
        if (i % 5 == 0)
            report.validation = report.train;
        now += i == 12 ? 2 : 0.01;
        progress_epoch(bar, &report);
    }
    rewind(file);
    char line[400];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        assert_int_equal(strncmp(line, lines[i], strlen(lines[i])), 0);
    }
    assert_null(fgets(line, sizeof line, file));
    progress_release(bar);
    fclose(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_epochs),   cmocka_unit_test(test_long_messages),
        cmocka_unit_test(test_time_left),      cmocka_unit_test(test_number_of_epochs),
        cmocka_unit_test(test_words_of_times), cmocka_unit_test(test_bar),
        cmocka_unit_test(test_lines),          cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_no_bar),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
