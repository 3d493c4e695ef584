/* Callbacks: whatever watches a run. A callback is one file in train/callbacks/ and one row of
 * train/callbacks.def. It sees the run (struct Trainer), but no other callback, and owns its state
 * and its saved value. Its section of the run file, if it has one, belongs to run/ (run/options.h,
 * run/keys.c). */
#ifndef TRAINER_TRAIN_CALLBACK_H
#define TRAINER_TRAIN_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>

#include "checkpoint/checkpoint.h"
#include "report/metrics_file.h"

struct Trainer;

/* The figures of one validation. */
struct Validation {
    struct Figures model;
    struct Figures average; /* with the average of weights; nothing if there is none */
};
/* Those by which checkpoints are compared: of the average if there is one, as eval uses it. */
const struct Figures *validation__used(const struct Validation *validation);

/* The gradient of a step, summed over all shards, as the updater gets it. */
struct StepGradient {
    int64_t step;        /* that is being made, from 1 */
    const float *values; /* in the layout of the arena */
    double scale;        /* which it is multiplied by before everything else */
};

/* Every member but the name may be NULL or 0. Every rank calls each of them with equal arguments,
 * except for `write`. `state` is the callback's own, zeros at first. */
struct Callback {
    const char *name;
    size_t state_size; /* bytes */
    void (*release)(void *state);

    /* What a checkpoint holds of the state: the fields of the struct at `saved_offset`, whose names
     * begin with `prefix`. They are at their start, or restored, before `make` is called. */
    const struct SavedTable *saved;
    const char *prefix;
    size_t saved_offset;
    /* Arrays beside them. */
    void (*write)(const struct Trainer *trainer, const void *state,
                  struct CheckpointWriter *writer);
    int (*restore)(struct Trainer *trainer, void *state, const struct Checkpoint *checkpoint,
                   struct Error *error);

    /* The moments, in the order of a run's life. If the result is a code, a failure ends the run.
     * make: the parts of the run exist, its parameters do not. */
    void (*make)(const struct Trainer *trainer, void *state);
    /* Parameters are there, new or restored. May fail on some ranks only. */
    int (*on_start)(struct Trainer *trainer, void *state, struct Error *error);
    /* The optimiser is about to update the parameters. */
    void (*before_update)(struct Trainer *trainer, void *state,
                          const struct StepGradient *gradient);
    /* The optimiser has updated the parameters, or the step was skipped (trainer__skipped): within
     * the time that counts as training. */
    void (*on_update)(struct Trainer *trainer, void *state);
    /* A step is done. A failure must be the same on every rank. */
    int (*on_step)(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error);
    /* A step was not finite, and the run goes on: the step is skipped, or the run is at a
     * checkpoint again. */
    void (*on_nan)(struct Trainer *trainer, void *state, const struct NanReport *report);
    /* A validation follows. */
    void (*before_validation)(struct Trainer *trainer, void *state);
    void (*on_validation)(struct Trainer *trainer, void *state,
                          const struct Validation *validation);
    /* An epoch, or the run, has ended, and the validation at its end, if there is one, is done. */
    void (*on_epoch)(struct Trainer *trainer, void *state, const struct EpochReport *report);
    /* A validation within an epoch is done; the report is that of the epoch so far. */
    void (*on_validated)(struct Trainer *trainer, void *state, const struct EpochReport *report);
    /* A checkpoint is about to be written. May fail on some ranks only. */
    int (*on_save)(struct Trainer *trainer, void *state, struct Error *error);
    /* The checkpoint is being written: what on_save has written has to reach the disk first. On
     * rank 0 alone, perhaps in a thread, while other moments pass. */
    int (*synchronise)(const void *state, struct Error *error);
    /* Something looks wrong with the training (train.warnings). Only rank 0 may be told. */
    void (*on_warning)(struct Trainer *trainer, void *state, const struct WarningReport *report);
    /* A callback ends the run after this step. */
    void (*on_stop)(struct Trainer *trainer, void *state, const struct StopReport *report);

    /* Questions, which change nothing. Is the run to end here? Fills `report` if so. The answer
     * must be the same on every rank, without communication:
     * it follows from what all ranks know. */
    bool (*wants_stop)(const struct Trainer *trainer, const void *state, struct StopReport *report);
    /* Weights beside the model's, laid out as trainer->state, which are validated too. NULL: none
     * yet. */
    const float *(*weights)(const struct Trainer *trainer, const void *state);
};
extern const struct Callback *const callback_table[]; /* NULL-terminated */

/* The callbacks of a run. */
struct Callbacks {
    const struct Callback *const *table;
    int count;
    void **states;
};
void callbacks__create(struct Callbacks *callbacks, const struct Callback *const *table);
void callbacks__release(struct Callbacks *callbacks);

/* Restores the saved values, without the arrays. Not collective. */
int callbacks__resume(struct Callbacks *callbacks, const struct Checkpoint *checkpoint,
                      struct Error *error);
/* Whether callbacks__resume of `table` would succeed. */
int callbacks__check(const struct Callback *const *table, const struct Checkpoint *checkpoint,
                     struct Error *error);

/* All of these call trainer->callbacks in the order of the table and stop at the first failure, on
 * which all ranks agree. Collective, except for callbacks__write. */
void callbacks__write(const struct Trainer *trainer, struct CheckpointWriter *writer);
int callbacks__restore(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                       struct Error *error);
void callbacks__make(struct Trainer *trainer);
int callbacks__on_start(struct Trainer *trainer, struct Error *error);
void callbacks__before_update(struct Trainer *trainer, const struct StepGradient *gradient);
void callbacks__on_update(struct Trainer *trainer);
int callbacks__on_step(struct Trainer *trainer, const struct StepReport *report,
                       struct Error *error);
void callbacks__on_nan(struct Trainer *trainer, const struct NanReport *report);
void callbacks__before_validation(struct Trainer *trainer);
void callbacks__on_validation(struct Trainer *trainer, const struct Validation *validation);
void callbacks__on_epoch(struct Trainer *trainer, const struct EpochReport *report);
void callbacks__on_validated(struct Trainer *trainer, const struct EpochReport *report);
int callbacks__on_save(struct Trainer *trainer, struct Error *error);
/* Not collective. */
int callbacks__synchronise(const struct Trainer *trainer, struct Error *error);
void callbacks__on_warning(struct Trainer *trainer, const struct WarningReport *report);
void callbacks__on_stop(struct Trainer *trainer, const struct StopReport *report);
bool callbacks__want_stop(const struct Trainer *trainer, struct StopReport *report);
const float *callbacks__weights(const struct Trainer *trainer); /* the first that are not NULL */

#endif
