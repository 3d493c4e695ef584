/* Failures that come from outside the program: files, options, sizes, numbers.
 *
 * A function that can fail returns an error code (OK is 0) and takes a `struct Error *` as its last
 * parameter. On failure it writes one line that names the file or data set, what was found and what
 * was expected. Callers clean up and hand the same code on; they may put their own context in front
 * with error_context().
 *
 * An error also holds what the modules above need to complete the line. If it blames a key of the
 * run file, runfile_locate() (runfile/runfile.h) adds file and line. If it blames an option or has
 * advice, cli/, the only module that prints and exits, puts that into words.
 *
 * A bug is not an error: CHECK(condition), which is never compiled out, prints the place and
 * aborts. */
#ifndef TRAINER_BASE_ERROR_H
#define TRAINER_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* The codes are also the process's exit codes, the same on every rank. */
enum {
    OK = 0,
    ERROR_USAGE = 2,      /* unknown subcommand or option, bad operand */
    ERROR_RUN_FILE = 3,   /* unknown key, value out of range, impossible shape, batch % shards */
    ERROR_DATA = 4,       /* a data set or an image cannot be used */
    ERROR_CHECKPOINT = 5, /* a checkpoint cannot be used */
    ERROR_SYSTEM = 6,     /* the operating system failed: permission, no space, missing file */
    ERROR_NUMERIC = 7,    /* NaN or Inf in a loss or gradient; replicas differ; gradients wrong */
    ERROR_RANKS = 8,      /* a rank died, hangs or cannot be reached */
    ERROR_FOUND = 9,      /* a check found something that will make the run fail */
    ERROR_BUG = 70,
    ERROR_STOPPED = 75 /* asked to stop, by a signal or a time limit; saved, and can be continued */
};

/* What the user can do about a failure. */
enum AdviceKind {
    ADVICE_NONE,
    ADVICE_STATISTICS,   /* compute the statistics of the data set `file` */
    ADVICE_COMPONENTS,   /* compute at least `count` components of `file` at scale `detail` */
    ADVICE_DRAW,         /* draw the components of `file` */
    ADVICE_IMAGE_SIZE,   /* bring all images to one size */
    ADVICE_CHANNELS,     /* take all `count` channels of the pictures */
    ADVICE_SKIP_BAD,     /* leave out files that cannot be used */
    ADVICE_DEPTH,        /* keep values that do not fit into bytes */
    ADVICE_SPLIT,        /* the folder `file` is itself a split */
    ADVICE_PAIR,         /* the file `file` holds images, then labels, of a split */
    ADVICE_UNLABELLED,   /* predict the array of images `file`, which needs no labels */
    ADVICE_PREDICT,      /* predict the pictures of `file`, which need no classes */
    ADVICE_VERIFY,       /* check the data set `file` */
    ADVICE_INSPECT,      /* list the arrays of the checkpoint `file` */
    ADVICE_DATA,         /* name the data set, which is not where the run found it */
    ADVICE_NEWER,        /* rewrite `file`, which has a newer format, in an older one */
    ADVICE_CONTENTS,     /* list what `file` holds, and how a run file can name it */
    ADVICE_CONTINUE_RUN, /* continue the run, or choose another folder */
    ADVICE_RESUME,       /* the run, which has ended, can be continued from its checkpoint `file` */
    ADVICE_OTHER_FOLDER, /* choose another folder */
    ADVICE_IN_TEXT,      /* the text of the error says it */
    ADVICE_MEND_FOLDER,  /* make it possible to write to the run's folder, and continue the run */
    ADVICE_GO_ON,        /* continue the run that was stopped */
    ADVICE_UNKNOWN_KEY,  /* none: the file has no key `file` at its top; another kind may have it */
    ADVICE_RUN_FILE,     /* it is a run file, not the space file of a search */
    ADVICE_SPACE_FILE,   /* it is the space file of a search, not a run file */
    /* For tables; `file` is the name of a column. */
    ADVICE_SEPARATOR,     /* give the character that separates columns */
    ADVICE_COMMENT,       /* give the character with which comments begin */
    ADVICE_NO_HEAD,       /* state that the first line is a row */
    ADVICE_MISSING,       /* give the column a rule for missing values */
    ADVICE_MISSING_TRUTH, /* the same for a column of labels or targets */
    ADVICE_COLUMN,        /* leave it out, take it as categories, or treat `detail` as missing */
    ADVICE_MANY,          /* leave the column out, or take it as categories */
    ADVICE_IGNORE,        /* leave the column out */
    ADVICE_LABEL,         /* take the column as classes */
    ADVICE_TARGET         /* take the column as values to predict */
};
struct Advice {
    enum AdviceKind kind;
    char file[256], detail[32];
    int64_t count; /* 0: no number is given */
};

/* An option of a command: its name without dashes, and the value that was given for it ("" if there
 * is none, or it need not be repeated). */
struct BlamedOption {
    char name[32], value[128];
};

struct Error {
    int code;
    char text[1000];
    char key[200];              /* the key of the run file to blame: "train.shards"; "" if none */
    bool located;               /* `text` already gives the file and line of the key */
    struct BlamedOption option; /* the option to blame; its name is "" if there is none */
    struct Advice advice;
};

/* Writes the line and returns `code`, for `return fail(error, ERROR_DATA, "%s: ...", path);` */
int fail(struct Error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As fail() with ERROR_SYSTEM, and appends ": " and strerror(errno). */
int fail_errno(struct Error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As fail(), and blames a key of the run file. The line itself does not name the key. */
int fail_key(struct Error *error, int code, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As fail() with ERROR_USAGE, and blames an option, which the line itself does not name. `value`
 * may be NULL. */
int fail_option(struct Error *error, const char *option, const char *value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Blame a key or an option for a failure of a called function. The first blame stays: if one is
 * there, a key changes nothing, and an option does not replace an option. Return the code. */
int error_blame_key(struct Error *error, const char *key);
int error_blame_option(struct Error *error, const char *option, const char *value);

/* Sets the advice. `file` and `detail` may be NULL. Returns the code. */
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

/* Both print one line, which names the rank if it is known, and end the process with the code on
 * the right: by the handler, if one is set, which ends all ranks. Without one, a bug calls
 * abort(). */
_Noreturn void check_failed(const char *file, int line, const char *condition); /* ERROR_BUG */
_Noreturn void memory_failed(uint64_t bytes, const char *purpose);              /* ERROR_SYSTEM */
/* Sets the handler, which must not return. `rank` is the rank of this process, -1 if it has
 * none. */
void check_set_handler(void (*handler)(int code), int rank);

#endif
