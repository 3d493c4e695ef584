/* A run in progress: all its parts, put together. Inside train/ only. */
#ifndef TRAINER_TRAIN_TRAINER_H
#define TRAINER_TRAIN_TRAINER_H

#include "base/folder_lock.h"
#include "base/text.h"
#include "evaluate/evaluate.h"
#include "report/events.h"
#include "report/progress_bar.h"
#include "run/check.h"
#include "train/callback.h"
#include "train/interrupts.h"
#include "train/replicas.h"
#include "train/save_job.h"
#include "train/saved_state.h"
#include "train/shards.h"
#include "train/train.h"

/* The run's folder, on rank 0. */
#define OWN_NAMES 5 /* run.yaml, metrics.jsonl, … (folder.c) */
struct RunFolder {
    struct FolderLock *lock; /* NULL: not locked */
    bool kept;               /* it holds a checkpoint of the run */
    /* What was there before: needed only until `kept`. */
    size_t made, made_checkpoints; /* length of the first folder's path that this run made; or 0 */
    bool had[OWN_NAMES];
};

/* A save that goes on while the run does: the same on all ranks. */
struct LaterSave {
    bool begun; /* and the ranks do not know yet how it went */
    int64_t step;
    double seconds;         /* the training time at it */
    struct Best best;       /* the best validation by then */
    int64_t planned_before; /* the step of the last planned checkpoint before it */
    struct Digest chain;    /* the replicas' last link by then */
    bool answers;           /* somebody asked for it (INTERRUPT_SAVES) */
};

/* What happens to saves, and to those that fail. */
struct Saving {
    bool failing; /* since the newest save that succeeded; the same on all ranks */
    double since,
        next;       /* rank 0: seconds of the clock, of the first failure and the next attempt */
    int64_t newest; /* rank 0: the step of the newest checkpoint */
    double newest_seconds; /* the training time at it */
    int64_t snapshot; /* rank 0: the step of a checkpoint whose snapshot link is missing; or 0 */
    struct Best best; /* the best validation whose model is saved */
    struct LaterSave later;
    struct SaveJob job; /* rank 0 */
};

/* How fast this process makes steps. */
struct Pace {
    double samples, seconds;                 /* of all its steps */
    double reported, reported_input_seconds; /* `seconds`, and the wait for samples, at the newest
                                              report of an epoch */
};

struct Trainer {
    struct Ranks *ranks;
    const struct TrainRequest *request;

    /* What the run is. */
    struct RunFile *file;
    struct RunOptions options; /* shards resolved */
    char *run_text;            /* the options, emitted: what is saved */
    char *checkpoints;         /* folder */
    enum Variant variant;      /* agreed by all ranks */
    struct RunParts parts;     /* what the check made: data set, model, plans, updater, ... */

    /* What a step works on. */
    float *state; /* arena_state_elements; every rank's replica */
    struct Shards shards;
    struct Replicas replicas;
    struct SavedState saved; /* how far the run has come; what it was made from is in `parts` */
    struct RunFolder folder;
    struct Saving saving;

    /* What watches it, and what it is asked. */
    struct Callbacks callbacks;
    struct ProgressBar *bar; /* rank 0; other ranks' notes go nowhere */
    struct EventFile
        *events; /* rank 0, for TensorBoard; NULL: none. callbacks/tensorboard.c owns it */
    struct Profiler *profiler; /* NULL: nobody asked */
    struct Pace pace;
    struct Interrupts interrupts;
};

/* What lives only while a run starts. */
struct Start {
    struct Checkpoint *checkpoint;           /* the run continues from it; NULL: a new run */
    char *skipped;                           /* newer ones that are damaged, for people; or NULL */
    struct Span length_before;               /* train.length of the run that is continued */
    enum ConvolutionRule convolution_before; /* the same of train.convolution */
    enum Precision precision_before;         /* and of train.precision */
    struct Checkpoint *donor;                /* of start_from; NULL: none */
    struct Text taken;                       /* what transfer_describe says, for people */
    bool shards_are_ranks;                   /* train.shards is auto, and this is the first start */
};

/* setup.c. Collective. */
int trainer__create(struct Trainer *trainer, struct Ranks *ranks,
                    const struct TrainRequest *request, struct Error *error);
void trainer__release(struct Trainer *trainer);

/* announce.c: for people, on rank 0: what continues or starts, from which parts and with which
 * rates. */
void trainer__announce(const struct Trainer *trainer, const struct Start *start);

/* resume.c: on rank 0 looks into the run's folder; every rank gets the checkpoint to continue from
 * and takes what `auto` meant then. Collective. */
int trainer__find_checkpoint(struct Trainer *trainer, struct Start *start, struct Error *error);
/* The checkpoint at `path` must lie within the run, at a step that fits its epochs. Not collective.
 */
int trainer__check_position(const struct Trainer *trainer, const char *path, struct Error *error);
/* Fills state and optimiser slots, and notes what differs from when the checkpoint was written. Not
 * collective. */
int trainer__restore(struct Trainer *trainer, const struct Start *start, struct Error *error);

/* Fills state and optimiser slots alone. Not collective. */
int trainer__fill_arrays(struct Trainer *trainer, const struct Checkpoint *checkpoint,
                         struct Error *error);

/* go_back.c: makes the run what it was after `step`, from the run's own checkpoint of that step,
 * except for the learning rate, which stays lowered (train.on_nan). On failure it is neither.
 * Collective. */
int trainer__go_back(struct Trainer *trainer, int64_t step, struct Error *error);

/* folder.c: takes the lock of the run's folder, before anything in it is read or written; makes the
 * folder if need be. Collective; rank 0 holds the lock. */
int trainer__lock_folder(struct Trainer *trainer, struct Error *error);
/* folder.c: the first that a run writes, after everything else was checked: removes what killed
 * runs left there, looks for room if the run is new, writes run.yaml. Rank 0's part. */
int trainer__open_folder(struct Trainer *trainer, struct Error *error);
/* folder.c: releases the lock. What a run wrote that saved no checkpoint is taken back. */
void trainer__close_folder(struct Trainer *trainer);

/* room.c: of one file, a little more than it has. */
int64_t trainer__checkpoint_bytes(const struct Trainer *trainer);
/* room.c: is there room for the checkpoints of the whole run? Rank 0's part. */
int trainer__check_room(const struct Trainer *trainer, struct Error *error);

/* save.c: one checkpoint of the present state; links, prunes. A failure of the system is tried
 * again as checkpoint.on_error says. If that does not help, the run goes on without the checkpoint,
 * which is OK, unless it `must` save or the stated time is over. A save that need not succeed is
 * only begun here: the run goes on, and all ranks learn in a later step how it went. There is one
 * at a time. Collective. */
int trainer__save(struct Trainer *trainer, bool must, struct Error *error);
/* save.c: what rank 0 has to tell the others of a save that was begun; and, after the exchange of a
 * step, what follows from what it told. The second is collective, and communicates only if the
 * ranks have to wait or the save failed. */
enum SaveNews { SAVE_NO_NEWS, SAVE_WRITTEN, SAVE_FAILED, SAVE_TAKES_LONG };
enum SaveNews trainer__save_news(const struct Trainer *trainer);
int trainer__hear_of_save(struct Trainer *trainer, struct Error *error);
/* save.c: waits for a save that was begun, if there is one, or one that holds the best model: what
 * follows needs to know how it went. Collective. */
int trainer__wait_for_save(struct Trainer *trainer, struct Error *error);
int trainer__wait_for_best(struct Trainer *trainer, struct Error *error);
/* save.c: is a checkpoint to be written after this step, which is `last` of this process or not?
 * Collective as long as saves fail. */
bool trainer__save_is_due(const struct Trainer *trainer, bool last);
/* save.c: the links of the checkpoint that a run continues from, in case a kill came before them.
 * Collective. */
int trainer__mend_links(struct Trainer *trainer, struct Error *error);
/* save.c: the cycles of the schedule that end by step `step`. */
int64_t trainer__cycles(const struct Trainer *trainer, int64_t step);

/* validate.c: the figures of the model and of the average of weights, which the callbacks learn.
 * ERROR_STOPPED, and nothing has changed, if a rank is asked to stop meanwhile. Collective. */
int trainer__validate(struct Trainer *trainer, struct Validation *validation, struct Error *error);

/* validate.c: whether a validation follows the present step by the run file, whatever the clock
 * says. The same on every rank. */
bool trainer__validation_falls(const struct Trainer *trainer);

/* train.c: what follows from a step and changes the run (a validation, the end of an epoch), when
 * the step is made again after trainer__go_back. Collective. */
int trainer__finish_step_again(struct Trainer *trainer, struct Error *error);

/* data.c: the data files must still hold what the run trains on and is measured by. Collective. */
int trainer__check_data(const struct Trainer *trainer, struct Error *error);

/* step.c. Collective. */
int trainer__step(struct Trainer *trainer, struct StepReport *report, struct Error *error);
/* The position of the step that comes next. */
struct Position trainer__position(const struct Trainer *trainer);
/* The learning rate of step `step`, from 0, by what the schedule has seen so far. */
double trainer__rate(const struct Trainer *trainer, int64_t step);
/* The L1 and L2 penalty of the present weights; NaN if the run has none. */
double trainer__penalty(const struct Trainer *trainer);
/* The figures of the epoch so far; nothing before its first step. */
struct Figures trainer__epoch_figures(const struct Trainer *trainer);

/* Where numbers are not finite: in the loss of a step; in its gradient, before anything was
 * updated; in what an update has made; or in arrays, between two steps. */
enum Nonfinite { NONFINITE_LOSS, NONFINITE_GRADIENT, NONFINITE_UPDATE, NONFINITE_ARRAY };

/* recovery.c: whether a step has to look at its gradient before the update. */
bool trainer__looks_ahead(const struct Trainer *trainer);
/* recovery.c: whether the step that has just been counted was skipped. */
bool trainer__skipped(const struct Trainer *trainer);

/* recovery.c: the replicas are compared first, because a rank that computes wrongly may be the
 * cause. Then the run ends (ERROR_NUMERIC, which names rank and layer), or `report` says how it
 * goes on, and the callbacks know it. Collective. */
int trainer__recover(struct Trainer *trainer, enum Nonfinite where, struct StepReport *report,
                     struct Error *error);
/* recovery.c: the same if an array is not finite that the next checkpoint would hold; otherwise
 * `report` stays as it is. Collective. */
int trainer__recover_arrays(struct Trainer *trainer, struct StepReport *report,
                            struct Error *error);

/* diagnose.c: numbers are not finite: `error` says where it began. Returns whether the run may have
 * come there by itself, so that a lower rate helps, and not by a fault of a machine. Collective. */
bool trainer__diagnose(struct Trainer *trainer, enum Nonfinite where, struct Error *error);

/* arrays.c: the arrays that a checkpoint holds, by kind and row of the arena. Not collective. */
int trainer__array_kinds(const struct Trainer *trainer);
/* NULL: there is none. */
const float *trainer__array(const struct Trainer *trainer, int kind, int row);
/* Adds its name to a list of names. */
void trainer__name_array(const struct Trainer *trainer, int kind, int row, struct Text *names);
/* Finds the first that holds NaN or Inf; false: there is none. */
bool trainer__find_nonfinite(const struct Trainer *trainer, int *kind, int *row);

#endif
