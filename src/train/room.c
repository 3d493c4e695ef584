/* Is there room for what the run will write? */
#include <inttypes.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "train/trainer.h"

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
                  (snapshots ? trainer__cycles(trainer, time->total - 1) : 0);
    int64_t best = validates ? epochs_between(time, every) : 0;
    if (!keep)
        return due + (best ? 1 : 0);
    /* The newest, the one being written, an older best (if more than the best is saved), and the
     * snapshots. */
    int64_t kept = keep + 1 + (validates && every ? 1 : 0) +
                   (snapshots ? trainer__cycles(trainer, time->total) : 0);
    return due + best < kept ? due + best : kept;
}

/* Bytes of one checkpoint, a little more than it has. */
static double checkpoint_bytes(const struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Preprocess *preprocess = &trainer->parts.preprocess;
    int64_t slots = updater_slot_count(trainer->parts.updater);
    int64_t states = trainer->options.average.kind ? 2 : 1;
    int64_t elements = states * arena_state_elements(arena) + slots * arena->parameters +
                       preprocess->matrix_rows * preprocess->matrix_columns;
    if (trainer->parts.measured.split)
        elements += 2 * dataset_elements(trainer->parts.dataset);
    return 4.0 * (double)elements + 65536;
}

int trainer__check_room(const struct Trainer *trainer, struct Error *error) {
    double needed = checkpoint_bytes(trainer) * (double)most_checkpoints(trainer);
    struct statvfs disk;
    char need[32], room[32];
    /* The folder of checkpoints may be a link to elsewhere, or not be there yet. */
    if (statvfs(trainer->checkpoints, &disk) && statvfs(trainer->request->folder, &disk))
        return OK;
    double free = (double)disk.f_bavail * (double)disk.f_frsize;
    if (free >= needed)
        return OK;
    return fail(error, ERROR_SYSTEM,
                "%s: not enough space: the run's %" PRId64 " checkpoints need about %s, "
                "%s are free; free some, or lower checkpoint.keep",
                trainer->checkpoints, most_checkpoints(trainer), text_bytes(needed, need),
                text_bytes(free, room));
}
