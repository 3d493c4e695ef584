/* Opens a checkpoint, and checks everything that does not depend on the run that reads it. */
#include "checkpoint/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/ensemble.h"
#include "checkpoint/format.h"
#include "checkpoint/member.h"

struct Reader {
    struct Checkpoint *checkpoint;
    const char *group; /* the group being listed: "model", "average", "optimizer/momentum" */
    bool scan;         /* whether to look for NaN and Inf */
};

static int wrong_kind(struct H5File *file, struct Error *error) {
    if (!h5_exists(file, "/model") &&
        (h5_exists(file, "/classes") || h5_exists(file, "/target_names")))
        return fail(error, ERROR_CHECKPOINT, "%s: is a data set, a checkpoint was expected",
                    h5_path(file));
    return fail(error, ERROR_CHECKPOINT,
                "%s: is not a checkpoint (no attribute \"format\" that says \"%s\")", h5_path(file),
                CHECKPOINT_FORMAT);
}

/* Recognises files of other formats before it checks the version and the seal of a checkpoint. */
static int check_format(struct H5File *file, bool sealed, struct Error *error) {
    const char *path = h5_path(file);
    char *format = NULL;
    int64_t version = 0;
    if (!h5_has_attribute(file, "/", "format"))
        return wrong_kind(file, error);
    int code = h5_read_attribute(file, "/", "format", H5_TEXT, &format, error);
    if (!code && strcmp(format, CHECKPOINT_FORMAT))
        code = fail(error, ERROR_CHECKPOINT, "%s: is a \"%.60s\", a \"%s\" was expected", path,
                    format, CHECKPOINT_FORMAT);
    memory_release(format);
    if (!code && !sealed)
        code = fail(error, ERROR_CHECKPOINT,
                    "%s: has no seal: it was cut short, or changed after it was written", path);
    if (!code)
        code = h5_read_attribute(file, "/", "format_version", H5_INT64, &version, error);
    if (!code && version != CHECKPOINT_VERSION)
        code = fail(error, ERROR_CHECKPOINT,
                    "%s: is of format version %" PRId64 ", this program reads %d", path, version,
                    CHECKPOINT_VERSION);
    return code;
}

static bool holds_floats(const struct H5Info *info) {
    return info->type == H5_FLOAT32 || info->type == H5_FLOAT64;
}

/* The floats of another program may be of another size; they are converted. */
static int check_array(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                       const struct H5Info *info, struct Error *error) {
    const char *path = checkpoint->path;
    bool good = checkpoint->weights_only ? holds_floats(info) : !strcmp(info->type_name, "float32");
    if (!good)
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: holds %s, float32 was expected", path,
                    array->name, info->type_name);
    if (info->rank > ARENA_DIMENSIONS)
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: has %d dimensions, at most %d are known",
                    path, array->name, info->rank, ARENA_DIMENSIONS);
    int64_t count = memory_product(info->size, info->rank);
    if (count < 0 || count > INT64_MAX / (int64_t)sizeof(float) ||
        !memory_can_hold((uint64_t)count * sizeof(float)))
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: is larger than this machine's memory", path,
                    array->name);
    if (!checkpoint->weights_only && info->stored != (uint64_t)count * sizeof(float))
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/%s: stores %" PRIu64 " bytes, %" PRId64 " were expected for its shape",
                    path, array->name, info->stored, count * (int64_t)sizeof(float));
    return OK;
}

/* What an array of that name holds if a normalisation or an optimiser takes its square root; NULL
 * if none does. */
static const char *root_taken_of(const char *name) {
    if (text_ends_with(name, ".running_var"))
        return "a variance";
    bool squares = strstr(name, "/square_") || strstr(name, "second_moment/");
    return !strncmp(name, "optimizer/", 10) && squares ? "a sum of squares" : NULL;
}

static int check_roots(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                       const float *values, struct Error *error) {
    const char *what = root_taken_of(array->name);
    for (int64_t i = 0; what && i < array->count; i++)
        if (values[i] < 0)
            return fail(error, ERROR_CHECKPOINT,
                        "%s:/%s[%" PRId64 "]: is %g, %s of 0 or more was expected",
                        checkpoint->path, array->name, i, (double)values[i], what);
    return OK;
}

static int scan_array(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                      struct Error *error) {
    float *values = memory_array(float, array->count, "a checkpoint's array");
    int code =
        h5_read_finite(checkpoint->file, array->name, array->rank, array->size, values, error);
    if (!code)
        code = check_roots(checkpoint, array, values, error);
    memory_release(values);
    return code;
}

/* Adds an array, which takes ownership of `name`. */
static struct CheckpointArray *add_array(struct Checkpoint *checkpoint, char *name) {
    checkpoint->arrays =
        memory_room(checkpoint->arrays, checkpoint->array_count, "a checkpoint's table");
    struct CheckpointArray *array = &checkpoint->arrays[checkpoint->array_count++];
    array->name = name;
    return array;
}

static int read_array(void *context, const char *member, bool is_group, struct Error *error) {
    struct Reader *reader = context;
    struct Checkpoint *checkpoint = reader->checkpoint;
    struct CheckpointArray *array =
        add_array(checkpoint, memory_print("%s/%s", reader->group, member));
    struct H5Info info;
    if (is_group)
        return fail(error, ERROR_CHECKPOINT, "%s:/%s: is a group, an array was expected",
                    checkpoint->path, array->name);
    int code = h5_info(checkpoint->file, array->name, &info, error);
    if (code || (checkpoint->weights_only && !holds_floats(&info)))
        return code;
    code = check_array(checkpoint, array, &info, error);
    if (code)
        return code;
    array->floats = true;
    array->rank = info.rank;
    memcpy(array->size, info.size, (size_t)info.rank * sizeof *array->size);
    array->count = memory_product(info.size, info.rank);
    return reader->scan ? scan_array(checkpoint, array, error) : OK;
}

static int by_name(const void *a, const void *b) {
    return text_compare_natural(&((const struct CheckpointArray *)a)->name,
                                &((const struct CheckpointArray *)b)->name);
}

static int list_arrays(struct Reader *reader, const char *group, struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    int before = checkpoint->array_count;
    reader->group = group;
    int code = h5_list(checkpoint->file, group, read_array, reader, error);
    if (checkpoint->array_count > before)
        qsort(checkpoint->arrays + before, (size_t)(checkpoint->array_count - before),
              sizeof *checkpoint->arrays, by_name);
    return code;
}

static int read_slot(void *context, const char *member, bool is_group, struct Error *error) {
    struct Reader *reader = context;
    if (!is_group)
        return fail(error, ERROR_CHECKPOINT, "%s:/optimizer/%s: is not a group",
                    reader->checkpoint->path, member);
    char *group = memory_print("optimizer/%s", member);
    int code = list_arrays(reader, group, error);
    memory_release(group);
    return code;
}

static int read_model(struct Reader *reader, struct Error *error) {
    int code = list_arrays(reader, "model", error);
    if (!code && !reader->checkpoint->array_count)
        code = fail(error, ERROR_CHECKPOINT, "%s:/model: is empty", reader->checkpoint->path);
    return code;
}

static int read_whole(struct Reader *reader, bool sealed, struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    struct H5File *file = checkpoint->file;
    int code = check_format(file, sealed, error);
    if (!code)
        code = h5_read_text(file, "/run/run_file", &checkpoint->run_text, error);
    if (!code)
        code = read_model(reader, error);
    if (!code && h5_exists(file, "/average"))
        code = list_arrays(reader, "average", error);
    if (!code && h5_exists(file, "/optimizer"))
        code = h5_list(file, "/optimizer", read_slot, reader, error);
    return code;
}

static int refuse_unsealed(struct H5File *file, struct Error *error) {
    return check_format(file, false, error);
}

static int accept_weights(struct H5File *file, struct Error *error) {
    if (h5_exists(file, "/model"))
        return OK;
    return fail(error, ERROR_CHECKPOINT,
                "%s: is neither a checkpoint nor a file of weights: it has no group /model",
                h5_path(file));
}

/* Lists only the group /model, of a file that another program may have written. */
static int read_weights(struct Reader *reader, struct Error *error) {
    struct Checkpoint *checkpoint = reader->checkpoint;
    if (accept_weights(checkpoint->file, error))
        return error->code;
    checkpoint->weights_only = true;
    return read_model(reader, error);
}

/* Takes ownership of the open file. With `donor` it may be a file of another program. */
static int read_file(struct Checkpoint **out, struct H5File *file, bool sealed, bool donor,
                     bool scan, struct Error *error) {
    struct Checkpoint *checkpoint = memory_array(struct Checkpoint, 1, "a checkpoint");
    struct Reader reader = {.checkpoint = checkpoint, .scan = scan};
    checkpoint->path = memory_copy_text(h5_path(file));
    checkpoint->file = file;
    int code = donor && !sealed ? read_weights(&reader, error) : read_whole(&reader, sealed, error);
    if (!code || code == ERROR_CHECKPOINT) /* a failed search makes an array look missing */
        code = h5_check(file, error) ? error->code : code;
    if (code)
        checkpoint_close(checkpoint);
    else
        *out = checkpoint;
    return code;
}

static int open_file(struct Checkpoint **checkpoint, const char *path, bool donor,
                     struct Error *error) {
    struct H5File *file;
    bool sealed;
    *checkpoint = NULL;
    int code = ensemble_file_is_member(path)
                   ? checkpoint__open_member(&file, path, &sealed, error)
                   : h5_open_sealed(&file, path, ERROR_CHECKPOINT,
                                    donor ? accept_weights : refuse_unsealed, &sealed, error);
    return code ? code : read_file(checkpoint, file, sealed, donor, true, error);
}

int checkpoint_open(struct Checkpoint **checkpoint, const char *path, struct Error *error) {
    return open_file(checkpoint, path, false, error);
}

int checkpoint_open_donor(struct Checkpoint **checkpoint, const char *path, struct Error *error) {
    return open_file(checkpoint, path, true, error);
}

const void *checkpoint_image(const struct Checkpoint *checkpoint, uint64_t *bytes) {
    return h5_image(checkpoint->file, bytes);
}

int checkpoint_open_image(struct Checkpoint **checkpoint, const char *path, void *image,
                          uint64_t bytes, bool weights_only, struct Error *error) {
    struct H5File *file;
    bool sealed;
    *checkpoint = NULL;
    int code = h5_open_image(&file, path, image, bytes, ERROR_CHECKPOINT, &sealed, error);
    return code ? code : read_file(checkpoint, file, sealed, weights_only, false, error);
}

void checkpoint_close(struct Checkpoint *checkpoint) {
    if (!checkpoint)
        return;
    for (int i = 0; i < checkpoint->array_count; i++)
        memory_release(checkpoint->arrays[i].name);
    memory_release(checkpoint->arrays);
    memory_release(checkpoint->run_text);
    memory_release(checkpoint->path);
    h5_close(checkpoint->file);
    memory_release(checkpoint);
}
