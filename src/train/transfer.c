#include "train/transfer.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/pattern.h"
#include "evaluate/broadcast.h"
#include "train/trainer.h"

/* Keys of preprocess would do nothing, except `targets`: a donor's targets are not taken over. */
static int check_overruled(const struct RunFile *file, struct Error *error) {
    int code = OK;
    for (const struct Key *key = preprocess_keys; key->name && !code; key++) {
        char *path = memory_print("preprocess.%s", key->name);
        if (strcmp(key->name, "targets") && runfile_given(file, path))
            code = runfile_fail(file, error, ERROR_RUN_FILE, path,
                                "would be overruled by the donor's preprocessing; say "
                                "start_from.preprocess: own to use this one, or leave it out");
        memory_release(path);
    }
    return code;
}

static int check_donor(const struct RunFile *file, const struct StartOptions *options,
                       const struct Checkpoint *donor, struct Error *error) {
    if (options->preprocess == START_PREPROCESS_AUTO && !donor->weights_only) {
        int code = check_overruled(file, error);
        if (code)
            return code;
    }
    if (options->preprocess == START_PREPROCESS_DONOR && donor->weights_only)
        return runfile_fail(file, error, ERROR_RUN_FILE, "start_from.preprocess",
                            "is donor, but %s holds weights alone, without preprocessing; expected "
                            "own or auto",
                            options->checkpoint);
    if (options->parameters == START_AVERAGE && !checkpoint_has_average(donor))
        return runfile_fail(file, error, ERROR_CHECKPOINT, "start_from.parameters",
                            "is average, but %s holds no average of weights; expected auto or "
                            "model",
                            options->checkpoint);
    return OK;
}

int transfer_read_donor(const struct RunFile *file, const struct StartOptions *options,
                        struct Checkpoint **donor, struct Error *error) {
    *donor = NULL;
    if (!options->checkpoint)
        return OK;
    int code = checkpoint_open_donor(donor, options->checkpoint, error);
    if (code) {
        run_blame_path(error, "start_from.checkpoint", options->checkpoint);
        return runfile_locate(file, error);
    }
    return check_donor(file, options, *donor, error);
}

void transfer_settle(struct StartOptions *options, const struct Checkpoint *donor) {
    if (donor && options->preprocess == START_PREPROCESS_AUTO)
        options->preprocess = donor->weights_only ? START_PREPROCESS_OWN : START_PREPROCESS_DONOR;
}

int transfer_prepared(const struct StartOptions *options, const struct Checkpoint *keeper,
                      struct Preprocess *preprocess, struct Preprocess **prepared,
                      struct Error *error) {
    const struct CheckpointPart part = {.value = preprocess, .group = &preprocess_saved};
    *prepared = NULL;
    if (!options->checkpoint || options->preprocess == START_PREPROCESS_OWN || !keeper ||
        keeper->weights_only)
        return OK;
    *prepared = preprocess;
    return checkpoint_get_parts(keeper, &part, 1, error);
}

int trainer__find_donor(struct Trainer *trainer, struct Start *start, struct Error *error) {
    int code = OK;
    if (!trainer->options.start_from.checkpoint)
        return OK;
    if (ranks_rank(trainer->ranks) == 0)
        code =
            transfer_read_donor(trainer->file, &trainer->options.start_from, &start->donor, error);
    code = ranks_agree(trainer->ranks, code, error);
    if (code)
        return code;
    code = broadcast_checkpoint(trainer->ranks, &start->donor, error);
    if (code)
        return code;
    transfer_settle(&trainer->options.start_from, start->donor);
    return OK;
}

static bool matches(const struct Strings *patterns, const char *name) {
    for (int i = 0; i < patterns->count; i++)
        if (pattern_match(patterns->values[i], name))
            return true;
    return false;
}

static int check_patterns(const struct RunFile *file, const char *key,
                          const struct Strings *patterns, const struct Arena *arena,
                          struct Error *error) {
    const char **names = memory_array(const char *, arena->row_count, "names of parameters");
    int code = OK;
    for (int i = 0; i < arena->row_count; i++)
        names[i] = arena->rows[i].name;
    for (int p = 0; p < patterns->count && !code; p++) {
        const char *pattern = patterns->values[p];
        int row = 0;
        while (row < arena->row_count && !pattern_match(pattern, names[row]))
            row++;
        if (row == arena->row_count)
            code = runfile_fail(file, error, ERROR_RUN_FILE, key,
                                "'%s' matches no array of the model; the nearest is '%s'", pattern,
                                pattern_nearest(pattern, names, arena->row_count));
    }
    memory_release((void *)names);
    return code;
}

static enum Transfer fate_of(const struct StartOptions *options, const struct ArenaRow *row,
                             const struct CheckpointArray *array) {
    if (matches(&options->fresh, row->name))
        return TRANSFER_FRESH;
    if (!matches(&options->take, row->name))
        return TRANSFER_NOT_ASKED;
    if (!array)
        return TRANSFER_ABSENT;
    if (!array->floats)
        return TRANSFER_TYPE;
    return checkpoint_array_fits(array, row) ? TRANSFER_TAKEN : TRANSFER_SHAPE;
}

/* Rows [first, end) have the same fate. */
static void add_line(struct Text *table, const struct Arena *arena, int first, int end,
                     enum Transfer fate, const struct CheckpointArray *array) {
    static const char *const words[] = {
        [TRANSFER_TAKEN] = "taken",    [TRANSFER_FRESH] = "fresh",  [TRANSFER_NOT_ASKED] = "fresh",
        [TRANSFER_ABSENT] = "skipped", [TRANSFER_TYPE] = "skipped", [TRANSFER_SHAPE] = "skipped"};
    static const char *const reasons[] = {[TRANSFER_TAKEN] = "",
                                          [TRANSFER_FRESH] = ": by start_from.fresh",
                                          [TRANSFER_NOT_ASKED] = ": not in start_from.take",
                                          [TRANSFER_ABSENT] = ": the donor has none of that name",
                                          [TRANSFER_TYPE] = ": the donor's holds no floats",
                                          [TRANSFER_SHAPE] = ""};
    int64_t values = 0;
    for (int i = first; i < end; i++)
        values += arena->rows[i].count;
    const struct ArenaRow *row = &arena->rows[first];
    text_add(table, "\n  %-8s %s", words[fate], row->name);
    if (end > first + 1)
        text_add(table, " ... %s (%d arrays, %" PRId64 " values)", arena->rows[end - 1].name,
                 end - first, values);
    if (fate == TRANSFER_SHAPE) {
        text_add(table, ": the donor's is ");
        text_add_shape(table, array->size, array->rank);
        text_add(table, ", the model's ");
        text_add_shape(table, row->file_size, row->file_rank);
    }
    text_add(table, "%s", reasons[fate]);
}

static void add_unused(struct Text *table, const struct Arena *arena,
                       const struct Checkpoint *donor, const char *group) {
    size_t length = strlen(group);
    for (int i = 0; i < donor->array_count; i++) {
        const char *name = donor->arrays[i].name;
        if (!strncmp(name, group, length) && arena_find(arena, name + length) < 0)
            text_add(table, "\n  unused   %s: the model has none of that name", name + length);
    }
}

/* Frozen rows that start at random and stay so: probably the model differs from the donor by more
 * than was intended. */
struct Idle {
    int count;
    const char *first;
};

static void add_warning(struct Text *table, const struct Idle *idle) {
    if (idle->count)
        text_add(
            table,
            "\n  warning: %d array%s start%s fresh and %s frozen, as %s: drawn at random, they "
            "will stay so",
            idle->count, idle->count == 1 ? "" : "s", idle->count == 1 ? "s" : "",
            idle->count == 1 ? "is" : "are", idle->first);
}

int transfer_take(const struct RunFile *file, const struct StartOptions *options,
                  const struct Arena *arena, const bool *frozen, const struct Checkpoint *donor,
                  float *state, struct Text *table, struct Error *error) {
    bool averaged = options->parameters != START_MODEL && checkpoint_has_average(donor);
    const char *group = averaged ? "average/" : "model/";
    int taken = 0, first = 0, code;
    struct Idle idle = {0};
    code = check_patterns(file, "start_from.take", &options->take, arena, error);
    if (!code)
        code = check_patterns(file, "start_from.fresh", &options->fresh, arena, error);
    if (code)
        return code;
    if (averaged)
        text_add(table, "\n  (the donor's average of weights)");
    enum Transfer before = TRANSFER_TAKEN;
    const struct CheckpointArray *array_before = NULL;
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        const struct CheckpointArray *array = checkpoint_array(donor, group, row->name);
        enum Transfer fate = fate_of(options, row, array);
        if (fate == TRANSFER_TAKEN) {
            code = state ? checkpoint_get_row(donor, array, row, state, error) : OK;
            if (code)
                return code;
            taken++;
        } else if (frozen && frozen[i] && row->role != ROLE_STATISTIC && !idle.count++) {
            idle.first = row->name;
        }
        if (i > first && (fate != before || fate == TRANSFER_SHAPE)) {
            add_line(table, arena, first, i, before, array_before);
            first = i;
        }
        before = fate;
        array_before = array;
    }
    add_line(table, arena, first, arena->row_count, before, array_before);
    add_unused(table, arena, donor, group);
    add_warning(table, &idle);
    if (!taken) {
        runfile_fail(file, error, ERROR_CHECKPOINT, "start_from.checkpoint",
                     "nothing of %s is taken: no array of the model is in take, not in fresh, and "
                     "in the donor with the same name and shape",
                     donor->path);
        return error_advise(error, ADVICE_INSPECT, donor->path, NULL, 0);
    }
    return OK;
}
