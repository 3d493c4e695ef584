/* What a program reports of its own work, to help find faults: log_debug("%d operations", n).
 *
 * Nothing is written here. Each message goes to the handler that was set for the process; without
 * one, and below the handler's level, a message costs one comparison and its arguments are not
 * evaluated. No message stands inside a step. Every rank reports at LOG_DEBUG what it does itself;
 * at the other levels rank 0 alone speaks for all, unless a message is about another rank. */
#ifndef TRAINER_BASE_LOG_H
#define TRAINER_BASE_LOG_H

#include <stdbool.h>

/* Each level includes those above it. */
enum LogLevel {
    LOG_ERROR,   /* why the program ends */
    LOG_WARNING, /* the run goes on, but not as its user may expect */
    LOG_INFO,    /* what was done, once a save or an epoch */
    LOG_DEBUG    /* what each rank does, and with what */
};
#define LOG_LEVELS 4
extern const char *const log_level_names[LOG_LEVELS + 1]; /* "error" …; ends with NULL */

/* Gets `file` as the compiler names it; `text` is one line without its end. May be called by
 * several threads at a time. */
typedef void LogHandler(enum LogLevel level, const char *file, const char *function,
                        const char *text);

/* For the whole process, before its first message. NULL: nobody listens. */
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
