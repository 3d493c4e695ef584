/* The work of one save on rank 0: what a checkpoint holds is copied, and the rest (building the
 * file, writing it, its links, pruning) needs only the copies, so that a thread can do it while the
 * run goes on. Inside train/ only; not collective. */
#ifndef TRAINER_TRAIN_SAVE_JOB_H
#define TRAINER_TRAIN_SAVE_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "checkpoint/checkpoint.h"
#include "train/saved_state.h"

struct Trainer;

/* The links to a checkpoint. */
struct SaveLinks {
    int64_t step;  /* of the checkpoint */
    int64_t best;  /* the step of the best one; 0: there is none */
    bool snapshot; /* a cycle of the schedule ends there, whose model is kept */
    bool all;      /* make those, too, that an earlier save could not make */
};

#define MOST_KEPT 4
struct SaveJob {
    struct Trainer *trainer;
    /* What it is about, from the moment of its beginning. */
    struct CheckpointWriter *writer;
    struct SavedState saved; /* a view: what is not a plain value stays the run's */
    struct SaveLinks links;
    int64_t kept[MOST_KEPT], kept_count; /* steps whose checkpoints pruning leaves */
    int64_t linked_before;               /* such a step, until there are links to this one */
    int64_t again;                       /* how often it is tried again after a failure */

    /* How it went, once it is done. */
    int code;
    struct Error error;
    bool whole; /* the file is, whatever became of its links */
    double seconds;

    /* The thread. */
    bool running; /* it was started and not joined */
    atomic_bool done;
    bool hurry; /* the run is to stop: it is tried again without a pause, for the last time */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t hurried;
};

void save_job__create(struct SaveJob *job, struct Trainer *trainer);
/* Waits for the thread. A failure that nobody has learnt of becomes a warning. */
void save_job__release(struct SaveJob *job);

/* Copies the present state. */
void save_job__begin(struct SaveJob *job, const struct SaveLinks *links);
/* Does the work, and tries it again `again` times if the system fails: here, or in a thread, if
 * there can be one. */
void save_job__run(struct SaveJob *job, int64_t again);
void save_job__start(struct SaveJob *job, int64_t again);
/* Seconds before a save is tried again for the `number`-th time, from 1. */
int64_t save_job__pause(int64_t number);
/* Has the thread done its work? */
bool save_job__is_done(const struct SaveJob *job);
/* Waits until it has; if there is a `hurry`, for one more attempt at most. */
void save_job__wait(struct SaveJob *job, bool hurry);

/* Makes links. What could not be made is remembered in trainer->saving. */
int save_job__put_links(struct Trainer *trainer, const struct SaveLinks *links,
                        struct Error *error);

#endif
