/* Copies a checkpoint's arrays into a run's arenas. Every array must have its row, and every row
 * its array. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/checkpoint.h"

const struct CheckpointArray *checkpoint_array(const struct Checkpoint *checkpoint,
                                               const char *group, const char *name) {
    size_t length = strlen(group);
    for (int i = 0; i < checkpoint->array_count; i++) {
        const char *found = checkpoint->arrays[i].name;
        if (!strncmp(found, group, length) && !strcmp(found + length, name))
            return &checkpoint->arrays[i];
    }
    return NULL;
}

bool checkpoint_array_fits(const struct CheckpointArray *array, const struct ArenaRow *row) {
    return array->floats && array->rank == row->file_rank &&
           !memcmp(array->size, row->file_size, (size_t)array->rank * sizeof *array->size);
}

int checkpoint_get_array(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                         float *values, struct Error *error) {
    return h5_read(checkpoint->file, array->name, H5_FLOAT32, array->rank, array->size, values,
                   error);
}

int checkpoint_get_row(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                       const struct ArenaRow *row, float *state, struct Error *error) {
    if (arena_keeps_order(row))
        return checkpoint_get_array(checkpoint, array, state + row->offset, error);
    float *values = memory_array(float, row->count, "a checkpoint's array");
    int code = checkpoint_get_array(checkpoint, array, values, error);
    if (!code)
        arena_from_file(row, values, state);
    memory_release(values);
    return code;
}

static int wrong_shape(const struct Checkpoint *checkpoint, const struct CheckpointArray *array,
                       const struct ArenaRow *row, struct Error *error) {
    struct Text text = {0};
    text_add(&text, "%s:/%s: is ", checkpoint->path, array->name);
    text_add_shape(&text, array->size, array->rank);
    text_add(&text, ", the model has ");
    text_add_shape(&text, row->file_size, row->file_rank);
    int code = fail(error, ERROR_CHECKPOINT, "%s", text.data);
    text_release(&text);
    return code;
}

/* `group` includes its last slash: "model/". With `trained` only the rows with optimiser state are
 * read. */
static int get_rows(const struct Checkpoint *checkpoint, const struct Arena *arena,
                    const char *group, bool trained, float *values, struct Error *error) {
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        if (trained && row->role == ROLE_STATISTIC)
            continue;
        const struct CheckpointArray *array = checkpoint_array(checkpoint, group, row->name);
        if (!array)
            return fail(error, ERROR_CHECKPOINT, "%s:/%s%s: is missing, the model has it",
                        checkpoint->path, group, row->name);
        if (!checkpoint_array_fits(array, row))
            return wrong_shape(checkpoint, array, row, error);
        int code = checkpoint_get_row(checkpoint, array, row, values, error);
        if (code)
            return code;
    }
    return OK;
}

static int check_left_over(const struct Checkpoint *checkpoint, const struct Arena *arena,
                           const char *group, bool trained, struct Error *error) {
    size_t length = strlen(group);
    for (int i = 0; i < checkpoint->array_count; i++) {
        const char *name = checkpoint->arrays[i].name;
        if (strncmp(name, group, length))
            continue;
        int row = arena_find(arena, name + length);
        if (row < 0 || (trained && arena->rows[row].role == ROLE_STATISTIC))
            return fail(error, ERROR_CHECKPOINT, "%s:/%s: the model has no such array",
                        checkpoint->path, name);
    }
    return OK;
}

static int get_group(const struct Checkpoint *checkpoint, const struct Arena *arena,
                     const char *group, bool trained, float *values, struct Error *error) {
    int code = get_rows(checkpoint, arena, group, trained, values, error);
    return code ? code : check_left_over(checkpoint, arena, group, trained, error);
}

int checkpoint_get_state(const struct Checkpoint *checkpoint, const struct Arena *arena,
                         float *state, struct Error *error) {
    return get_group(checkpoint, arena, "model/", false, state, error);
}

bool checkpoint_has_average(const struct Checkpoint *checkpoint) {
    static const char group[] = "average/";
    for (int i = 0; i < checkpoint->array_count; i++)
        if (!strncmp(checkpoint->arrays[i].name, group, strlen(group)))
            return true;
    return false;
}

int checkpoint_get_average(const struct Checkpoint *checkpoint, const struct Arena *arena,
                           float *average, struct Error *error) {
    return get_group(checkpoint, arena, "average/", false, average, error);
}

int checkpoint_get_slot(const struct Checkpoint *checkpoint, const struct Arena *arena,
                        const char *slot, float *values, struct Error *error) {
    char *group = memory_print("optimizer/%s/", slot);
    int code = get_group(checkpoint, arena, group, true, values, error);
    memory_release(group);
    return code;
}
