/* A run in progress: all its parts, put together. Inside train/ only. */
#ifndef TRAINER_TRAIN_TRAINER_H
#define TRAINER_TRAIN_TRAINER_H

#include "base/text.h"
#include "evaluate/evaluate.h"
#include "optim/average.h"
#include "report/progress.h"
#include "run/check.h"
#include "train/saved_state.h"
#include "train/shards.h"
#include "train/train.h"

struct Trainer {
    struct Ranks *ranks;
    const struct TrainRequest *request;
    struct RunFile *file;
    struct RunOptions options; /* shards resolved */
    char *run_text;            /* the options, emitted: what is saved */
    char *checkpoints;         /* folder */
    bool shards_are_ranks;     /* of this first start: train.shards is auto */
    struct Span length_before; /* train.length of the run that is resumed */
    enum Variant variant;      /* agreed by all ranks */
    struct Checkpoint *donor;  /* start_from: until the state is filled; NULL: none */
    struct RunParts parts;     /* what the check made: data set, model, plans, updater, ... */

    float *state;             /* arena_state_elements; every rank's replica */
    float *average;           /* of weights: as state; NULL: none is kept */
    int64_t average_measured; /* the step behind which its statistics were measured; −1: none */
    struct Shards shards;

    struct SavedState saved;                 /* its preprocess and targets are zeros: see `parts` */
    bool best_is_newest;                     /* this step's validation was the best so far */
    double stepped_samples, stepped_seconds; /* of this process */

    struct ProgressBar *bar;     /* rank 0 */
    struct MetricsFile *metrics; /* rank 0 */
};

/* setup.c. Collective. */
int trainer_create(struct Trainer *trainer, struct Ranks *ranks, const struct TrainRequest *request,
                   struct Error *error);
void trainer_release(struct Trainer *trainer);

/* announce.c: for people, on rank 0: what continues or starts, from which parts and with which
 * rates. `skipped`: damaged checkpoints, or NULL; `taken`: what transfer_take said. */
void trainer_announce(const struct Trainer *trainer, const struct Checkpoint *checkpoint,
                      const char *skipped, const struct Text *taken);

/* resume.c: on rank 0 looks into the run's folder; every rank gets the checkpoint to continue from,
 * or NULL for a fresh start, and takes what `auto` meant then. Collective. */
int trainer_find_checkpoint(struct Trainer *trainer, struct Checkpoint **checkpoint, char **skipped,
                            struct Error *error);
/* The run must not end before the checkpoint at `path`. Not collective. */
int trainer_check_length(const struct Trainer *trainer, const char *path, struct Error *error);
/* Fills state, average and optimiser slots, and notes what differs from when the checkpoint was
 * written. Not collective. */
int trainer_restore(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                    struct Error *error);
/* transfer.c: reads the donor of start_from, if there is one, on every rank. Collective. */
int trainer_find_donor(struct Trainer *trainer, struct Error *error);
/* save.c: one checkpoint of the present state; links, prunes. Collective. */
int trainer_save(struct Trainer *trainer, struct Error *error);
/* save.c: does a cycle end here whose model is kept? */
bool trainer_snapshot_is_due(const struct Trainer *trainer);
/* save.c: the links of the checkpoint that a run continues from, which a kill may have come before.
 * Collective. */
int trainer_mend_links(struct Trainer *trainer, struct Error *error);
/* save.c: is there room for the checkpoints of the whole run? Collective. */
int trainer_check_room(struct Trainer *trainer, struct Error *error);
/* save.c: takes back what a run wrote that could not save its first checkpoint. */
void trainer_discard(struct Trainer *trainer);

/* train.c: early stopping has ended the run. */
bool trainer_stopped_early(const struct Trainer *trainer);

/* step.c. Collective. */
int trainer_step(struct Trainer *trainer, struct StepReport *report, struct Error *error);
/* The learning rate of step `step`, from 0, by what the schedule has seen so far. */
double trainer_rate(const struct Trainer *trainer, int64_t step);
/* Of the epoch so far; nothing before its first step. */
struct Figures trainer_epoch_figures(const struct Trainer *trainer);
/* Of the step that comes next. */
struct Position trainer_position(const struct Trainer *trainer);

/* average.c: has it begun? */
bool trainer_has_average(const struct Trainer *trainer);
/* Behind a step. Not collective. */
void trainer_update_average(struct Trainer *trainer);
/* Before the average is validated or saved: its running statistics, where it does not average them.
 * Collective. */
void trainer_measure_average(struct Trainer *trainer);

/* diagnose.c: the loss (or, with `gradients`, a gradient) of the step just computed is NaN or Inf:
 * says where it began. Collective; returns ERROR_NUMERIC. */
int trainer_diagnose(struct Trainer *trainer, bool gradients, struct Error *error);

/* Compares the replicas. Collective. */
int trainer_compare_replicas(struct Trainer *trainer, struct Error *error);

#endif
