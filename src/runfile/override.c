/* Applies an override, `key.sub=value`. Its place is found by the tables, so that the path can be
 * checked, the name of the chosen kind may be left out, and a key below a default can be set
 * without writing the default out. An empty value removes the file's value, so that the key has its
 * default. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runfile/parse.h"

#define SEGMENTS 64

struct Override {
    const struct Parser *parser;
    const struct Source *source;
    const char *segments[SEGMENTS];
    int count;
    struct YamlNode *value;
    bool reset; /* the value is empty: the key gets its default */
};

/* Fails with `message`, and blames the override as a whole. */
static int refuse(const struct Override *set, struct Text *message) {
    struct Error *error = set->parser->error;
    char printable[FOUND_BYTES];
    fail(error, ERROR_RUN_FILE, "%s", message->data);
    text_release(message);
    return error_blame_option(error, SOURCE_OPTION,
                              text__printable(set->source->override, printable));
}

static int unknown(const struct Override *set, int at, const char *taker, const struct Key *keys) {
    struct Text text = {0};
    char printable[FOUND_BYTES];
    text_add(&text, "'%s': ", text__printable(set->segments[at], printable));
    schema__unknown_key(&text, set->segments[at], taker, keys, set->parser->root);
    return refuse(set, &text);
}

/* Replaces item `name` (or `index`) of `parent` by the value, or adds it. */
static int put(const struct Override *set, struct YamlNode *parent, const char *name, int index) {
    struct YamlNode *value = set->value;
    value->name = name;
    value->parent = parent;
    value->index = index;
    if (!name) {
        parent->items[index] = value;
        return OK;
    }
    for (int i = 0; i < parent->count; i++)
        if (strcmp(parent->items[i]->name, name) == 0) {
            parent->items[i] = value;
            return OK;
        }
    node__append(set->parser->pool, parent, value);
    return OK;
}

static void drop(struct YamlNode *parent, const char *name) {
    int kept = 0;
    for (int i = 0; i < parent->count; i++)
        if (strcmp(parent->items[i]->name, name) != 0) {
            parent->items[kept] = parent->items[i];
            parent->items[kept]->index = kept;
            kept++;
        }
    parent->count = kept;
}

/* Removes the key from `node`, so that its default holds. */
static int reset(const struct Override *set, struct YamlNode *node, const struct Key *key) {
    const struct Key *required = schema_required(key);
    if (!required) {
        drop(node, key->name);
        return OK;
    }
    struct Text text = {0};
    text_add(&text, "'%s' has no default", key->name);
    if (required != key) {
        text_add(&text, ", since its key '%s' has none", required->name);
    } else if (key->type != KEY_CHOICE) {
        text_add(&text, " (");
        schema__describe(&text, key);
        text_add(&text, ")");
    }
    return refuse(set, &text);
}

static int into_struct(const struct Override *set, int at, struct YamlNode *node, const char *taker,
                       const struct Key *keys);

/* Descends into a node that has the form {kind: {keys}} or can be converted to it. */
static int into_choice(const struct Override *set, int at, struct YamlNode *node,
                       const struct KindTable *kinds) {
    const struct Kind *kind;
    int code = parse__kind(set->parser, kinds, node, &kind);
    if (code)
        return code;
    const char *segment = set->segments[at];
    bool last = at + 1 == set->count;
    if (strcmp(segment, kind->name) == 0 && !(last && schema_find(kind->keys, segment)))
        return last ? put(set, node, kind->name, 0)
                    : into_struct(set, at + 1, node->items[0], kind->name, kind->keys);
    for (int i = 0; kinds->kinds[i] && !schema_find(kind->keys, segment); i++)
        if (strcmp(kinds->kinds[i]->name, segment) == 0) {
            struct Text text = {0};
            text_add(&text, "the %s here is '%s', not '%s'; choose it first: ", kinds->what,
                     kind->name, segment);
            for (int j = 0; j < at; j++)
                text_add(&text, "%s%s", j ? "." : "", set->segments[j]);
            text_add(&text, "=%s", segment);
            return refuse(set, &text);
        }
    return into_struct(set, at, node->items[0], kind->name, kind->keys);
}

static int into_list(const struct Override *set, int at, struct YamlNode *node,
                     const struct Key *key) {
    const char *segment = set->segments[at];
    char found[FOUND_BYTES], *end;
    struct Text text = {0};
    if (node->type != NODE_LIST)
        return node__fail(node, set->parser->error, ERROR_RUN_FILE, NULL,
                          "expected a list, found %s", node__found(node, found));
    bool digits = segment[strspn(segment, "0123456789")] == '\0' && strlen(segment) <= 9;
    long index = strtol(segment, &end, 10);
    if (!digits || index >= node->count) {
        text_add(&text, "no item '%s': '%s' has %d item%s", text__printable(segment, found),
                 key->name, node->count, node->count == 1 ? "" : "s");
        if (node->count > 1)
            text_add(&text, ", numbered 0 to %d", node->count - 1);
        else if (node->count == 1)
            text_add(&text, ", numbered 0");
        return refuse(set, &text);
    }
    if (at + 1 == set->count && set->reset) {
        text_add(&text, "an item of '%s' has no default; expected a value", key->name);
        return refuse(set, &text);
    }
    if (at + 1 == set->count)
        return put(set, node, NULL, (int)index);
    if (key->type == KEY_CHOICE_LISTS) {
        struct Key inner = *key;
        inner.type = KEY_CHOICES;
        return into_list(set, at + 1, node->items[index], &inner);
    }
    if (key->type == KEY_CHOICES)
        return into_choice(set, at + 1, node->items[index], key->kinds);
    text_add(&text, "an item of '%s' is one value; nothing stands below it", key->name);
    return refuse(set, &text);
}

/* Descends below a name that the user chooses; a name that is not there is added. */
static int into_named(const struct Override *set, int at, struct YamlNode *node,
                      const struct Key *key) {
    const char *name = set->segments[at];
    char found[FOUND_BYTES];
    if (node__is_null(node))
        node->type = NODE_MAPPING;
    if (node->type != NODE_MAPPING)
        return node__fail(node, set->parser->error, ERROR_RUN_FILE, NULL,
                          "expected names with keys below them, found %s",
                          node__found(node, found));
    if (at + 1 == set->count && set->reset) {
        drop(node, name);
        return OK;
    }
    if (at + 1 == set->count)
        return put(set, node, name, 0);
    struct YamlNode *item = node__find(node, name);
    if (!item) {
        item = node__below(set->parser->pool, NODE_MAPPING, node, name);
        node__append(set->parser->pool, node, item);
    }
    return into_struct(set, at + 1, item, name, key->keys);
}

static int into_value(const struct Override *set, int at, struct YamlNode *node,
                      const struct Key *key) {
    struct Text text = {0};
    switch (key->type) {
    case KEY_SECTION:
        return into_struct(set, at, node, key->name, key->keys);
    case KEY_NAMED:
        return into_named(set, at, node, key);
    case KEY_CHOICE:
        return into_choice(set, at, node, key->kinds);
    case KEY_CHOICES:
    case KEY_CHOICE_LISTS:
    case KEY_REALS:
    case KEY_INTS:
    case KEY_STRINGS:
    case KEY_SPANS:
        return into_list(set, at, node, key);
    default:
        text_add(&text, "'%s' is one value (", key->name);
        schema__describe(&text, key);
        text_add(&text, "); nothing stands below it");
        return refuse(set, &text);
    }
}

static int into_struct(const struct Override *set, int at, struct YamlNode *node, const char *taker,
                       const struct Key *keys) {
    const struct Parser *parser = set->parser;
    char found[FOUND_BYTES];
    const struct Key *key = schema_find(keys, set->segments[at]);
    if (!key)
        return unknown(set, at, taker, keys);
    if (node__is_null(node))
        node->type = NODE_MAPPING;
    if (node->type != NODE_MAPPING)
        return node__fail(node, parser->error, ERROR_RUN_FILE, NULL,
                          "expected keys with values (key: value), found %s",
                          node__found(node, found));
    if (at + 1 == set->count)
        return set->reset ? reset(set, node, key) : put(set, node, key->name, 0);
    struct YamlNode *item = node__find(node, key->name);
    if (!item) {
        int code = parse__fallback(parser, key, node, &item);
        if (code)
            return code;
        if (item && !set->reset) /* an item that is not there has its defaults */
            node__append(parser->pool, node, item);
    }
    if (!item || (key->type == KEY_CHOICE && node__is_null(item))) {
        struct Text text = {0};
        text_add(&text, "'%s' is not set; set it as a whole first", key->name);
        return refuse(set, &text);
    }
    int code = into_value(set, at + 1, item, key);
    if (!code && set->reset && key->type == KEY_SECTION && item->count == 0)
        drop(node, key->name);
    return code;
}

/* Splits the part before '=', of `length` bytes, at its dots. */
static int split(struct Override *set, size_t length) {
    const char *text = set->source->override;
    char printable[FOUND_BYTES];
    for (size_t start = 0; start <= length; set->count++) {
        size_t end = start;
        while (end < length && text[end] != '.')
            end++;
        if (end == start || set->count == SEGMENTS)
            return fail_option(set->parser->error, SOURCE_OPTION, text__printable(text, printable),
                               "expected KEY.KEY=VALUE");
        set->segments[set->count] = pool__copy(set->parser->pool, text + start, end - start);
        start = end + 1;
    }
    return OK;
}

int override__apply(const struct Parser *parser, const char *file, const char *override,
                    const struct Key *keys, struct YamlNode *root) {
    char printable[FOUND_BYTES];
    struct Source *source = pool__allocate(parser->pool, sizeof *source);
    *source = (struct Source){.file = file,
                              .override = pool__copy(parser->pool, override, strlen(override))};
    struct Override set = {.parser = parser, .source = source};
    const char *equals = strchr(source->override, '=');
    if (!equals)
        return fail_option(parser->error, SOURCE_OPTION, text__printable(override, printable),
                           "expected KEY=VALUE");
    int code = split(&set, (size_t)(equals - source->override));
    if (code)
        return code;
    set.reset = equals[1] == '\0';
    set.value = pool__allocate(parser->pool, sizeof *set.value);
    *set.value = (struct YamlNode){.text = "", .source = source, .line = 1};
    code =
        yaml__read(parser->pool, set.value, false, equals + 1, strlen(equals + 1), parser->error);
    return code ? code : into_struct(&set, 0, root, "the run file", keys);
}
