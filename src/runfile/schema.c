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

int schema_kind_names(const struct KindTable *kinds, const char **names) {
    int count = 0;
    for (; kinds->kinds[count]; count++) {
        CHECK(count < SCHEMA_NAMES);
        names[count] = kinds->kinds[count]->name;
    }
    return count;
}

void schema_join(struct Text *text, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        text_add(text, "%s%s", i ? ", " : "", names[i]);
}

void schema_suggest(struct Text *text, const char *word, const char *const *names, int count) {
    const char *nearest = text_nearest(word, names, count);
    if (nearest)
        text_add(text, "; did you mean '%s'?", nearest);
}

const char *schema_article(const char *words) {
    return strchr("aeiou", words[0]) ? "an " : "a ";
}

void schema_unknown_key(struct Text *text, const char *word, const char *taker,
                        const struct Key *keys) {
    const char *names[SCHEMA_NAMES];
    int count = key_names(keys, names);
    text_add(text, "unknown key");
    schema_suggest(text, word, names, count);
    text_add(text, " (%s takes ", taker);
    schema_join(text, names, count);
    text_add(text, count ? ")" : "no keys)");
}

struct Range {
    bool below, above; /* bounded */
};

static struct Range range_of(const struct Key *key) {
    bool none = key->minimum == 0 && key->maximum == 0 && !key->above_minimum;
    return (struct Range){.below = !none && isfinite(key->minimum),
                          .above = !none && isfinite(key->maximum) &&
                                   key->maximum >= key->minimum &&
                                   !(key->above_minimum && key->maximum == key->minimum)};
}

bool schema_in_range(const struct Key *key, double value) {
    struct Range range = range_of(key);
    if (range.below && (key->above_minimum ? value <= key->minimum : value < key->minimum))
        return false;
    return !range.above || (key->below_maximum ? value < key->maximum : value <= key->maximum);
}

static const char *print_bound(const struct Key *key, double bound, char buffer[NUMBER_BYTES]) {
    if (key->type == KEY_REAL || key->type == KEY_REALS || fabs(bound) >= 1e19)
        return number_print(bound, buffer);
    snprintf(buffer, NUMBER_BYTES, "%.0f", bound);
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

void schema_describe(struct Text *text, const struct Key *key) {
    int count = 0;
    switch (key->type) {
    case KEY_INT:
        text_add(text, "integer");
        describe_range(text, key);
        return;
    case KEY_REAL:
        text_add(text, "number");
        describe_range(text, key);
        return;
    case KEY_COUNT:
        text_add(text, "integer");
        describe_range(text, key);
        text_add(text, " or '%s'", key->names[0]);
        return;
    case KEY_BOOL:
        text_add(text, "true or false");
        return;
    case KEY_ENUM:
        while (key->names[count])
            count++;
        text_add(text, "one of ");
        schema_join(text, key->names, count);
        return;
    case KEY_STRING:
        text_add(text, "text");
        return;
    case KEY_SPAN:
        text_add(text, "span such as '2 epochs' or '500 steps'");
        describe_range(text, key);
        return;
    case KEY_REALS:
        text_add(text, "list of numbers");
        describe_range(text, key);
        return;
    case KEY_INTS:
        text_add(text, "list of integers");
        describe_range(text, key);
        return;
    case KEY_STRINGS:
        text_add(text, "list of texts");
        return;
    case KEY_SPANS:
        text_add(text, "list of spans such as '2 epochs' or '500 steps'");
        describe_range(text, key);
        return;
    case KEY_CHOICE:
        text_add(text, "%s", key->kinds->what);
        return;
    case KEY_CHOICES:
        text_add(text, "list, each item %s%s", schema_article(key->kinds->what), key->kinds->what);
        return;
    case KEY_CHOICE_LISTS:
        text_add(text, "list of lists, each item of those %s%s", schema_article(key->kinds->what),
                 key->kinds->what);
        return;
    case KEY_SECTION:
        text_add(text, "keys ");
        for (const struct Key *inner = key->keys; inner->name; inner++)
            text_add(text, "%s%s", inner == key->keys ? "" : ", ", inner->name);
        return;
    }
}

int schema_blame(struct Error *error, const struct Choice *choice, const char *key) {
    const struct YamlNode *node = choice->node;
    if (!node) { /* made by a program, not read from a run file */
        error_context(error, "%s%s%s", choice->kind->name, key ? "." : "", key ? key : "");
        return error->code;
    }
    const struct YamlNode *given = key ? node_find(node, key) : NULL;
    return given ? node_blame(given, NULL, error) : node_blame(node, key, error);
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
