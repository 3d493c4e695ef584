/* The classes of a data set: named by the options or the file, or found in the labels. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/opening.h"

#define MOST_CLASSES 1000000

static bool is_number(const char *text) {
    return *text && !text[strspn(text, "0123456789")] && strlen(text) <= 7;
}

static bool is_array(const char *text) {
    return *text == '/' || strstr(text, ":/");
}

/* One array of names. */
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
    if (code == OK)
        code = h5_read_texts(file, name.path, &classes->names, &classes->count, error);
    if (code == OK && classes->count < 1)
        code = fail(error, ERROR_DATA, "%s:%s: has no names", place, name.path);
    memory_release(place);
    array_name_release(&name);
    return code == OK ? OK : error_blame_key(error, "data.classes");
}

static int names_of_options(struct Opening *opening, struct Error *error) {
    const struct Strings *given = &opening->request->options->classes;
    struct Targets *classes = &opening->dataset->targets;
    int code = OK;
    if (given->count == 1 && is_array(given->values[0]))
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
    if (code == OK && file && h5_exists(file, "classes"))
        return names_of_file(opening, file, error);
    if (code == OK && request->expected && !targets_are_values(request->expected) &&
        !(file && h5_exists(file, "target_names")))
        opening->dataset->targets =
            targets_copy(TARGET_CLASSES, (const char *const *)request->expected->names,
                         request->expected->count);
    return code;
}

/* ---- From the labels ---- */

/* All texts of all pairs, sorted, each once; as Python's sorted(set(...)). */
static void sort_texts(struct Opening *opening) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    int64_t total = 0, count = 0;
    for (int p = 0; p < storage->pair_count; p++)
        total += storage->pairs[p].texts ? storage->pairs[p].count : 0;
    const char **all = memory_array(const char *, total, "classes");
    for (int p = 0; p < storage->pair_count; p++)
        for (int64_t i = 0; storage->pairs[p].texts && i < storage->pairs[p].count; i++)
            all[count++] = storage->pairs[p].texts[i];
    qsort(all, (size_t)total, sizeof *all, text_compare);
    count = 0;
    for (int64_t i = 0; i < total; i++)
        if (!count || strcmp(all[i], all[count - 1]))
            all[count++] = all[i];
    opening->dataset->targets = targets_copy(TARGET_CLASSES, all, count);
    memory_release(all);
}

/* The largest label of a split that is not opened; the classes of a file are those of all of its
 * splits, if they are not named. */
static int largest_of(struct H5File *file, const char *name, int64_t *largest,
                      struct Error *error) {
    struct H5Info info;
    int64_t block[4096];
    int code = h5_info(file, name, &info, error);
    *largest = -1;
    if (code != OK || info.rank != 1 || info.type > H5_INT64)
        return code;
    for (int64_t first = 0; first < info.size[0] && code == OK; first += 4096) {
        int64_t count = info.size[0] - first < 4096 ? info.size[0] - first : 4096;
        code = h5_read_rows(file, name, H5_INT64, first, count, block, error);
        for (int64_t i = 0; i < count && code == OK; i++)
            if (block[i] > *largest)
                *largest = block[i];
    }
    return code;
}

struct Search {
    struct H5File *file;
    int64_t largest;
    int code;
    struct Error *error;
};

static void visit_other(void *context, const char *name, enum H5Member member) {
    struct Search *search = context;
    char *images = memory_print("%s/images", name), *labels = memory_print("%s/labels", name);
    if (search->code == OK && member == H5_MEMBER_GROUP && h5_exists(search->file, images) &&
        h5_exists(search->file, labels)) {
        int64_t largest;
        search->code = largest_of(search->file, labels, &largest, search->error);
        if (largest > search->largest && largest < MOST_CLASSES)
            search->largest = largest;
    }
    memory_release(images);
    memory_release(labels);
}

static int number_classes(struct Opening *opening, struct Error *error) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    struct Search search = {.largest = -1, .error = error};
    bool own = false;
    for (int p = 0; p < storage->pair_count; p++) {
        const struct Pair *pair = &storage->pairs[p];
        int64_t first = pair->columns ? 0 : pair__first_label(opening, pair);
        own |= !pair->options && pair->numbers;
        if (pair->columns - 1 > search.largest)
            search.largest = pair->columns - 1;
        for (int64_t i = 0; pair->numbers && !pair->columns && i < pair->count; i++)
            if (pair->numbers[i] - first > search.largest &&
                pair->numbers[i] - first < MOST_CLASSES)
                search.largest = pair->numbers[i] - first;
    }
    if (own && opening->request->splits &&
        (search.code = opening__file(opening, opening->main, &search.file, error)) == OK)
        h5_members(search.file, "/", visit_other, &search);
    opening->dataset->targets = targets_number(TARGET_CLASSES, "", search.largest + 1);
    return search.code;
}

int opening__classes_of_labels(struct Opening *opening, struct Error *error) {
    const struct DatasetStorage *storage = opening->dataset->storage;
    bool labels = false, texts = false;
    if (opening->dataset->targets.names)
        return OK;
    for (int p = 0; p < storage->pair_count; p++) {
        labels |= storage->pairs[p].labels.count > 0;
        texts |= storage->pairs[p].texts != NULL;
    }
    if (texts)
        sort_texts(opening);
    return labels && !texts ? number_classes(opening, error) : OK;
}
