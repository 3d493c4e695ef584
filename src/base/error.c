#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

static void (*abort_handler)(int code);
static int abort_rank = -1;

#define GAP " ... "
#define KEPT 600 /* bytes of a line that is too long; the rest is room for what is appended */

/* Shortens a long text in the middle: its beginning and its end hold the facts, and what makes it
 * long is usually a name between them. */
static void write_ends(char *to, size_t room, const char *text) {
    size_t length = strlen(text), gap = sizeof GAP - 1;
    size_t head = room > gap ? (room - gap) / 3 : 0, tail = room > gap ? room - gap - head : 0;
    while (head > 0 && (text[head] & 0xC0) == 0x80) /* within a character of UTF-8 */
        head--;
    while (tail > 0 && (text[length - tail] & 0xC0) == 0x80)
        tail--;
    snprintf(to, room + 1, "%.*s%s%s", (int)head, text, room > gap ? GAP : "",
             text + length - tail);
}

/* Text from files and from names must neither break the line nor control a terminal. */
static void write_line(struct Error *error, size_t used, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    size_t room = sizeof error->text - 1 - used;
    int length = vsnprintf(error->text + used, room + 1, format, arguments);
    if (length > 0 && (size_t)length > room) {
        char *whole = memory_print_list(format, again);
        write_ends(error->text + used, used == 0 ? KEPT : room, whole);
        memory_release(whole);
    }
    va_end(again);
    text_hide_controls(error->text + used);
}

/* Writes the line of a new failure; an older one in `error` is lost. */
static int start(struct Error *error, int code, const char *format, va_list arguments) {
    *error = (struct Error){.code = code};
    write_line(error, 0, format, arguments);
    return code;
}

int fail(struct Error *error, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    start(error, code, format, arguments);
    va_end(arguments);
    return code;
}

int fail_errno(struct Error *error, const char *format, ...) {
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    start(error, ERROR_SYSTEM, format, arguments);
    va_end(arguments);
    error_append(error, ": %s", strerror(saved));
    return ERROR_SYSTEM;
}

int fail_key(struct Error *error, int code, const char *key, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    start(error, code, format, arguments);
    va_end(arguments);
    return error_blame_key(error, key);
}

int fail_option(struct Error *error, const char *option, const char *value, const char *format,
                ...) {
    va_list arguments;
    va_start(arguments, format);
    start(error, ERROR_USAGE, format, arguments);
    va_end(arguments);
    return error_blame_option(error, option, value);
}

int error_blame_key(struct Error *error, const char *key) {
    if (!*error->key && !*error->option.name)
        snprintf(error->key, sizeof error->key, "%s", key);
    return error->code;
}

int error_blame_option(struct Error *error, const char *option, const char *value) {
    if (!*error->option.name) {
        snprintf(error->option.name, sizeof error->option.name, "%s", option);
        snprintf(error->option.value, sizeof error->option.value, "%s", value ? value : "");
        text_hide_controls(error->option.value);
    }
    return error->code;
}

int error_advise(struct Error *error, enum AdviceKind kind, const char *file, const char *detail,
                 int64_t count) {
    struct Advice *advice = &error->advice;
    *advice = (struct Advice){.kind = kind, .count = count};
    snprintf(advice->file, sizeof advice->file, "%s", file ? file : "");
    text_hide_controls(advice->file);
    snprintf(advice->detail, sizeof advice->detail, "%s", detail ? detail : "");
    text_hide_controls(advice->detail);
    return error->code;
}

void error_context(struct Error *error, const char *format, ...) {
    char old[sizeof error->text];
    memcpy(old, error->text, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    write_line(error, 0, format, arguments);
    va_end(arguments);
    error_append(error, ": %s", old);
}

void error_append(struct Error *error, const char *format, ...) {
    size_t used = strlen(error->text);
    va_list arguments;
    va_start(arguments, format);
    write_line(error, used, format, arguments);
    va_end(arguments);
}

void check_set_handler(void (*handler)(int code), int rank) {
    abort_handler = handler;
    abort_rank = rank;
}

static void print_failure(const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "trainer: ");
    if (abort_rank >= 0)
        fprintf(stderr, "rank %d: ", abort_rank);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(stderr);
}

_Noreturn void check_failed(const char *file, int line, const char *condition) {
    print_failure("bug at %s:%d: %s does not hold; please report it", file, line, condition);
    if (abort_handler)
        abort_handler(ERROR_BUG);
    abort();
}

_Noreturn void memory_failed(uint64_t bytes, const char *purpose) {
    char size[32];
    print_failure("out of memory: %s for %s cannot be had; give the ranks more memory or fewer "
                  "to a node, or train with smaller sizes",
                  text_bytes((double)bytes, size), purpose);
    if (abort_handler)
        abort_handler(ERROR_SYSTEM);
    _exit(ERROR_SYSTEM);
}
