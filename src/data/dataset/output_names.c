#include "data/dataset/output_names.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

struct OutputNames output_names_of(const struct Dataset *dataset) {
    struct OutputNames names = {.values = dataset->target_count > 0,
                                .count = dataset_outputs(dataset)};
    names.names = memory_array(char *, names.count, "names of outputs");
    for (int64_t i = 0; i < names.count; i++)
        names.names[i] = memory_copy_text(dataset_output_names(dataset)[i]);
    return names;
}

int output_names_match(const struct OutputNames *names, const struct Dataset *dataset,
                       const char *path, struct Error *error) {
    if (names->values != (dataset->target_count > 0))
        return fail(error, ERROR_CHECKPOINT, "%s: predicts %s, the targets of %s are %s", path,
                    names->values ? "values" : "classes", dataset->path,
                    names->values ? "classes" : "values");
    if (names->count != dataset_outputs(dataset))
        return fail(error, ERROR_CHECKPOINT, "%s: knows %" PRId64 " %s, %s has %" PRId64, path,
                    names->count, names->values ? "targets" : "classes", dataset->path,
                    dataset_outputs(dataset));
    for (int64_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], dataset_output_names(dataset)[i]))
            return fail(error, ERROR_CHECKPOINT, "%s: its %s %" PRId64 " is '%s', in %s it is '%s'",
                        path, names->values ? "target" : "class", i, names->names[i], dataset->path,
                        dataset_output_names(dataset)[i]);
    return OK;
}

void output_names_release(struct OutputNames *names) {
    for (int64_t i = 0; i < names->count; i++)
        memory_release(names->names[i]);
    memory_release(names->names);
    *names = (struct OutputNames){0};
}

static const char *place(bool values) {
    return values ? "/target_names" : "/classes";
}

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct OutputNames *names = value;
    return h5_write_texts(writer, place(names->values), (const char *const *)names->names,
                          names->count, error);
}

static void release(void *value) {
    output_names_release(value);
}

static int load(void *value, struct H5File *file, struct Error *error) {
    struct OutputNames *names = value;
    names->values = h5_exists(file, place(true));
    int code = h5_read_texts(file, place(names->values), &names->names, &names->count, error);
    if (!code && names->values && names->count < 1)
        code = fail(error, ERROR_CHECKPOINT, "%s:%s: is empty", h5_path(file), place(true));
    if (code)
        release(value);
    return code;
}

const struct SavedGroup output_names_saved = {.save = save, .load = load, .release = release};
