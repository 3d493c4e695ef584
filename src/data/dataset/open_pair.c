/* Finds the arrays that a split is made of. */
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset/contents.h"
#include "data/dataset/opening.h"

static void arrays_release(struct Arrays *arrays) {
    for (int i = 0; i < arrays->count; i++) {
        array_name_release(&arrays->items[i].name);
        memory_release(arrays->items[i].captured);
    }
    memory_release(arrays->items);
}

void pair__release(struct Pair *pair) {
    arrays_release(&pair->images);
    arrays_release(&pair->labels);
    arrays_release(&pair->targets);
    arrays_release(&pair->weights);
    memory_release(pair->runs);
    memory_release(pair->layouts);
    memory_release(pair->pixels);
    memory_release(pair->stored.numbers);
    memory_release_texts(pair->stored.texts, pair->count);
    h5_release_enumeration(&pair->stored.enumeration);
    memory_release(pair->classes);
    memory_release(pair->values);
    memory_release(pair->sample_weights);
    block_digests__release(pair->block_digests);
    memory_release_texts(pair->sources, pair->count);
    memory_release(pair->split);
}

int pair__blame(const struct Pair *pair, const char *key, struct Error *error) {
    if (!pair->options)
        return error->code;
    char *path = memory_print("data.splits.%s.%s", pair->split, key);
    error_blame_key(error, path);
    memory_release(path);
    return error->code;
}

int64_t pair__first_label(const struct Opening *opening, const struct Pair *pair) {
    if (pair->options && pair->options->first_label >= 0)
        return pair->options->first_label;
    return opening->request->options ? opening->request->options->first_label : 0;
}

/* Opens the file of an array and reads type and shape of the array. */
static int locate(struct Opening *opening, struct Array *array, struct Error *error) {
    int code = opening__file(opening, array->name.file, &array->file, error);
    if (code == OK)
        code = h5_info(array->file, array->name.path, &array->info, error);
    if (code == OK || !array->file || h5_is_named(array->file, array->name.path))
        return code;
    struct Text held = {0};
    contents__summary(array->file, array->name.path, &held);
    error_append(error, "; the file holds %s", held.data);
    text_release(&held);
    return code;
}

/* Adds an array and takes ownership of the texts. */
static struct Array *add_array(struct Arrays *arrays, char *file, char *path, char *captured) {
    arrays->items = memory_room(arrays->items, arrays->count, "arrays");
    struct Array *array = &arrays->items[arrays->count++];
    *array = (struct Array){.name = {file, path}, .captured = captured};
    return array;
}

/* Adds all arrays of a file whose paths match a pattern. */
static int add_matches(struct Opening *opening, const struct ArrayName *name, struct Arrays *arrays,
                       struct Error *error) {
    struct H5File *file;
    struct Matches found;
    int code = opening__file(opening, name->file, &file, error);
    if (code != OK)
        return code;
    pattern__find(file, name->path, &found);
    if (!found.count && h5_check(file, error) == OK) {
        struct Text held = {0};
        contents__summary(file, NULL, &held);
        fail(error, ERROR_DATA, "%s:%s: no array matches this path; the file holds %s", name->file,
             name->path, held.data);
        text_release(&held);
    }
    code = found.count ? OK : error->code;
    for (int i = 0; i < found.count && code == OK; i++) {
        const struct Match *match = &found.items[i];
        code = locate(opening,
                      add_array(arrays, memory_copy_text(name->file), memory_copy_text(match->path),
                                memory_copy_text(match->captured)),
                      error);
    }
    pattern__release(&found);
    return code;
}

/* Adds the arrays of one file. Takes ownership of what `name` holds. */
static int add_named(struct Opening *opening, struct ArrayName *name, struct Arrays *arrays,
                     struct Error *error) {
    struct H5File *file;
    bool named = !pattern__is(name->path) ||
                 (opening__file(opening, name->file, &file, error) == OK &&
                  h5_exists(file, name->path)); /* names may contain the characters of patterns */
    if (named)
        return locate(opening, add_array(arrays, name->file, name->path, NULL), error);
    int code = add_matches(opening, name, arrays, error);
    array_name_release(name);
    return code;
}

/* Adds the arrays of all files whose names match a pattern, in the order of the names. */
static int add_files(struct Opening *opening, const struct ArrayName *name, struct Arrays *arrays,
                     struct Error *error) {
    glob_t found = {0};
    int code = OK;
    if (glob(name->file, 0, NULL, &found) != 0)
        code = fail(error, ERROR_DATA, "%s: no file matches this name", name->file);
    for (size_t i = 0; i < found.gl_pathc && code == OK; i++) {
        struct ArrayName one = {memory_copy_text(found.gl_pathv[i]), memory_copy_text(name->path)};
        code = add_named(opening, &one, arrays, error);
    }
    globfree(&found);
    return code;
}

/* Adds the arrays that a key of data.splits.NAME lists. */
static int list_arrays(struct Opening *opening, const struct Pair *pair, const char *key,
                       const struct Strings *names, struct Arrays *arrays, struct Error *error) {
    const char *main = opening->request->options->file;
    for (int i = 0; i < names->count; i++) {
        struct ArrayName name;
        int code = array_name_parse(&name, names->values[i], main, error);
        if (code != OK)
            return pair__blame(pair, key, error);
        char *place = opening__place(opening, name.file);
        memory_release(name.file);
        name.file = place;
        if (pattern__is(name.file) && access(name.file, F_OK) != 0) {
            code = add_files(opening, &name, arrays, error);
            array_name_release(&name);
        } else {
            code = add_named(opening, &name, arrays, error);
        }
        if (code != OK)
            return pair__blame(pair, key, error);
    }
    return OK;
}

/* Checks that patterns matched images and labels of the same samples. */
static int check_captured(const struct Pair *pair, const struct Arrays *arrays, const char *key,
                          struct Error *error) {
    for (int i = 0; i < arrays->count && i < pair->images.count; i++) {
        const struct Array *array = &arrays->items[i], *images = &pair->images.items[i];
        if (!array->captured || !images->captured || !strcmp(array->captured, images->captured))
            continue;
        fail(error, ERROR_DATA,
             "%s:%s: belongs to the images %s by its place in the list, but not by its name; "
             "expected one array for each array of images",
             array->name.file, array->name.path, images->name.path);
        return pair__blame(pair, key, error);
    }
    return OK;
}

/* Returns what the key labels says: array_name, group_name, file_name, @ATTRIBUTE or an array. */
static enum LabelsFrom labels_from(const struct SplitOptions *options) {
    static const char *const words[] = {"", "array_name", "group_name", "file_name"};
    for (int i = LABELS_OF_ARRAYS; i <= LABELS_OF_FILES; i++)
        if (options->labels.count == 1 && !strcmp(options->labels.values[0], words[i]))
            return (enum LabelsFrom)i;
    if (options->labels.count == 1 && options->labels.values[0][0] == '@')
        return LABELS_OF_ATTRIBUTES;
    return LABELS_OF_VALUES;
}

static void name_labels(struct Pair *pair) {
    for (int i = 0; i < pair->images.count; i++) {
        const struct Array *images = &pair->images.items[i];
        struct Array *array = add_array(&pair->labels, memory_copy_text(images->name.file),
                                        memory_copy_text(images->name.path), NULL);
        array->file = images->file;
    }
}

/* Adds /SPLIT/NAME of the file of the own layout. If `optional`, the array may be missing. */
static int own_array(struct Opening *opening, const struct Pair *pair, const char *name,
                     bool optional, struct Arrays *arrays, struct Error *error) {
    struct H5File *file;
    int code = opening__file(opening, opening->main, &file, error);
    if (code != OK)
        return code;
    char *path = memory_print("/%s/%s", pair->split, name);
    if (optional && !h5_is_named(file, path)) {
        memory_release(path);
        return OK;
    }
    arrays->items = memory_array(struct Array, 1, "arrays");
    arrays->count = 1;
    arrays->items[0].name = (struct ArrayName){memory_copy_text(opening->main), path};
    return locate(opening, &arrays->items[0], error);
}

static int fill_own(struct Opening *opening, struct Pair *pair, struct Error *error) {
    int code = own_array(opening, pair, "images", false, &pair->images, error);
    if (code == OK)
        code = own_array(opening, pair, "targets", true, &pair->targets, error);
    if (code == OK)
        code = own_array(opening, pair, "labels",
                         pair->targets.count > 0 || opening->request->without_truth, &pair->labels,
                         error);
    if (code == OK)
        code = own_array(opening, pair, "weights", true, &pair->weights, error);
    return code;
}

static int fill_mapped(struct Opening *opening, struct Pair *pair, struct Error *error) {
    const struct SplitOptions *options = pair->options;
    bool truth = options->labels.count || options->targets.count || opening->request->without_truth;
    if (!options->images.count || !truth) {
        fail(error, ERROR_RUN_FILE, "missing key '%s': the array of %s",
             options->images.count ? "labels" : "images",
             options->images.count ? "classes (for values: targets)" : "images");
        return pair__blame(pair, options->images.count ? "labels" : "images", error);
    }
    int code = list_arrays(opening, pair, "images", &options->images, &pair->images, error);
    pair->labels_from = labels_from(options);
    if (code == OK && pair->labels_from)
        name_labels(pair);
    else if (code == OK)
        code = list_arrays(opening, pair, "labels", &options->labels, &pair->labels, error);
    if (code == OK)
        code = list_arrays(opening, pair, "targets", &options->targets, &pair->targets, error);
    if (code == OK)
        code = list_arrays(opening, pair, "weights", &options->weights, &pair->weights, error);
    if (code == OK)
        code = check_captured(pair, &pair->labels, "labels", error);
    return code == OK ? check_captured(pair, &pair->targets, "targets", error) : code;
}

static bool same_strings(const struct Strings *a, const struct Strings *b) {
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same = !strcmp(a->values[i], b->values[i]);
    return same;
}

static bool same_integers(const struct Ints *a, const struct Ints *b) {
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++)
        same = a->values[i] == b->values[i];
    return same;
}

/* Returns whether a pair has the same arrays as a split, so that both share it. */
static bool same_arrays(const struct Pair *pair, const char *name,
                        const struct SplitOptions *options) {
    const struct SplitOptions *other = pair->options;
    if (!options || !other)
        return !options && !other && !strcmp(pair->split, name);
    const char *axes = options->axes ? options->axes : "";
    return same_strings(&options->images, &other->images) &&
           same_strings(&options->labels, &other->labels) &&
           same_strings(&options->targets, &other->targets) &&
           same_strings(&options->weights, &other->weights) &&
           !strcmp(axes, other->axes ? other->axes : "") &&
           same_integers(&options->shape, &other->shape) &&
           options->first_label == other->first_label;
}

/* Finds the split at the end of a chain of fraction_of. */
static int find_root(struct Opening *opening, const char **name, struct Error *error) {
    const struct DataOptions *all = opening->request->options;
    const char *first = *name;
    const struct SplitOptions *options = opening__options(opening, *name);
    for (int steps = 0; options && options->fraction_of; steps++) {
        bool more = options->images.count || options->labels.count || options->targets.count ||
                    options->weights.count || options->indices.count;
        char *key = memory_print("data.splits.%s.fraction_of", *name);
        int code = OK;
        if (more)
            code = fail_key(error, ERROR_RUN_FILE, key,
                            "takes a part of another split; images, labels, targets, weights and "
                            "indices are not allowed with it");
        else if (steps > all->splits.count)
            code =
                fail_key(error, ERROR_RUN_FILE, key, "leads from split '%s' back to itself", first);
        memory_release(key);
        if (code != OK)
            return code;
        *name = options->fraction_of;
        options = opening__options(opening, *name);
    }
    return OK;
}

int opening__pair(struct Opening *opening, const char *name, int *place, struct Error *error) {
    struct DatasetStorage *storage = opening->dataset->storage;
    const char *whole = opening_held_out_of(opening, name);
    name = whole ? whole : name;
    int code = find_root(opening, &name, error);
    if (code != OK)
        return code;
    const struct SplitOptions *options = opening__options(opening, name);
    for (*place = 0; *place < storage->pair_count; ++*place)
        if (same_arrays(&storage->pairs[*place], name, options))
            return OK;
    storage->pairs = memory_room(storage->pairs, storage->pair_count, "array pairs");
    struct Pair *pair = &storage->pairs[storage->pair_count++];
    *pair = (struct Pair){.split = memory_copy_text(name), .options = options};
    if (!options && !opening->main)
        return fail_key(error, ERROR_RUN_FILE, "data.file",
                        "is missing, and data.splits has no split '%s'", name);
    return options ? fill_mapped(opening, pair, error) : fill_own(opening, pair, error);
}
