#include "train/saved_figures.h"

#include <stdio.h>

enum { NAME_BYTES = 40 };

static const char *name_of(const char *prefix, enum Figure figure, char name[NAME_BYTES]) {
    snprintf(name, NAME_BYTES, "%s%s", prefix, figure_kinds[figure].name);
    return name;
}

static int save(const struct Figures *figures, const char *prefix, struct H5Writer *writer,
                struct Error *error) {
    char name[NAME_BYTES];
    int code = OK;
    for (int f = 0; f < FIGURE_COUNT && !code; f++) {
        double value = figure_saved(figures, f);
        if (!figure_kinds[f].is_detail)
            code = h5_write_attribute(writer, "/run", name_of(prefix, f, name), H5_FLOAT64, &value,
                                      error);
    }
    return code;
}

static int load(struct Figures *figures, const char *prefix, struct H5File *file,
                struct Error *error) {
    struct Figures saved = {0};
    char name[NAME_BYTES];
    int code = OK;
    for (int f = 0; f < FIGURE_COUNT && !code; f++) {
        saved.measured[f] = h5_has_attribute(file, "/run", name_of(prefix, f, name));
        if (saved.measured[f])
            code = h5_read_attribute(file, "/run", name, H5_FLOAT64, &saved.value[f], error);
        if (!code && saved.measured[f] && !figure_is_possible(f, saved.value[f]))
            code = fail(error, ERROR_CHECKPOINT, "%s:/run: %s is %g, expected a number from 0 to 1",
                        h5_path(file), name, saved.value[f]);
    }
    if (!code)
        figures_restore(figures, &saved,
                        h5_exists(file, "/target_names") ? TARGET_VALUES : TARGET_CLASSES);
    return code;
}

static void release(void *value) {
    *(struct Figures *)value = (struct Figures){0};
}

static int save_validation(const void *value, struct H5Writer *writer, struct Error *error) {
    return save(value, "validation_", writer, error);
}

static int load_validation(void *value, struct H5File *file, struct Error *error) {
    return load(value, "validation_", file, error);
}

static int save_average(const void *value, struct H5Writer *writer, struct Error *error) {
    return save(value, "average_", writer, error);
}

static int load_average(void *value, struct H5File *file, struct Error *error) {
    return load(value, "average_", file, error);
}

const struct SavedGroup validation_saved = {
    .save = save_validation, .load = load_validation, .release = release};
const struct SavedGroup average_saved = {
    .save = save_average, .load = load_average, .release = release};
