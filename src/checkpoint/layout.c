#include "checkpoint/layout.h"

#include <math.h>

#include "base/memory.h"

#define FIELD(field_name, field_type, member)                                                      \
    { .name = field_name, .type = field_type, .offset = offsetof(struct Checkpoint, member) }
/* Came later; `value` is what it was taken for before. */
#define LATER(field_name, field_type, member, value)                                               \
    {                                                                                              \
        .name = field_name, .type = field_type, .offset = offsetof(struct Checkpoint, member),     \
        .optional = true, .absent = value                                                          \
    }

const struct CheckpointField checkpoint_fields[] = {
    FIELD("seed", H5_INT64, seed),
    FIELD("shards", H5_INT64, shards),
    FIELD("threads", H5_INT64, threads),
    FIELD("step", H5_INT64, progress.step),
    FIELD("epoch", H5_INT64, progress.epoch),
    FIELD("step_in_epoch", H5_INT64, progress.step_in_epoch),
    FIELD("epoch_loss", H5_FLOAT64, progress.epoch_loss),
    FIELD("epoch_correct", H5_FLOAT64, progress.epoch_correct),
    FIELD("epoch_samples", H5_FLOAT64, progress.epoch_samples),
    FIELD("best_metric", H5_FLOAT64, progress.best_metric),
    FIELD("best_step", H5_INT64, progress.best_step),
    FIELD("seconds", H5_FLOAT64, progress.seconds),
    LATER("epoch_squared_error", H5_FLOAT64, progress.epoch_squared_error, 0),
    LATER("schedule_scale", H5_FLOAT64, progress.schedule_scale, 1),
    LATER("schedule_best", H5_FLOAT64, progress.schedule_best, 0),
    LATER("schedule_seen", H5_INT64, progress.schedule_seen, 0),
    LATER("schedule_waited", H5_INT64, progress.schedule_waited, 0),
    LATER("schedule_cooldown", H5_INT64, progress.schedule_cooldown, 0),
    LATER("stopping_best", H5_FLOAT64, progress.stopping_best, 0),
    LATER("stopping_seen", H5_INT64, progress.stopping_seen, 0),
    LATER("stopping_waited", H5_INT64, progress.stopping_waited, 0),
    FIELD("instruction_set", H5_TEXT, instruction_set),
    FIELD("versions", H5_TEXT, versions),
    FIELD("backend", H5_TEXT, backend),
    FIELD("data_digest", H5_TEXT, data_digest),
};
const int checkpoint_field_count = sizeof checkpoint_fields / sizeof *checkpoint_fields;

int64_t checkpoint_nonfinite(const struct CheckpointArray *array) {
    for (int64_t i = 0; i < array->count; i++)
        if (!isfinite(array->values[i]))
            return i;
    return -1;
}

struct CheckpointArray *checkpoint_add_array(struct Checkpoint *checkpoint, char *name) {
    size_t old = (size_t)checkpoint->array_count * sizeof *checkpoint->arrays;
    checkpoint->arrays = memory_resize(checkpoint->arrays, old, old + sizeof *checkpoint->arrays,
                                       "a checkpoint's table");
    struct CheckpointArray *array = &checkpoint->arrays[checkpoint->array_count++];
    array->name = name;
    return array;
}

void checkpoint_release(struct Checkpoint *checkpoint) {
    if (!checkpoint)
        return;
    for (int i = 0; i < checkpoint->array_count; i++) {
        memory_release(checkpoint->arrays[i].name);
        memory_release(checkpoint->arrays[i].values);
    }
    for (int64_t i = 0; checkpoint->class_names && i < checkpoint->class_count; i++)
        memory_release(checkpoint->class_names[i]);
    char *texts[] = {checkpoint->path,     checkpoint->run_text, checkpoint->instruction_set,
                     checkpoint->versions, checkpoint->backend,  checkpoint->data_digest};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        memory_release(texts[i]);
    for (int64_t i = 0; checkpoint->target_names && i < checkpoint->target_count; i++)
        memory_release(checkpoint->target_names[i]);
    memory_release(checkpoint->class_names);
    memory_release(checkpoint->target_names);
    memory_release(checkpoint->target_mean);
    memory_release(checkpoint->target_deviation);
    memory_release(checkpoint->arrays);
    memory_release(checkpoint->mean);
    memory_release(checkpoint->factor);
    memory_release(checkpoint->matrix);
    memory_release(checkpoint);
}
