/* Inside runfile/ only: from the tree to option structs, and the words the tables give messages. */
#ifndef TRAINER_RUNFILE_PARSE_H
#define TRAINER_RUNFILE_PARSE_H

#include "base/error.h"
#include "base/text.h"
#include "runfile/schema.h"
#include "runfile/tree.h"

struct Parser {
    struct Pool *pool;
    struct Error *error;
};

/* parse.c. Fills the zeroed struct at `options` from the mapping (or null) `node`, which is
 * `depth` levels deep. */
int parse__keys(const struct Parser *parser, const struct Key *keys, struct YamlNode *node,
                void *options, int depth);
/* Which of `kinds` the node chose; brings it into the form {name: {keys}} in place. */
int parse__kind(const struct Parser *parser, const struct KindTable *kinds, struct YamlNode *node,
                const struct Kind **kind);
/* The key's default as a node below `parent`; NULL if it has none. */
int parse__fallback(const struct Parser *parser, const struct Key *key, struct YamlNode *parent,
                    struct YamlNode **node);

/* override.c. Merges `override` ("key.sub=value") into the tree at `root`. */
int override__apply(const struct Parser *parser, const char *file, const char *override,
                    const struct Key *keys, struct YamlNode *root);

/* emit.c. One value, on one line; "null" if it is absent. */
void emit__value(struct Text *text, const struct Key *key, const void *field);

/* number.c. NULL if `text` is a decimal number of the type, else why it is not ("" if there is
 * nothing to add to "expected a number"). */
const char *number__parse_integer(const char *text, int64_t *value);
const char *number__parse_real(const char *text, double *value);
/* The fewest digits that read back to the same bits. */
#define NUMBER_BYTES 32
const char *number__print(double value, char buffer[NUMBER_BYTES]);

/* time.c: "3 h 50 min", in seconds. NULL on success, or why the text is no length of time. */
const char *time__parse(const char *text, double *seconds);
/* Appends a length of time, so that parsing gives the same number. */
void time__print(struct Text *text, double seconds);

/* size.c: "2 GiB", in bytes. NULL on success, or why the text is no amount of memory. */
const char *size__parse(const char *text, int64_t *bytes);
/* Appends an amount of memory, so that parsing gives the same number. */
void size__print(struct Text *text, int64_t bytes);

/* schema.c */
const struct Key *schema__find(const struct Key *keys, const char *name); /* or NULL */
bool schema__in_range(const struct Key *key, double value);
/* "integer from 1", "number above 0 up to 1", "one of keep, drop". Lists without their kinds. */
void schema__describe(struct Text *text, const struct Key *key);
int schema__enum_count(const struct Key *key); /* of key->names */
/* "unknown key; did you mean 'kernel'? (conv takes out, kernel)". `taker`: who takes the keys. */
void schema__unknown_key(struct Text *text, const char *word, const char *taker,
                         const struct Key *keys);
/* "; did you mean 'relu'?" or nothing. */
void schema__suggest(struct Text *text, const char *word, const char *const *names, int count);
const char *schema__article(const char *words); /* "an " or "a " */
/* The table's names into `names`, at most SCHEMA_NAMES; returns how many. */
#define SCHEMA_NAMES 256
int schema__kind_names(const struct KindTable *kinds, const char **names);
void schema__join(struct Text *text, const char *const *names, int count); /* "a, b, c" */

/* The count and the elements of a struct Reals, Ints, Strings, Spans or ChoiceLists. */
void list__set(void *field, int count, void *values);
int list__get(const void *field, const void **values);

#endif
