#include <string.h>

#include "base/memory.h"
#include "train/trainer.h"

static struct Checkpoint *compose(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->model);
    struct Checkpoint *checkpoint = memory_allocate(sizeof *checkpoint, "a checkpoint");
    const struct Preprocess *preprocess = &trainer->preprocess;
    checkpoint->run_text = memory_copy_text(trainer->run_text);
    checkpoint->seed = (uint64_t)trainer->options.train.seed;
    checkpoint->shards = trainer->options.train.shards;
    checkpoint->threads = trainer->options.train.threads;
    checkpoint->instruction_set = memory_copy_text(variant_name(trainer->variant));
    checkpoint->versions = memory_copy_text(backend_versions((char[BACKEND_VERSIONS]){0}));
    checkpoint->backend = memory_copy_text(trainer->backend->name);
    checkpoint->data_digest = memory_copy_text(trainer->split->digest);
    checkpoint->progress = trainer->progress;
    checkpoint->height = preprocess->height;
    checkpoint->width = preprocess->width;
    checkpoint->channels = preprocess->channels;
    checkpoint->mean_count = preprocess->mean_count;
    size_t mean = (size_t)preprocess->mean_count * sizeof(float);
    size_t factor = (size_t)preprocess->channels * sizeof(float);
    checkpoint->mean = memory_allocate(mean, "a checkpoint");
    checkpoint->factor = memory_allocate(factor, "a checkpoint");
    if (mean)
        memcpy(checkpoint->mean, preprocess->mean, mean);
    memcpy(checkpoint->factor, preprocess->factor, factor);
    checkpoint->class_count = trainer->dataset->class_count;
    checkpoint->class_names = memory_allocate(
        (size_t)checkpoint->class_count * sizeof *checkpoint->class_names, "a checkpoint");
    for (int64_t i = 0; i < checkpoint->class_count; i++)
        checkpoint->class_names[i] = memory_copy_text(trainer->dataset->class_names[i]);
    checkpoint_put_state(checkpoint, arena, trainer->state);
    for (int slot = 0; slot < updater_slot_count(trainer->updater); slot++)
        checkpoint_put_slot(checkpoint, arena, updater_slot_name(trainer->updater, slot),
                            updater_slot(trainer->updater, slot));
    return checkpoint;
}

/* Rank 0's part. */
static int write_out(struct Trainer *trainer, struct Error *error) {
    struct Checkpoint *checkpoint = compose(trainer);
    char *path = checkpoint_name(trainer->checkpoints, trainer->progress.step);
    bool best = trainer->best_is_newest || !trainer->validation;
    int code = metrics_flush(trainer->metrics, error);
    if (!code)
        code = checkpoint_write(checkpoint, path, error);
    if (!code && best)
        code = checkpoint_link(trainer->checkpoints, "best.h5", path, error);
    if (!code)
        code = checkpoint_link(trainer->checkpoints, "latest.h5", path, error);
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
    if (ranks_rank(trainer->ranks) == 0)
        code = write_out(trainer, error);
    return ranks_agree(trainer->ranks, code, error);
}
