#include "report/progress_bar.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "base/wrapped.h"

#define BAR_SECONDS 0.2 /* between two drawings on a terminal */
#define LINE_SECONDS 30 /* between two lines of a log, within an epoch */
#define LONG_WAIT 0.05  /* of the training time: from there on the wait for input is shown */
#define FIRST_SECONDS 5 /* before the first of them */
#define EPOCH_SECONDS 1 /* between two epochs without a validation that are shown */

struct ProgressBar {
    FILE *stream;
    bool quiet, drawn;
    int terminal; /* descriptor of the one that people look at; -1: a log */
    char *pipe;   /* path of the pipe that the launcher writes what it passes on to; NULL: none */
    int64_t total_steps, steps_per_epoch, first_step;
    double start, last;
    double last_epoch; /* when a line of an epoch was printed */
};

static char *find_pipe(FILE *stream) {
    char link[64], path[PATH_MAX];
    bool found = terminal_follow_launcher(stream, link, path) && !strncmp(path, "pipe:", 5);
    return found ? memory_copy_text(link) : NULL;
}

/* mpirun ends the job after it has written to a pipe without a reader some ten times. */
static bool is_heard(struct ProgressBar *bar) {
    if (!bar->pipe)
        return true;
    struct pollfd pipe = {.fd = open(bar->pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC),
                          .events = POLLOUT};
    bool broken = pipe.fd >= 0 && poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR);
    if (pipe.fd >= 0)
        close(pipe.fd);
    return !broken;
}

struct ProgressBar *progress_create(FILE *stream, bool quiet, int64_t total_steps,
                                    int64_t steps_per_epoch, int64_t first_step) {
    struct ProgressBar *bar = memory_array(struct ProgressBar, 1, "the progress bar");
    *bar = (struct ProgressBar){.stream = stream,
                                .quiet = quiet,
                                .terminal = quiet ? -1 : terminal_open(stream),
                                .pipe = find_pipe(stream),
                                .total_steps = total_steps,
                                .steps_per_epoch = steps_per_epoch,
                                .first_step = first_step,
                                .start = clock_seconds(),
                                .last = clock_seconds() - LINE_SECONDS + FIRST_SECONDS};
    return bar;
}

static void clear_bar(struct ProgressBar *bar) {
    if (bar->drawn)
        fputs("\r\033[K", bar->stream);
    bar->drawn = false;
}

void progress_release(struct ProgressBar *bar) {
    if (!bar)
        return;
    clear_bar(bar);
    fflush(bar->stream);
    if (bar->terminal >= 0)
        close(bar->terminal);
    memory_release(bar->pipe);
    memory_release(bar);
}

static void print_time(double seconds, char text[32]) {
    int64_t s = (int64_t)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, 32, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(text, 32, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else
        snprintf(text, 32, "%" PRId64 "s", s);
}

/* Adds a part of a line, on a terminal that it does not fit on to a line of its own. */
static void add_part(const struct ProgressBar *bar, struct Text *line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_part(const struct ProgressBar *bar, struct Text *line, const char *format, ...) {
    const char *last = strrchr(line->data, '\n');
    struct Text part = {0};
    va_list arguments;
    va_start(arguments, format);
    text_add_list(&part, format, arguments);
    va_end(arguments);
    size_t column = strlen(last ? last + 1 : line->data);
    bool breaks = bar->terminal >= 0 && column + part.length > WRAPPED_COLUMNS;
    text_add(line, "%s%s", breaks ? "\n   " : "", part.data);
    text_release(&part);
}

static void add_validation(const struct ProgressBar *bar, const char *of,
                           const struct Figures *figures, struct Text *line) {
    char text[FIGURES_TEXT];
    if (figures_any(figures))
        add_part(bar, line, "  |  %s %s", of, figures_text(figures, "  ", FIGURE_DIGITS, text));
}

/* Draws a bar that is full to the part `done`, and words after it. */
static void draw(struct ProgressBar *bar, double done, const char *words) {
    struct winsize window = {0};
    int columns =
        ioctl(fileno(bar->stream), TIOCGWINSZ, &window) || !window.ws_col ? 80 : window.ws_col;
    int width = columns - (int)strlen(words) - 3;
    fputs("\r\033[K", bar->stream);
    if (width >= 5) {
        int full = (int)((double)width * done);
        fputc('[', bar->stream);
        for (int i = 0; i < width; i++)
            fputc(i < full ? '=' : i == full ? '>' : ' ', bar->stream);
        fputc(']', bar->stream);
    }
    fprintf(bar->stream, "%.*s", columns - 1, words);
    fflush(bar->stream);
    bar->drawn = true;
}

static void draw_bar(struct ProgressBar *bar, const struct StepReport *report, const char *left) {
    char figures[FIGURES_TEXT], words[FIGURES_TEXT + 128];
    double done = (double)report->step / (double)bar->total_steps;
    snprintf(words, sizeof words, " %3.0f%% epoch %" PRId64 " %s %.0f samples/s %s", 100 * done,
             report->epoch, figures_text(&report->figures, " ", FIGURE_BRIEF, figures),
             report->images_per_second, left);
    draw(bar, done, words);
}

/* Whether it is time to show something again. */
static bool is_due(struct ProgressBar *bar, double now) {
    if (now - bar->last < (bar->terminal >= 0 ? BAR_SECONDS : LINE_SECONDS))
        return false;
    bar->last = now;
    return is_heard(bar);
}

void progress_samples(struct ProgressBar *bar, const char *what, int64_t done, int64_t total) {
    double now = clock_seconds();
    if (!bar || bar->quiet || !is_due(bar, now))
        return;
    double each = (now - bar->start) / (double)(done > 0 ? done : 1);
    char left[32], words[256];
    print_time(each * (double)(total - done), left);
    if (bar->terminal >= 0) {
        snprintf(words, sizeof words, " %3.0f%% %.0f samples/s %s",
                 100 * (double)done / (double)total, 1 / each, left);
        draw(bar, (double)done / (double)total, words);
        return;
    }
    fprintf(bar->stream, "%.100s: %" PRId64 "/%" PRId64 "  %.0f samples/s  %s left\n", what, done,
            total, 1 / each, left);
    fflush(bar->stream);
}

void progress_step(struct ProgressBar *bar, const struct StepReport *report) {
    double now = clock_seconds();
    if (!bar || bar->quiet || !is_due(bar, now))
        return;
    char left[32], figures[FIGURES_TEXT];
    int64_t made = report->step - bar->first_step; /* fewer than were made if the run went back */
    double each = (now - bar->start) / (double)(made > 0 ? made : 1);
    print_time(each * (double)(bar->total_steps - report->step), left);
    if (bar->terminal >= 0) {
        draw_bar(bar, report, left);
        return;
    }
    fprintf(bar->stream,
            "step %" PRId64 "/%" PRId64 "  epoch %" PRId64
            "  %s  rate %.4g  %.0f samples/s  %s left\n",
            report->step, bar->total_steps, report->epoch,
            figures_text(&report->figures, "  ", FIGURE_DIGITS, figures), report->rate,
            report->images_per_second, left);
    fflush(bar->stream);
}

/* Prints a line, which begins with the place in the run, and releases it. */
static void print_report(struct ProgressBar *bar, const struct EpochReport *report,
                         struct Text *line) {
    char figures[FIGURES_TEXT], spent[32];
    text_add(line, "  train %s", figures_text(&report->train, "  ", FIGURE_DIGITS, figures));
    if (!isnan(report->penalty))
        add_part(bar, line, "  penalty %.4f  objective %.4f", report->penalty,
                 report->train.value[FIGURE_LOSS] + report->penalty);
    add_validation(bar, "validation", &report->validation, line);
    add_validation(bar, "average", &report->average, line);
    print_time(report->seconds, spent);
    if (report->input_wait >= LONG_WAIT)
        add_part(bar, line, "  (%s, %.0f %% waiting for input)", spent, 100 * report->input_wait);
    else
        add_part(bar, line, "  (%s)", spent);
    clear_bar(bar);
    fprintf(bar->stream, "%s\n", line->data);
    fflush(bar->stream);
    text_release(line);
    bar->last = bar->last_epoch = clock_seconds();
}

void progress_epoch(struct ProgressBar *bar, const struct EpochReport *report) {
    struct Text line = {0};
    if (!bar || bar->quiet || !is_heard(bar))
        return;
    int64_t epochs = (bar->total_steps + bar->steps_per_epoch - 1) / bar->steps_per_epoch;
    bool tells = figures_any(&report->validation) || report->epoch == 1 || report->epoch == epochs;
    if (!tells && clock_seconds() - bar->last_epoch < EPOCH_SECONDS)
        return;
    text_add(&line, "epoch %" PRId64 "/%" PRId64, report->epoch, epochs);
    print_report(bar, report, &line);
}

void progress_validation(struct ProgressBar *bar, const struct EpochReport *report) {
    struct Text line = {0};
    if (!bar || bar->quiet || !is_heard(bar))
        return;
    text_add(&line, "step %" PRId64 "/%" PRId64 "  epoch %" PRId64, report->step, bar->total_steps,
             report->epoch);
    print_report(bar, report, &line);
}

static void print_line(struct ProgressBar *bar, const char *format, va_list arguments) {
    clear_bar(bar);
    char text[2000];
    vsnprintf(text, sizeof text, format, arguments);
    wrapped_message(bar->stream, text_hide_controls(text));
}

void progress_note(struct ProgressBar *bar, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (bar && !bar->quiet && is_heard(bar))
        print_line(bar, format, arguments);
    va_end(arguments);
}

void progress_say(struct ProgressBar *bar, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (bar && is_heard(bar))
        print_line(bar, format, arguments);
    va_end(arguments);
}
