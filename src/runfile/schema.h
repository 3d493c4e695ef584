/* The tables of the run file's keys. A `struct Key` table gives name, type, range, unit, default
 * and help of every key of one options struct; parsing, error messages, the saved run file and
 * docs/run-file.md all come from it. A `struct Kind` is one of several alternatives that are
 * written in the run file as `name` or `name: {keys}`: a layer, an optimiser, a schedule, an
 * augmentation. */
#ifndef TRAINER_RUNFILE_SCHEMA_H
#define TRAINER_RUNFILE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum KeyType {
    KEY_INT,          /* int64_t */
    KEY_REAL,         /* double; finite */
    KEY_BOOL,         /* bool; true or false */
    KEY_ENUM,         /* int, index into `names` */
    KEY_STRING,       /* const char * */
    KEY_SPAN,         /* struct Span: "2 epochs", "500 steps", "1 epoch"; 0 alone is "0 steps" */
    KEY_INTERVAL,     /* struct Interval: a span, or a length of time: "10 min" */
    KEY_TIME,         /* double, in seconds: "3 h 50 min", "90 s" */
    KEY_COUNT,        /* int64_t, or the word in names[0] (e.g. "auto"), stored as -1 */
    KEY_SIZE,         /* int64_t, in bytes: "2 GiB"; or the word in names[0], stored as -1 */
    KEY_REALS,        /* struct Reals: a sequence of numbers */
    KEY_INTS,         /* struct Ints */
    KEY_STRINGS,      /* struct Strings */
    KEY_SPANS,        /* struct Spans */
    KEY_CHOICE,       /* struct Choice: one of `kinds` */
    KEY_CHOICES,      /* struct ChoiceList: a sequence of `kinds` */
    KEY_CHOICE_LISTS, /* struct ChoiceLists: a sequence of such sequences */
    KEY_SECTION,      /* a nested struct with the keys `keys`, stored in place */
    KEY_NAMED /* struct Named: keys that the user names, each with the keys `keys` below it */
};

struct Span {
    double value; /* >= 0; whole for steps */
    bool epochs;  /* else steps */
};
/* How often: in steps or epochs, or by the clock. */
struct Interval {
    struct Span span;
    double seconds; /* above 0: the span is nothing */
};
struct Reals {
    int count;
    double *values;
};
struct Ints {
    int count;
    int64_t *values;
};
struct Strings {
    int count;
    const char **values;
};
struct Spans {
    int count;
    struct Span *values;
};

/* What stands below a key of type KEY_NAMED, in the order of the file. */
struct NamedItem {
    const char *name;
    void *options; /* a struct of key->item_size bytes, owned by the run file */
};
struct Named {
    int count;
    struct NamedItem *items;
};

struct Kind;
struct KindTable;

/* One parsed alternative. `options` points at a struct of kind->options_size bytes, filled by
 * kind->keys, owned by the run file. */
struct Choice {
    const struct Kind *kind;
    void *options;
    const void *node; /* its place, for schema_fail(); NULL: made by a program */
};
struct ChoiceList {
    int count;
    struct Choice *items;
};

struct ChoiceLists {
    int count;
    struct ChoiceList *items;
};

struct Key {
    const char *name; /* NULL ends a table */
    enum KeyType type;
    size_t offset; /* into the options struct */
    /* The default, as YAML text parsed like user text; NULL: required. A section has none of its
     * own: its keys have. Empty text is written "''" here, as in the run file. */
    const char *fallback;
    /* The bounds of a number, or of each number of a list, inclusive. Both 0: no bounds. A maximum
     * below the minimum is none; nor is an infinite bound. A minimum of 1 for text refuses the
     * empty text. */
    double minimum, maximum;
    bool above_minimum;       /* the minimum itself is refused */
    bool below_maximum;       /* the maximum itself is refused */
    const char *const *names; /* KEY_ENUM: NULL-terminated; KEY_COUNT, KEY_SIZE: the one word */
    const struct Key *keys;   /* KEY_SECTION, KEY_NAMED */
    size_t item_size;         /* KEY_NAMED: of the struct that `keys` fill */
    const struct KindTable *kinds; /* KEY_CHOICE, KEY_CHOICES, KEY_CHOICE_LISTS */
    const char *unit;              /* "samples", "1/step"; NULL: none */
    const char *help;              /* one line for docs/run-file.md */
    bool optional; /* KEY_CHOICE, KEY_STRING, KEY_REAL, KEY_ENUM, KEY_TIME: may stay absent, which
                      is kind == NULL, NULL, NaN, -1, 0 */
    bool or_one;   /* KEY_STRINGS: one text may stand without brackets */
    /* A run that resumes may change it: it says how long or by which means the run computes, not
     * what. If a section has it, all its keys are meant. */
    bool free_on_resume;
    /* The other keys of its section do nothing unless this one is given. */
    bool switches_on;
    /* KEY_REAL, KEY_ENUM: the key makes training harder, so that the model generalises better
     * (penalties, dropout, smoothed labels); with this value it does not. NULL: it is no such key.
     */
    const char *without_regularisation;
};
#define KEY_END                                                                                    \
    { 0 }

/* The key itself if it has to be given, or the first such key of a section; NULL: none has to. */
const struct Key *schema_required(const struct Key *key);

/* The common head of everything that can be chosen. A layer, optimiser … struct begins with one. */
struct Kind {
    const char *name;       /* in the run file */
    const char *summary;    /* one line of help: what it is and what it costs */
    const struct Key *keys; /* NULL: takes none */
    size_t options_size;
};

struct KindTable {
    const char *what;                /* "layer", "optimizer": for messages */
    const struct Kind *const *kinds; /* NULL-terminated */
};

/* Adds to a failure the place in the run file where `key` of `choice` was set (the choice's own
 * line if `key` is NULL or was not given), as runfile_locate does. Returns the code. */
struct Error;
int schema_blame(struct Error *error, const struct Choice *choice, const char *key);
/* A failure of a later check at that place. Returns ERROR_RUN_FILE. */
int schema_fail(struct Error *error, const struct Choice *choice, const char *key,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
