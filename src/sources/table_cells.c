#include "sources/table_cells.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

struct Cells cells__of(const struct TableEncoding *encoding) {
    struct Cells cells = {.encoding = encoding, .format = {encoding->decimal, encoding->thousands}};
    cells.begins[0] = true;
    for (int64_t i = 0; i < encoding->missing_count; i++)
        cells.begins[(unsigned char)encoding->missing[i][0]] = true;
    return cells;
}

bool cells__is_missing(const struct Cells *cells, const char *field) {
    if (!cells->begins[(unsigned char)*field])
        return false;
    bool missing = !*field;
    for (int64_t i = 0; i < cells->encoding->missing_count && !missing; i++) {
        const char *text = cells->encoding->missing[i];
        missing = text[0] == field[0] && text[1] == field[1] && !strcmp(text, field);
    }
    return missing;
}

bool cells__number(const struct Cells *cells, const char *field, double *value, bool *is_whole) {
    return number__read(field, &cells->format, value, is_whole);
}

static const char *const truths[] = {"True", "TRUE", "true"};
static const char *const falsehoods[] = {"False", "FALSE", "false"};

static bool is_among(const char *field, const char *const words[3]) {
    return !strcmp(field, words[0]) || !strcmp(field, words[1]) || !strcmp(field, words[2]);
}

bool cells__is_boolean_word(const char *field) {
    return strchr("TtFf", *field) && (is_among(field, truths) || is_among(field, falsehoods));
}

int cells__boolean(const char *field) {
    if (!strcmp(field, "1") || is_among(field, truths))
        return 1;
    return !strcmp(field, "0") || is_among(field, falsehoods) ? 0 : -1;
}

/* A text and its value as a number, for comparisons. */
struct Numbered {
    double value;
    const char *text;
    int32_t number; /* index in its set */
};

/* Returns the digits of a whole number. */
static const char *digits_of(const char *text) {
    text += *text == '-' || *text == '+';
    return text + strspn(text, "0");
}

/* Compares two numbers. Whole numbers that doubles cannot distinguish are compared by their
 * digits. */
static int compare_values(const struct Numbered *a, const struct Numbered *b) {
    if (a->value < b->value || a->value > b->value)
        return a->value < b->value ? -1 : 1;
    if (a->value < 0x1p53 && a->value > -0x1p53)
        return 0;
    return strcmp(digits_of(a->text), digits_of(b->text)) * (a->value < 0 ? -1 : 1);
}

static int compare_numbered(const void *a, const void *b) {
    const struct Numbered *left = a, *right = b;
    int order = compare_values(left, right);
    return order ? order : left->number < right->number ? -1 : 1;
}

static int64_t find_number(const struct Cells *cells, const struct TableColumn *column,
                           const char *field) {
    struct Numbered wanted = {.text = field}, middle;
    bool is_whole;
    if (!cells__number(cells, field, &wanted.value, &is_whole))
        return -1;
    for (int64_t low = 0, high = column->category_count; low < high;) {
        int64_t at = low + (high - low) / 2;
        middle = (struct Numbered){.text = column->categories[at]};
        if (!cells__number(cells, middle.text, &middle.value, &is_whole))
            return -1;
        int order = compare_values(&wanted, &middle);
        if (order == 0)
            return at;
        if (order < 0)
            high = at;
        else
            low = at + 1;
    }
    return -1;
}

int64_t cells__category(const struct Cells *cells, const struct TableColumn *column,
                        const char *field) {
    if (column->numeric)
        return find_number(cells, column, field);
    char *const *found = bsearch(&field, column->categories, (size_t)column->category_count,
                                 sizeof *column->categories, text_compare);
    return found ? found - column->categories : -1;
}

/* ---- Sets of texts ---- */

/* A leaf of the tree. */
struct Name {
    const char *text;
    int32_t number;
};

static int compare_leaves(const void *a, const void *b) {
    return strcmp(((const struct Name *)a)->text, ((const struct Name *)b)->text);
}

void name_set__release(struct NameSet *set) {
    tdestroy(set->tree, memory_release);
    memory_release_texts(set->names, set->count);
    *set = (struct NameSet){0};
}

static void add_new(struct NameSet *set, const char *name) {
    set->names = memory_room(set->names, set->count, "categories");
    struct Name *leaf = memory_allocate(sizeof *leaf, "categories");
    set->names[set->count] = memory_copy_text(name);
    *leaf = (struct Name){set->names[set->count], (int32_t)set->count};
    set->count++;
    tsearch(leaf, &set->tree, compare_leaves);
}

int32_t name_set__add(struct NameSet *set, const char *name) {
    const struct Name wanted = {.text = name};
    const struct Name *const *found = tfind(&wanted, &set->tree, compare_leaves);
    if (found)
        return (*found)->number;
    set->overflows |= set->count == set->most;
    if (set->overflows)
        return -1;
    add_new(set, name);
    return (int32_t)(set->count - 1);
}

static int compare_numbered_texts(const void *a, const void *b) {
    return strcmp(((const struct Numbered *)a)->text, ((const struct Numbered *)b)->text);
}

char **name_set__sort(const struct NameSet *set, bool numeric, const struct NumberFormat *format,
                      int64_t *count, int32_t *places) {
    struct Numbered *all = memory_array(struct Numbered, set->count, "categories");
    char **names = memory_array(char *, set->count, "categories");
    bool is_whole;
    for (int64_t i = 0; i < set->count; i++) {
        all[i] = (struct Numbered){.text = set->names[i], .number = (int32_t)i};
        CHECK(!numeric || number__read(all[i].text, format, &all[i].value, &is_whole));
    }
    qsort(all, (size_t)set->count, sizeof *all,
          numeric ? compare_numbered : compare_numbered_texts);
    *count = 0;
    for (int64_t i = 0; i < set->count; i++) {
        if (i == 0 || !numeric || compare_values(&all[i - 1], &all[i]) != 0)
            names[(*count)++] = memory_copy_text(all[i].text);
        if (places)
            places[all[i].number] = (int32_t)(*count - 1);
    }
    memory_release(all);
    return names;
}
