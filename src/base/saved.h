/* A table, written by the owner of a struct, of the members that a file stores, by name. Whoever
 * stores the struct walks the table and knows nothing else of it. */
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
    double start;  /* what a number is when a run begins; a text is NULL */
    bool optional; /* files written before the field existed lack it: then it is its start */
};

/* Describes `member` of `struct owner`, whose type it finds out:
 * `SAVED_FIELD(struct Watch, "best", best, .optional = true)`. */
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
    const char *what;                /* what the struct belongs to, for messages: "a schedule" */
    const struct SavedField *fields; /* the last is SAVED_END */
    bool (*is_valid)(const void *value); /* NULL: whatever the fields hold is valid */
};

/* Sets every field to its start; texts that were there are released. */
void saved_start(const struct SavedTable *table, void *value);
/* Releases the texts. */
void saved_release(const struct SavedTable *table, void *value);
/* Adds "PREFIXname value, PREFIXname value" to a message. */
void saved_describe(const struct SavedTable *table, const char *prefix, const void *value,
                    struct Text *text);

#endif
