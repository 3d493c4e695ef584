#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*abort_handler)(int code);

int fail(struct Error *error, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error->code = code;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return code;
}

int fail_errno(struct Error *error, const char *format, ...) {
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    error->code = ERROR_SYSTEM;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(saved));
    return ERROR_SYSTEM;
}

void error_context(struct Error *error, const char *format, ...) {
    char old[sizeof error->text];
    memcpy(old, error->text, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s", old);
}

void check_set_handler(void (*handler)(int code)) {
    abort_handler = handler;
}

_Noreturn void check_failed(const char *file, int line, const char *condition) {
    fprintf(stderr, "trainer: bug at %s:%d: %s does not hold; please report it\n", file, line,
            condition);
    fflush(stderr);
    if (abort_handler)
        abort_handler(ERROR_BUG);
    abort();
}
