#include <inttypes.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "train/trainer.h"

static int write_checkpoint(const struct Trainer *trainer, const char *path, struct Error *error) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    struct CheckpointWriter *writer = checkpoint_create(path, trainer->run_text);
    struct SavedState saved = trainer->saved; /* and two values that the run's parts own */
    saved.preprocess = trainer->parts.preprocess;
    saved.scale = trainer->parts.scale;
    saved_state_write(&saved, writer);
    checkpoint_put_state(writer, arena, trainer->state);
    callbacks__write(trainer, writer);
    for (int slot = 0; slot < updater_slot_count(trainer->parts.updater); slot++)
        checkpoint_put_slot(writer, arena, updater_slot_name(trainer->parts.updater, slot),
                            updater_slot(trainer->parts.updater, slot));
    return checkpoint_commit(writer, error);
}

static int64_t cycles_at(const struct Trainer *trainer, int64_t step) {
    return schedule_cycles(&trainer->options.schedule, &trainer->parts.time, step);
}

/* How many of the steps before the last are the ends of epochs at which `every` (0: never) saves
 * nothing, so that only a validation that is the best so far does. */
static int64_t epochs_between(const struct ScheduleTime *time, int64_t every) {
    int64_t epoch = time->steps_per_epoch, epochs = (time->total - 1) / epoch;
    if (every && epoch % every == 0)
        return 0;
    return every && every % epoch == 0 ? epochs - (time->total - 1) / every : epochs;
}

/* The most checkpoints that the run has in the folder at the same time. How often a run improves is
 * unknown: one that keeps all is expected to save one best between those that are due anyway. */
static int64_t most_checkpoints(const struct Trainer *trainer) {
    const struct ScheduleTime *time = &trainer->parts.time;
    bool snapshots = trainer->options.checkpoint.snapshots, validates = trainer->parts.validation;
    int64_t keep = trainer->options.checkpoint.keep;
    int64_t every = span_steps(trainer->options.checkpoint.every, time->steps_per_epoch);
    int64_t due = 2 + (every ? (time->total - 1) / every : 0) + /* the start and the end */
                  (snapshots ? cycles_at(trainer, time->total - 1) : 0);
    int64_t best = validates ? epochs_between(time, every) : 0;
    if (!keep)
        return due + (best ? 1 : 0);
    /* The newest, the one being written, an older best (if more than the best is saved), and the
     * snapshots. */
    int64_t kept =
        keep + 1 + (validates && every ? 1 : 0) + (snapshots ? cycles_at(trainer, time->total) : 0);
    return due + best < kept ? due + best : kept;
}

int trainer__check_room(struct Trainer *trainer, struct Error *error) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Preprocess *preprocess = &trainer->parts.preprocess;
    int slots = updater_slot_count(trainer->parts.updater), code = OK;
    int64_t states = trainer->options.average.kind ? 2 : 1;
    int64_t elements = states * arena_state_elements(arena) + slots * arena->parameters +
                       preprocess->matrix_rows * preprocess->matrix_columns;
    double one = 4.0 * (double)elements + 65536;
    double needed = one * (double)most_checkpoints(trainer);
    struct statvfs disk;
    char need[32], room[32];
    if (ranks_rank(trainer->ranks) == 0 && !statvfs(trainer->checkpoints, &disk)) {
        double free = (double)disk.f_bavail * (double)disk.f_frsize;
        if (free < needed)
            code = fail(error, ERROR_SYSTEM,
                        "%s: not enough space: the run's %" PRId64 " checkpoints need about %s, "
                        "%s are free; free some, or lower checkpoint.keep",
                        trainer->checkpoints, most_checkpoints(trainer), text_bytes(needed, need),
                        text_bytes(free, room));
    }
    return ranks_agree(trainer->ranks, code, error);
}

void trainer__discard(struct Trainer *trainer) {
    if (ranks_rank(trainer->ranks) != 0)
        return;
    const char *names[] = {"metrics.jsonl", "run.yaml"};
    for (int i = 0; i < 2; i++) {
        char *path = memory_print("%s/%s", trainer->request->folder, names[i]);
        unlink(path);
        memory_release(path);
    }
    rmdir(trainer->checkpoints);
    rmdir(trainer->request->folder);
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
           cycles_at(trainer, step) > cycles_at(trainer, step - 1);
}

bool trainer__save_is_due(const struct Trainer *trainer, bool last) {
    int64_t every =
        span_steps(trainer->options.checkpoint.every, trainer->parts.time.steps_per_epoch);
    return last || is_best(trainer) || snapshot_is_due(trainer) ||
           (every && trainer->saved.progress.step % every == 0);
}

/* Makes the links to this step's checkpoint, `path`. Pruning keeps what a link points at. */
static int put_links(struct Trainer *trainer, const char *path, bool best, struct Error *error) {
    int code = OK;
    if (snapshot_is_due(trainer)) {
        char *name = memory_print("snapshot-%03" PRId64 ".h5",
                                  cycles_at(trainer, trainer->saved.progress.step));
        code = checkpoint_link(trainer->checkpoints, name, path, error);
        memory_release(name);
    }
    if (!code && (best || !trainer->parts.validation))
        code = checkpoint_link(trainer->checkpoints, "best.h5", path, error);
    return code ? code : checkpoint_link(trainer->checkpoints, "latest.h5", path, error);
}

int trainer__mend_links(struct Trainer *trainer, struct Error *error) {
    const struct Progress *progress = &trainer->saved.progress;
    int code = OK;
    if (ranks_rank(trainer->ranks) == 0) {
        char *path = checkpoint_name(trainer->checkpoints, progress->step);
        code = put_links(trainer, path, is_best(trainer), error);
        memory_release(path);
    }
    return ranks_agree(trainer->ranks, code, error);
}

/* Rank 0's part. */
static int write_out(struct Trainer *trainer, struct Error *error) {
    char *path = checkpoint_name(trainer->checkpoints, trainer->saved.progress.step);
    int code = write_checkpoint(trainer, path, error);
    if (!code)
        code = put_links(trainer, path, is_best(trainer), error);
    if (!code)
        code = checkpoint_prune(trainer->checkpoints, trainer->options.checkpoint.keep, error);
    memory_release(path);
    return code;
}

int trainer__save(struct Trainer *trainer, struct Error *error) {
    beat_enter(ranks_beat(trainer->ranks), BEAT_SAVING);
    int code = callbacks__on_save(trainer, error);
    if (code)
        return code;
    if (ranks_rank(trainer->ranks) == 0)
        code = write_out(trainer, error);
    code = ranks_agree(trainer->ranks, code, error);
    if (!code)
        replicas__start_chain(trainer, true);
    return code;
}
