/* Failures of the world: files, options, sizes, numbers.
 *
 * A function that can fail returns an error code (OK is 0) and takes a `struct Error *` as its last
 * parameter. On failure it writes one line that names the file or data set, what was found and what
 * was expected. Callers clean up and hand the same code on; they may put their own context in front
 * with error_context().
 *
 * A failure also carries what others need to complete the line. A key of the run file gets file and
 * line from runfile_locate() (runfile/runfile.h), at the place that knows the run file. An option
 * of the command line and a piece of advice get their words in cli/, which alone prints and exits.
 *
 * A bug is not an error: CHECK(condition) is never compiled out; it says where, and aborts. */
#ifndef TRAINER_BASE_ERROR_H
#define TRAINER_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* The codes are also the process's exit codes, the same on every rank. */
enum {
    OK = 0,
    ERROR_USAGE = 2,      /* unknown subcommand, flag, bad operand */
    ERROR_RUN_FILE = 3,   /* run file: unknown key, range, impossible shape, batch % shards */
    ERROR_DATA = 4,       /* a data set or an image cannot be used */
    ERROR_CHECKPOINT = 5, /* a checkpoint cannot be used */
    ERROR_SYSTEM = 6,     /* the operating system said no: permission, no space, missing file */
    ERROR_NUMERIC = 7,    /* NaN or Inf in a loss or gradient; replicas differ; gradients wrong */
    ERROR_RANKS = 8,      /* a rank died, hangs or cannot be reached */
    ERROR_FOUND = 9,      /* a check found what will make the run fail */
    ERROR_BUG = 70,
    ERROR_STOPPED = 75 /* asked to stop, by a signal or a time limit; saved, and can be continued */
};

/* What a person can do about a failure. */
enum AdviceKind {
    ADVICE_NONE,
    ADVICE_STATISTICS,   /* compute the statistics of the data set `file` */
    ADVICE_COMPONENTS,   /* its principal components at scale `detail`; `count`: at least so many */
    ADVICE_DRAW,         /* draw the components of `file` */
    ADVICE_IMAGE_SIZE,   /* bring all images to one size */
    ADVICE_CHANNELS,     /* take all `count` channels of the pictures */
    ADVICE_SKIP_BAD,     /* leave out files that cannot be used */
    ADVICE_DEPTH,        /* keep values that do not fit into bytes */
    ADVICE_SPLIT,        /* the folder `file` is itself a split */
    ADVICE_PAIR,         /* the file `file` holds images, then labels, of a split */
    ADVICE_PREDICT,      /* predict the pictures of `file`, which need no classes */
    ADVICE_VERIFY,       /* check the data set `file` */
    ADVICE_INSPECT,      /* list the arrays of the checkpoint `file` */
    ADVICE_DATA,         /* name the data set, which is not where the run found it */
    ADVICE_NEWER,        /* rewrite `file` in an older format */
    ADVICE_CONTENTS,     /* list what `file` holds, and how a run file can name it */
    ADVICE_CONTINUE_RUN, /* continue the run, or choose another folder */
    ADVICE_RESUME,       /* the run, which has ended, can be continued from its checkpoint `file` */
    ADVICE_OTHER_FOLDER, /* choose another folder */
    ADVICE_IN_TEXT,      /* the text of the error says it */
    ADVICE_MEND_FOLDER,  /* make it possible to write to the run's folder, and continue the run */
    ADVICE_GO_ON,        /* continue the run that was stopped */
    /* About tables: here `file` is the name of a column. */
    ADVICE_SEPARATOR,     /* say what stands between columns */
    ADVICE_COMMENT,       /* say with which character comments begin */
    ADVICE_NO_HEAD,       /* say that the first line is a row */
    ADVICE_MISSING,       /* give the column a rule for missing values */
    ADVICE_MISSING_TRUTH, /* the same for a column of labels or targets */
    ADVICE_COLUMN,        /* leave the column out, take it as categories, or `detail` as missing */
    ADVICE_MANY,          /* leave the column out, or take it as categories */
    ADVICE_IGNORE,        /* leave the column out */
    ADVICE_LABEL,         /* take the column as classes */
    ADVICE_TARGET         /* take the column as values to predict */
};
struct Advice {
    enum AdviceKind kind;
    char file[256], detail[32];
    int64_t count; /* 0: none is named */
};

/* An option of a command, by its name without dashes, and what was given for it ("": nothing, or it
 * is not worth repeating). */
struct BlamedOption {
    char name[32], value[128];
};

struct Error {
    int code;
    char text[1000];
    char key[200];              /* the key of the run file to blame, as "train.shards"; "": none */
    bool located;               /* `text` says where the key stands; never added twice */
    struct BlamedOption option; /* to blame; name "": none */
    struct Advice advice;
};

/* Writes the line and returns `code`, so that `return fail(error, ERROR_DATA, "%s: ...", path);` */
int fail(struct Error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As fail() with ERROR_SYSTEM, and appends ": " and strerror(errno). */
int fail_errno(struct Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As fail(), for a key of the run file, which the line does not name. */
int fail_key(struct Error *error, int code, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As fail() with ERROR_USAGE, for an option, which the line does not name. `value` may be NULL. */
int fail_option(struct Error *error, const char *option, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Blame a key, or an option, for a failure from below that names neither. Return the code. */
int error_blame_key(struct Error *error, const char *key);
int error_blame_option(struct Error *error, const char *option, const char *value);

/* Adds what can be done. `file` and `detail` may be NULL. Returns the code. */
int error_advise(struct Error *error, enum AdviceKind kind, const char *file, const char *detail,
                 int64_t count);

/* Puts "context: " in front of the line already in `error`. */
void error_context(struct Error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends words to the line already in `error`. */
void error_append(struct Error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(__FILE__, __LINE__, #condition);                                          \
    } while (0)

/* Both print one line and end the process: all ranks through the handler, once they are up; else a
 * bug leaves a core. They begin with the rank, if it is known. */
_Noreturn void check_failed(const char *file, int line, const char *condition); /* ERROR_BUG */
_Noreturn void memory_failed(uint64_t bytes, const char *purpose);              /* ERROR_SYSTEM */
/* How the process ends then; must not return. `rank`: of this process, -1 if it has none. */
void check_set_handler(void (*handler)(int code), int rank);

#endif
