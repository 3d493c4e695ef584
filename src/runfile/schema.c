#include "runfile/schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runfile/parse.h"

const struct Key *schema_find(const struct Key *keys, const char *name) {
    for (; keys && keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

const struct Key *schema_required(const struct Key *key) {
    if (key->type != KEY_SECTION)
        return key->optional || key->fallback ? NULL : key;
    const struct Key *required = NULL;
    for (const struct Key *inner = key->keys; inner->name && !required; inner++)
        required = schema_required(inner);
    return required;
}

static int key_names(const struct Key *keys, const char **names) {
    int count = 0;
    for (; keys && keys->name; keys++) {
        CHECK(count < SCHEMA_NAMES);
        names[count++] = keys->name;
    }
    return count;
}

int schema__kind_names(const struct KindTable *kinds, const char **names) {
    int count = 0;
    for (; kinds->kinds[count]; count++) {
        CHECK(count < SCHEMA_NAMES);
        names[count] = kinds->kinds[count]->name;
    }
    return count;
}

void schema__join(struct Text *text, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        text_add(text, "%s%s", i ? ", " : "", names[i]);
}

void schema__suggest(struct Text *text, const char *word, const char *const *names, int count) {
    const char *nearest = text_nearest(word, names, count);
    if (nearest)
        text_add(text, "; did you mean '%s'?", nearest);
}

const char *schema__article(const char *words) {
    return strchr("aeiou", words[0]) ? "an " : "a ";
}

/* A name of several parts may be meant as an item of a key of type KEY_NAMED. */
static void suggest_named(struct Text *text, const struct Key *keys) {
    for (; keys && keys->name; keys++)
        if (keys->type == KEY_NAMED)
            text_add(text, "; does it belong below '%s'?", keys->name);
}

void schema__unknown_key(struct Text *text, const char *word, const char *taker,
                         const struct Key *keys, const struct Key *root) {
    const char *names[SCHEMA_NAMES];
    int count = key_names(keys, names);
    text_add(text, "unknown key");
    suggest__name(text, word, names, count, root);
    if (strchr(word, '.') && !text_nearest(word, names, count))
        suggest_named(text, keys);
    text_add(text, " (%s takes ", taker);
    schema__join(text, names, count);
    text_add(text, count ? ")" : "no keys)");
}

struct Range {
    bool below, above; /* whether there is a lower bound, and an upper one */
};

static struct Range range_of(const struct Key *key) {
    bool none = key->minimum == 0 && key->maximum == 0 && !key->above_minimum;
    return (struct Range){.below = !none && isfinite(key->minimum),
                          .above = !none && isfinite(key->maximum) &&
                                   key->maximum >= key->minimum &&
                                   !(key->above_minimum && key->maximum == key->minimum)};
}

bool schema__in_range(const struct Key *key, double value) {
    struct Range range = range_of(key);
    if (range.below && (key->above_minimum ? value <= key->minimum : value < key->minimum))
        return false;
    return !range.above || (key->below_maximum ? value < key->maximum : value <= key->maximum);
}

static const char *print_bound(const struct Key *key, double bound, char buffer[NUMBER_BYTES]) {
    if (key->type == KEY_REAL || key->type == KEY_REALS || fabs(bound) >= 1e19)
        return number__print(bound, buffer);
    snprintf(buffer, NUMBER_BYTES, key->type == KEY_TIME ? "%.0f s" : "%.0f", bound);
    return buffer;
}

static void describe_range(struct Text *text, const struct Key *key) {
    struct Range range = range_of(key);
    char buffer[NUMBER_BYTES];
    if (range.below)
        text_add(text, key->above_minimum ? " above %s" : " from %s",
                 print_bound(key, key->minimum, buffer));
    if (range.above && key->below_maximum)
        text_add(text, range.below ? " and below %s" : " below %s",
                 print_bound(key, key->maximum, buffer));
    else if (range.above)
        text_add(text, range.below && !key->above_minimum ? " to %s" : " up to %s",
                 print_bound(key, key->maximum, buffer));
}

/* The words for a value of each type, and whether the range of the key follows them. */
static const struct {
    const char *words;
    bool has_range;
} types[] = {
    [KEY_INT] = {"integer", true},
    [KEY_REAL] = {"number", true},
    [KEY_COUNT] = {"integer", true},
    [KEY_BOOL] = {"true or false", false},
    [KEY_ENUM] = {"one of ", false},
    [KEY_STRING] = {"text", false},
    [KEY_SPAN] = {"span such as '2 epochs' or '500 steps'", true},
    [KEY_INTERVAL] = {"span or length of time such as '2 epochs', '500 steps' or '10 min'", true},
    [KEY_TIME] = {"length of time such as '3 h 50 min' or '90 s'", true},
    [KEY_SIZE] = {"amount of memory such as '2 GiB'", false},
    [KEY_REALS] = {"list of numbers", true},
    [KEY_INTS] = {"list of integers", true},
    [KEY_STRINGS] = {"list of texts", false},
    [KEY_SPANS] = {"list of spans such as '2 epochs' or '500 steps'", true},
    [KEY_CHOICE] = {"", false},
    [KEY_CHOICES] = {"list, each item ", false},
    [KEY_CHOICE_LISTS] = {"list of lists, each item of those ", false},
    [KEY_SECTION] = {"keys ", false},
    [KEY_NAMED] = {"names, below each the keys ", false},
};

int schema__enum_count(const struct Key *key) {
    int count = 0;
    while (key->names[count])
        count++;
    return count;
}

void schema__describe(struct Text *text, const struct Key *key) {
    const char *names[SCHEMA_NAMES];
    text_add(text, "%s%s", key->or_one ? "text or " : "", types[key->type].words);
    if (types[key->type].has_range)
        describe_range(text, key);
    if (key->type == KEY_COUNT || key->type == KEY_SIZE)
        text_add(text, " or '%s'", key->names[0]);
    else if (key->type == KEY_ENUM)
        schema__join(text, key->names, schema__enum_count(key));
    else if (key->type == KEY_CHOICE)
        text_add(text, "%s", key->kinds->what);
    else if (key->type == KEY_CHOICES || key->type == KEY_CHOICE_LISTS)
        text_add(text, "%s%s", schema__article(key->kinds->what), key->kinds->what);
    else if (key->type == KEY_SECTION || key->type == KEY_NAMED)
        schema__join(text, names, key_names(key->keys, names));
}

/* Every list is a struct {int count; ELEMENT *values}. */
_Static_assert(offsetof(struct Reals, values) == offsetof(struct Ints, values) &&
                   offsetof(struct Reals, values) == offsetof(struct Strings, values) &&
                   offsetof(struct Reals, values) == offsetof(struct Spans, values) &&
                   offsetof(struct Reals, values) == offsetof(struct ChoiceLists, items) &&
                   offsetof(struct Reals, values) == offsetof(struct Named, items),
               "lists have one layout");

void list__set(void *field, int count, void *values) {
    memcpy(field, &count, sizeof count);
    memcpy((char *)field + offsetof(struct Reals, values), &values, sizeof values);
}

int list__get(const void *field, const void **values) {
    int count;
    memcpy(&count, field, sizeof count);
    memcpy(values, (const char *)field + offsetof(struct Reals, values), sizeof *values);
    return count;
}

int schema_blame(struct Error *error, const struct Choice *choice, const char *key) {
    const struct YamlNode *node = choice->node;
    if (!node) { /* the choice does not come from a run file */
        error_context(error, "%s%s%s", choice->kind->name, key ? "." : "", key ? key : "");
        return error->code;
    }
    const struct YamlNode *given = key ? node__find(node, key) : NULL;
    return given ? node__blame(given, NULL, error) : node__blame(node, key, error);
}

int schema_fail(struct Error *error, const struct Choice *choice, const char *key,
                const char *format, ...) {
    char message[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fail(error, ERROR_RUN_FILE, "%s", message);
    return schema_blame(error, choice, key);
}
