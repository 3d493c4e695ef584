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
#include "train/profiler.h"
#include "train/trainer.h"

#define LONGEST_GAP 60.0 /* seconds of training between attempts while saves fail */

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

static struct SaveLinks links_of(const struct Trainer *trainer, bool all) {
    int64_t step = trainer->saved.progress.step;
    return (struct SaveLinks){.step = step,
                              .best = trainer->parts.validation ? trainer->saved.best.step : step,
                              .snapshot = snapshot_is_due(trainer),
                              .all = all};
}

int trainer__mend_links(struct Trainer *trainer, struct Error *error) {
    trainer->saving.newest = trainer->saved.progress.step;
    trainer->saving.newest_seconds = trainer->saved.progress.seconds;
    trainer->saving.best = trainer->saved.best;
    trainer->folder.kept = true;
    struct SaveLinks links = links_of(trainer, true);
    int code = ranks_rank(trainer->ranks) == 0 ? save_job__put_links(trainer, &links, error) : OK;
    return ranks_agree(trainer->ranks, code, error);
}

/* Rank 0's part after the work: what it learns from it. */
static int take_result(struct Trainer *trainer, struct Error *error) {
    struct SaveJob *job = &trainer->saving.job;
    if (job->whole) {
        trainer->saving.newest = job->links.step;
        trainer->folder.kept = true;
    }
    if (job->code)
        *error = job->error;
    return job->code;
}

/* Rank 0's part, while the others wait. */
static int write_out(struct Trainer *trainer, struct Error *error) {
    struct SaveLinks links = links_of(trainer, trainer->saving.failing);
    save_job__begin(&trainer->saving.job, &links);
    save_job__run(&trainer->saving.job, 0);
    return take_result(trainer, error);
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
    int64_t seconds = save_job__pause(attempt);
    if (ranks_rank(trainer->ranks) != 0)
        return;
    log_info("%s; trying again in %" PRId64 " s", error->text, seconds);
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
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

/* The save after step `step` failed. */
static int after_failure(struct Trainer *trainer, int64_t step, bool must, struct Error *error) {
    bool ends = is_lost(trainer) || must;
    int code = OK;
    if (ranks_rank(trainer->ranks) == 0)
        code = ends ? give_up(trainer, error) : go_on(trainer, error);
    code = ranks_agree(trainer->ranks, code, error);
    /* The best is the best of those that are saved: what follows is compared with it. */
    if (trainer->saved.best.step == step)
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

/* The checkpoint to go back to is one that any process of the run would write. */
static void plan_save(struct Trainer *trainer) {
    if (is_planned(trainer))
        trainer->saved.recovery.checkpoint = trainer->saved.progress.step;
}

/* Saves while all ranks wait. */
static int save_at_once(struct Trainer *trainer, bool must, struct Error *error) {
    /* While saves fail, training does not wait for them. */
    int64_t again =
        trainer->saving.failing && !must ? 0 : trainer->options.checkpoint.on_error.retry;
    int64_t *planned = &trainer->saved.recovery.checkpoint, before = *planned;
    double start = clock_seconds();
    profiler__lap(trainer->profiler, WORK_OTHER);
    plan_save(trainer);
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
    return code == ERROR_SYSTEM ? after_failure(trainer, trainer->saved.progress.step, must, error)
                                : code;
}

/* ---- While the run goes on ---- */

/* Begins to save the present state. What a rank learns of it later is in trainer->saving.later. */
static int save_later(struct Trainer *trainer, struct Error *error) {
    struct SavedState *saved = &trainer->saved;
    int64_t step = saved->progress.step;
    profiler__lap(trainer->profiler, WORK_OTHER);
    beat_enter(ranks_beat(trainer->ranks), BEAT_SAVING);
    int code = callbacks__on_save(trainer, error);
    if (code)
        return code;
    trainer->saving.later =
        (struct LaterSave){.begun = true,
                           .step = step,
                           .seconds = saved->progress.seconds,
                           .best = saved->best,
                           .planned_before = saved->recovery.checkpoint,
                           .chain = replicas__begin_save(trainer),
                           .answers = trainer->interrupts.heard & INTERRUPT_BIT(INTERRUPT_SAVE)};
    plan_save(trainer);
    if (ranks_rank(trainer->ranks) == 0) {
        struct SaveLinks links = links_of(trainer, false);
        save_job__begin(&trainer->saving.job, &links);
        save_job__start(&trainer->saving.job, trainer->options.checkpoint.on_error.retry);
    }
    trainer__begin_save(trainer);
    profiler__lap(trainer->profiler, WORK_CHECKPOINT);
    return OK;
}

/* Somebody who is killed loses the steps since the newest checkpoint: an interval between two, and
 * those of this part of one that are made while one is written. */
#define PART_OF_INTERVAL 20

/* Rank 0: has the run gone on for long enough while its checkpoint is written? */
static bool must_wait(const struct Trainer *trainer) {
    const struct LaterSave *later = &trainer->saving.later;
    const struct Progress *progress = &trainer->saved.progress;
    const struct Interval *every = &trainer->options.checkpoint.every;
    int64_t steps = span_steps(every->span, trainer->parts.time.steps_per_epoch);
    return (steps && progress->step - later->step >= steps / PART_OF_INTERVAL) ||
           (every->seconds > 0 &&
            progress->seconds - later->seconds >= every->seconds / PART_OF_INTERVAL);
}

enum SaveNews trainer__save_news(const struct Trainer *trainer) {
    const struct SaveJob *job = &trainer->saving.job;
    if (!trainer->saving.later.begun || ranks_rank(trainer->ranks) != 0)
        return SAVE_NO_NEWS;
    if (save_job__is_done(job))
        return job->code ? SAVE_FAILED : SAVE_WRITTEN;
    return must_wait(trainer) ? SAVE_TAKES_LONG : SAVE_NO_NEWS;
}

static void after_late_success(struct Trainer *trainer, const struct LaterSave *later) {
    replicas__use_checkpoint(trainer, later->step, later->chain);
    trainer->saving.newest_seconds = later->seconds;
    trainer->saving.best = later->best;
}

/* Waits for the thread, and shares how it went. */
static int wait_for_job(struct Trainer *trainer, struct Error *error) {
    struct Beat *beat = ranks_beat(trainer->ranks);
    enum BeatPhase phase = beat_phase_of(atomic_load(&beat->word));
    int code = OK;
    beat_enter(beat, BEAT_SAVING);
    if (ranks_rank(trainer->ranks) == 0) {
        save_job__wait(&trainer->saving.job, trainer__is_stopping(trainer));
        code = take_result(trainer, error);
    }
    code = ranks_agree(trainer->ranks, code, error);
    beat_enter(beat, phase);
    return code;
}

/* How the save that was begun went, which is known to be well, or not known. */
static int end_later(struct Trainer *trainer, bool went_well, struct Error *error) {
    const struct LaterSave later = trainer->saving.later;
    int code = OK;
    if (!went_well) {
        code = wait_for_job(trainer, error);
    } else if (ranks_rank(trainer->ranks) == 0) {
        save_job__wait(&trainer->saving.job, trainer__is_stopping(trainer));
        code = take_result(trainer, error);
    }
    trainer->saving.later.begun = false;
    if (!code)
        after_late_success(trainer, &later);
    else if (trainer->saved.recovery.checkpoint == later.step)
        trainer->saved.recovery.checkpoint = later.planned_before;
    trainer__end_later_save(trainer, &later, !code, trainer->saving.job.seconds);
    return code == ERROR_SYSTEM ? after_failure(trainer, later.step, false, error) : code;
}

int trainer__hear_of_save(struct Trainer *trainer, struct Error *error) {
    int news = trainer__heard_news(trainer);
    if (!trainer->saving.later.begun || news == SAVE_NO_NEWS)
        return OK;
    return end_later(trainer, news == SAVE_WRITTEN, error);
}

int trainer__wait_for_save(struct Trainer *trainer, struct Error *error) {
    return trainer->saving.later.begun ? end_later(trainer, false, error) : OK;
}

int trainer__wait_for_best(struct Trainer *trainer, struct Error *error) {
    const struct LaterSave *later = &trainer->saving.later;
    return later->begun && later->best.step == later->step ? end_later(trainer, false, error) : OK;
}

int trainer__save(struct Trainer *trainer, bool must, struct Error *error) {
    int code = trainer__wait_for_save(trainer, error);
    if (code)
        return code;
    if (!must && !trainer->saving.failing) {
        code = save_later(trainer, error);
        if (code != ERROR_SYSTEM)
            return code;
    }
    return save_at_once(trainer, must, error);
}
