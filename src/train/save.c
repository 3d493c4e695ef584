#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "train/trainer.h"

/* The progress as it is saved: with what the watchers of the validation have seen. */
static struct Progress progress_to_save(const struct Trainer *trainer) {
    const struct ScheduleState *schedule = &trainer->schedule_state;
    struct Progress progress = trainer->progress;
    progress.schedule_scale = schedule->scale;
    progress.schedule_best = schedule->patience.best;
    progress.schedule_seen = schedule->patience.seen;
    progress.schedule_waited = schedule->patience.waited;
    progress.schedule_cooldown = schedule->cooldown;
    progress.stopping_best = trainer->stopping.best;
    progress.stopping_seen = trainer->stopping.seen;
    progress.stopping_waited = trainer->stopping.waited;
    return progress;
}

static char **copy_names(char *const *names, int64_t count) {
    char **copies = memory_allocate((size_t)count * sizeof *copies, "a checkpoint");
    for (int64_t i = 0; i < count; i++)
        copies[i] = memory_copy_text(names[i]);
    return copies;
}

/* What the model's outputs are: classes, or targets and their scale. */
static void put_outputs(struct Checkpoint *checkpoint, const struct Trainer *trainer) {
    const struct Dataset *dataset = trainer->parts.dataset;
    checkpoint->class_count = dataset->class_count;
    checkpoint->class_names = copy_names(dataset->class_names, dataset->class_count);
    checkpoint->target_count = dataset->target_count;
    checkpoint->target_names = copy_names(dataset->target_names, dataset->target_count);
    checkpoint->target_mean =
        memory_copy_array(trainer->parts.targets.mean, dataset->target_count, "a checkpoint");
    checkpoint->target_deviation =
        memory_copy_array(trainer->parts.targets.deviation, dataset->target_count, "a checkpoint");
}

static int64_t matrix_elements(const struct Preprocess *preprocess) {
    return preprocess->matrix_rows * preprocess->matrix_columns;
}

static void put_preprocess(struct Checkpoint *checkpoint, const struct Preprocess *preprocess) {
    checkpoint->height = preprocess->height;
    checkpoint->width = preprocess->width;
    checkpoint->channels = preprocess->channels;
    checkpoint->mean_count = preprocess->mean_count;
    checkpoint->mean = memory_copy_array(preprocess->mean, preprocess->mean_count, "a checkpoint");
    checkpoint->factor_count = preprocess->factor_count;
    checkpoint->factor =
        memory_copy_array(preprocess->factor, preprocess->factor_count, "a checkpoint");
    checkpoint->matrix_rows = preprocess->matrix_rows;
    checkpoint->matrix_columns = preprocess->matrix_columns;
    checkpoint->matrix =
        memory_copy_array(preprocess->matrix, matrix_elements(preprocess), "a checkpoint");
    checkpoint->out_height = preprocess->out_height;
    checkpoint->out_width = preprocess->out_width;
    checkpoint->out_channels = preprocess->out_channels;
}

static struct Checkpoint *compose(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    struct Checkpoint *checkpoint = memory_allocate(sizeof *checkpoint, "a checkpoint");
    checkpoint->run_text = memory_copy_text(trainer->run_text);
    checkpoint->seed = (uint64_t)trainer->options.train.seed;
    checkpoint->shards = trainer->options.train.shards;
    checkpoint->threads = trainer->options.train.threads;
    checkpoint->instruction_set = memory_copy_text(variant_name(trainer->variant));
    checkpoint->versions = memory_copy_text(backend_versions((char[BACKEND_VERSIONS]){0}));
    checkpoint->backend = memory_copy_text(trainer->parts.backend->name);
    checkpoint->data_digest = memory_copy_text(trainer->parts.train->digest);
    checkpoint->progress = progress_to_save(trainer);
    put_preprocess(checkpoint, &trainer->parts.preprocess);
    put_outputs(checkpoint, trainer);
    checkpoint_put_state(checkpoint, arena, trainer->state);
    if (trainer_has_average(trainer))
        checkpoint_put_average(checkpoint, arena, trainer->average);
    for (int slot = 0; slot < updater_slot_count(trainer->parts.updater); slot++)
        checkpoint_put_slot(checkpoint, arena, updater_slot_name(trainer->parts.updater, slot),
                            updater_slot(trainer->parts.updater, slot));
    return checkpoint;
}

static int64_t cycles_at(const struct Trainer *trainer, int64_t step) {
    return schedule_cycles(&trainer->options.schedule, &trainer->parts.time, step);
}

/* Checkpoints that will lie in the folder at the same time: those kept, the best, the snapshots,
 * the one being written. */
static int64_t most_checkpoints(const struct Trainer *trainer) {
    int64_t keep = trainer->options.checkpoint.keep;
    int64_t every =
        span_steps(trainer->options.checkpoint.every, trainer->parts.time.steps_per_epoch);
    int64_t all = every ? trainer->parts.time.total / every + 2 : 2;
    int64_t snapshots =
        trainer->options.checkpoint.snapshots ? cycles_at(trainer, trainer->parts.time.total) : 0;
    return (keep && keep < all ? keep + 2 : all + 1) + snapshots;
}

int trainer_check_room(struct Trainer *trainer, struct Error *error) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    int slots = updater_slot_count(trainer->parts.updater), code = OK;
    int64_t states = trainer->average ? 2 : 1;
    int64_t elements = states * arena_state_elements(arena) + slots * arena->parameters +
                       matrix_elements(&trainer->parts.preprocess);
    double one = 4.0 * (double)elements + 65536;
    double needed = one * (double)most_checkpoints(trainer);
    struct statvfs disk;
    char need[32], room[32];
    if (ranks_rank(trainer->ranks) == 0 && !statvfs(trainer->checkpoints, &disk)) {
        double free = (double)disk.f_bavail * (double)disk.f_frsize;
        if (free < needed)
            code = fail(error, ERROR_SYSTEM,
                        "%s: not enough space: the run's %lld checkpoints need about %s, %s are "
                        "free; free some, or lower checkpoint.keep",
                        trainer->checkpoints, (long long)most_checkpoints(trainer),
                        text_bytes(needed, need), text_bytes(free, room));
    }
    return ranks_agree(trainer->ranks, code, error);
}

void trainer_discard(struct Trainer *trainer) {
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

bool trainer_snapshot_is_due(const struct Trainer *trainer) {
    int64_t step = trainer->progress.step;
    return trainer->options.checkpoint.snapshots &&
           cycles_at(trainer, step) > cycles_at(trainer, step - 1);
}

/* What points at the checkpoint `path` of this step. Pruning leaves alone what a link points at. */
static int put_links(struct Trainer *trainer, const char *path, bool best, struct Error *error) {
    int code = OK;
    if (trainer_snapshot_is_due(trainer)) {
        char *name = memory_print("snapshot-%03lld.h5",
                                  (long long)cycles_at(trainer, trainer->progress.step));
        code = checkpoint_link(trainer->checkpoints, name, path, error);
        memory_release(name);
    }
    if (!code && (best || !trainer->parts.validation))
        code = checkpoint_link(trainer->checkpoints, "best.h5", path, error);
    return code ? code : checkpoint_link(trainer->checkpoints, "latest.h5", path, error);
}

int trainer_mend_links(struct Trainer *trainer, struct Error *error) {
    const struct Progress *progress = &trainer->progress;
    int code = OK;
    if (ranks_rank(trainer->ranks) == 0) {
        char *path = checkpoint_name(trainer->checkpoints, progress->step);
        code = put_links(trainer, path, progress->best_step == progress->step, error);
        memory_release(path);
    }
    return ranks_agree(trainer->ranks, code, error);
}

/* Rank 0's part. */
static int write_out(struct Trainer *trainer, struct Error *error) {
    struct Checkpoint *checkpoint = compose(trainer);
    char *path = checkpoint_name(trainer->checkpoints, trainer->progress.step);
    int code = metrics_file_flush(trainer->metrics, error);
    if (!code)
        code = checkpoint_write(checkpoint, path, error);
    if (!code)
        code = put_links(trainer, path, trainer->best_is_newest, error);
    if (!code)
        code = checkpoint_prune(trainer->checkpoints, trainer->options.checkpoint.keep, error);
    checkpoint_release(checkpoint);
    memory_release(path);
    return code;
}

int trainer_save(struct Trainer *trainer, struct Error *error) {
    int code = trainer_compare_replicas(trainer, error);
    if (code)
        return code;
    trainer_measure_average(trainer);
    if (ranks_rank(trainer->ranks) == 0)
        code = write_out(trainer, error);
    return ranks_agree(trainer->ranks, code, error);
}
