#include "report/progress_bar.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#define BAR_SECONDS 0.2 /* between two drawings on a terminal */
#define LINE_SECONDS 30 /* between two lines of a log, within an epoch */
#define LONG_WAIT 0.05  /* of the training time: from there on the wait for input is shown */
#define FIRST_SECONDS 5 /* before the first of them */

struct ProgressBar {
    FILE *stream;
    bool quiet, drawn;
    int terminal; /* descriptor of the one that people look at; -1: a log */
    char *pipe;   /* path of the pipe that the launcher writes what it passes on to; NULL: none */
    int64_t total_steps, steps_per_epoch, first_step;
    double start, last;
};

/* What the launcher that started this process (mpirun, on the same machine) passes on what it reads
 * from `stream` to: the link in /proc, and where it leads. False if there is none. */
static bool follow_launcher(FILE *stream, char link[64], char path[PATH_MAX]) {
    snprintf(link, 64, "/proc/%ld/fd/%d", (long)getppid(), fileno(stream));
    ssize_t length = getenv("OMPI_COMM_WORLD_RANK") ? readlink(link, path, PATH_MAX - 1) : -1;
    path[length < 0 ? 0 : length] = '\0';
    return length >= 0;
}

/* The terminal that shows `stream`: its own, or the launcher's. */
static int find_terminal(FILE *stream) {
    char link[64], path[PATH_MAX];
    if (isatty(fileno(stream)))
        return dup(fileno(stream));
    if (!follow_launcher(stream, link, path))
        return -1;
    int terminal = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal >= 0 && !isatty(terminal)) {
        close(terminal);
        return -1;
    }
    return terminal;
}

static char *find_pipe(FILE *stream) {
    char link[64], path[PATH_MAX];
    bool found = follow_launcher(stream, link, path) && !strncmp(path, "pipe:", 5);
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
                                .terminal = quiet ? -1 : find_terminal(stream),
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

static void print_validation(FILE *stream, const char *of, const struct Figures *figures) {
    char text[FIGURES_TEXT];
    if (figures_any(figures))
        fprintf(stream, "  |  %s %s", of, figures_text(figures, "  ", FIGURE_DIGITS, text));
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

/* What follows the place in the run. */
static void print_report(struct ProgressBar *bar, const struct EpochReport *report) {
    char figures[FIGURES_TEXT], spent[32];
    fprintf(bar->stream, "  train %s", figures_text(&report->train, "  ", FIGURE_DIGITS, figures));
    if (!isnan(report->penalty))
        fprintf(bar->stream, "  penalty %.4f  objective %.4f", report->penalty,
                report->train.value[FIGURE_LOSS] + report->penalty);
    print_validation(bar->stream, "validation", &report->validation);
    print_validation(bar->stream, "average", &report->average);
    print_time(report->seconds, spent);
    fprintf(bar->stream, "  (%s", spent);
    if (report->input_wait >= LONG_WAIT)
        fprintf(bar->stream, ", %.0f %% waiting for input", 100 * report->input_wait);
    fputs(")\n", bar->stream);
    fflush(bar->stream);
    bar->last = clock_seconds();
}

void progress_epoch(struct ProgressBar *bar, const struct EpochReport *report) {
    if (!bar || bar->quiet || !is_heard(bar))
        return;
    clear_bar(bar);
    int64_t epochs = (bar->total_steps + bar->steps_per_epoch - 1) / bar->steps_per_epoch;
    fprintf(bar->stream, "epoch %" PRId64 "/%" PRId64, report->epoch, epochs);
    print_report(bar, report);
}

void progress_validation(struct ProgressBar *bar, const struct EpochReport *report) {
    if (!bar || bar->quiet || !is_heard(bar))
        return;
    clear_bar(bar);
    fprintf(bar->stream, "step %" PRId64 "/%" PRId64 "  epoch %" PRId64, report->step,
            bar->total_steps, report->epoch);
    print_report(bar, report);
}

static void print_line(struct ProgressBar *bar, const char *format, va_list arguments) {
    clear_bar(bar);
    char text[2000];
    vsnprintf(text, sizeof text, format, arguments);
    fprintf(bar->stream, "%s\n", text_hide_controls(text));
    fflush(bar->stream);
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
