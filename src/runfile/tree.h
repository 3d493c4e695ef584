/* Internal to runfile/: the tree of a YAML text. Every node has its line, so that a check long
 * after parsing can still name the line. The nodes, their text and the option structs that are
 * parsed from them lie in one pool and are released together. */
#ifndef TRAINER_RUNFILE_TREE_H
#define TRAINER_RUNFILE_TREE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define TREE_NESTING 32                  /* mappings and lists inside one another */
#define TREE_BYTES ((size_t)1024 * 1024) /* of one text */
#define TREE_KEYS 1000                   /* of one mapping */

struct PoolBlock;
struct Pool { /* initialise with {0} */
    struct PoolBlock *blocks;
};
void *pool__allocate(struct Pool *pool, size_t bytes); /* zeroed, aligned for any type */
char *pool__copy(struct Pool *pool, const char *text, size_t length);
void pool__release(struct Pool *pool);

/* The source of text: a file or an override. */
struct Source {
    const char *file;     /* for messages; NULL: they name no place */
    const char *override; /* "optimizer.rate=0.1"; NULL: the text is from the file */
};
#define SOURCE_OPTION "set" /* the option that an override comes from, for struct Error */

enum NodeType { NODE_SCALAR, NODE_LIST, NODE_MAPPING };

struct YamlNode {
    enum NodeType type;
    bool quoted;      /* scalar: not plain, so it is never a number or null */
    const char *text; /* scalar */
    const char *name; /* its key, if the parent is a mapping */
    int index;        /* its index, if the parent is a list */
    int line;         /* from 1: the line of its key, or where it begins */
    const struct Source *source;
    struct YamlNode *parent, **items;
    int count, capacity;
};

/* Makes a node with the parent's line, which is not yet among the parent's items. */
struct YamlNode *node__below(struct Pool *pool, enum NodeType type, struct YamlNode *parent,
                             const char *name);
void node__append(struct Pool *pool, struct YamlNode *parent, struct YamlNode *item);
struct YamlNode *node__find(const struct YamlNode *mapping, const char *name); /* or NULL */
bool node__is_null(const struct YamlNode *node); /* empty, ~ or null */

/* Describe for messages what was found: 'text', "a list", "keys", "nothing". Control characters are
 * replaced and long text is cut, so that a message remains one line. */
#define FOUND_BYTES 80
const char *node__found(const struct YamlNode *node, char buffer[FOUND_BYTES]);
const char *text__printable(const char *text, char buffer[FOUND_BYTES]);

/* Completes an error by its place: "FILE:LINE: path: message", or "path: message" with the override
 * as the option to blame. All other functions use this one. Returns the code. */
int node__locate(const struct YamlNode *place, const char *path, struct Error *error);
/* The same for `key` of a node, or for the node itself if `key` is NULL. */
int node__blame(const struct YamlNode *node, const char *key, struct Error *error);
/* Fails with a message at that place. */
int node__fail(const struct YamlNode *node, struct Error *error, int code, const char *key,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
int node__fail_list(const struct YamlNode *node, struct Error *error, int code, const char *key,
                    const char *format, va_list arguments);

/* Reads YAML text into `node`, whose source, line, name and parent are set, and fills its type and
 * contents. With `own_lines` the nodes get the lines of the text, otherwise that of `node`. Empty
 * text is a null scalar. */
int yaml__read(struct Pool *pool, struct YamlNode *node, bool own_lines, const char *text,
               size_t length, struct Error *error);

#endif
