#include "evaluate/broadcast.h"

#include "base/memory.h"
#include "train/trainer.h"

static int open_on_rank_0(struct Trainer *trainer, int64_t step, struct Checkpoint **checkpoint,
                          struct Error *error) {
    if (ranks_rank(trainer->ranks) != 0)
        return OK;
    char *path = checkpoint_name(trainer->checkpoints, step);
    int code = checkpoint_open(checkpoint, path, error);
    memory_release(path);
    return code;
}

static int take_over(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                     struct Error *error) {
    const struct Recovery before = trainer->saved.recovery;
    int code = saved_state_resume(&trainer->saved, checkpoint, error);
    trainer->saving.best = trainer->saved.best;
    trainer->saving.newest_seconds = trainer->saved.progress.seconds;
    trainer->saved.recovery.rolled_back = before.rolled_back;
    trainer->saved.recovery.rate_factor = before.rate_factor;
    if (!code)
        code = callbacks__resume(&trainer->callbacks, checkpoint, error);
    if (!code)
        code = trainer__fill_arrays(trainer, checkpoint, error);
    return code;
}

int trainer__go_back(struct Trainer *trainer, int64_t step, struct Error *error) {
    struct Ranks *ranks = trainer->ranks;
    struct Checkpoint *checkpoint = NULL;
    int code = ranks_agree(ranks, open_on_rank_0(trainer, step, &checkpoint, error), error);
    if (!code)
        code = broadcast_checkpoint(ranks, &checkpoint, error);
    if (!code)
        code = ranks_agree(ranks, take_over(trainer, checkpoint, error), error);
    if (!code)
        code = callbacks__restore(trainer, checkpoint, error);
    if (!code)
        replicas__start_chain(trainer, true);
    checkpoint_close(checkpoint);
    return code;
}
