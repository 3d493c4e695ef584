/* A table of the members of a struct that are saved in a file, by name. The owner of the struct
 * writes the table; the code that saves the struct knows nothing else of it. */
#ifndef TRAINER_BASE_SAVED_H
#define TRAINER_BASE_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum SavedType { SAVED_INT64, SAVED_DOUBLE, SAVED_BOOL, SAVED_TEXT };

struct SavedField {
    const char *name; /* in the file */
    enum SavedType type;
    size_t offset; /* of the member: int64_t or uint64_t, double, bool, or an owned char * */
    double start;  /* the value of a number when a run begins; a text begins as NULL */
    bool optional; /* older files lack the field, which then has its start value */
};

/* The row of a member; its type follows from the member's: `SAVED_FIELD(struct Watch, "best", best,
 * .optional = true)`. */
#define SAVED_FIELD(owner, field_name, member, ...)                                                  \
    {                                                                                                \
        .name = (field_name), .offset = offsetof(owner, member),                                   \
        .type = _Generic(((owner *)0)->member,                                                     \
                 int64_t: SAVED_INT64,                                                             \
                 uint64_t: SAVED_INT64,                                                            \
                 double: SAVED_DOUBLE,                                                             \
                 bool: SAVED_BOOL,                                                                 \
                 char *: SAVED_TEXT),                                                              \
        __VA_ARGS__ \
    }
#define SAVED_END                                                                                  \
    { .name = NULL }

struct SavedTable {
    const char *what;                    /* the owner, for messages: "a schedule" */
    const struct SavedField *fields;     /* the last is SAVED_END */
    bool (*is_valid)(const void *value); /* NULL: all values of the fields are valid */
};

/* Sets every field to its start value, and releases the texts that were there. */
void saved_start(const struct SavedTable *table, void *value);
/* Releases the texts. */
void saved_release(const struct SavedTable *table, void *value);
/* Adds "PREFIXname value, PREFIXname value" to a message. */
void saved_describe(const struct SavedTable *table, const char *prefix, const void *value,
                    struct Text *text);

#endif
