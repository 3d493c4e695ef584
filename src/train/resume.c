#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "evaluate/broadcast.h"
#include "train/trainer.h"

/* Keys in which the run that continues may differ from the one that was started. */
static void take_free_keys(struct RunOptions *options, const struct RunOptions *from) {
    runfile_copy_free_keys(run_keys, options, from);
    if (options->start_from.checkpoint && from->start_from.checkpoint)
        options->start_from.checkpoint = from->start_from.checkpoint; /* no longer needed */
}

/* What `auto` meant when the run was started: its checkpoint says it. */
static void take_settled_keys(struct RunOptions *options, const struct RunOptions *from) {
    if (options->train.shards < 0)
        options->train.shards = from->train.shards;
    if (options->train.convolution == CONVOLUTION_AUTO)
        options->train.convolution = from->train.convolution;
    if (options->data.window < 0)
        options->data.window = from->data.window;
    if (options->start_from.preprocess == START_PREPROCESS_AUTO)
        options->start_from.preprocess = from->start_from.preprocess;
}

/* The run file must say what the checkpoint's says. */
static int compare_run_files(struct Trainer *trainer, struct Start *start, struct Error *error) {
    const struct Checkpoint *checkpoint = start->checkpoint;
    struct RunFile *file = NULL;
    struct RunOptions saved = {0};
    struct Difference difference;
    int code = run_parse(&file, checkpoint->path, checkpoint->run_text, NULL, 0, &saved, error);
    if (code) {
        error_context(error, "the run file kept in the checkpoint");
        return error->code = ERROR_CHECKPOINT;
    }
    take_settled_keys(&trainer->options, &saved);
    start->length_before = saved.train.length;
    start->convolution_before = (enum ConvolutionRule)saved.train.convolution;
    start->precision_before = (enum Precision)saved.train.precision;
    struct RunOptions now = trainer->options;
    take_free_keys(&now, &saved);
    if (runfile_difference(run_keys, &now, &saved, &difference))
        code = runfile_fail(trainer->file, error, ERROR_RUN_FILE, difference.path.data,
                            "is %s, but the run that %s belongs to was started with %s; start a "
                            "new run in another folder, or give the same run file",
                            difference.first.data, checkpoint->path, difference.second.data);
    difference_release(&difference);
    runfile_release(file);
    return code;
}

int train_check_checkpoint(const struct Checkpoint *checkpoint, struct Error *error) {
    int code = saved_state_check(checkpoint, error);
    return code ? code : callbacks__check(callback_table, checkpoint, error);
}

static int find_on_rank_0(struct Trainer *trainer, struct Start *start, struct Error *error) {
    char **paths = NULL;
    int count = 0;
    int code = checkpoint_list(trainer->checkpoints, &paths, &count, error);
    memory_release_texts(paths, count);
    if (code)
        return code;
    if (count && !trainer->request->resume) {
        fail(error, ERROR_USAGE, "%s: already holds the checkpoints of a run",
             trainer->request->folder);
        return error_advise(error, ADVICE_CONTINUE_RUN, trainer->request->folder, NULL, 0);
    }
    if (!trainer->request->resume)
        return OK;
    code = checkpoint_newest_valid(trainer->checkpoints, train_check_checkpoint, &start->checkpoint,
                                   &start->skipped, error);
    if (!code && count && !start->checkpoint)
        return fail(error, ERROR_CHECKPOINT, "%s: none of its %d checkpoints can be used: %s",
                    trainer->checkpoints, count, start->skipped ? start->skipped : "");
    return code;
}

int trainer__find_checkpoint(struct Trainer *trainer, struct Start *start, struct Error *error) {
    struct Ranks *ranks = trainer->ranks;
    int code = OK;
    if (ranks_rank(ranks) == 0)
        code = find_on_rank_0(trainer, start, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    code = broadcast_checkpoint(ranks, &start->checkpoint, error);
    if (code)
        return code;
    if (!start->checkpoint) {
        saved_state_start(&trainer->saved);
        return OK;
    }
    code = compare_run_files(trainer, start, error);
    if (!code)
        code = saved_state_resume(&trainer->saved, start->checkpoint, error);
    if (!code)
        code = callbacks__resume(&trainer->callbacks, start->checkpoint, error);
    return ranks_agree(ranks, code, error);
}

/* The steps that an epoch had, by what the checkpoint says of its position; 0: it does not say. */
static int64_t steps_before(const struct Progress *progress) {
    int64_t done = progress->step - progress->step_in_epoch;
    return progress->epoch > 0 && done > 0 && done % progress->epoch == 0 ? done / progress->epoch
                                                                          : 0;
}

int trainer__check_position(const struct Trainer *trainer, const char *path, struct Error *error) {
    const struct Progress *progress = &trainer->saved.progress;
    int64_t total = trainer->parts.time.total, steps = trainer->parts.time.steps_per_epoch;
    int64_t step = progress->step;
    bool at_end = progress->end_is_due && step > 0 && step % steps == 0;
    int64_t epoch = step / steps - at_end, step_in_epoch = at_end ? steps : step % steps;
    bool differs = epoch != progress->epoch || step_in_epoch != progress->step_in_epoch;
    if (differs && steps_before(progress))
        return runfile_fail(trainer->file, error, ERROR_CHECKPOINT, "data.file",
                            "%s: is of step %" PRId64 " of a run with %" PRId64
                            " steps an epoch; split %s of %s makes %" PRId64
                            ": it is not the data that the run began with",
                            path, step, steps_before(progress), trainer->parts.train->name,
                            trainer->parts.dataset->path, steps);
    if (differs)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: is of step %" PRId64 ", and says that it is step %" PRId64
                    " of epoch %" PRId64 "; with %" PRId64 " steps an epoch, step %" PRId64
                    " of epoch %" PRId64 " was expected",
                    path, step, progress->step_in_epoch, progress->epoch + 1, steps, step_in_epoch,
                    epoch + 1);
    if (trainer->saved.best.step > step)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: is of step %" PRId64 ", and says that step %" PRId64
                    " was the best so far",
                    path, step, trainer->saved.best.step);
    if (trainer->saved.recovery.skipped > step)
        return fail(error, ERROR_CHECKPOINT,
                    "%s: is of step %" PRId64 ", and says that %" PRId64 " steps were skipped",
                    path, step, trainer->saved.recovery.skipped);
    if (step <= total)
        return OK;
    return runfile_fail(trainer->file, error, ERROR_RUN_FILE, "train.length",
                        "ends at step %" PRId64 ", but the run has done %" PRId64
                        " steps (%s); expected no fewer",
                        total, step, path);
}

/* A schedule that runs over the whole length gives other rates when the length changes. */
static void note_stretched(const struct Trainer *trainer, struct Span length_before) {
    const struct Choice *schedule = &trainer->options.schedule;
    const struct ScheduleState *state = &trainer->saved.schedule;
    struct ScheduleTime now = trainer->parts.time, before = now;
    int64_t step = trainer->saved.progress.step;
    before.total = span_steps(length_before, now.steps_per_epoch);
    int64_t end = (before.total < now.total ? before.total : now.total) - 1;
    if (step == 0 || step >= now.total || before.total == now.total ||
        schedule_factor(schedule, &before, state, end) ==
            schedule_factor(schedule, &now, state, end))
        return;
    double rate = updater_rate(trainer->parts.updater);
    progress_note(trainer->bar,
                  "note: the run was %" PRId64 " steps long and is %" PRId64
                  " now; %s runs over all of them: rate %.4g -> %.4g after step %" PRId64,
                  before.total, now.total, schedule->kind->name,
                  rate * schedule_factor(schedule, &before, state, step - 1),
                  rate * schedule_factor(schedule, &now, state, step), step);
}

static void warn_of_rule(const struct Trainer *trainer, enum ConvolutionRule before) {
    int now = trainer->options.train.convolution;
    if (ranks_rank(trainer->ranks) == 0 && (int)before != now)
        log_warning("the run computed its convolutions by train.convolution: %s so far and goes on "
                    "with %s: its bits will differ from an uninterrupted run's",
                    convolution_rule_names[before], convolution_rule_names[now]);
}

static void warn_of_precision(const struct Trainer *trainer, enum Precision before) {
    int now = trainer->options.train.precision;
    if (ranks_rank(trainer->ranks) == 0 && (int)before != now)
        log_warning("the run computed by train.precision: %s so far and goes on with %s: its bits "
                    "will differ from an uninterrupted run's",
                    precision_names[before], precision_names[now]);
}

/* Samples of a streamed split come in an order that depends on how the file stores them. */
static void warn_of_blocks(const struct Trainer *trainer, const char *before) {
    const char *now = trainer->saved.provenance.blocks_digest;
    if (before && *before && *now && strcmp(before, now))
        log_warning("the chunks of split %s of %s are not those of the file that the run began "
                    "with: its samples come in another order from here on, some of them twice or "
                    "not at all in this epoch",
                    trainer->parts.train->name, trainer->parts.dataset->path);
}

/* What fixes the bits besides the run file. */
static void warn_of_differences(const struct Trainer *trainer, const struct Provenance *before) {
    const struct Provenance *now = &trainer->saved.provenance;
    if (ranks_rank(trainer->ranks) != 0)
        return;
    if (strcmp(before->instruction_set, now->instruction_set))
        log_warning("the run began with %s kernels and goes on with %s: its bits will differ from "
                    "an uninterrupted run's",
                    before->instruction_set, now->instruction_set);
    if (strcmp(before->backend, now->backend) || strcmp(before->versions, now->versions))
        log_warning("the run began with %s (%s) and goes on with %s (%s): its bits may differ from "
                    "an uninterrupted run's",
                    before->backend, before->versions, now->backend, now->versions);
    warn_of_blocks(trainer, before->blocks_digest);
    if (before->threads != now->threads)
        log_warning("the run began with %" PRId64 " threads a rank and goes on with %" PRId64
                    ": its bits may differ from an uninterrupted run's",
                    before->threads, now->threads);
}

/* The run goes on with the statistics that it began with. Those that the data set says now can
 * differ though the samples are the same: another program may have changed them. */
static void warn_of_statistics(const struct Trainer *trainer, const struct Checkpoint *checkpoint) {
    const struct RunParts *parts = &trainer->parts;
    const struct PreprocessOptions *all = &trainer->options.preprocess;
    /* Decorrelation takes long, and is made of the same statistics. */
    const struct PreprocessOptions options = {.center = preprocess_center(all),
                                              .scale = all->scale};
    struct Preprocess images = {0};
    struct TargetScale targets = {0};
    struct Error ignored;
    if (ranks_rank(trainer->ranks) != 0)
        return;
    target_scale_create(&targets, (enum TargetRule)all->targets, parts->dataset, parts->train);
    bool same = target_scale_is_like(&parts->scale, &targets);
    if (!run_keeps_preprocess(&trainer->options, checkpoint) &&
        preprocess_create(&images, &options, NULL, parts->dataset, &ignored) == OK)
        same &= preprocess_scales_alike(&parts->preprocess, &images);
    if (!same)
        log_warning("%s: /statistics are not those that the run began with, though its samples "
                    "are; the run goes on with those of %s",
                    parts->dataset->path, checkpoint->path);
    preprocess_release(&images);
    target_scale_release(&targets);
}

/* `digest`: what the checkpoint says; "" or NULL, as in an older one: it is not known. */
static int compare_split(const struct Trainer *trainer, const struct Checkpoint *checkpoint,
                         const char *used, const struct Split *split, const char *digest,
                         struct Error *error) {
    if (!digest || !*digest || !*split->digest || !strcmp(split->digest, digest))
        return OK;
    return fail_key(error, ERROR_CHECKPOINT, "data.file",
                    "%s: was %s other data: split %s of %s has the digest '%s', the checkpoint "
                    "says '%s'",
                    checkpoint->path, used, split->name, trainer->parts.dataset->path,
                    split->digest, digest);
}

static int compare_weights(const struct Trainer *trainer, const struct Checkpoint *checkpoint,
                           const char *before, struct Error *error) {
    const char *now = trainer->saved.provenance.weights_digest;
    if (!strcmp(before ? before : "", now))
        return OK;
    return fail_key(error, ERROR_CHECKPOINT, "data.file",
                    "%s: the samples of split %s of %s had %s weights when the run began",
                    checkpoint->path, trainer->parts.train->name, trainer->parts.dataset->path,
                    before && *before ? "other" : "no");
}

/* The classes, by their names, or the targets. */
static int compare_targets(const struct Trainer *trainer, const struct Checkpoint *checkpoint,
                           struct Error *error) {
    struct Targets before = {0};
    const struct CheckpointPart part = {.value = &before, .group = &targets_saved};
    int code = checkpoint_get_parts(checkpoint, &part, 1, error);
    if (!code && targets_match(&before, trainer->parts.dataset, checkpoint->path, error))
        code = error_blame_key(error, "data.file");
    targets_release(&before);
    return code;
}

static int compare_provenance(const struct Trainer *trainer, const struct Checkpoint *checkpoint,
                              struct Error *error) {
    struct Provenance before = {0};
    const struct CheckpointPart part = {.value = &before, .table = &provenance_saved, .prefix = ""};
    int code = checkpoint_get_parts(checkpoint, &part, 1, error);
    if (code)
        return code;
    code = compare_split(trainer, checkpoint, "trained on", trainer->parts.train,
                         before.data_digest, error);
    if (!code && trainer->parts.validation)
        code = compare_split(trainer, checkpoint, "validated by", trainer->parts.validation,
                             before.validation_digest, error);
    if (!code)
        code = compare_weights(trainer, checkpoint, before.weights_digest, error);
    if (!code)
        warn_of_differences(trainer, &before);
    saved_release(&provenance_saved, &before);
    return code;
}

int trainer__fill_arrays(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                         struct Error *error) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    int code = checkpoint_get_state(checkpoint, arena, trainer->state, error);
    for (int slot = 0; !code && slot < updater_slot_count(trainer->parts.updater); slot++)
        code =
            checkpoint_get_slot(checkpoint, arena, updater_slot_name(trainer->parts.updater, slot),
                                updater_slot(trainer->parts.updater, slot), error);
    return code;
}

int trainer__restore(struct Trainer *trainer, const struct Start *start, struct Error *error) {
    const struct Checkpoint *checkpoint = start->checkpoint;
    int code = compare_targets(trainer, checkpoint, error);
    if (!code)
        code = compare_provenance(trainer, checkpoint, error);
    if (!code)
        code = trainer__fill_arrays(trainer, checkpoint, error);
    if (!code)
        warn_of_statistics(trainer, checkpoint);
    if (!code)
        warn_of_rule(trainer, start->convolution_before);
    if (!code)
        warn_of_precision(trainer, start->precision_before);
    if (!code)
        note_stretched(trainer, start->length_before);
    return code;
}
