#include "report/progress.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
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
#define FIRST_SECONDS 5 /* before the first of them */

struct ProgressBar {
    FILE *stream;
    bool quiet, drawn;
    int terminal; /* descriptor of the one that people look at; -1: a log */
    int64_t total_steps, steps_per_epoch, batch, first_step;
    double start, last;
};

/* The terminal behind `stream`: its own, or that of the launcher which started this process and
 * passes on what it writes (mpirun, on the same machine). */
static int find_terminal(FILE *stream) {
    char link[64], path[PATH_MAX];
    if (isatty(fileno(stream)))
        return dup(fileno(stream));
    snprintf(link, sizeof link, "/proc/%ld/fd/%d", (long)getppid(), fileno(stream));
    ssize_t length = getenv("OMPI_COMM_WORLD_RANK") ? readlink(link, path, sizeof path - 1) : -1;
    if (length < 0)
        return -1;
    path[length] = '\0';
    int terminal = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal >= 0 && !isatty(terminal)) {
        close(terminal);
        return -1;
    }
    return terminal;
}

struct ProgressBar *progress_create(FILE *stream, bool quiet, int64_t total_steps,
                                    int64_t steps_per_epoch, int64_t batch, int64_t first_step) {
    struct ProgressBar *bar = memory_allocate(sizeof *bar, "the progress bar");
    *bar = (struct ProgressBar){.stream = stream,
                                .quiet = quiet,
                                .terminal = quiet ? -1 : find_terminal(stream),
                                .total_steps = total_steps,
                                .steps_per_epoch = steps_per_epoch,
                                .batch = batch,
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
    memory_release(bar);
}

static void print_time(double seconds, char text[32]) {
    long long s = (long long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, 32, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else if (s >= 60)
        snprintf(text, 32, "%lldm%02llds", s / 60, s % 60);
    else
        snprintf(text, 32, "%llds", s);
}

/* What people go by beside the loss. */
static void print_merit(FILE *stream, bool regression, double accuracy, double rmse) {
    if (regression)
        fprintf(stream, "  RMSE %.4g", rmse);
    else
        fprintf(stream, "  accuracy %.2f %%", 100 * accuracy);
}

static void print_validation(FILE *stream, const char *of, bool regression,
                             const struct ValidationFigures *figures) {
    if (!figures->measured)
        return;
    char figure[32];
    fprintf(stream, "  |  %s loss %s", of, text_figure(figures->loss, figure));
    print_merit(stream, regression, figures->accuracy, figures->rmse);
    if (regression)
        fprintf(stream, "  R2 %s", text_figure(figures->r2, figure));
}

static void draw_bar(struct ProgressBar *bar, const struct StepFigures *figures, const char *left) {
    struct winsize window = {0};
    int columns =
        ioctl(fileno(bar->stream), TIOCGWINSZ, &window) || !window.ws_col ? 80 : window.ws_col;
    char words[160];
    char merit[32], loss[32];
    if (figures->regression)
        snprintf(merit, sizeof merit, "RMSE %.4g", figures->rmse);
    else
        snprintf(merit, sizeof merit, "acc %.1f%%", 100 * figures->accuracy);
    int length = snprintf(words, sizeof words, " %3.0f%% epoch %lld loss %s %s %.0f img/s %s",
                          100.0 * (double)figures->step / (double)bar->total_steps,
                          (long long)figures->epoch, text_figure(figures->loss, loss), merit,
                          figures->images_per_second, left);
    int width = columns - length - 3;
    fputs("\r\033[K", bar->stream);
    if (width >= 5) {
        int full = (int)((double)width * (double)figures->step / (double)bar->total_steps);
        fputc('[', bar->stream);
        for (int i = 0; i < width; i++)
            fputc(i < full ? '=' : i == full ? '>' : ' ', bar->stream);
        fputc(']', bar->stream);
    }
    fprintf(bar->stream, "%.*s", columns - 1, words);
    fflush(bar->stream);
    bar->drawn = true;
}

void progress_step(struct ProgressBar *bar, const struct StepFigures *figures) {
    double now = clock_seconds();
    if (!bar || bar->quiet || now - bar->last < (bar->terminal >= 0 ? BAR_SECONDS : LINE_SECONDS))
        return;
    bar->last = now;
    char left[32], loss[32];
    double each = (now - bar->start) / (double)(figures->step - bar->first_step);
    print_time(each * (double)(bar->total_steps - figures->step), left);
    if (bar->terminal >= 0) {
        draw_bar(bar, figures, left);
        return;
    }
    fprintf(bar->stream, "step %lld/%lld  epoch %lld  loss %s", (long long)figures->step,
            (long long)bar->total_steps, (long long)figures->epoch,
            text_figure(figures->loss, loss));
    print_merit(bar->stream, figures->regression, figures->accuracy, figures->rmse);
    fprintf(bar->stream, "  rate %.4g  %.0f img/s  %s left\n", figures->rate,
            figures->images_per_second, left);
    fflush(bar->stream);
}

void progress_epoch(struct ProgressBar *bar, const struct EpochFigures *figures) {
    if (!bar || bar->quiet)
        return;
    clear_bar(bar);
    int64_t epochs = (bar->total_steps + bar->steps_per_epoch - 1) / bar->steps_per_epoch;
    char loss[32];
    fprintf(bar->stream, "epoch %lld/%lld  train loss %s", (long long)figures->epoch,
            (long long)epochs, text_figure(figures->train_loss, loss));
    print_merit(bar->stream, figures->regression, figures->train_accuracy, figures->train_rmse);
    print_validation(bar->stream, "validation", figures->regression, &figures->validation);
    print_validation(bar->stream, "average", figures->regression, &figures->average);
    char spent[32];
    print_time(figures->seconds, spent);
    fprintf(bar->stream, "  (%s)\n", spent);
    fflush(bar->stream);
    bar->last = clock_seconds();
}

void progress_note(struct ProgressBar *bar, const char *format, ...) {
    if (!bar || bar->quiet)
        return;
    clear_bar(bar);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(bar->stream, format, arguments);
    va_end(arguments);
    fputc('\n', bar->stream);
    fflush(bar->stream);
}
