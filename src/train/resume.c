#include <string.h>

#include "base/memory.h"
#include "train/share.h"
#include "train/trainer.h"

/* Keys that may differ between the run that was started and the one that continues it: they change
 * how long or how it runs, not what it computes. */
static void take_free_keys(struct RunOptions *options, const struct RunOptions *from) {
    options->train.length = from->train.length;
    options->train.threads = from->train.threads;
    options->train.backend = from->train.backend;
    options->train.exchange = from->train.exchange;
    options->train.instruction_set = from->train.instruction_set;
    options->train.check_every = from->train.check_every;
    options->early_stopping.patience = from->early_stopping.patience;
    options->clip.report = from->clip.report;
    options->checkpoint = from->checkpoint;
    options->data.file = from->data.file; /* its digest is compared */
    if (options->start_from.checkpoint && from->start_from.checkpoint)
        options->start_from.checkpoint = from->start_from.checkpoint; /* no longer needed */
}

static int line_length(const char *text) {
    return (int)strcspn(text, "\n");
}

/* The run file must say what the checkpoint's says. */
static int compare_run_files(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                             struct Error *error) {
    struct RunFile *file = NULL;
    struct RunOptions saved = {0};
    int code = run_parse(&file, checkpoint->path, checkpoint->run_text, NULL, 0, &saved, error);
    if (code) {
        error_context(error, "the run file kept in the checkpoint");
        return code;
    }
    struct RunOptions now = trainer->options;
    take_free_keys(&now, &saved);
    char *old = runfile_emit(run_keys, &saved), *new = runfile_emit(run_keys, &now);
    if (strcmp(old, new)) {
        const char *a = old, *b = new;
        while (line_length(a) == line_length(b) && !strncmp(a, b, (size_t)line_length(a))) {
            a += line_length(a) + (a[line_length(a)] == '\n');
            b += line_length(b) + (b[line_length(b)] == '\n');
        }
        a += strspn(a, " ");
        b += strspn(b, " ");
        code = fail(error, ERROR_RUN_FILE,
                    "%s: not the run that %s belongs to: it says '%.*s', there '%.*s' was set; "
                    "start a new run in another folder, or give the same run file",
                    trainer->request->run_path, checkpoint->path, line_length(b), b, line_length(a),
                    a);
    }
    memory_release(old);
    memory_release(new);
    runfile_release(file);
    return code;
}

static int find_on_rank_0(struct Trainer *trainer, struct Checkpoint **checkpoint, char **skipped,
                          struct Error *error) {
    char **paths = NULL;
    int count = 0;
    int code = checkpoint_list(trainer->checkpoints, &paths, &count, error);
    for (int i = 0; i < count; i++)
        memory_release(paths[i]);
    memory_release(paths);
    if (code)
        return code;
    if (count && !trainer->request->resume)
        return fail(error, ERROR_USAGE,
                    "%s: already holds the checkpoints of a run; --resume continues it, another "
                    "--out starts a new one",
                    trainer->request->folder);
    if (!trainer->request->resume)
        return OK;
    code = checkpoint_newest_valid(trainer->checkpoints, checkpoint, skipped, error);
    if (!code && count && !*checkpoint)
        return fail(error, ERROR_CHECKPOINT, "%s: none of its %d checkpoints can be used:\n%s",
                    trainer->checkpoints, count, *skipped ? *skipped : "");
    return code;
}

int trainer_find_checkpoint(struct Trainer *trainer, struct Checkpoint **checkpoint, char **skipped,
                            struct Error *error) {
    struct Ranks *ranks = trainer->ranks;
    int code = OK;
    *checkpoint = NULL;
    *skipped = NULL;
    if (ranks_rank(ranks) == 0)
        code = find_on_rank_0(trainer, checkpoint, skipped, error);
    code = ranks_agree(ranks, code, error);
    if (code)
        return code;
    share_checkpoint(ranks, checkpoint);
    if (!*checkpoint)
        return OK;
    if (trainer->options.train.shards < 0)
        trainer->options.train.shards = (*checkpoint)->shards;
    return ranks_agree(ranks, compare_run_files(trainer, *checkpoint, error), error);
}

static void restore_progress(struct Trainer *trainer, const struct Progress *saved) {
    trainer->progress = *saved;
    trainer->schedule_state = (struct ScheduleState){
        .scale = saved->schedule_scale,
        .watch = {saved->schedule_seen, saved->schedule_waited, saved->schedule_best},
        .cooldown = saved->schedule_cooldown};
    trainer->stopping =
        (struct Watch){saved->stopping_seen, saved->stopping_waited, saved->stopping_best};
}

int trainer_restore(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                    struct Error *error) {
    const struct Arena *arena = model_arena(trainer->model);
    if (strcmp(checkpoint->data_digest, trainer->split->digest))
        return fail(error, ERROR_CHECKPOINT,
                    "%s: was trained on other data: split %s of %s has the digest '%s', the "
                    "checkpoint says '%s'",
                    checkpoint->path, trainer->split->name, trainer->dataset->path,
                    trainer->split->digest, checkpoint->data_digest);
    int code = checkpoint_get_state(checkpoint, arena, trainer->state, error);
    for (int slot = 0; !code && slot < updater_slot_count(trainer->updater); slot++)
        code = checkpoint_get_slot(checkpoint, arena, updater_slot_name(trainer->updater, slot),
                                   updater_slot(trainer->updater, slot), error);
    if (code)
        return code;
    restore_progress(trainer, &checkpoint->progress);
    if (trainer_has_average(trainer)) {
        code = checkpoint_get_average(checkpoint, arena, trainer->average, error);
        trainer->average_measured = trainer->progress.step;
    }
    if (code)
        return code;
    struct ProgressBar *bar = trainer->bar;
    if (strcmp(checkpoint->instruction_set, variant_name(trainer->variant)))
        progress_note(bar,
                      "note: the run began with %s kernels and goes on with %s: its bits will "
                      "differ from an uninterrupted run's",
                      checkpoint->instruction_set, variant_name(trainer->variant));
    if (strcmp(checkpoint->backend, trainer->backend->name) ||
        strcmp(checkpoint->versions, backend_versions((char[BACKEND_VERSIONS]){0})))
        progress_note(bar,
                      "note: the run began with %s (%s) and goes on with %s (%s): its bits "
                      "may differ from an uninterrupted run's",
                      checkpoint->backend, checkpoint->versions, trainer->backend->name,
                      backend_versions((char[BACKEND_VERSIONS]){0}));
    if (checkpoint->threads != trainer->options.train.threads)
        progress_note(bar,
                      "note: the run began with %lld threads a rank and goes on with %lld: "
                      "its bits may differ from an uninterrupted run's",
                      (long long)checkpoint->threads, (long long)trainer->options.train.threads);
    return OK;
}
