#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "run/on_nan.h"
#include "train/profiler.h"
#include "train/trainer.h"

#define LONGEST_PAUSE 10.0 /* seconds before a save is tried again at once */
#define LONGEST_GAP 60.0   /* seconds of training between attempts while saves fail */

static int write_checkpoint(const struct Trainer *trainer, const char *path, struct Error *error) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    struct CheckpointWriter *writer = checkpoint_create(path, trainer->run_text);
    struct SavedState saved = trainer->saved; /* and values that the run's parts own */
    saved.preprocess = trainer->parts.preprocess;
    saved.scale = trainer->parts.scale;
    saved.statistics = trainer->parts.measured;
    saved.class_weights = trainer->parts.class_weights;
    saved.encoding = trainer->parts.dataset->encoding;
    saved_state_write(&saved, writer);
    checkpoint_put_state(writer, arena, trainer->state);
    callbacks__write(trainer, writer);
    for (int slot = 0; slot < updater_slot_count(trainer->parts.updater); slot++)
        checkpoint_put_slot(writer, arena, updater_slot_name(trainer->parts.updater, slot),
                            updater_slot(trainer->parts.updater, slot));
    return checkpoint_commit(writer, error);
}

int64_t trainer__cycles(const struct Trainer *trainer, int64_t step) {
    return schedule_cycles(&trainer->options.schedule, &trainer->parts.time, step);
}

/* Was the validation after this step the best so far? */
static bool is_best(const struct Trainer *trainer) {
    const struct SavedState *saved = &trainer->saved;
    return saved->best.step > 0 && saved->best.step == saved->progress.step;
}

/* Does a cycle of the schedule end here whose model is kept? */
static bool snapshot_is_due(const struct Trainer *trainer) {
    int64_t step = trainer->saved.progress.step;
    return trainer->options.checkpoint.snapshots &&
           trainer__cycles(trainer, step) > trainer__cycles(trainer, step - 1);
}

/* While saves fail: is it time to try again? Rank 0's clock says so for all. */
static bool is_time_again(const struct Trainer *trainer) {
    int64_t now = clock_seconds() >= trainer->saving.next;
    ranks_broadcast(trainer->ranks, &now, sizeof now);
    return now;
}

/* Is a checkpoint of this step part of the run, and not of one process that makes it? */
static bool is_planned(const struct Trainer *trainer) {
    int64_t every =
        span_steps(trainer->options.checkpoint.every.span, trainer->parts.time.steps_per_epoch);
    return (is_best(trainer) && trainer__validation_falls(trainer)) || snapshot_is_due(trainer) ||
           trainer->interrupts.saves || (every && trainer->saved.progress.step % every == 0);
}

bool trainer__save_is_due(const struct Trainer *trainer, bool last) {
    return last || trainer__save_is_asked(trainer) || is_planned(trainer) || is_best(trainer) ||
           (trainer->saving.failing && is_time_again(trainer));
}

static int link_to(const struct Trainer *trainer, const char *name, int64_t step,
                   struct Error *error) {
    char *path = checkpoint_name(trainer->checkpoints, step);
    bool removed = access(path, F_OK) && errno == ENOENT;
    int code = removed ? OK : checkpoint_link(trainer->checkpoints, name, path, error);
    memory_release(path);
    return code;
}

static int link_snapshot(const struct Trainer *trainer, int64_t step, struct Error *error) {
    char *name = memory_print("snapshot-%03" PRId64 ".h5", trainer__cycles(trainer, step));
    int code = link_to(trainer, name, step, error);
    memory_release(name);
    return code;
}

/* Makes the links to this step's checkpoint and, with `all`, those that an earlier save could not
 * make. Pruning keeps what a link points at. */
static int put_links(struct Trainer *trainer, bool all, struct Error *error) {
    struct Saving *saving = &trainer->saving;
    int64_t step = trainer->saved.progress.step;
    int64_t best = trainer->parts.validation ? trainer->saved.best.step : step;
    int code = OK;
    if (saving->snapshot)
        code = link_snapshot(trainer, saving->snapshot, error);
    if (!code)
        saving->snapshot = snapshot_is_due(trainer) ? step : 0;
    if (!code && saving->snapshot)
        code = link_snapshot(trainer, step, error);
    if (!code)
        saving->snapshot = 0;
    if (!code && (best == step || (all && best > 0)))
        code = link_to(trainer, "best.h5", best, error);
    return code ? code : link_to(trainer, "latest.h5", step, error);
}

int trainer__mend_links(struct Trainer *trainer, struct Error *error) {
    trainer->saving.newest = trainer->saved.progress.step;
    trainer->saving.newest_seconds = trainer->saved.progress.seconds;
    trainer->saving.best = trainer->saved.best;
    trainer->folder.kept = true;
    int code = ranks_rank(trainer->ranks) == 0 ? put_links(trainer, true, error) : OK;
    return ranks_agree(trainer->ranks, code, error);
}

/* What cannot be removed takes room, but no run has to end for it. A checkpoint that the run may go
 * back to stays until another has succeeded it, `linked`. */
static void prune(const struct Trainer *trainer, bool linked) {
    struct Error error;
    bool goes_back = trainer->options.train.on_nan.kind == &on_nan_roll_back;
    const int64_t steps[] = {trainer->saved.best.step, trainer->saving.snapshot,
                             goes_back ? trainer->saved.recovery.checkpoint : 0}; /* 0: none */
    int64_t kept[4];
    int count = 0;
    for (int i = 0; i < 3; i++)
        if (steps[i])
            kept[count++] = steps[i];
    if (!linked)
        kept[count++] = trainer->replicas.checkpoint;
    if (checkpoint_prune(trainer->checkpoints, trainer->options.checkpoint.keep, kept, count,
                         &error))
        log_warning("%s; training goes on", error.text);
}

/* Rank 0's part. */
static int write_out(struct Trainer *trainer, struct Error *error) {
    struct Saving *saving = &trainer->saving;
    int code = folder_lock_check(trainer->folder.lock, error);
    if (code)
        return code;
    char *path = checkpoint_name(trainer->checkpoints, trainer->saved.progress.step);
    code = write_checkpoint(trainer, path, error);
    memory_release(path);
    if (code)
        return code;
    saving->newest = trainer->saved.progress.step;
    trainer->folder.kept = true;
    code = put_links(trainer, saving->failing, error);
    prune(trainer, code == OK);
    return code;
}

/* A metrics.jsonl that cannot be written keeps no checkpoint from being written. */
static int attempt(struct Trainer *trainer, struct Error *error) {
    struct Error other;
    beat_enter(ranks_beat(trainer->ranks), BEAT_SAVING);
    int code = callbacks__on_save(trainer, error);
    if (code && code != ERROR_SYSTEM)
        return code;
    int written = ranks_rank(trainer->ranks) == 0 ? write_out(trainer, &other) : OK;
    written = ranks_agree(trainer->ranks, written, &other);
    if (written)
        *error = other;
    return written ? written : code;
}

/* Before save number `attempt`, from 1, is repeated. */
static void pause_before(const struct Trainer *trainer, int64_t attempt,
                         const struct Error *error) {
    double seconds = attempt < 5 ? (double)(1 << (attempt - 1)) : LONGEST_PAUSE;
    seconds = seconds < LONGEST_PAUSE ? seconds : LONGEST_PAUSE;
    if (ranks_rank(trainer->ranks) != 0)
        return;
    log_info("%s; trying again in %.0f s", error->text, seconds);
    nanosleep(&(struct timespec){.tv_sec = (time_t)seconds}, NULL);
}

/* Does the folder belong to another process by now? */
static bool is_lost(const struct Trainer *trainer) {
    int64_t lost = trainer->folder.lock && folder_lock_is_lost(trainer->folder.lock);
    ranks_broadcast(trainer->ranks, &lost, sizeof lost);
    return lost;
}

/* Adds to the error what the user can do. */
static int give_up(const struct Trainer *trainer, struct Error *error) {
    char *newest = checkpoint_name(trainer->checkpoints, trainer->saving.newest);
    bool is_there = access(newest, F_OK) == 0;
    memory_release(newest);
    if (!trainer->folder.kept || folder_lock_is_lost(trainer->folder.lock))
        return error->code;
    if (!is_there) {
        error_append(error, "; the newest checkpoint, that of step %" PRId64 ", is gone, too",
                     trainer->saving.newest);
        return error->code;
    }
    error_append(error, "; the newest checkpoint is that of step %" PRId64, trainer->saving.newest);
    if (error->advice.kind == ADVICE_IN_TEXT)
        return error_advise(error, ADVICE_GO_ON, NULL, NULL, 0);
    return error_advise(error, ADVICE_MEND_FOLDER, trainer->request->folder, NULL, 0);
}

/* "30 min" or "90 s". */
static char *time_text(double seconds, char text[32]) {
    bool minutes = fmod(seconds, 60) == 0;
    snprintf(text, 32, "%.6g %s", minutes ? seconds / 60 : seconds, minutes ? "min" : "s");
    return text;
}

/* Rank 0's part after a failure: OK if the run goes on. */
static int go_on(struct Trainer *trainer, struct Error *error) {
    struct Saving *saving = &trainer->saving;
    double limit = trainer->options.checkpoint.on_error.give_up_after, now = clock_seconds();
    double gap = limit / 10 < LONGEST_GAP ? limit / 10 : LONGEST_GAP;
    char in_words[32];
    time_text(limit, in_words);
    if (!saving->failing)
        saving->since = now;
    saving->next = now + gap;
    if (now - saving->since >= limit) {
        if (limit > 0)
            error_append(error, "; no save succeeded for %s (checkpoint.on_error)", in_words);
        return give_up(trainer, error);
    }
    if (!saving->failing)
        log_warning("%s; training goes on, saving is tried again every %.3g s, and the run stops "
                    "if that fails for %s (checkpoint.on_error); the newest checkpoint is that of "
                    "step %" PRId64,
                    error->text, gap, in_words, saving->newest);
    *error = (struct Error){0};
    return OK;
}

static int after_failure(struct Trainer *trainer, bool must, struct Error *error) {
    bool ends = is_lost(trainer) || must;
    int code = OK;
    if (ranks_rank(trainer->ranks) == 0)
        code = ends ? give_up(trainer, error) : go_on(trainer, error);
    code = ranks_agree(trainer->ranks, code, error);
    /* The best is the best of those that are saved: what follows is compared with it. */
    if (is_best(trainer))
        trainer->saved.best = trainer->saving.best;
    trainer->saving.failing = true;
    return code;
}

static void after_success(struct Trainer *trainer) {
    if (trainer->saving.failing && ranks_rank(trainer->ranks) == 0)
        log_warning("saving works again: the checkpoint of step %" PRId64 " is written",
                    trainer->saved.progress.step);
    replicas__start_chain(trainer, true);
    trainer->saving.newest_seconds = trainer->saved.progress.seconds;
    trainer->saving.failing = false;
    trainer->saving.best = trainer->saved.best;
}

int trainer__save(struct Trainer *trainer, bool must, struct Error *error) {
    /* While saves fail, training does not wait for them. */
    int64_t again =
        trainer->saving.failing && !must ? 0 : trainer->options.checkpoint.on_error.retry;
    int64_t *planned = &trainer->saved.recovery.checkpoint, before = *planned;
    double start = clock_seconds();
    profiler__lap(trainer->profiler, WORK_OTHER);
    if (is_planned(trainer))
        *planned = trainer->saved.progress.step;
    int code = attempt(trainer, error);
    for (int64_t i = 1; code == ERROR_SYSTEM && i <= again && !is_lost(trainer); i++) {
        pause_before(trainer, i, error);
        code = attempt(trainer, error);
    }
    if (!code)
        after_success(trainer);
    else
        *planned = before;
    trainer__end_save(trainer, !code, clock_seconds() - start);
    profiler__lap(trainer->profiler, WORK_CHECKPOINT);
    return code == ERROR_SYSTEM ? after_failure(trainer, must, error) : code;
}
