#include "runfile/parse.h"

#include <math.h>
#include <string.h>

#include "base/float32.h"

static int fail_text(const struct Parser *parser, const struct YamlNode *node, struct Text *text) {
    int code = node__fail(node, parser->error, ERROR_RUN_FILE, NULL, "%s", text->data);
    text_release(text);
    return code;
}

static const char unit_missing[] = "say whether epochs or steps";
static const char interval_unit_missing[] = "say whether epochs, steps, d, h, min or s";
static const char *const span_units[] = {"epochs", "steps", "epoch",   "step",
                                         "min",    "hours", "minutes", "seconds"};
#define SPAN_UNITS 4 /* the first ones; the others are for intervals only */
#define INTERVAL_UNITS 8

/* Fails with "expected an integer from 1, found 'abc' (why); did you mean 'x'?". */
static int expected(const struct Parser *parser, const struct Key *key, const struct YamlNode *node,
                    const char *why) {
    struct Text text = {0}, words = {0};
    char found[FOUND_BYTES];
    bool article = key->type != KEY_BOOL && key->type != KEY_ENUM && key->type != KEY_STRING &&
                   key->type != KEY_SECTION && key->type != KEY_NAMED && !key->or_one;
    schema__describe(&words, key);
    text_add(&text, "expected %s%s, found %s", article ? schema__article(words.data) : "",
             words.data, node__found(node, found));
    if (why && *why)
        text_add(&text, " (%s)", why);
    if ((key->type == KEY_ENUM || key->type == KEY_COUNT || key->type == KEY_SIZE) &&
        node->type == NODE_SCALAR)
        schema__suggest(&text, node->text, key->names, schema__enum_count(key));
    if ((why == unit_missing || why == interval_unit_missing) && strchr(node->text, ' '))
        schema__suggest(&text, strchr(node->text, ' ') + 1, span_units,
                        why == unit_missing ? SPAN_UNITS : INTERVAL_UNITS);
    text_release(&words);
    return fail_text(parser, node, &text);
}

static int too_deep(const struct Parser *parser, const struct YamlNode *node) {
    return node__fail(node, parser->error, ERROR_RUN_FILE, NULL, "nested deeper than %d levels",
                      TREE_NESTING);
}

static const char quoted_number[] = "in quotes it is text, not a number";

/* Reads a scalar of one type into `field`. */
typedef int scalar_parser(const struct Parser *parser, const struct Key *key,
                          const struct YamlNode *node, void *field);

static int parse_integer(const struct Parser *parser, const struct Key *key,
                         const struct YamlNode *node, void *field) {
    int64_t *value = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    const char *why = number__parse_integer(node->text, value);
    if (!why && node->quoted)
        why = quoted_number;
    if (why || !schema__in_range(key, (double)*value))
        return expected(parser, key, node, why);
    return OK;
}

static int parse_real(const struct Parser *parser, const struct Key *key,
                      const struct YamlNode *node, void *field) {
    double *value = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    const char *why = number__parse_real(node->text, value);
    if (!why && node->quoted)
        why = quoted_number;
    if (!why && !key->is_double && !parser->saved)
        why = float32_unfit(*value);
    if (why || !schema__in_range(key, *value))
        return expected(parser, key, node, why);
    return OK;
}

static int parse_bool(const struct Parser *parser, const struct Key *key,
                      const struct YamlNode *node, void *field) {
    bool *value = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    *value = strcmp(node->text, "true") == 0;
    if (!*value && strcmp(node->text, "false") != 0)
        return expected(parser, key, node, NULL);
    return node->quoted ? expected(parser, key, node, "in quotes it is text") : OK;
}

static int parse_enum(const struct Parser *parser, const struct Key *key,
                      const struct YamlNode *node, void *field) {
    int *value = field;
    for (int i = 0; node->type == NODE_SCALAR && key->names[i]; i++)
        if (strcmp(node->text, key->names[i]) == 0) {
            *value = i;
            return OK;
        }
    return expected(parser, key, node, NULL);
}

static int parse_string(const struct Parser *parser, const struct Key *key,
                        const struct YamlNode *node, void *field) {
    if (node->type != NODE_SCALAR || node__is_null(node))
        return expected(parser, key, node, NULL);
    if (key->minimum > 0 && !*node->text)
        return expected(parser, key, node, "it is empty");
    *(const char **)field = node->text;
    return OK;
}

/* Reads "NUMBER epochs" or "WHOLE-NUMBER steps", also in the singular, or 0. Returns NULL, or the
 * reason why the text is no span. */
static const char *read_span(const char *text, struct Span *span) {
    const char *blank = strchr(text, ' '), *unit = blank ? blank + 1 : "";
    size_t length = blank ? (size_t)(blank - text) : strlen(text);
    char number[NUMBER_BYTES];
    if (length >= sizeof number)
        return "";
    memcpy(number, text, length);
    number[length] = '\0';
    span->epochs = strcmp(unit, "epochs") == 0 || strcmp(unit, "epoch") == 0;
    bool steps = strcmp(unit, "steps") == 0 || strcmp(unit, "step") == 0;
    const char *why = number__parse_real(number, &span->value);
    if (!why && !blank && span->value == 0)
        steps = true;
    if (!why && !span->epochs && !steps)
        why = unit_missing;
    if (!why && steps && (span->value != rint(span->value) || span->value > 0x1p53))
        why = "steps are whole";
    if (!why && span->value < 0)
        why = "";
    span->value += 0.0; /* turns -0 into 0 */
    return why;
}

static int parse_span(const struct Parser *parser, const struct Key *key,
                      const struct YamlNode *node, void *field) {
    struct Span *span = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    const char *why = read_span(node->text, span);
    return why || !schema__in_range(key, span->value) ? expected(parser, key, node, why) : OK;
}

static int parse_interval(const struct Parser *parser, const struct Key *key,
                          const struct YamlNode *node, void *field) {
    struct Interval *interval = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    const char *why = read_span(node->text, &interval->span);
    double value = interval->span.value;
    if (why && !time__parse(node->text, &interval->seconds)) {
        interval->span = (struct Span){0};
        value = interval->seconds;
        why = NULL;
    }
    if (why == unit_missing)
        why = interval_unit_missing;
    return why || !schema__in_range(key, value) ? expected(parser, key, node, why) : OK;
}

static int parse_time(const struct Parser *parser, const struct Key *key,
                      const struct YamlNode *node, void *field) {
    double *seconds = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    const char *why = time__parse(node->text, seconds);
    return why || !schema__in_range(key, *seconds) ? expected(parser, key, node, why) : OK;
}

static int parse_count(const struct Parser *parser, const struct Key *key,
                       const struct YamlNode *node, void *field) {
    if (node->type == NODE_SCALAR && strcmp(node->text, key->names[0]) == 0) {
        *(int64_t *)field = -1;
        return OK;
    }
    return parse_integer(parser, key, node, field);
}

static int parse_size(const struct Parser *parser, const struct Key *key,
                      const struct YamlNode *node, void *field) {
    int64_t *bytes = field;
    if (node->type != NODE_SCALAR)
        return expected(parser, key, node, NULL);
    if (strcmp(node->text, key->names[0]) == 0) {
        *bytes = -1;
        return OK;
    }
    const char *why = size__parse(node->text, bytes);
    return why || !schema__in_range(key, (double)*bytes) ? expected(parser, key, node, why) : OK;
}

static scalar_parser *const scalars[] = {
    [KEY_INT] = parse_integer,       [KEY_REAL] = parse_real, [KEY_BOOL] = parse_bool,
    [KEY_ENUM] = parse_enum,         [KEY_SPAN] = parse_span, [KEY_COUNT] = parse_count,
    [KEY_STRING] = parse_string,     [KEY_TIME] = parse_time, [KEY_SIZE] = parse_size,
    [KEY_INTERVAL] = parse_interval, [KEY_NAMED] = NULL};

/* The type of the items of lists of scalars. */
static const struct {
    enum KeyType item;
    size_t size; /* of an item in bytes; 0: there is no such list */
} list_items[] = {[KEY_REALS] = {KEY_REAL, sizeof(double)},
                  [KEY_INTS] = {KEY_INT, sizeof(int64_t)},
                  [KEY_STRINGS] = {KEY_STRING, sizeof(char *)},
                  [KEY_SPANS] = {KEY_SPAN, sizeof(struct Span)},
                  [KEY_NAMED] = {KEY_NAMED, 0}};

static int parse_list(const struct Parser *parser, const struct Key *key, struct YamlNode *node,
                      void *field, int depth) {
    bool one = key->or_one && node->type == NODE_SCALAR && !node__is_null(node);
    if (node->type != NODE_LIST && !one)
        return expected(parser, key, node, NULL);
    if (depth > TREE_NESTING)
        return too_deep(parser, node);
    struct Key item = *key;
    item.type = list_items[key->type].item;
    item.optional = item.or_one = false;
    size_t size = list_items[key->type].size;
    struct YamlNode **items = one ? &node : node->items;
    int count = one ? 1 : node->count;
    char *at = pool__allocate(parser->pool, (size_t)count * size);
    list__set(field, count, at);
    for (int i = 0; i < count; i++, at += size) {
        int code = scalars[item.type](parser, &item, items[i], at);
        if (code)
            return code;
    }
    return OK;
}

static int kind_fail(const struct Parser *parser, const struct KindTable *kinds,
                     const struct YamlNode *node, const char *name) {
    struct Text text = {0};
    struct YamlNode place = *node;
    if (node->type == NODE_MAPPING)
        place.line = node->items[0]->line; /* the line of the name */
    const char *names[SCHEMA_NAMES];
    char printable[FOUND_BYTES];
    int count = schema__kind_names(kinds, names);
    text_add(&text, "unknown %s '%s'", kinds->what, text__printable(name, printable));
    suggest__name(&text, name, names, count, parser->root);
    text_add(&text, " (there are ");
    schema__join(&text, names, count);
    text_add(&text, ")");
    return fail_text(parser, &place, &text);
}

int parse__kind(const struct Parser *parser, const struct KindTable *kinds, struct YamlNode *node,
                const struct Kind **kind) {
    const char *article = schema__article(kinds->what), *what = kinds->what;
    char found[FOUND_BYTES];
    if (node->type == NODE_LIST || node__is_null(node))
        return node__fail(node, parser->error, ERROR_RUN_FILE, NULL, "expected %s%s, found %s",
                          article, what, node__found(node, found));
    if (node->type == NODE_MAPPING && node->count != 1)
        return node__fail(node, parser->error, ERROR_RUN_FILE, NULL,
                          "expected %s%s as NAME or NAME: {keys}, found %d keys side by side%s",
                          article, what, node->count,
                          node->count ? "; indent the keys below the name" : "");
    const char *name = node->type == NODE_MAPPING ? node->items[0]->name : node->text;
    *kind = NULL;
    for (int i = 0; kinds->kinds[i]; i++)
        if (strcmp(kinds->kinds[i]->name, name) == 0)
            *kind = kinds->kinds[i];
    if (!*kind)
        return kind_fail(parser, kinds, node, name);
    if (node->type == NODE_SCALAR) {
        node->type = NODE_MAPPING;
        node__append(parser->pool, node, node__below(parser->pool, NODE_MAPPING, node, name));
    } else if (node__is_null(node->items[0])) {
        node->items[0]->type = NODE_MAPPING;
    }
    return OK;
}

static int parse_choice(const struct Parser *parser, const struct KindTable *kinds,
                        struct YamlNode *node, struct Choice *choice, int depth) {
    const struct Kind *kind;
    int code = parse__kind(parser, kinds, node, &kind);
    if (code)
        return code;
    choice->kind = kind;
    choice->node = node->items[0];
    choice->options = pool__allocate(parser->pool, kind->options_size);
    bool keyless = !kind->keys || !kind->keys->name; /* its bare name adds no level of nesting */
    return parse__keys(parser, kind->keys, node->items[0], choice->options,
                       keyless ? 0 : depth + 1);
}

static int parse_choices(const struct Parser *parser, const struct Key *key,
                         const struct YamlNode *node, struct ChoiceList *list, int depth) {
    if (node->type != NODE_LIST)
        return expected(parser, key, node, NULL);
    if (depth > TREE_NESTING)
        return too_deep(parser, node);
    list->count = node->count;
    list->items = pool__allocate(parser->pool, (size_t)node->count * sizeof *list->items);
    for (int i = 0; i < node->count; i++) {
        int code = parse_choice(parser, key->kinds, node->items[i], &list->items[i], depth + 1);
        if (code)
            return code;
    }
    return OK;
}

/* Marks a key as absent: it is left out or null. Choices and strings are absent in the zeroed
 * struct. */
static void set_absent(const struct Key *key, void *field) {
    if (key->type == KEY_REAL)
        *(double *)field = NAN;
    if (key->type == KEY_ENUM)
        *(int *)field = -1;
}

static int parse_choice_lists(const struct Parser *parser, const struct Key *key,
                              const struct YamlNode *node, struct ChoiceLists *lists, int depth) {
    if (node->type != NODE_LIST)
        return expected(parser, key, node, NULL);
    if (depth > TREE_NESTING)
        return too_deep(parser, node);
    lists->count = node->count;
    lists->items = pool__allocate(parser->pool, (size_t)node->count * sizeof *lists->items);
    for (int i = 0; i < node->count; i++) {
        int code = parse_choices(parser, key, node->items[i], &lists->items[i], depth + 1);
        if (code)
            return code;
    }
    return OK;
}

static int parse_named(const struct Parser *parser, const struct Key *key, struct YamlNode *node,
                       struct Named *named, int depth) {
    if (node->type != NODE_MAPPING)
        return expected(parser, key, node, NULL);
    if (depth > TREE_NESTING)
        return too_deep(parser, node);
    named->count = node->count;
    named->items = pool__allocate(parser->pool, (size_t)node->count * sizeof *named->items);
    for (int i = 0; i < node->count; i++) {
        struct NamedItem *item = &named->items[i];
        item->name = node->items[i]->name;
        item->options = pool__allocate(parser->pool, key->item_size);
        int code = parse__keys(parser, key->keys, node->items[i], item->options, depth + 1);
        if (code)
            return code;
    }
    return OK;
}

static int parse_value(const struct Parser *parser, const struct Key *key, struct YamlNode *node,
                       void *field, int depth) {
    if (key->optional && node__is_null(node)) {
        set_absent(key, field);
        return OK;
    }
    if (scalars[key->type])
        return scalars[key->type](parser, key, node, field);
    if (list_items[key->type].size)
        return parse_list(parser, key, node, field, depth);
    switch (key->type) {
    case KEY_CHOICE:
        return parse_choice(parser, key->kinds, node, field, depth);
    case KEY_CHOICES:
        return parse_choices(parser, key, node, field, depth);
    case KEY_CHOICE_LISTS:
        return parse_choice_lists(parser, key, node, field, depth);
    case KEY_SECTION:
        return parse__keys(parser, key->keys, node, field, depth);
    case KEY_NAMED:
        return parse_named(parser, key, node, field, depth);
    default:
        CHECK(!"a key of no type");
    }
}

int parse__fallback(const struct Parser *parser, const struct Key *key, struct YamlNode *parent,
                    struct YamlNode **node) {
    *node = NULL;
    if (key->type == KEY_SECTION) {
        *node = node__below(parser->pool, NODE_MAPPING, parent, key->name);
        return OK;
    }
    if (!key->fallback)
        return OK;
    *node = node__below(parser->pool, NODE_SCALAR, parent, key->name);
    return yaml__read(parser->pool, *node, false, key->fallback, strlen(key->fallback),
                      parser->error);
}

static int missing(const struct Parser *parser, const struct Key *key,
                   const struct YamlNode *node) {
    struct Text text = {0};
    text_add(&text, "missing key '%s' (", key->name);
    schema__describe(&text, key);
    text_add(&text, "%s%s%s%s)", key->unit ? ", " : "", key->unit ? key->unit : "",
             key->help ? ": " : "", key->help ? key->help : "");
    return fail_text(parser, node, &text);
}

static int unknown(const struct Parser *parser, const struct Key *keys,
                   const struct YamlNode *item) {
    struct Text text = {0};
    const char *taker = item->parent->parent ? item->parent->name : "the file";
    schema__unknown_key(&text, item->name, taker, keys, parser->root);
    int code = fail_text(parser, item, &text);
    return item->parent->parent
               ? code
               : error_advise(parser->error, ADVICE_UNKNOWN_KEY, item->name, NULL, 0);
}

int parse__keys(const struct Parser *parser, const struct Key *keys, struct YamlNode *node,
                void *options, int depth) {
    char found[FOUND_BYTES];
    if (node->type != NODE_MAPPING && !node__is_null(node))
        return node__fail(node, parser->error, ERROR_RUN_FILE, NULL,
                          "expected keys with values (key: value), found %s",
                          node__found(node, found));
    /* This also stops defaults that refer to one another, and keeps the saved file within the
     * limit. */
    if (depth > TREE_NESTING)
        return too_deep(parser, node);
    for (int i = 0; i < node->count; i++)
        if (!schema_find(keys, node->items[i]->name))
            return unknown(parser, keys, node->items[i]);
    for (const struct Key *key = keys; key && key->name; key++) {
        struct YamlNode *item = node__find(node, key->name);
        int code = item ? OK : parse__fallback(parser, key, node, &item);
        void *field = (char *)options + key->offset;
        if (!code && item)
            code = parse_value(parser, key, item, field, depth + 1);
        else if (!code && key->optional)
            set_absent(key, field);
        else if (!code)
            code = missing(parser, key, node);
        if (code)
            return code;
    }
    return OK;
}
