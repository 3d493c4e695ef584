/* Determines the classes of a data set: the options or the file name them, or the labels do. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/opening.h"

#define MOST_CLASSES 1000000
#define VALUES "values" /* data.classes */

static bool is_number(const char *text) {
    return *text && !text[strspn(text, "0123456789")] && strlen(text) <= 7;
}

static bool is_array(const char *text) {
    return *text == '/' || strstr(text, ":/");
}

/* Reads names of classes that are whole numbers. */
static int read_numbers(struct H5File *file, const struct ArrayName *name,
                        const struct H5Info *info, struct Targets *classes, struct Error *error) {
    int64_t count = memory_product(info->size, info->rank);
    if (count < 1 || count > MOST_CLASSES)
        return OK; /* refused later */
    int64_t *numbers = memory_array(int64_t, count, "classes");
    int code = h5_read(file, name->path, H5_INT64, info->rank, info->size, numbers, error);
    if (code == OK)
        *classes = targets_number(TARGET_CLASSES, "", count);
    for (int64_t i = 0; i < count && code == OK; i++) {
        memory_release(classes->names[i]);
        classes->names[i] = memory_print("%" PRId64, numbers[i]);
    }
    memory_release(numbers);
    return code;
}

/* Reads one array of names. */
static int read_names(struct Opening *opening, const char *text, struct Error *error) {
    const struct DataOptions *options = opening->request->options;
    struct Targets *classes = &opening->dataset->targets;
    struct ArrayName name;
    struct H5File *file;
    int code = array_name_parse(&name, text, options->file, error);
    if (code != OK)
        return error_blame_key(error, "data.classes");
    char *place = opening__place(opening, name.file);
    code = opening__file(opening, place, &file, error);
    struct H5Info info;
    if (code == OK)
        code = h5_info(file, name.path, &info, error);
    if (code == OK && info.type <= H5_INT64)
        code = read_numbers(file, &name, &info, classes, error);
    else if (code == OK)
        code = h5_read_texts(file, name.path, &classes->names, &classes->count, error);
    if (code == OK && classes->count < 1)
        code = fail(error, ERROR_DATA, "%s:%s: has no names", place, name.path);
    memory_release(place);
    array_name_release(&name);
    return code == OK ? OK : error_blame_key(error, "data.classes");
}

static void take_expected_classes(struct Opening *opening) {
    const struct Targets *expected = opening->request->expected;
    opening->dataset->targets =
        targets_copy(TARGET_CLASSES, (const char *const *)expected->names, expected->count);
}

/* data.classes: values. The labels are the names of the classes; a checkpoint may know them. */
static int take_values(struct Opening *opening, struct Error *error) {
    const struct Targets *expected = opening->request->expected;
    if (opening->request->options->first_label)
        return fail_key(error, ERROR_RUN_FILE, "data.first_label",
                        "has no meaning with data.classes: values, where the labels are the names "
                        "of the classes");
    opening->by_value = true;
    if (expected && !targets_are_values(expected))
        take_expected_classes(opening);
    return OK;
}

static int names_of_options(struct Opening *opening, struct Error *error) {
    const struct Strings *given = &opening->request->options->classes;
    struct Targets *classes = &opening->dataset->targets;
    int code = OK;
    if (given->count == 1 && !strcmp(given->values[0], VALUES))
        code = take_values(opening, error);
    else if (given->count == 1 && is_array(given->values[0]))
        code = read_names(opening, given->values[0], error);
    else if (given->count == 1 && is_number(given->values[0]) && atoll(given->values[0]) > 0)
        *classes = targets_number(TARGET_CLASSES, "", atoll(given->values[0]));
    else
        *classes = targets_copy(TARGET_CLASSES, given->values, given->count);
    return code;
}

static int names_of_file(struct Opening *opening, struct H5File *file, struct Error *error) {
    struct Targets *classes = &opening->dataset->targets;
    int code = h5_read_texts(file, "classes", &classes->names, &classes->count, error);
    if (code == OK && (classes->count < 1 || classes->count > MOST_CLASSES))
        code = fail(error, ERROR_DATA,
                    "%s:/classes: has %" PRId64 " names; expected one for each class",
                    h5_path(file), classes->count);
    return code;
}

int opening__class_names(struct Opening *opening, bool own_layout, struct Error *error) {
    const struct DatasetRequest *request = opening->request;
    struct H5File *file = NULL;
    int code = OK;
    if (request->options && request->options->classes.count)
        return names_of_options(opening, error);
    if (own_layout)
        code = opening__file(opening, opening->main, &file, error);
    if (code == OK && file && h5_is_named(file, "classes"))
        return names_of_file(opening, file, error);
    if (code == OK && request->expected && !targets_are_values(request->expected) &&
        !(file && h5_is_named(file, "target_names")))
        take_expected_classes(opening);
    return code;
}

/* ---- From the labels ---- */

/* Refuses empty texts, which are no labels. */
static int check_texts(const struct Opening *opening, struct Error *error) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    for (int p = 0; p < storage->pair_count; p++) {
        const struct Pair *pair = &storage->pairs[p];
        for (int64_t i = 0; pair->stored.texts && i < pair->count; i++) {
            int64_t row = i;
            if (*pair->stored.texts[i])
                continue;
            const struct Array *array = pair__array_of_label(pair, &row);
            fail(error, ERROR_DATA,
                 "%s:%s: row %" PRId64 " is an empty text, expected the name of a class",
                 array->name.file, array->name.path, row);
            return pair__blame(pair, "labels", error);
        }
    }
    return OK;
}

/* Makes the different texts of all pairs, sorted, the names of the classes, as Python's
 * sorted(set(...)) does. */
static int sort_texts(struct Opening *opening, struct Error *error) {
    if (check_texts(opening, error) != OK)
        return error->code;
    const struct DatasetStorage *storage = opening->dataset->storage;
    int64_t total = 0, count = 0;
    for (int p = 0; p < storage->pair_count; p++)
        total += storage->pairs[p].stored.texts ? storage->pairs[p].count : 0;
    const char **all = memory_array(const char *, total, "classes");
    for (int p = 0; p < storage->pair_count; p++)
        for (int64_t i = 0; storage->pairs[p].stored.texts && i < storage->pairs[p].count; i++)
            all[count++] = storage->pairs[p].stored.texts[i];
    qsort(all, (size_t)total, sizeof *all, text_compare);
    count = 0;
    for (int64_t i = 0; i < total; i++)
        if (!count || strcmp(all[i], all[count - 1]))
            all[count++] = all[i];
    opening->dataset->targets = targets_copy(TARGET_CLASSES, all, count);
    memory_release(all);
    return OK;
}

/* ---- From labels that are numbers ---- */

/* All labels of a data set: those of its pairs, and those of the file's splits that are not opened,
 * because unnamed classes are those of all splits of a file. */
struct AllLabels {
    struct Opening *opening;
    struct H5File *file;
    /* Called for each array of labels, from which the number of the first class was subtracted. */
    void (*take)(struct AllLabels *all, const int64_t *labels, int64_t count, int64_t first);
    int64_t least, largest; /* of the labels minus the number of the first class */
    bool low[2], columns;   /* whether labels 0 and 1 occur; whether there are one-hot labels */
    int64_t *values, count; /* ascending, each once */
    int code;
    struct Error *error;
};

static void take_bounds(struct AllLabels *all, const int64_t *labels, int64_t count,
                        int64_t first) {
    for (int64_t i = 0; i < count; i++) {
        int64_t label = labels[i] - first;
        if (label == 0 || label == 1)
            all->low[label] = true;
        if (label < all->least)
            all->least = label;
        if (label > all->largest && label < MOST_CLASSES)
            all->largest = label;
    }
}

static int by_number(const void *a, const void *b) {
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

static void take_different(struct AllLabels *all, const int64_t *labels, int64_t count,
                           int64_t first) {
    (void)first;
    int64_t total = all->count + count, kept = 0;
    int64_t *values = memory_array(int64_t, total, "values of labels");
    if (all->count)
        memcpy(values, all->values, (size_t)all->count * sizeof *values);
    memcpy(values + all->count, labels, (size_t)count * sizeof *values);
    qsort(values, (size_t)total, sizeof *values, by_number);
    for (int64_t i = 0; i < total; i++)
        if (!kept || values[i] != values[kept - 1])
            values[kept++] = values[i];
    memory_release(all->values);
    all->values = values;
    all->count = kept;
}

#define BLOCK 65536

static void take_other(struct AllLabels *all, const char *name) {
    struct H5Info info;
    all->code = h5_info(all->file, name, &info, all->error);
    if (all->code != OK || info.rank != 1 || info.type > H5_INT64)
        return;
    int64_t *block = memory_array(int64_t, BLOCK, "labels");
    for (int64_t first = 0; first < info.size[0] && all->code == OK; first += BLOCK) {
        int64_t count = info.size[0] - first < BLOCK ? info.size[0] - first : BLOCK;
        all->code = h5_read_rows(all->file, name, H5_INT64, first, count, block, all->error);
        if (all->code == OK)
            all->take(all, block, count, 0);
    }
    memory_release(block);
}

static void visit_other(void *context, const char *name, enum H5Member member) {
    struct AllLabels *all = context;
    char *images = memory_print("%s/images", name), *labels = memory_print("%s/labels", name);
    if (all->code == OK && member == H5_MEMBER_GROUP && h5_exists(all->file, images) &&
        h5_exists(all->file, labels))
        take_other(all, labels);
    memory_release(images);
    memory_release(labels);
}

static int take_all(struct AllLabels *all) {
    struct Opening *opening = all->opening;
    const struct DatasetStorage *storage = opening->dataset->storage;
    bool own = false;
    for (int p = 0; p < storage->pair_count; p++) {
        const struct Pair *pair = &storage->pairs[p];
        const struct StoredLabels *stored = &pair->stored;
        own |= !pair->options && stored->numbers;
        all->columns |= stored->columns > 0;
        if (stored->columns - 1 > all->largest)
            all->largest = stored->columns - 1;
        if (stored->numbers && !stored->columns)
            all->take(all, stored->numbers, pair->count, pair__first_label(opening, pair));
    }
    if (own && opening->request->splits &&
        (all->code = opening__file(opening, opening->main, &all->file, all->error)) == OK)
        h5_members(all->file, "/", visit_other, all);
    return all->code;
}

/* Returns whether labels are names of classes and not indices: the options say so, or some are
 * negative. But −1 together with both 0 and 1 may mean that a sample has no label. */
static bool are_values(const struct Opening *opening, const struct AllLabels *all) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    bool from_zero = true;
    for (int p = 0; p < storage->pair_count; p++)
        from_zero &= pair__first_label(opening, &storage->pairs[p]) == 0;
    bool unlabelled = all->least == -1 && all->low[0] && all->low[1];
    return !all->columns && (opening->by_value || (all->least < 0 && from_zero && !unlabelled));
}

static int name_values(struct Opening *opening, struct AllLabels *all) {
    all->take = take_different;
    if (take_all(all) != OK)
        return all->code;
    if (all->count > MOST_CLASSES)
        return fail(all->error, ERROR_DATA,
                    "%s: the labels have %" PRId64
                    " different values; name the array under targets if it holds values",
                    opening->dataset->path, all->count);
    struct Targets *targets = &opening->dataset->targets;
    *targets = targets_number(TARGET_CLASSES, "", all->count);
    for (int64_t i = 0; i < all->count; i++) {
        memory_release(targets->names[i]);
        targets->names[i] = memory_print("%" PRId64, all->values[i]);
    }
    opening->values = all->values;
    return OK;
}

static int number_classes(struct Opening *opening, struct Error *error) {
    struct AllLabels all = {.opening = opening, .take = take_bounds, .largest = -1, .error = error};
    if (take_all(&all) != OK)
        return all.code;
    if (are_values(opening, &all))
        return name_values(opening, &all);
    opening->dataset->targets = targets_number(TARGET_CLASSES, "", all.largest + 1);
    return OK;
}

/* ---- From names that files give to numbers ---- */

static bool is_known(const struct Targets *targets, const char *name) {
    for (int64_t i = 0; i < targets->count; i++)
        if (!strcmp(targets->names[i], name))
            return true;
    return false;
}

/* Makes the members of enumerations the names of the classes, in the order of their numbers,
 * followed by the members of later arrays that are new. Returns false if some labels have no
 * enumeration. */
static bool name_members(struct Opening *opening) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    struct Targets *targets = &opening->dataset->targets;
    for (int p = 0; p < storage->pair_count; p++)
        if (storage->pairs[p].labels.count && !storage->pairs[p].stored.enumeration.count)
            return false;
    for (int p = 0; p < storage->pair_count; p++) {
        const struct H5Enumeration *members = &storage->pairs[p].stored.enumeration;
        if (!targets->names && members->count)
            *targets =
                targets_copy(TARGET_CLASSES, (const char *const *)members->names, members->count);
        for (int64_t i = 0; i < members->count; i++) {
            if (is_known(targets, members->names[i]))
                continue;
            size_t count = (size_t)targets->count;
            targets->names = memory_resize(targets->names, count * sizeof *targets->names,
                                           (count + 1) * sizeof *targets->names, "classes");
            targets->names[targets->count++] = memory_copy_text(members->names[i]);
        }
    }
    return true;
}

/* ---- From names that are numbers ---- */

/* Returns the numbers that are the names of the classes if they ascend, else NULL. The caller
 * releases them. */
static int64_t *numbers_of(const struct Targets *targets) {
    int64_t *numbers = memory_array(int64_t, targets->count, "classes");
    for (int64_t i = 0; i < targets->count; i++) {
        char *end, printed[24];
        numbers[i] = strtoll(targets->names[i], &end, 10);
        snprintf(printed, sizeof printed, "%" PRId64, numbers[i]);
        if (strcmp(printed, targets->names[i]) || (i && numbers[i] <= numbers[i - 1])) {
            memory_release(numbers);
            return NULL;
        }
    }
    return numbers;
}

/* Takes the values of labels from names that a checkpoint has: names with negative numbers cannot
 * be indices. */
static void take_values_of_names(struct Opening *opening) {
    const struct DataOptions *options = opening->request->options;
    const struct Targets *targets = &opening->dataset->targets;
    bool given = options && options->classes.count && !opening->by_value;
    if (given || !opening->request->expected || !targets->count)
        return;
    opening->values = numbers_of(targets);
    if (opening->values && !opening->by_value && opening->values[0] >= 0) {
        memory_release(opening->values);
        opening->values = NULL;
    }
}

int opening__classes_of_labels(struct Opening *opening, struct Error *error) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    bool labels = false, texts = false;
    if (opening->dataset->targets.names) {
        take_values_of_names(opening);
        return OK;
    }
    for (int p = 0; p < storage->pair_count; p++) {
        labels |= storage->pairs[p].labels.count > 0;
        texts |= storage->pairs[p].stored.texts != NULL;
    }
    if (texts)
        return sort_texts(opening, error);
    if (!labels || name_members(opening))
        return OK;
    return number_classes(opening, error);
}
