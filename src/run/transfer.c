#include "run/transfer.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/pattern.h"

/* Refuses keys of preprocess that would have no effect: all except `targets`, because a donor's
 * targets are not used. */
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

int transfer_open_donor(const struct RunFile *file, const struct StartOptions *options,
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

/* How a row of the model starts, and why. */
enum Transfer {
    TRANSFER_TAKEN,
    TRANSFER_FRESH,     /* a pattern of `fresh` */
    TRANSFER_NOT_ASKED, /* no pattern of `take` */
    TRANSFER_ABSENT,    /* the donor has no such array */
    TRANSFER_TYPE,      /* the donor's holds no floats */
    TRANSFER_SHAPE      /* the donor's has another shape */
};

/* A row, and the donor's array for it. */
struct Fate {
    const struct ArenaRow *row;
    const struct CheckpointArray *array; /* or NULL */
    enum Transfer transfer;
};

static bool takes_average(const struct StartOptions *options, const struct Checkpoint *donor) {
    return options->parameters != START_MODEL && checkpoint_has_average(donor);
}

/* Returns the group of the donor's arrays that are taken: its average or its model. */
static const char *group_of(const struct StartOptions *options, const struct Checkpoint *donor) {
    return takes_average(options, donor) ? "average/" : "model/";
}

static enum Transfer transfer_of(const struct StartOptions *options, const struct ArenaRow *row,
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

static struct Fate fate_of(const struct StartOptions *options, const struct Checkpoint *donor,
                           const struct ArenaRow *row) {
    struct Fate fate = {.row = row};
    fate.array = checkpoint_array(donor, group_of(options, donor), row->name);
    fate.transfer = transfer_of(options, row, fate.array);
    return fate;
}

int transfer_check(const struct RunFile *file, const struct StartOptions *options,
                   const struct Arena *arena, const struct Checkpoint *donor, struct Error *error) {
    int code = check_patterns(file, "start_from.take", &options->take, arena, error);
    if (!code)
        code = check_patterns(file, "start_from.fresh", &options->fresh, arena, error);
    if (code)
        return code;
    for (int i = 0; i < arena->row_count; i++)
        if (fate_of(options, donor, &arena->rows[i]).transfer == TRANSFER_TAKEN)
            return OK;
    runfile_fail(file, error, ERROR_CHECKPOINT, "start_from.checkpoint",
                 "nothing of %s is taken: no array of the model is in take, not in fresh, and in "
                 "the donor with the same name and shape",
                 donor->path);
    return error_advise(error, ADVICE_INSPECT, donor->path, NULL, 0);
}

static void add_shapes(struct Text *text, const struct Fate *fate) {
    text_add(text, ": the donor's is ");
    text_add_shape(text, fate->array->size, fate->array->rank);
    text_add(text, ", the model's ");
    text_add_shape(text, fate->row->file_size, fate->row->file_rank);
}

/* Adds a line for `count` rows from that of `fate` on, which have the same fate. */
static void add_line(struct Text *table, const struct Fate *fate, int count) {
    static const char *const words[] = {
        [TRANSFER_TAKEN] = "taken",    [TRANSFER_FRESH] = "fresh",  [TRANSFER_NOT_ASKED] = "fresh",
        [TRANSFER_ABSENT] = "skipped", [TRANSFER_TYPE] = "skipped", [TRANSFER_SHAPE] = "skipped"};
    static const char *const reasons[] = {[TRANSFER_TAKEN] = "",
                                          [TRANSFER_FRESH] = ": by start_from.fresh",
                                          [TRANSFER_NOT_ASKED] = ": not in start_from.take",
                                          [TRANSFER_ABSENT] = ": the donor has none of that name",
                                          [TRANSFER_TYPE] = ": the donor's holds no floats",
                                          [TRANSFER_SHAPE] = ""};
    const struct ArenaRow *row = fate->row;
    int64_t values = 0;
    for (int i = 0; i < count; i++)
        values += row[i].count;
    text_add(table, "\n  %-8s %s", words[fate->transfer], row->name);
    if (count > 1)
        text_add(table, " ... %s (%d arrays, %" PRId64 " values)", row[count - 1].name, count,
                 values);
    if (fate->transfer == TRANSFER_SHAPE)
        add_shapes(table, fate);
    text_add(table, "%s", reasons[fate->transfer]);
}

/* One line for each run of rows with the same fate; another shape has a line of its own. */
static void add_fates(struct Text *table, const struct StartOptions *options,
                      const struct Arena *arena, const struct Checkpoint *donor) {
    struct Fate first = {0};
    int count = 0;
    for (int i = 0; i < arena->row_count; i++) {
        struct Fate fate = fate_of(options, donor, &arena->rows[i]);
        if (count && (fate.transfer != first.transfer || fate.transfer == TRANSFER_SHAPE)) {
            add_line(table, &first, count);
            count = 0;
        }
        if (!count++)
            first = fate;
    }
    if (count)
        add_line(table, &first, count);
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

void transfer_describe(const struct StartOptions *options, const struct Arena *arena,
                       const struct Checkpoint *donor, struct Text *table) {
    if (takes_average(options, donor))
        text_add(table, "\n  (the donor's average of weights)");
    add_fates(table, options, arena, donor);
    add_unused(table, arena, donor, group_of(options, donor));
}

/* Rows that start fresh, though they probably should not. */
struct Doubtful {
    struct Fate first;
    int count;
};

static void doubt(struct Doubtful *rows, struct Fate fate) {
    if (!rows->count++)
        rows->first = fate;
}

static void warn_of_shapes(const struct Doubtful *rows, const struct Checkpoint *donor) {
    struct Text shapes = {0};
    if (!rows->count)
        return;
    add_shapes(&shapes, &rows->first);
    log_warning("%s: %d array%s of another shape %s not taken, as %s%s; start_from.fresh names "
                "those that are meant to start fresh",
                donor->path, rows->count, rows->count == 1 ? "" : "s",
                rows->count == 1 ? "is" : "are", rows->first.row->name, shapes.data);
    text_release(&shapes);
}

static void warn_of_frozen(const struct Doubtful *rows) {
    bool one = rows->count == 1;
    if (rows->count)
        log_warning("%d array%s start%s fresh and %s frozen, as %s: drawn at random, %s will stay "
                    "so",
                    rows->count, one ? "" : "s", one ? "s" : "", one ? "is" : "are",
                    rows->first.row->name, one ? "it" : "they");
}

void transfer_warn(const struct StartOptions *options, const struct Arena *arena,
                   const bool *frozen, const struct Checkpoint *donor) {
    struct Doubtful shapes = {0}, stuck = {0};
    for (int i = 0; i < arena->row_count; i++) {
        struct Fate fate = fate_of(options, donor, &arena->rows[i]);
        if (fate.transfer == TRANSFER_SHAPE)
            doubt(&shapes, fate);
        if (frozen && frozen[i] && fate.row->role != ROLE_STATISTIC &&
            fate.transfer != TRANSFER_TAKEN)
            doubt(&stuck, fate);
    }
    warn_of_shapes(&shapes, donor);
    warn_of_frozen(&stuck);
}

int transfer_take(const struct StartOptions *options, const struct Arena *arena,
                  const struct Checkpoint *donor, float *state, struct Error *error) {
    int code = OK;
    for (int i = 0; i < arena->row_count && !code; i++) {
        struct Fate fate = fate_of(options, donor, &arena->rows[i]);
        if (fate.transfer == TRANSFER_TAKEN)
            code = checkpoint_get_row(donor, fate.array, fate.row, state, error);
    }
    return code;
}
