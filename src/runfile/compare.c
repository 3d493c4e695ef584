/* Compares two structs of one table, and copies the keys in which they may differ. */
#include <string.h>

#include "runfile/parse.h"
#include "runfile/runfile.h"

static void find_in_keys(struct Difference *at, const struct Key *keys, const void *first,
                         const void *second);

static const void *field(const struct Key *key, const void *options) {
    return (const char *)options + key->offset;
}

/* Values are equal if their YAML is. */
static bool same(const struct Key *key, const void *first, const void *second) {
    struct Text texts[2] = {{0}, {0}};
    emit__value(&texts[0], key, first);
    emit__value(&texts[1], key, second);
    bool equal = !strcmp(texts[0].data, texts[1].data);
    text_release(&texts[0]);
    text_release(&texts[1]);
    return equal;
}

/* Appends a list as it is written if it fits into a message, otherwise its number of items. */
static void add_list(struct Text *text, const struct Key *key, const void *value, int count) {
    struct Text written = {0};
    emit__value(&written, key, value);
    if (written.length < FOUND_BYTES)
        text_add(text, "%s", written.data);
    else
        text_add(text, "a list of %d", count);
    text_release(&written);
}

static void add_value(struct Text *text, const struct Key *key, const void *value) {
    struct Text written = {0};
    char printable[FOUND_BYTES];
    emit__value(&written, key, value);
    bool absent = key->optional && !strcmp(written.data, "null");
    text_add(text, "%s", absent ? "nothing" : text__printable(written.data, printable));
    text_release(&written);
}

static void find_in_choice(struct Difference *at, const struct Choice *first,
                           const struct Choice *second) {
    if (first->kind == second->kind) {
        find_in_keys(at, first->kind->keys, first->options, second->options);
        return;
    }
    text_add(&at->first, "%s", first->kind ? first->kind->name : "nothing");
    text_add(&at->second, "%s", second->kind ? second->kind->name : "nothing");
}

/* Compares lists of the same length. The kind of an item is part of the path. */
static void find_in_choices(struct Difference *at, const struct ChoiceList *first,
                            const struct ChoiceList *second) {
    const struct Key choice = {.type = KEY_CHOICE};
    int i = 0;
    while (same(&choice, &first->items[i], &second->items[i]))
        i++;
    text_add(&at->path, ".%d", i);
    if (first->items[i].kind == second->items[i].kind)
        text_add(&at->path, ".%s", first->items[i].kind->name);
    find_in_choice(at, &first->items[i], &second->items[i]);
}

static void find_in_lists(struct Difference *at, const struct Key *key, const void *first,
                          const void *second) {
    const struct ChoiceList *list = first, *other = second;
    const struct ChoiceLists *lists = first, *others = second;
    bool nested = key->type == KEY_CHOICE_LISTS;
    int count = nested ? lists->count : list->count;
    int other_count = nested ? others->count : other->count;
    if (count != other_count) {
        add_list(&at->first, key, first, count);
        add_list(&at->second, key, second, other_count);
    } else if (nested) {
        const struct Key inner = {.type = KEY_CHOICES};
        int i = 0;
        while (same(&inner, &lists->items[i], &others->items[i]))
            i++;
        text_add(&at->path, ".%d", i);
        find_in_lists(at, &inner, &lists->items[i], &others->items[i]);
    } else {
        find_in_choices(at, list, other);
    }
}

static bool same_names(const struct Named *first, const struct Named *second) {
    bool equal = first->count == second->count;
    for (int i = 0; equal && i < first->count; i++)
        equal = !strcmp(first->items[i].name, second->items[i].name);
    return equal;
}

static void find_in_named(struct Difference *at, const struct Key *key, const struct Named *first,
                          const struct Named *second) {
    const struct Key section = {.type = KEY_SECTION, .keys = key->keys};
    int i = 0;
    if (!same_names(first, second)) {
        add_list(&at->first, key, first, first->count);
        add_list(&at->second, key, second, second->count);
        return;
    }
    while (same(&section, first->items[i].options, second->items[i].options))
        i++;
    text_add(&at->path, ".%s", first->items[i].name);
    find_in_keys(at, key->keys, first->items[i].options, second->items[i].options);
}

/* Finds the difference, which must exist, among the keys. */
static void find_in_keys(struct Difference *at, const struct Key *keys, const void *first,
                         const void *second) {
    const struct Key *key = keys;
    while (same(key, field(key, first), field(key, second)))
        key++;
    text_add(&at->path, "%s%s", at->path.length ? "." : "", key->name);
    first = field(key, first);
    second = field(key, second);
    if (key->type == KEY_SECTION) {
        find_in_keys(at, key->keys, first, second);
    } else if (key->type == KEY_NAMED) {
        find_in_named(at, key, first, second);
    } else if (key->type == KEY_CHOICE) {
        find_in_choice(at, first, second);
    } else if (key->type == KEY_CHOICES || key->type == KEY_CHOICE_LISTS) {
        find_in_lists(at, key, first, second);
    } else {
        add_value(&at->first, key, first);
        add_value(&at->second, key, second);
    }
}

bool runfile_difference(const struct Key *keys, const void *first, const void *second,
                        struct Difference *difference) {
    *difference = (struct Difference){0};
    if (same(&(struct Key){.type = KEY_SECTION, .keys = keys}, first, second))
        return false;
    find_in_keys(difference, keys, first, second);
    return true;
}

static const size_t sizes[] = {
    [KEY_INT] = sizeof(int64_t),
    [KEY_REAL] = sizeof(double),
    [KEY_BOOL] = sizeof(bool),
    [KEY_ENUM] = sizeof(int),
    [KEY_STRING] = sizeof(const char *),
    [KEY_SPAN] = sizeof(struct Span),
    [KEY_INTERVAL] = sizeof(struct Interval),
    [KEY_TIME] = sizeof(double),
    [KEY_COUNT] = sizeof(int64_t),
    [KEY_SIZE] = sizeof(int64_t),
    [KEY_REALS] = sizeof(struct Reals),
    [KEY_INTS] = sizeof(struct Ints),
    [KEY_STRINGS] = sizeof(struct Strings),
    [KEY_SPANS] = sizeof(struct Spans),
    [KEY_CHOICE] = sizeof(struct Choice),
    [KEY_CHOICES] = sizeof(struct ChoiceList),
    [KEY_CHOICE_LISTS] = sizeof(struct ChoiceLists),
    [KEY_NAMED] = sizeof(struct Named),
};

static void copy_keys(const struct Key *keys, bool all, void *options, const void *from) {
    for (const struct Key *key = keys; key->name; key++) {
        void *to = (char *)options + key->offset;
        bool copied = all || key->free_on_resume;
        if (key->type == KEY_SECTION)
            copy_keys(key->keys, copied, to, field(key, from));
        else if (copied)
            memcpy(to, field(key, from), sizes[key->type]);
    }
}

void runfile_copy_free_keys(const struct Key *keys, void *options, const void *from) {
    copy_keys(keys, false, options, from);
}

void difference_release(struct Difference *difference) {
    text_release(&difference->path);
    text_release(&difference->first);
    text_release(&difference->second);
}
