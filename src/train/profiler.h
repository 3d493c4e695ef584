/* Measures where the time of a run goes (report/profile.h). It only looks: bits stay as they are.
 * Inside train/ only. */
#ifndef TRAINER_TRAIN_PROFILER_H
#define TRAINER_TRAIN_PROFILER_H

#include "base/error.h"

struct PlanWork;
struct Profile;
struct ProfileRow;
struct Profiler;
struct Trainer;

/* Kinds of work besides those of the plan, in the order of a step. */
enum StepWork {
    WORK_INPUT,    /* samples are made, or waited for */
    WORK_READY,    /* the exchange of what is complete begins, within backward */
    WORK_SUM,      /* the gradients of this rank's shards are added */
    WORK_EXCHANGE, /* those of all ranks are, after backward has ended: waiting included */
    WORK_UPDATE,   /* optimiser, statistics, average of weights, checks */
    WORK_OTHER,    /* the rest of a step: figures, logs */
    WORK_BETWEEN,
    WORK_VALIDATION = WORK_BETWEEN, /* between steps */
    WORK_CHECKPOINT,
    WORK_COUNT
};

/* Sets trainer->profiler, from then on to be released. Measures the limits of the cores and tries
 * whether the file can be written (ERROR_SYSTEM). Collective. */
int profiler__create(struct Trainer *trainer, struct Error *error);
void profiler__release(struct Profiler *profiler); /* NULL is allowed */

/* These two allow NULL, and then do nothing. Not collective. */
/* Step number `step` begins. */
void profiler__begin_step(struct Profiler *profiler, int64_t step);
/* A piece of work of the run is done. */
void profiler__lap(struct Profiler *profiler, enum StepWork work);

/* On rank 0: what was measured, to be released by the caller; elsewhere, or without a profiler,
 * NULL. Writes the file; if that fails, the log says so. Collective. */
struct Profile *profiler__finish(struct Trainer *trainer);

/* The row of one of a plan's pieces of work, on cores of these limits. */
struct ProfileRow profiler__row(const struct PlanWork *work, double peak, double bandwidth);

#endif
