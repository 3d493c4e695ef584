#include "train/saved_state.h"

#define AT(member) offsetof(struct SavedState, member)
static const struct {
    size_t offset;
    const struct SavedTable *table;
    const char *prefix;
    const struct SavedGroup *group;
    bool resumed; /* how far the run has come */
} rows[] = {
    {AT(provenance), .table = &provenance_saved, .prefix = ""},
    {AT(progress), .table = &progress_saved, .prefix = "", .resumed = true},
    {AT(best), .table = &best_saved, .prefix = "best_", .resumed = true},
    {AT(validation), .group = &validation_saved, .resumed = true},
    {AT(average), .group = &average_saved, .resumed = true},
    {AT(schedule), .table = &schedule_state_saved, .prefix = "schedule_", .resumed = true},
    {AT(recovery), .table = &recovery_saved, .prefix = "nan_", .resumed = true},
    {AT(preprocess), .group = &preprocess_saved},
    {AT(targets), .group = &targets_saved},
    {AT(scale), .group = &target_scale_saved},
    {AT(statistics), .group = &measured_saved},
    {AT(class_weights), .group = &class_weights_saved},
    {AT(encoding), .group = &encoding_saved},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* The parts of `state`, or those that are resumed; returns how many. */
static int list_parts(struct SavedState *state, bool resumed, struct CheckpointPart parts[ROWS]) {
    int count = 0;
    for (int i = 0; i < ROWS; i++)
        if (!resumed || rows[i].resumed)
            parts[count++] = (struct CheckpointPart){.value = (char *)state + rows[i].offset,
                                                     .table = rows[i].table,
                                                     .prefix = rows[i].prefix,
                                                     .group = rows[i].group};
    return count;
}

void saved_state_start(struct SavedState *state) {
    struct CheckpointPart parts[ROWS];
    checkpoint_start_parts(parts, list_parts(state, true, parts));
}

void saved_state_release(struct SavedState *state) {
    struct CheckpointPart parts[ROWS];
    checkpoint_release_parts(parts, list_parts(state, false, parts));
}

void saved_state_write(const struct SavedState *state, struct CheckpointWriter *writer) {
    struct CheckpointPart parts[ROWS];
    struct SavedState view = *state; /* only read */
    int count = list_parts(&view, false, parts);
    for (int i = 0; i < count; i++)
        checkpoint_put_part(writer, &parts[i]);
}

int saved_state_read(struct SavedState *state, const struct Checkpoint *checkpoint,
                     struct Error *error) {
    struct CheckpointPart parts[ROWS];
    return checkpoint_get_parts(checkpoint, parts, list_parts(state, false, parts), error);
}

int saved_state_resume(struct SavedState *state, const struct Checkpoint *checkpoint,
                       struct Error *error) {
    struct CheckpointPart parts[ROWS];
    return checkpoint_get_parts(checkpoint, parts, list_parts(state, true, parts), error);
}

int saved_state_check(const struct Checkpoint *checkpoint, struct Error *error) {
    struct SavedState state = {0};
    int code = saved_state_read(&state, checkpoint, error);
    saved_state_release(&state);
    return code;
}
