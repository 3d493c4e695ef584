/* Internal to runfile/: parsing of the tree into option structs, and words from the tables for
 * messages. */
#ifndef TRAINER_RUNFILE_PARSE_H
#define TRAINER_RUNFILE_PARSE_H

#include "base/error.h"
#include "base/text.h"
#include "runfile/schema.h"
#include "runfile/tree.h"

struct Parser {
    struct Pool *pool;
    struct Error *error;
    const struct Key *root; /* the keys of the whole file */
    bool saved;             /* as in runfile_parse_saved */
};

/* parse.c. Fills the zeroed struct at `options` from the mapping (or null) `node`, which is at
 * depth `depth`. */
int parse__keys(const struct Parser *parser, const struct Key *keys, struct YamlNode *node,
                void *options, int depth);
/* Finds which of `kinds` the node chooses, and converts the node to the form {name: {keys}}. */
int parse__kind(const struct Parser *parser, const struct KindTable *kinds, struct YamlNode *node,
                const struct Kind **kind);
/* *node gets the key's default as a node below `parent`; NULL if it has none. */
int parse__fallback(const struct Parser *parser, const struct Key *key, struct YamlNode *parent,
                    struct YamlNode **node);

/* override.c. Merges `override` ("key.sub=value") into the tree at `root`. */
int override__apply(const struct Parser *parser, const char *file, const char *override,
                    const struct Key *keys, struct YamlNode *root);

/* emit.c. Appends one value on one line; "null" if it is absent. */
void emit__value(struct Text *text, const struct Key *key, const void *field);

/* number.c. Return NULL if `text` is a decimal number of the type, otherwise the reason why it is
 * not ("" if "expected a number" needs no addition). */
const char *number__parse_integer(const char *text, int64_t *value);
const char *number__parse_real(const char *text, double *value);
/* Writes the fewest digits that read back to the same bits, and returns `buffer`. */
#define NUMBER_BYTES 32
const char *number__print(double value, char buffer[NUMBER_BYTES]);

/* time.c. Reads a length of time, "3 h 50 min". Returns NULL, or the reason why it is not one. */
const char *time__parse(const char *text, double *seconds);
/* Appends a length of time that time__parse reads as the same number. */
void time__print(struct Text *text, double seconds);

/* size.c. Reads an amount of memory, "2 GiB". Returns NULL, or the reason why it is not one. */
const char *size__parse(const char *text, int64_t *bytes);
/* Appends an amount of memory that size__parse reads as the same number. */
void size__print(struct Text *text, int64_t bytes);

/* schema.c */
bool schema__in_range(const struct Key *key, double value);
/* Appends "integer from 1", "number above 0 up to 1", "one of keep, drop". Lists of kinds are
 * described without the kinds. */
void schema__describe(struct Text *text, const struct Key *key);
int schema__enum_count(const struct Key *key); /* of key->names */
/* Appends "unknown key; did you mean 'kernel'? (conv takes out, kernel)". `taker` is the owner of
 * the keys: "conv"; `root`: the keys of the whole file. */
void schema__unknown_key(struct Text *text, const char *word, const char *taker,
                         const struct Key *keys, const struct Key *root);
/* Appends "; did you mean 'relu'?" or nothing. */
void schema__suggest(struct Text *text, const char *word, const char *const *names, int count);
const char *schema__article(const char *words); /* "an " or "a " */
/* Writes the names of the table's kinds, at most SCHEMA_NAMES, to `names`; returns their number. */
#define SCHEMA_NAMES 256
int schema__kind_names(const struct KindTable *kinds, const char **names);
void schema__join(struct Text *text, const char *const *names, int count); /* "a, b, c" */

/* suggest.c. Appends what a name may mean that is none of the `count` names that are valid here: a
 * valid one, as schema__suggest does, or "; did you mean 'rate' in 'optimizer.sgd'?", or why no
 * key is needed. Knows names of other programs. */
void suggest__name(struct Text *text, const char *word, const char *const *names, int count,
                   const struct Key *root);

/* Set and get the count and the elements of a struct Reals, Ints, Strings, Spans or ChoiceLists. */
void list__set(void *field, int count, void *values);
int list__get(const void *field, const void **values);

#endif
