#include "train/save_job.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "run/on_nan.h"
#include "train/trainer.h"

void save_job__create(struct SaveJob *job, struct Trainer *trainer) {
    job->trainer = trainer;
    pthread_mutex_init(&job->mutex, NULL);
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&job->hurried, &steady);
    pthread_condattr_destroy(&steady);
}

void save_job__release(struct SaveJob *job) {
    if (!job->trainer)
        return;
    if (job->running) {
        save_job__wait(job, true);
        if (job->code)
            log_warning("%s", job->error.text);
    }
    pthread_cond_destroy(&job->hurried);
    pthread_mutex_destroy(&job->mutex);
}

/* ---- Links and pruning ---- */

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

/* Pruning keeps what a link points at. */
int save_job__put_links(struct Trainer *trainer, const struct SaveLinks *links,
                        struct Error *error) {
    int64_t *missing = &trainer->saving.snapshot;
    int code = OK;
    if (*missing)
        code = link_snapshot(trainer, *missing, error);
    if (!code)
        *missing = links->snapshot ? links->step : 0;
    if (!code && *missing)
        code = link_snapshot(trainer, links->step, error);
    if (!code)
        *missing = 0;
    if (!code && (links->best == links->step || (links->all && links->best > 0)))
        code = link_to(trainer, "best.h5", links->best, error);
    return code ? code : link_to(trainer, "latest.h5", links->step, error);
}

/* What cannot be removed takes room, but no run has to end for it. */
static void prune(const struct SaveJob *job, bool linked) {
    const struct Trainer *trainer = job->trainer;
    struct Error error;
    int64_t kept[MOST_KEPT + 2];
    int count = 0;
    for (int i = 0; i < job->kept_count; i++)
        kept[count++] = job->kept[i];
    if (trainer->saving.snapshot)
        kept[count++] = trainer->saving.snapshot;
    if (!linked)
        kept[count++] = job->linked_before;
    if (checkpoint_prune(trainer->checkpoints, trainer->options.checkpoint.keep, kept, count,
                         &error))
        log_warning("%s; training goes on", error.text);
}

/* A checkpoint that the run may go back to stays until another has succeeded it, and has links. */
static void choose_kept(struct SaveJob *job) {
    const struct Trainer *trainer = job->trainer;
    bool goes_back = trainer->options.train.on_nan.kind == &on_nan_roll_back;
    const int64_t steps[] = {trainer->saved.best.step,
                             goes_back ? trainer->saved.recovery.checkpoint : 0}; /* 0: none */
    job->kept_count = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i])
            job->kept[job->kept_count++] = steps[i];
    job->linked_before = trainer->replicas.checkpoint;
}

/* ---- The work ---- */

void save_job__begin(struct SaveJob *job, const struct SaveLinks *links) {
    struct Trainer *trainer = job->trainer;
    const struct Arena *arena = model_arena(trainer->parts.model);
    char *path = checkpoint_name(trainer->checkpoints, links->step);
    job->links = *links;
    job->whole = false;
    choose_kept(job);
    job->saved = trainer->saved; /* and values that the run's parts own */
    job->saved.preprocess = trainer->parts.preprocess;
    job->saved.scale = trainer->parts.scale;
    job->saved.statistics = trainer->parts.measured;
    job->saved.class_weights = trainer->parts.class_weights;
    job->saved.encoding = trainer->parts.dataset->encoding;
    job->writer = checkpoint_create(path, trainer->run_text);
    checkpoint_copy_arrays(job->writer);
    checkpoint_put_state(job->writer, arena, trainer->state);
    callbacks__write(trainer, job->writer);
    for (int slot = 0; slot < updater_slot_count(trainer->parts.updater); slot++)
        checkpoint_put_slot(job->writer, arena, updater_slot_name(trainer->parts.updater, slot),
                            updater_slot(trainer->parts.updater, slot));
    memory_release(path);
}

static int write_file(struct SaveJob *job, struct Error *error) {
    int code = folder_lock_check(job->trainer->folder.lock, error);
    if (!code)
        code = checkpoint_try(job->writer, error);
    job->whole = code == OK;
    return code;
}

static int attempt(struct SaveJob *job) {
    struct Error *error = &job->error;
    int synced = callbacks__synchronise(job->trainer, error);
    int code = job->whole ? OK : write_file(job, error);
    if (code)
        return code;
    code = save_job__put_links(job->trainer, &job->links, error);
    prune(job, code == OK);
    return code ? code : synced;
}

int64_t save_job__pause(int64_t number) {
    return number < 5 ? (int64_t)1 << (number - 1) : 10;
}

/* Before the work is tried again for the `number`-th time, from 1. */
static void pause_before(struct SaveJob *job, int64_t number) {
    int64_t seconds = save_job__pause(number);
    log_info("%s; trying again in %" PRId64 " s", job->error.text, seconds);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&job->mutex);
    while (!job->hurry && pthread_cond_timedwait(&job->hurried, &job->mutex, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&job->mutex);
}

static bool is_hurried(struct SaveJob *job) {
    pthread_mutex_lock(&job->mutex);
    bool hurried = job->hurry;
    pthread_mutex_unlock(&job->mutex);
    return hurried;
}

void save_job__run(struct SaveJob *job, int64_t again) {
    const struct FolderLock *lock = job->trainer->folder.lock;
    double start = clock_seconds();
    saved_state_write(&job->saved, job->writer);
    job->code = attempt(job);
    for (int64_t i = 1; job->code == ERROR_SYSTEM && i <= again && !is_hurried(job); i++) {
        if (lock && folder_lock_is_lost(lock))
            break;
        pause_before(job, i);
        job->code = attempt(job);
    }
    checkpoint_release_writer(job->writer);
    job->writer = NULL;
    memory_trim(); /* the file that was made in memory */
    job->seconds = clock_seconds() - start;
}

/* ---- The thread ---- */

static void *work(void *context) {
    struct SaveJob *job = context;
    save_job__run(job, job->again);
    atomic_store(&job->done, true);
    return NULL;
}

void save_job__start(struct SaveJob *job, int64_t again) {
    job->again = again;
    job->hurry = false;
    atomic_store(&job->done, false);
    job->running = h5_allows_threads() && thread_start(&job->thread, work, job);
    if (!job->running)
        work(job);
}

bool save_job__is_done(const struct SaveJob *job) {
    return atomic_load(&job->done);
}

void save_job__wait(struct SaveJob *job, bool hurry) {
    if (!job->running)
        return;
    pthread_mutex_lock(&job->mutex);
    job->hurry = hurry;
    pthread_cond_signal(&job->hurried);
    pthread_mutex_unlock(&job->mutex);
    pthread_join(job->thread, NULL);
    job->running = false;
}
