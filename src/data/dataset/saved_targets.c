#include "data/dataset/saved_targets.h"

#include <inttypes.h>
#include <string.h>

int targets_match(const struct Targets *targets, const struct Dataset *dataset, const char *path,
                  struct Error *error) {
    const struct Targets *found = &dataset->targets;
    bool values = targets_are_values(targets);
    if (values != targets_are_values(found))
        return fail(error, ERROR_CHECKPOINT, "%s: predicts %s, the targets of %s are %s", path,
                    values ? "values" : "classes", dataset->path, values ? "classes" : "values");
    if ((targets->kind == TARGET_SETS) != (found->kind == TARGET_SETS))
        return fail(error, ERROR_CHECKPOINT,
                    "%s: predicts %s for each sample, the targets of %s are %s (data.multi_label)",
                    path, targets->kind == TARGET_SETS ? "a set of classes" : "one class",
                    dataset->path,
                    found->kind == TARGET_SETS ? "sets of classes" : "one class each");
    if (targets->count != found->count)
        return fail(error, ERROR_CHECKPOINT, "%s: knows %" PRId64 " %s, %s has %" PRId64, path,
                    targets->count,
                    targets->count == 1 ? targets_word(targets) : targets_words(targets),
                    dataset->path, found->count);
    for (int64_t i = 0; i < targets->count; i++)
        if (strcmp(targets->names[i], found->names[i]))
            return fail(error, ERROR_CHECKPOINT, "%s: its %s %" PRId64 " is '%s', in %s it is '%s'",
                        path, targets_word(targets), i, targets->names[i], dataset->path,
                        found->names[i]);
    return OK;
}

static const char *place(const struct Targets *targets) {
    return targets_are_values(targets) ? "/target_names" : "/classes";
}

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct Targets *targets = value;
    const int32_t sets = targets->kind == TARGET_SETS;
    int code = sets ? h5_write_attribute(writer, "/", MULTI_LABEL, H5_INT32, &sets, error) : OK;
    return code ? code
                : h5_write_texts(writer, place(targets), (const char *const *)targets->names,
                                 targets->count, error);
}

static void release(void *value) {
    targets_release(value);
}

static int load(void *value, struct H5File *file, struct Error *error) {
    struct Targets *targets = value;
    targets->kind = TARGET_VALUES;
    if (!h5_exists(file, place(targets)))
        targets->kind = h5_has_attribute(file, "/", MULTI_LABEL) ? TARGET_SETS : TARGET_CLASSES;
    int code = h5_read_texts(file, place(targets), &targets->names, &targets->count, error);
    if (!code && targets_are_values(targets) && targets->count < 1)
        code = fail(error, ERROR_CHECKPOINT, "%s:%s: is empty", h5_path(file), place(targets));
    if (code)
        release(value);
    return code;
}

const struct SavedGroup targets_saved = {.save = save, .load = load, .release = release};
