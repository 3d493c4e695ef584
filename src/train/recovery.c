#include "train/recovery.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "run/on_nan.h"
#include "train/trainer.h"

static bool is_valid(const void *value) {
    const struct Recovery *recovery = value;
    return recovery->skipped >= 0 && recovery->skipped_in_a_row >= 0 &&
           recovery->skipped_in_a_row <= recovery->skipped && recovery->rolled_back >= 0 &&
           recovery->rate_factor > 0 && recovery->rate_factor <= 1 && recovery->checkpoint >= 0;
}

static const struct SavedField fields[] = {
    SAVED_FIELD(struct Recovery, "skipped", skipped, .optional = true),
    SAVED_FIELD(struct Recovery, "skipped_in_a_row", skipped_in_a_row, .optional = true),
    SAVED_FIELD(struct Recovery, "rolled_back", rolled_back, .optional = true),
    SAVED_FIELD(struct Recovery, "rate_factor", rate_factor, .start = 1, .optional = true),
    SAVED_FIELD(struct Recovery, "checkpoint", checkpoint, .optional = true),
    SAVED_END};
const struct SavedTable recovery_saved = {
    .what = "steps that were not finite", .fields = fields, .is_valid = is_valid};

static const struct Choice *policy(const struct Trainer *trainer) {
    return &trainer->options.train.on_nan;
}

bool trainer__looks_ahead(const struct Trainer *trainer) {
    return policy(trainer)->kind == &on_nan_skip;
}

bool trainer__skipped(const struct Trainer *trainer) {
    return trainer->saved.recovery.skipped_in_a_row > 0;
}

/* Reports what was found, which `error` holds, and how the run goes on. */
static void tell(struct Trainer *trainer, const struct NanReport *nan, const struct Error *error,
                 const char *how) {
    if (trainer->replicas.replaying)
        return;
    if (ranks_rank(trainer->ranks) == 0)
        log_warning("%s; %s", error->text, how);
    callbacks__on_nan(trainer, nan);
}

/* `by_itself`: what trainer__diagnose returned. */
static int stop(struct Error *error, bool by_itself, const char *why) {
    if (*why)
        error_append(error, "; %s", why);
    if (by_itself && error->advice.kind == ADVICE_NONE)
        error_append(error, "; try a smaller optimizer.rate or a longer warm-up");
    error_append(error, "; no checkpoint was changed");
    return error->code;
}

static int skip(struct Trainer *trainer, enum Nonfinite where, bool by_itself,
                struct StepReport *report, struct Error *error) {
    const struct OnNanSkip *most = policy(trainer)->options;
    struct Recovery *recovery = &trainer->saved.recovery;
    int kind, row;
    if (where == NONFINITE_UPDATE || where == NONFINITE_ARRAY ||
        trainer__find_nonfinite(trainer, &kind, &row))
        return stop(error, by_itself,
                    "the parameters or what goes with them hold it themselves, so that "
                    "skipping a step does not help");
    if (recovery->skipped_in_a_row >= most->in_a_row || recovery->skipped >= most->in_all)
        return stop(error, by_itself, "as many steps as train.on_nan allows were skipped before");
    recovery->skipped++;
    recovery->skipped_in_a_row++;
    report->fate = STEP_SKIPPED;
    char how[200];
    snprintf(how, sizeof how,
             "the step is skipped (%" PRId64 " in a row of at most %" PRId64 ", %" PRId64
             " in all of at most %" PRId64 ")",
             recovery->skipped_in_a_row, most->in_a_row, recovery->skipped, most->in_all);
    struct NanReport nan = {.step = report->step,
                            .epoch = report->epoch,
                            .action = "skip",
                            .count = recovery->skipped,
                            .checkpoint = -1};
    tell(trainer, &nan, error, how);
    return OK;
}

/* The step of the last planned checkpoint; if it is no longer there, of the newest one. */
static int64_t find_planned(struct Trainer *trainer) {
    int64_t step = trainer->saved.recovery.checkpoint;
    if (ranks_rank(trainer->ranks) == 0) {
        char *path = checkpoint_name(trainer->checkpoints, step);
        if (access(path, R_OK))
            step = trainer->replicas.checkpoint;
        memory_release(path);
    }
    ranks_broadcast(trainer->ranks, &step, sizeof step);
    return step;
}

static int roll_back(struct Trainer *trainer, bool by_itself, struct StepReport *report,
                     struct Error *error) {
    const struct OnNanRollBack *options = policy(trainer)->options;
    struct Recovery *recovery = &trainer->saved.recovery;
    struct Error why;
    char how[200];
    if (recovery->rolled_back >= options->times)
        return stop(error, by_itself,
                    "the run went back to a checkpoint before as often as train.on_nan "
                    "allows");
    int64_t step = find_planned(trainer);
    int code = trainer__go_back(trainer, step, &why);
    if (code) {
        *error = why;
        return code;
    }
    recovery->rolled_back++;
    recovery->rate_factor *= options->factor;
    report->fate = STEP_UNDONE;
    snprintf(how, sizeof how,
             "the run goes back to step %" PRId64 " (time %" PRId64 " of at most %" PRId64
             "), the rate is multiplied by %.6g from there on",
             step, recovery->rolled_back, options->times, recovery->rate_factor);
    struct NanReport nan = {.step = report->step,
                            .epoch = report->epoch,
                            .action = "roll_back",
                            .count = recovery->rolled_back,
                            .checkpoint = step,
                            .rate_factor = recovery->rate_factor};
    tell(trainer, &nan, error, how);
    return OK;
}

int trainer__recover(struct Trainer *trainer, enum Nonfinite where, struct StepReport *report,
                     struct Error *error) {
    int code = trainer__wait_for_save(trainer, error);
    if (code)
        return code;
    beat_enter(ranks_beat(trainer->ranks), BEAT_LOOKING);
    code = replicas__compare(trainer, where != NONFINITE_UPDATE, error);
    if (code)
        return code;
    bool by_itself = trainer__diagnose(trainer, where, error);
    if (policy(trainer)->kind == &on_nan_skip)
        return skip(trainer, where, by_itself, report, error);
    if (policy(trainer)->kind == &on_nan_roll_back && !trainer->replicas.replaying)
        return roll_back(trainer, by_itself, report, error);
    return stop(error, by_itself, "");
}

int trainer__recover_arrays(struct Trainer *trainer, struct StepReport *report,
                            struct Error *error) {
    int kind, row;
    int64_t found = trainer__find_nonfinite(trainer, &kind, &row);
    ranks_maximum(trainer->ranks, &found, 1);
    return found ? trainer__recover(trainer, NONFINITE_ARRAY, report, error) : OK;
}
