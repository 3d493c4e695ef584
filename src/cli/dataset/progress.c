#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/dataset/dataset.h"
#include "cli/shown.h"

static void report(void *context, const char *what, int64_t done, int64_t total) {
    struct ProgressLine *line = context;
    double now = clock_seconds();
    if (!line->terminal || (done < total && now - line->last < 0.1))
        return;
    line->last = now;
    fprintf(stderr, "\r\033[K%s: %" PRId64 " of %" PRId64 " samples", what, done, total);
    fflush(stderr);
}

static void notice(void *context, const char *text) {
    progress_line_clear(context);
    fprintf(stderr, "left out: %s\n", shown(text));
}

struct Ticker progress_line(struct ProgressLine *line) {
    *line = (struct ProgressLine){.terminal = isatty(STDERR_FILENO)};
    return (struct Ticker){line, report, notice};
}

void progress_line_clear(const struct ProgressLine *line) {
    if (line->terminal)
        fprintf(stderr, "\r\033[K");
}
