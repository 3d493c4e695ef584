#include "checkpoint/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoint/layout.h"
#include "store/h5.h"

static void put_row(struct Checkpoint *checkpoint, const struct ArenaRow *row, char *name,
                    const float *values) {
    struct CheckpointArray *array = checkpoint_add_array(checkpoint, name);
    array->rank = row->file_rank;
    memcpy(array->size, row->file_size, sizeof array->size);
    array->count = row->count;
    array->values = memory_allocate((size_t)row->count * sizeof(float), "a checkpoint's array");
    arena_to_file(row, values, array->values);
}

void checkpoint_put_state(struct Checkpoint *checkpoint, const struct Arena *arena,
                          const float *state) {
    for (int i = 0; i < arena->row_count; i++)
        put_row(checkpoint, &arena->rows[i], memory_print("model/%s", arena->rows[i].name), state);
}

void checkpoint_put_average(struct Checkpoint *checkpoint, const struct Arena *arena,
                            const float *average) {
    for (int i = 0; i < arena->row_count; i++)
        put_row(checkpoint, &arena->rows[i], memory_print("average/%s", arena->rows[i].name),
                average);
}

void checkpoint_put_slot(struct Checkpoint *checkpoint, const struct Arena *arena, const char *slot,
                         const float *values) {
    for (int i = 0; i < arena->row_count; i++)
        if (arena->rows[i].role != ROLE_STATISTIC)
            put_row(checkpoint, &arena->rows[i],
                    memory_print("optimizer/%s/%s", slot, arena->rows[i].name), values);
}

static const char *text_or_empty(const char *text) {
    return text ? text : "";
}

static int write_figures(struct H5Writer *writer, const char *prefix, const struct Figures *figures,
                         struct Error *error) {
    int code = OK;
    for (int f = 0; f < FIGURE_COUNT && !code; f++) {
        char name[32];
        double value = figure_saved(figures, f);
        snprintf(name, sizeof name, "%s%s", prefix, figure_kinds[f].name);
        if (!figure_kinds[f].is_detail)
            code = h5_write_attribute(writer, "/run", name, H5_FLOAT64, &value, error);
    }
    return code;
}

static int write_run(struct H5Writer *writer, const struct Checkpoint *checkpoint,
                     struct Error *error) {
    int code = h5_write_text(writer, "/run/run_file", text_or_empty(checkpoint->run_text), error);
    for (int i = 0; !code && i < checkpoint_field_count; i++) {
        const struct CheckpointField *field = &checkpoint_fields[i];
        const void *value = (const char *)checkpoint + field->offset;
        if (field->type == H5_TEXT)
            value = text_or_empty(*(char *const *)value);
        code = h5_write_attribute(writer, "/run", field->name, field->type, value, error);
    }
    if (!code)
        code = write_figures(writer, "validation_", &checkpoint->progress.validation, error);
    if (!code)
        code = write_figures(writer, "average_", &checkpoint->progress.average, error);
    return code;
}

static int write_targets(struct H5Writer *writer, const struct Checkpoint *checkpoint,
                         struct Error *error) {
    int64_t count = checkpoint->target_count;
    int code = h5_write_texts(writer, "/target_names",
                              (const char *const *)checkpoint->target_names, count, error);
    if (!code)
        code = h5_write(writer, "/preprocessing/target_mean", H5_FLOAT64, 1, &count,
                        checkpoint->target_mean, error);
    if (!code)
        code = h5_write(writer, "/preprocessing/target_deviation", H5_FLOAT64, 1, &count,
                        checkpoint->target_deviation, error);
    return code;
}

/* A value a channel, or an image of them. */
static int write_image(struct H5Writer *writer, const struct Checkpoint *checkpoint,
                       const char *name, int64_t count, const float *values, struct Error *error) {
    int64_t shape[] = {checkpoint->height, checkpoint->width, checkpoint->channels};
    bool image = count > checkpoint->channels;
    return h5_write(writer, name, H5_FLOAT32, image ? 3 : 1, image ? shape : &count, values, error);
}

static int write_preprocessing(struct H5Writer *writer, const struct Checkpoint *checkpoint,
                               struct Error *error) {
    int64_t shape[] = {checkpoint->height, checkpoint->width, checkpoint->channels}, three = 3;
    int64_t out[] = {checkpoint->out_height, checkpoint->out_width, checkpoint->out_channels};
    int64_t matrix[] = {checkpoint->matrix_rows, checkpoint->matrix_columns};
    int code = h5_write(writer, "/preprocessing/shape", H5_INT64, 1, &three, shape, error);
    if (!code && checkpoint->mean_count)
        code = write_image(writer, checkpoint, "/preprocessing/mean", checkpoint->mean_count,
                           checkpoint->mean, error);
    if (!code)
        code = write_image(writer, checkpoint, "/preprocessing/factor", checkpoint->factor_count,
                           checkpoint->factor, error);
    if (code || !checkpoint->matrix)
        return code;
    code =
        h5_write(writer, "/preprocessing/matrix", H5_FLOAT32, 2, matrix, checkpoint->matrix, error);
    if (!code)
        code = h5_write(writer, "/preprocessing/out_shape", H5_INT64, 1, &three, out, error);
    return code;
}

static int write_surroundings(struct H5Writer *writer, const struct Checkpoint *checkpoint,
                              struct Error *error) {
    int code = write_preprocessing(writer, checkpoint, error);
    if (!code && checkpoint->target_count)
        return write_targets(writer, checkpoint, error);
    if (!code)
        code = h5_write_texts(writer, "/classes", (const char *const *)checkpoint->class_names,
                              checkpoint->class_count, error);
    return code;
}

/* What cannot be read back is not written over what can. */
static int check_preprocessing(const struct Checkpoint *checkpoint, const char *path,
                               struct Error *error) {
    const struct {
        const char *name;
        const float *values;
        int64_t count;
    } parts[] = {
        {"mean", checkpoint->mean, checkpoint->mean_count},
        {"factor", checkpoint->factor, checkpoint->factor_count},
        {"matrix", checkpoint->matrix,
         checkpoint->matrix ? checkpoint->matrix_rows * checkpoint->matrix_columns : 0},
    };
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
        for (int64_t i = 0; i < parts[part].count; i++)
            if (!isfinite(parts[part].values[i]))
                return fail(error, ERROR_NUMERIC, "%s is not written: preprocessing/%s[%lld] is %g",
                            path, parts[part].name, (long long)i, (double)parts[part].values[i]);
    return OK;
}

static int check_finite(const struct Checkpoint *checkpoint, const char *path,
                        struct Error *error) {
    for (int i = 0; i < checkpoint->array_count; i++) {
        int64_t at = checkpoint_nonfinite(&checkpoint->arrays[i]);
        if (at >= 0)
            return fail(error, ERROR_NUMERIC, "%s is not written: %s[%lld] is %g", path,
                        checkpoint->arrays[i].name, (long long)at,
                        (double)checkpoint->arrays[i].values[at]);
    }
    return check_preprocessing(checkpoint, path, error);
}

int checkpoint_write(const struct Checkpoint *checkpoint, const char *path, struct Error *error) {
    struct H5Writer *writer = NULL;
    int64_t version = CHECKPOINT_VERSION;
    int code = check_finite(checkpoint, path, error);
    if (code)
        return code;
    code = h5_create_in_memory(&writer, path, error);
    if (code)
        return code;
    code = h5_write_attribute(writer, "/", "format", H5_TEXT, CHECKPOINT_FORMAT, error);
    if (!code)
        code = h5_write_attribute(writer, "/", "format_version", H5_INT64, &version, error);
    if (!code)
        code = write_run(writer, checkpoint, error);
    if (!code)
        code = write_surroundings(writer, checkpoint, error);
    for (int i = 0; !code && i < checkpoint->array_count; i++) {
        const struct CheckpointArray *array = &checkpoint->arrays[i];
        char *name = memory_print("/%s", array->name);
        code = h5_write(writer, name, H5_FLOAT32, array->rank, array->size, array->values, error);
        memory_release(name);
    }
    if (!code)
        return h5_commit(writer, error);
    h5_abandon(writer);
    return code;
}
