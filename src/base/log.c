#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

const char *const log_level_names[LOG_LEVELS + 1] = {"error", "warning", "info", "debug", NULL};

static enum LogLevel wanted_level;
static LogHandler *log_handler;

void log_set_handler(enum LogLevel level, LogHandler *handler) {
    wanted_level = level;
    log_handler = handler;
}

bool log_wanted(enum LogLevel level) {
    return log_handler && level <= wanted_level;
}

void log_write(enum LogLevel level, const char *file, const char *function, const char *format,
               ...) {
    char text[2000];
    va_list arguments;
    if (!log_wanted(level))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_handler(level, file, function, text_hide_controls(text));
}
