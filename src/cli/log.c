#include "cli/log.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wrapped.h"
#include "cli/launch.h"

static double start_seconds;
static int rank;

/* The part of a source file's path after src/: "checkpoint/write.c". */
static const char *file_in_source(const char *file) {
    const char *found = file;
    for (const char *at = file; (at = strstr(at, "src/")); at += 4)
        found = at + 4;
    return found;
}

static void print_plain(enum LogLevel level, const char *file, const char *function,
                        const char *text) {
    (void)file;
    (void)function;
    struct Text line = {0};
    text_add(&line, "trainer: %s%s", level == LOG_WARNING ? "warning: " : "", text);
    wrapped_message(stderr, line.data);
    text_release(&line);
}

/* The line of an error has the same form at every level, because scripts search for it. */
static void print_detailed(enum LogLevel level, const char *file, const char *function,
                           const char *text) {
    if (level == LOG_ERROR)
        print_plain(level, file, function, text);
    else
        fprintf(stderr, "trainer: [%.3f s, rank %d, %s, %s] %s\n", clock_seconds() - start_seconds,
                rank, file_in_source(file), log_level_names[level], text);
}

static int level_by_name(const char *name) {
    for (int level = 0; level < LOG_LEVELS; level++)
        if (!strcmp(name, log_level_names[level]))
            return level;
    return -1;
}

int log_open(const struct Command *command, const struct Arguments *arguments,
             struct Error *error) {
    const char *name = argument_value(arguments, "log");
    int level = name ? level_by_name(name) : LOG_WARNING;
    if (level < 0) {
        const char *nearest = text_nearest(name, log_level_names, LOG_LEVELS);
        return fail(error, ERROR_USAGE,
                    "%s: --log: unknown level \"%s\"%s%s%s; expected error, warning, info or debug",
                    command->name, name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                    nearest ? "\"?" : "");
    }
    start_seconds = clock_seconds();
    rank = launch_own()->rank;
    log_set_handler((enum LogLevel)level, level == LOG_DEBUG ? print_detailed : print_plain);
    return OK;
}
