#include "checkpoint/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "checkpoint/layout.h"
#include "store/h5.h"

struct Reader {
    struct H5File *file;
    struct Checkpoint *checkpoint;
    const char *group; /* "model", "average", "optimizer/momentum": being listed */
    int64_t bytes;     /* of all arrays so far */
    bool foreign; /* another program's: double is converted, what holds no floats has no values */
};

/* Tells what else the file may be before it says what is wrong with it as a checkpoint. */
static int check_format(struct H5File *file, bool sealed, struct Error *error) {
    const char *path = h5_path(file);
    char *format = NULL;
    int64_t version = 0;
    if (!h5_has_attribute(file, "/", "format")) {
        if (!h5_exists(file, "/model") &&
            (h5_exists(file, "/classes") || h5_exists(file, "/target_names")))
            return fail(error, ERROR_CHECKPOINT, "%s: is a data set, a checkpoint was expected",
                        path);
        return fail(error, ERROR_CHECKPOINT,
                    "%s: is not a checkpoint (no attribute \"format\" that says \"%s\")", path,
                    CHECKPOINT_FORMAT);
    }
    int code = h5_read_attribute(file, "/", "format", H5_TEXT, &format, error);
    if (code)
        return code;
    if (strcmp(format, CHECKPOINT_FORMAT))
        code = fail(error, ERROR_CHECKPOINT, "%s: is a \"%.60s\", a \"%s\" was expected", path,
                    format, CHECKPOINT_FORMAT);
    memory_release(format);
    if (code)
        return code;
    if (!sealed)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: has no seal: it was cut short, or changed after it was written", path);
    code = h5_read_attribute(file, "/", "format_version", H5_INT64, &version, error);
    if (!code && version != CHECKPOINT_VERSION)
        code = fail(error, ERROR_CHECKPOINT, "%s: is of format version %lld, this program reads %d",
                    path, (long long)version, CHECKPOINT_VERSION);
    return code;
}

static int read_field(struct Reader *reader, const struct CheckpointField *field,
                      struct Error *error) {
    char *value = (char *)reader->checkpoint + field->offset;
    if (!field->optional || h5_has_attribute(reader->file, "/run", field->name))
        return h5_read_attribute(reader->file, "/run", field->name, field->type, value, error);
    if (field->type == H5_INT64)
        *(int64_t *)value = (int64_t)field->absent;
    else
        *(double *)value = field->absent;
    return OK;
}

/* The attributes "validation_loss", …; checkpoints of before there was such a figure have none. */
static int read_figures(struct Reader *reader, const char *prefix, struct Figures *figures,
                        struct Error *error) {
    double saved[FIGURE_COUNT];
    int code = OK;
    for (int f = 0; f < FIGURE_COUNT && !code; f++) {
        char name[32];
        snprintf(name, sizeof name, "%s%s", prefix, figure_kinds[f].name);
        saved[f] = figure_kinds[f].if_not_measured;
        if (h5_has_attribute(reader->file, "/run", name))
            code = h5_read_attribute(reader->file, "/run", name, H5_FLOAT64, &saved[f], error);
    }
    if (!code)
        figures_restore(figures, saved,
                        reader->checkpoint->target_count ? TARGET_VALUES : TARGET_CLASSES);
    return code;
}

/* What the learning rate and the run's end hang on. */
static int check_watches(const struct Checkpoint *checkpoint, struct Error *error) {
    const struct Progress *progress = &checkpoint->progress;
    if (!(progress->schedule_scale >= 0 && progress->schedule_scale <= 1) ||
        progress->schedule_seen < 0 || progress->schedule_waited < 0 ||
        progress->schedule_cooldown < 0)
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/run: schedule_scale %g, schedule_seen %lld, schedule_waited %lld, "
                    "schedule_cooldown %lld are not those of a schedule",
                    checkpoint->path, progress->schedule_scale, (long long)progress->schedule_seen,
                    (long long)progress->schedule_waited, (long long)progress->schedule_cooldown);
    if (progress->stopping_seen < 0 || progress->stopping_waited < 0)
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/run: stopping_seen %lld, stopping_waited %lld are not those of early "
                    "stopping",
                    checkpoint->path, (long long)progress->stopping_seen,
                    (long long)progress->stopping_waited);
    return OK;
}

static int read_run(struct Reader *reader, struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    int code = h5_read_text(reader->file, "/run/run_file", &checkpoint->run_text, error);
    for (int i = 0; !code && i < checkpoint_field_count; i++)
        code = read_field(reader, &checkpoint_fields[i], error);
    if (code)
        return code;
    const struct Progress *progress = &checkpoint->progress;
    if (progress->step < 0 || progress->epoch < 0 || progress->step_in_epoch < 0 ||
        checkpoint->shards < 1)
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/run: step %lld, epoch %lld, step_in_epoch %lld, shards %lld are not "
                    "those of a run",
                    checkpoint->path, (long long)progress->step, (long long)progress->epoch,
                    (long long)progress->step_in_epoch, (long long)checkpoint->shards);
    return check_watches(checkpoint, error);
}

/* Pixels go through them: one that is not finite makes every prediction so. */
static int read_finite(struct Reader *reader, const char *name, int rank, const int64_t *size,
                       float *values, struct Error *error) {
    int code = h5_read(reader->file, name, H5_FLOAT32, rank, size, values, error);
    int64_t count = code ? 0 : memory_product(size, rank);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return fail(error, ERROR_CHECKPOINT, "%s:%s[%lld]: is %g", reader->checkpoint->path,
                        name, (long long)i, (double)values[i]);
    return code;
}

/* A value a channel, or an image of them; whatever else it is, is refused by its shape. */
static int read_image(struct Reader *reader, const char *name, const int64_t shape[3],
                      float **values, int64_t *count, struct Error *error) {
    struct H5Info info;
    int code = h5_info(reader->file, name, &info, error);
    if (code)
        return code;
    bool image = info.rank == 3;
    *count = image ? memory_product(shape, 3) : shape[2];
    *values = memory_allocate((size_t)*count * sizeof(float), "preprocessing");
    return read_finite(reader, name, image ? 3 : 1, image ? shape : &shape[2], *values, error);
}

static bool same_shape(const int64_t a[3], const int64_t b[3]) {
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* The matrix is of whole images, which it turns into images or vectors, or of a pixel's channels.
 */
static int check_matrix(const struct Reader *reader, const int64_t shape[3], const int64_t size[2],
                        const int64_t out[3], struct Error *error) {
    const char *path = reader->checkpoint->path;
    int64_t elements = memory_product(shape, 3);
    int64_t vector[] = {1, 1, size[0]}, pixels[] = {shape[0], shape[1], size[0]};
    bool of_image = size[1] == elements && size[0] <= elements;
    bool of_pixel = size[1] == shape[2] && size[0] <= shape[2];
    if (size[0] < 1 || !(of_image || of_pixel))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/preprocessing/matrix: is (%lld,%lld), which does not fit images of "
                    "(%lld,%lld,%lld)",
                    path, (long long)size[0], (long long)size[1], (long long)shape[0],
                    (long long)shape[1], (long long)shape[2]);
    if ((of_image &&
         (same_shape(out, vector) || (size[0] == elements && same_shape(out, shape)))) ||
        (of_pixel && same_shape(out, pixels)))
        return OK;
    return fail(error, ERROR_CHECKPOINT,
                "%s:/preprocessing/out_shape: is (%lld,%lld,%lld), which a matrix of (%lld,%lld) "
                "does not make",
                path, (long long)out[0], (long long)out[1], (long long)out[2], (long long)size[0],
                (long long)size[1]);
}

static int read_matrix(struct Reader *reader, const int64_t shape[3], struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    int64_t out[] = {shape[0], shape[1], shape[2]}, three = 3;
    struct H5Info info;
    int code = OK;
    if (h5_exists(reader->file, "/preprocessing/matrix")) {
        code = h5_info(reader->file, "/preprocessing/matrix", &info, error);
        if (!code)
            code =
                h5_read(reader->file, "/preprocessing/out_shape", H5_INT64, 1, &three, out, error);
        if (!code && info.rank != 2)
            code = fail(error, ERROR_CHECKPOINT,
                        "%s:/preprocessing/matrix: has %d dimensions, expected 2", checkpoint->path,
                        info.rank);
        if (!code)
            code = check_matrix(reader, shape, info.size, out, error);
        int64_t count = code ? 0 : memory_product(info.size, 2);
        if (!code && (count < 0 || !memory_can_hold((uint64_t)count * sizeof(float))))
            code = fail(error, ERROR_CHECKPOINT,
                        "%s:/preprocessing/matrix: is larger than this machine's memory",
                        checkpoint->path);
        if (code)
            return code;
        checkpoint->matrix_rows = info.size[0];
        checkpoint->matrix_columns = info.size[1];
        checkpoint->matrix = memory_allocate((size_t)count * sizeof(float), "preprocessing");
        code =
            read_finite(reader, "/preprocessing/matrix", 2, info.size, checkpoint->matrix, error);
    }
    checkpoint->out_height = out[0];
    checkpoint->out_width = out[1];
    checkpoint->out_channels = out[2];
    return code;
}

static int read_scale(struct Reader *reader, const char *name, double least, double **values,
                      struct Error *error) {
    int64_t count = reader->checkpoint->target_count;
    *values = memory_allocate((size_t)count * sizeof(double), "the targets' scale");
    int code = h5_read(reader->file, name, H5_FLOAT64, 1, &count, *values, error);
    for (int64_t k = 0; !code && k < count; k++)
        if (!isfinite((*values)[k]) || (*values)[k] <= least)
            code = fail(error, ERROR_CHECKPOINT, "%s:%s[%lld]: is %g", reader->checkpoint->path,
                        name, (long long)k, (*values)[k]);
    return code;
}

static int read_targets(struct Reader *reader, struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    int code = h5_read_texts(reader->file, "/target_names", &checkpoint->target_names,
                             &checkpoint->target_count, error);
    if (!code && checkpoint->target_count < 1)
        code = fail(error, ERROR_CHECKPOINT, "%s:/target_names: is empty", checkpoint->path);
    if (!code)
        code = read_scale(reader, "/preprocessing/target_mean", -INFINITY, &checkpoint->target_mean,
                          error);
    if (!code)
        code = read_scale(reader, "/preprocessing/target_deviation", 0,
                          &checkpoint->target_deviation, error);
    return code;
}

static int read_surroundings(struct Reader *reader, struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    int64_t shape[3], three = 3;
    int code = h5_read(reader->file, "/preprocessing/shape", H5_INT64, 1, &three, shape, error);
    if (code)
        return code;
    int64_t count = memory_product(shape, 3);
    if (count < 1 || count > INT64_MAX / 8 || !memory_can_hold((uint64_t)count * sizeof(float)))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/preprocessing/shape: (%lld,%lld,%lld) is no image that fits in memory",
                    checkpoint->path, (long long)shape[0], (long long)shape[1],
                    (long long)shape[2]);
    checkpoint->height = shape[0];
    checkpoint->width = shape[1];
    checkpoint->channels = shape[2];
    if (h5_exists(reader->file, "/preprocessing/mean"))
        code = read_image(reader, "/preprocessing/mean", shape, &checkpoint->mean,
                          &checkpoint->mean_count, error);
    if (!code)
        code = read_image(reader, "/preprocessing/factor", shape, &checkpoint->factor,
                          &checkpoint->factor_count, error);
    if (!code)
        code = read_matrix(reader, shape, error);
    if (!code && h5_exists(reader->file, "/target_names"))
        return read_targets(reader, error);
    if (!code)
        code = h5_read_texts(reader->file, "/classes", &checkpoint->class_names,
                             &checkpoint->class_count, error);
    return code;
}

static bool holds_floats(const struct H5Info *info) {
    return info->type == H5_FLOAT32 || info->type == H5_FLOAT64;
}

static int check_array(struct Reader *reader, const struct CheckpointArray *array,
                       const struct H5Info *info, struct Error *error) {
    const char *path = reader->checkpoint->path;
    if (info->type != H5_FLOAT32 && !(reader->foreign && holds_floats(info)))
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: holds %s, float32 was expected", path,
                    array->name, info->type_name);
    if (info->rank > ARENA_DIMENSIONS)
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: has %d dimensions, at most %d are known",
                    path, array->name, info->rank, ARENA_DIMENSIONS);
    int64_t count = memory_product(info->size, info->rank);
    if (count < 0 || count > (INT64_MAX - reader->bytes) / (int64_t)sizeof(float) ||
        !memory_can_hold((uint64_t)(reader->bytes + count * (int64_t)sizeof(float))))
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: is larger than this machine's memory", path,
                    array->name);
    return OK;
}

static int read_array(void *context, const char *member, bool is_group, struct Error *error) {
    struct Reader *reader = context;
    struct Checkpoint *checkpoint = reader->checkpoint;
    struct CheckpointArray *array =
        checkpoint_add_array(checkpoint, memory_print("%s/%s", reader->group, member));
    struct H5Info info;
    if (is_group)
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: is a group, an array was expected",
                    checkpoint->path, array->name);
    char *name = memory_print("/%s", array->name);
    int code = h5_info(reader->file, name, &info, error);
    bool skipped = !code && reader->foreign && !holds_floats(&info);
    if (!code && !skipped)
        code = check_array(reader, array, &info, error);
    if (!code && !skipped) {
        array->rank = info.rank;
        memcpy(array->size, info.size, (size_t)info.rank * sizeof *array->size);
        array->count = memory_product(info.size, info.rank);
        reader->bytes += array->count * (int64_t)sizeof(float);
        array->values =
            memory_allocate((size_t)array->count * sizeof(float), "a checkpoint's array");
        code = h5_read(reader->file, name, H5_FLOAT32, info.rank, info.size, array->values, error);
    }
    memory_release(name);
    if (code)
        return code;
    int64_t at = checkpoint_nonfinite(array);
    if (at >= 0)
        return fail(error, ERROR_CHECKPOINT, "%s:/%s[%lld]: is %g", checkpoint->path, array->name,
                    (long long)at, (double)array->values[at]);
    return OK;
}

static int read_slot(void *context, const char *member, bool is_group, struct Error *error) {
    struct Reader *reader = context;
    if (!is_group)
        return fail(error, ERROR_CHECKPOINT, "%s:/optimizer/%s: is not a group",
                    reader->checkpoint->path, member);
    char *group = memory_print("/optimizer/%s", member);
    reader->group = group + 1;
    int code = h5_list(reader->file, group, read_array, reader, error);
    memory_release(group);
    return code;
}

static int read_model(struct Reader *reader, struct Error *error) {
    reader->group = "model";
    int code = h5_list(reader->file, "/model", read_array, reader, error);
    if (!code && !reader->checkpoint->array_count)
        code = fail(error, ERROR_CHECKPOINT, "%s:/model: is empty", reader->checkpoint->path);
    return code;
}

static int read_arrays(struct Reader *reader, struct Error *error) {
    int code = read_model(reader, error);
    reader->group = "average";
    if (!code && h5_exists(reader->file, "/average"))
        code = h5_list(reader->file, "/average", read_array, reader, error);
    if (!code && h5_exists(reader->file, "/optimizer"))
        code = h5_list(reader->file, "/optimizer", read_slot, reader, error);
    return code;
}

static int read_whole(struct Reader *reader, bool sealed, struct Error *error) {
    int code = check_format(reader->file, sealed, error);
    if (!code)
        code = read_run(reader, error);
    if (!code)
        code = read_surroundings(reader, error);
    if (!code)
        code = read_figures(reader, "validation_", &reader->checkpoint->progress.validation, error);
    if (!code)
        code = read_figures(reader, "average_", &reader->checkpoint->progress.average, error);
    return code ? code : read_arrays(reader, error);
}

/* The group /model alone, of a file that need not be ours. */
static int read_weights(struct Reader *reader, struct Error *error) {
    if (!h5_exists(reader->file, "/model"))
        return fail(error, ERROR_CHECKPOINT,
                    "%s: is neither a checkpoint nor a file of weights: it has no group /model",
                    reader->checkpoint->path);
    reader->foreign = true;
    return read_model(reader, error);
}

static int read_file(struct Checkpoint **checkpoint, const char *path, bool donor,
                     struct Error *error) {
    struct Reader reader = {0};
    bool sealed;
    *checkpoint = NULL;
    int code = h5_open_sealed(&reader.file, path, ERROR_CHECKPOINT, &sealed, error);
    if (code)
        return code;
    reader.checkpoint = memory_allocate(sizeof *reader.checkpoint, "a checkpoint");
    reader.checkpoint->path = memory_copy_text(path);
    code = donor && !sealed ? read_weights(&reader, error) : read_whole(&reader, sealed, error);
    h5_close(reader.file);
    if (code)
        checkpoint_release(reader.checkpoint);
    else
        *checkpoint = reader.checkpoint;
    return code;
}

int checkpoint_read(struct Checkpoint **checkpoint, const char *path, struct Error *error) {
    return read_file(checkpoint, path, false, error);
}

int checkpoint_read_donor(struct Checkpoint **checkpoint, const char *path, struct Error *error) {
    return read_file(checkpoint, path, true, error);
}
