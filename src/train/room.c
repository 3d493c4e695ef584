/* Is there room for what the run will write? */
#include <inttypes.h>
#include <math.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "train/trainer.h"

/* In steps; 0: never. By the clock, each step may be the one. */
static int64_t steps_between(const struct Interval *every, const struct ScheduleTime *time) {
    return every->seconds > 0 ? 1 : span_steps(every->span, time->steps_per_epoch);
}

static int64_t common_divisor(int64_t a, int64_t b) {
    return b ? common_divisor(b, a % b) : a;
}

/* How many of the steps before the last have a validation and are not saved anyway, so that only a
 * validation that is the best so far saves something. */
static int64_t lone_validations(int64_t last, int64_t validates, int64_t saves) {
    if (!validates)
        return 0;
    double both = saves
                      ? (double)validates / (double)common_divisor(validates, saves) * (double)saves
                      : INFINITY;
    return last / validates - (int64_t)((double)last / both);
}

/* The most checkpoints that the run has in the folder at the same time. How often a run improves,
 * and how often the clock says that it is time, is unknown: one that keeps all is expected to save
 * one best between those that are due anyway. */
static int64_t most_checkpoints(const struct Trainer *trainer) {
    const struct ScheduleTime *time = &trainer->parts.time;
    const struct SaveOptions *options = &trainer->options.checkpoint;
    bool validates = trainer->parts.validation;
    int64_t keep = options->keep, last = time->total - 1;
    int64_t every = steps_between(&options->every, time);
    int64_t counted = !keep && options->every.seconds > 0 ? 0 : every;
    int64_t due = 2 + (counted ? last / counted : 0) + /* the start and the end */
                  (options->snapshots ? trainer__cycles(trainer, last) : 0);
    int64_t validation = steps_between(&trainer->options.validation.every, time);
    int64_t best = validates ? lone_validations(last, validation, counted) : 0;
    if (!keep)
        return due + (best ? 1 : 0);
    /* The newest, the one being written, an older best (if more than the best is saved), and the
     * snapshots. */
    int64_t kept = keep + 1 + (validates && every ? 1 : 0) +
                   (options->snapshots ? trainer__cycles(trainer, time->total) : 0);
    return due + best < kept ? due + best : kept;
}

int64_t trainer__checkpoint_bytes(const struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const struct Preprocess *preprocess = &trainer->parts.preprocess;
    int64_t slots = updater_slot_count(trainer->parts.updater);
    int64_t states = trainer->options.average.kind ? 2 : 1;
    int64_t elements = states * arena_state_elements(arena) + slots * arena->parameters +
                       preprocess->matrix_rows * preprocess->matrix_columns;
    if (trainer->parts.measured.split)
        elements += 2 * dataset_elements(trainer->parts.dataset);
    return 4 * elements + 65536;
}

int trainer__check_room(const struct Trainer *trainer, struct Error *error) {
    double needed = (double)trainer__checkpoint_bytes(trainer) * (double)most_checkpoints(trainer);
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
