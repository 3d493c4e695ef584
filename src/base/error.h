/* Failures of the world: files, options, sizes, numbers.
 *
 * A function that can fail returns an error code (OK is 0) and takes a `struct Error *` as its last
 * parameter; on failure it writes one line that names the file, the line or dataset, what was found
 * and what was expected. Callers clean up and hand the same code on; they may put their own context
 * in front with error_context(). Nothing below cli/ prints or exits.
 *
 * A bug is not an error: CHECK(condition) is never compiled out; it says where, and aborts. */
#ifndef TRAINER_BASE_ERROR_H
#define TRAINER_BASE_ERROR_H

/* The codes are also the process's exit codes, the same on every rank. */
enum {
    OK = 0,
    ERROR_USAGE = 2,      /* unknown subcommand, flag, bad operand */
    ERROR_RUN_FILE = 3,   /* run file: unknown key, range, impossible shape, batch % shards */
    ERROR_DATA = 4,       /* a data set or an image cannot be used */
    ERROR_CHECKPOINT = 5, /* a checkpoint cannot be used */
    ERROR_SYSTEM = 6,     /* the operating system said no: permission, no space, missing file */
    ERROR_NUMERIC = 7,    /* NaN or Inf in a loss or gradient; replicas differ; gradients wrong */
    ERROR_BUG = 70
};

struct Error {
    int code;
    char text[1000];
};

/* Writes the line and returns `code`, so that `return fail(error, ERROR_DATA, "%s: ...", path);` */
int fail(struct Error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As fail() with ERROR_SYSTEM, and appends ": " and strerror(errno). */
int fail_errno(struct Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the line already in `error`. */
void error_context(struct Error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

/* Prints and ends the process through the handler (MPI_Abort once the ranks are up, else abort). */
_Noreturn void check_failed(const char *file, int line, const char *condition);
void check_set_handler(void (*handler)(int code));

#endif
