/* Sets the class that each label of a pair names. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/opening.h"

#define MOST_UNNAMED_CLASSES 1000000 /* most classes of a data set whose classes are not named */

const struct Array *pair__array_of_label(const struct Pair *pair, int64_t *row) {
    int i = 0;
    while (i + 1 < pair->labels.count && *row >= pair->labels.items[i].count)
        *row -= pair->labels.items[i++].count;
    return &pair->labels.items[i];
}

static int refuse_number(struct Opening *opening, const struct Pair *pair, int64_t row,
                         int64_t limit, struct Error *error) {
    const struct DataOptions *options = opening->request->options;
    int64_t first = pair->stored.columns ? 0 : pair__first_label(opening, pair);
    bool named = opening->named;
    bool minus_one = pair->stored.numbers[row] == -1 && first == 0 && !named;
    bool from_one = first == 0 && pair->stored.numbers[row] == limit && named;
    int64_t number = pair->stored.numbers[row];
    const struct Array *array = pair__array_of_label(pair, &row);
    fail(error, ERROR_DATA,
         "%s:%s: row %" PRId64 " is %" PRId64 ", expected %" PRId64 " to %" PRId64 "%s%s",
         array->name.file, array->name.path, row, number, first, first + limit - 1,
         minus_one              ? "; if -1 is a class, say data.classes: values"
         : !named && number > 0 ? "; if the numbers are names, say data.classes: values"
         : !named               ? ""
         : options && options->classes.count ? " (one for each of data.classes)"
         : !pair->options                    ? " (one for each name in /classes)"
                                             : " (one for each class)",
         from_one ? "; if the classes are counted from 1, say data.first_label: 1" : "");
    return pair__blame(pair, "labels", error);
}

struct NamedClass {
    const char *name;
    int32_t number;
};

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct NamedClass *)a)->name, ((const struct NamedClass *)b)->name);
}

/* Returns the classes sorted by their names; the caller releases them. */
static struct NamedClass *sort_classes(const struct Targets *targets) {
    struct NamedClass *sorted = memory_array(struct NamedClass, targets->count, "classes");
    for (int64_t i = 0; i < targets->count; i++)
        sorted[i] = (struct NamedClass){targets->names[i], (int32_t)i};
    qsort(sorted, (size_t)targets->count, sizeof *sorted, by_name);
    return sorted;
}

static const struct NamedClass *find_class(const struct NamedClass *sorted, int64_t count,
                                           const char *name) {
    const struct NamedClass wanted = {.name = name};
    return bsearch(&wanted, sorted, (size_t)count, sizeof *sorted, by_name);
}

/* ---- Values of labels ---- */

static bool has_value(const struct Opening *opening, int64_t label, int64_t *number) {
    int64_t low = 0, high = opening->dataset->targets.count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (opening->values[middle] < label)
            low = middle + 1;
        else
            high = middle;
    }
    *number = low;
    return low < opening->dataset->targets.count && opening->values[low] == label;
}

/* Sets the classes from labels whose values are the names of the classes. */
static int number_values(struct Opening *opening, struct Pair *pair, struct Error *error) {
    const struct Targets *targets = &opening->dataset->targets;
    for (int64_t i = 0; i < pair->count; i++) {
        int64_t number, row = i;
        if (has_value(opening, pair->stored.numbers[i], &number)) {
            pair->classes[i] = (int32_t)number;
            continue;
        }
        const struct Array *array = pair__array_of_label(pair, &row);
        fail(error, ERROR_DATA,
             "%s:%s: row %" PRId64 " is %" PRId64 ", which is not one of the %" PRId64
             " classes, %s to %s",
             array->name.file, array->name.path, row, pair->stored.numbers[i], targets->count,
             targets->names[0], targets->names[targets->count - 1]);
        return pair__blame(pair, "labels", error);
    }
    return OK;
}

/* ---- Names that the file gives to numbers ---- */

/* Sets the class of each member of an enumeration by its name. Returns false if no member names a
 * class; labels are then treated as plain numbers. */
static bool find_members(const struct Opening *opening, const struct H5Enumeration *members,
                         int32_t *classes) {
    const struct Targets *targets = &opening->dataset->targets;
    struct NamedClass *sorted = sort_classes(targets);
    bool any = false;
    for (int64_t i = 0; i < members->count; i++) {
        const struct NamedClass *found = find_class(sorted, targets->count, members->names[i]);
        classes[i] = found ? found->number : -1;
        any |= found != NULL;
    }
    memory_release(sorted);
    return any;
}

static int refuse_member(const struct Pair *pair, int64_t row, const char *name,
                         struct Error *error) {
    int64_t number = pair->stored.numbers[row];
    const struct Array *array = pair__array_of_label(pair, &row);
    fail(error, ERROR_DATA, "%s:%s: row %" PRId64 " is %" PRId64 "%s%s%s, which is no %s",
         array->name.file, array->name.path, row, number, name ? " ('" : "", name ? name : "",
         name ? "')" : "", name ? "class" : "member of the enumeration");
    return pair__blame(pair, "labels", error);
}

/* Returns the member that has the value of a label, or members->count if none has. */
static int64_t find_member(const struct H5Enumeration *members, int64_t label) {
    int64_t k = 0;
    while (k < members->count && members->values[k] != label)
        k++;
    return k;
}

static int number_members(const struct Pair *pair, const int32_t *classes, struct Error *error) {
    const struct H5Enumeration *members = &pair->stored.enumeration;
    for (int64_t i = 0; i < pair->count; i++) {
        int64_t k = find_member(members, pair->stored.numbers[i]);
        if (k == members->count || classes[k] < 0)
            return refuse_member(pair, i, k < members->count ? members->names[k] : NULL, error);
        pair->classes[i] = classes[k];
    }
    return OK;
}

static int check_members(const struct Pair *pair, struct Error *error) {
    const struct H5Enumeration *members = &pair->stored.enumeration;
    for (int64_t i = 0; members->count && i < pair->count; i++)
        if (find_member(members, pair->stored.numbers[i]) == members->count)
            return refuse_member(pair, i, NULL, error);
    return OK;
}

static int number_numbers(struct Opening *opening, struct Pair *pair, struct Error *error) {
    int64_t first = pair->stored.columns ? 0 : pair__first_label(opening, pair);
    if (opening->values && !pair->stored.columns)
        return number_values(opening, pair, error);
    int64_t limit = opening->named ? opening->dataset->targets.count : MOST_UNNAMED_CLASSES;
    for (int64_t i = 0; i < pair->count; i++) {
        int64_t number = pair->stored.numbers[i];
        if (number < first || number - first >= limit)
            return refuse_number(opening, pair, i, limit, error);
        pair->classes[i] = (int32_t)(number - first);
    }
    return OK;
}

static int refuse_text(struct Opening *opening, const struct Pair *pair, int64_t row,
                       struct Error *error) {
    const struct Targets *targets = &opening->dataset->targets;
    const char *word = pair->stored.texts[row];
    const char *nearest =
        targets->count <= 10000
            ? text_nearest(word, (const char *const *)targets->names, (int)targets->count)
            : NULL;
    const struct Array *array = pair__array_of_label(pair, &row);
    fail(error, ERROR_DATA,
         "%s:%s: row %" PRId64 " is '%.60s', which is not one of the %" PRId64 " classes%s%s%s",
         array->name.file, array->name.path, row, word, targets->count,
         nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return pair__blame(pair, "labels", error);
}

static int number_texts(struct Opening *opening, struct Pair *pair, struct Error *error) {
    const struct Targets *targets = &opening->dataset->targets;
    struct NamedClass *sorted = sort_classes(targets);
    int code = OK;
    for (int64_t i = 0; i < pair->count && code == OK; i++) {
        const struct NamedClass *found = find_class(sorted, targets->count, pair->stored.texts[i]);
        if (found)
            pair->classes[i] = found->number;
        else
            code = refuse_text(opening, pair, i, error);
    }
    memory_release(sorted);
    return code;
}

int opening__number_labels(struct Opening *opening, struct Pair *pair, struct Error *error) {
    if (!pair->labels.count)
        return OK;
    pair->classes = memory_array(int32_t, pair->count, "labels");
    if (pair->stored.texts)
        return number_texts(opening, pair, error);
    const struct H5Enumeration *members = &pair->stored.enumeration;
    int32_t *classes = memory_array(int32_t, members->count, "members");
    bool named = find_members(opening, members, classes);
    int code = named ? number_members(pair, classes, error) : check_members(pair, error);
    if (code == OK && !named)
        code = number_numbers(opening, pair, error);
    memory_release(classes);
    return code;
}
