/* The tables of the run file's keys. A table of struct Key gives name, type, range, unit, default
 * and help of every key of one options struct; parsing, error messages, the saved run file and
 * docs/run-file.md all use it. A struct Kind is one of several alternatives, which the run file
 * writes as `name` or `name: {keys}`: a layer, an optimiser, a schedule, an augmentation. */
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
    KEY_NAMED         /* struct Named: names that the user chooses, each with the keys `keys` */
};

struct Span {
    double value; /* >= 0; whole for steps */
    bool epochs;  /* else steps */
};
/* An interval in steps or epochs, or in time. */
struct Interval {
    struct Span span;
    double seconds; /* if above 0, the span is not used */
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

/* The items below a key of type KEY_NAMED, in the order of the file. */
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
    const void *node; /* its place, for schema_fail(); NULL: it does not come from a run file */
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
    /* The default, as YAML text that is parsed like the user's; NULL: the key is required. A
     * section has no default itself, but its keys have. Empty text is written "''", as in the run
     * file. */
    const char *fallback;
    /* The inclusive bounds of a number, or of each number of a list. There are no bounds if both
     * are 0, no upper bound if the maximum is below the minimum, and an infinite bound is none. For
     * text a minimum of 1 refuses the empty text. */
    double minimum, maximum;
    bool above_minimum;       /* the minimum itself is refused */
    bool below_maximum;       /* the maximum itself is refused */
    const char *const *names; /* KEY_ENUM: NULL-terminated; KEY_COUNT, KEY_SIZE: the only word */
    const struct Key *keys;   /* KEY_SECTION, KEY_NAMED */
    size_t item_size;         /* KEY_NAMED: the size of the struct that `keys` fill */
    const struct KindTable *kinds; /* KEY_CHOICE, KEY_CHOICES, KEY_CHOICE_LISTS */
    const char *unit;              /* "samples", "1/step"; NULL: none */
    const char *help;              /* one line for docs/run-file.md */
    /* KEY_CHOICE, KEY_STRING, KEY_REAL, KEY_ENUM, KEY_TIME: the key may be absent. Its value is
     * then kind == NULL, NULL, NaN, -1 or 0. */
    bool optional;
    /* KEY_REAL, KEY_REALS: any double is allowed. Otherwise a number must be 0 or one that float32
     * holds with all its digits, because the computation uses it as such. */
    bool is_double;
    bool or_one; /* KEY_STRINGS: a single text may be written without brackets */
    /* A run that resumes may change the key: it sets how long or by which means the run computes,
     * not the result. For a section, this applies to all its keys. */
    bool free_on_resume;
    /* The other keys of its section have no effect unless this one is given. */
    bool switches_on;
    /* KEY_REAL, KEY_ENUM: the value that switches the key off, if the key is a regularisation: it
     * makes training harder, so that the model generalises better (penalties, dropout, smoothed
     * labels). NULL: the key is no regularisation. */
    const char *without_regularisation;
};
#define KEY_END                                                                                    \
    { 0 }

/* The key of that name in a table; NULL if there is none. `keys` may be NULL. */
const struct Key *schema_find(const struct Key *keys, const char *name);

/* The key itself if it is required, or the first required key of a section; NULL if there is
 * none. */
const struct Key *schema_required(const struct Key *key);

/* The common head of everything that can be chosen: a struct Layer, Optimizer, Schedule … begins
 * with it. */
struct Kind {
    const char *name;       /* in the run file */
    const char *summary;    /* one line of help: what it is and what it costs */
    const struct Key *keys; /* NULL: it has no keys */
    size_t options_size;
};

struct KindTable {
    const char *what;                /* "layer", "optimizer": for messages */
    const struct Kind *const *kinds; /* NULL-terminated */
};

/* Adds to an error, as runfile_locate does, the place in the run file where `key` of `choice` was
 * set (the choice's own line if `key` is NULL or was not given). Returns the code. */
struct Error;
int schema_blame(struct Error *error, const struct Choice *choice, const char *key);
/* Fails with a message at that place. Returns ERROR_RUN_FILE. */
int schema_fail(struct Error *error, const struct Choice *choice, const char *key,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
