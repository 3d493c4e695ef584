/* The log, in which the program reports its own work: log_debug("%d operations", n).
 *
 * Messages go to the handler that is set for the process. Without a handler, or if the handler does
 * not accept the level, a message costs one comparison and its arguments are not evaluated. A
 * training step logs nothing. At LOG_DEBUG every rank reports its own work; at the other levels
 * only rank 0 does, unless the message is about another rank. */
#ifndef TRAINER_BASE_LOG_H
#define TRAINER_BASE_LOG_H

#include <stdbool.h>

/* A handler of a level accepts the messages of that level and of those above it in this list. */
enum LogLevel {
    LOG_ERROR,   /* why the program ends */
    LOG_WARNING, /* the run goes on, but not as its user may expect */
    LOG_INFO,    /* what was done, at most once for each save or epoch */
    LOG_DEBUG    /* the details of what each rank does */
};
#define LOG_LEVELS 4
extern const char *const log_level_names[LOG_LEVELS + 1]; /* "error" …; ends with NULL */

/* `file` is the value of __FILE__; `text` is one line without a newline. Several threads may call
 * the handler at the same time. */
typedef void LogHandler(enum LogLevel level, const char *file, const char *function,
                        const char *text);

/* Sets the handler of the process, before its first message. NULL: the log is silent. */
void log_set_handler(enum LogLevel level, LogHandler *handler);
bool log_wanted(enum LogLevel level);

void log_write(enum LogLevel level, const char *file, const char *function, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        if (log_wanted(level))                                                                     \
            log_write(level, __FILE__, __func__, __VA_ARGS__);                                     \
    } while (0)
#define log_error(...) LOG_AT(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_WARNING, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_DEBUG, __VA_ARGS__)

#endif
