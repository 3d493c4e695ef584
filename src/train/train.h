/* Training: from a run file to checkpoints. */
#ifndef TRAINER_TRAIN_TRAIN_H
#define TRAINER_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "comm/ranks.h"
#include "report/figures.h"
#include "report/profile.h"
#include "train/progress.h"
#include "watch/watch.h"

struct Callback;
struct Checkpoint;
struct Outside;

struct TrainRequest {
    const char *run_path;         /* run file */
    const char *const *overrides; /* key.sub=value */
    int override_count;
    const char *folder; /* of the run: run.yaml, metrics.jsonl, checkpoints/ */
    bool resume;        /* continue from the newest valid checkpoint, if there is one */
    int64_t overfit;    /* samples to learn by heart (run/overfit.h); 0: the run is what it is */
    unsigned without;   /* HARDENS_…: what of the run file is switched off (run/overfit.h) */
    int64_t stop_after; /* stop, with a checkpoint, when this many steps are done; 0: at the end */
    int64_t stop_after_epochs; /* the same, when so many epochs are done; 0: at the end */
    double diverged; /* stop once the smoothed loss is above so many times the first; 0: never */
    const char *tensorboard; /* the folder of event files for TensorBoard; NULL: none */
    bool quiet;              /* no progress on stderr */
    bool repeated; /* another run of this process has warned of the same machine, donor and data */
    struct Watch *watch; /* gets the limit of train.watchdog; NULL: there is no watchdog */
    const struct Outside *outside; /* train/outside.h; NULL: nobody can interrupt the run */
    const char *profile; /* measure where the time goes, and write single steps into this file
                            (report/trace.h); NULL: do not */
    const struct Callback *const *callbacks; /* NULL-terminated; NULL: train/callbacks.def */
    bool dry;   /* for train/dry_run.h: `folder` is made, if need be, and left as it was */
    bool trial; /* for train/trial.h: nothing is read from or written to `folder`, nor said */
};

struct TrainResult {
    struct Progress progress;
    struct Best best;
    struct Figures validation, average; /* the newest; average: of weights */
    int64_t total_steps;
    int64_t shards; /* what train.shards comes to */
    bool finished;  /* all steps are done, or it stopped early */
    bool stopped_early;
    bool diverged;            /* it stopped early because its loss rose: request->diverged */
    const char *stopped_by;   /* the signal or the limit; NULL: nobody asked it to stop */
    bool overfit_tells;       /* of request->overfit: run_overfit_tells */
    enum Figure best_figure;  /* the one that best.h5 goes by */
    struct Figures train;     /* of the newest whole epoch, or the part so far */
    double penalty;           /* L1 and L2, of the final parameters; NaN: there is none */
    double images_per_second; /* of this process's steps, evaluation and saving excluded */
    char digest[DIGEST_TEXT]; /* of the final parameters and statistics */
    char average_digest[DIGEST_TEXT]; /* of their average; "": there is none */
    struct Profile *profile;          /* on rank 0, if it was requested: released by the caller */
    char *checkpoint;                 /* the last one written; released by the caller */
};

/* Collective: every rank calls it with the same request and gets the same code and result. Nothing
 * is written before everything was checked; earlier checkpoints stay intact whatever fails.
 * ERROR_STOPPED: the run was asked to stop, and its last state is in a checkpoint; if it had begun,
 * the result has a `checkpoint`, and is that of the run so far. ERROR_NUMERIC: the result has the
 * `progress` up to the step that failed, and `total_steps`. */
int train(struct Ranks *ranks, const struct TrainRequest *request, struct TrainResult *result,
          struct Error *error);

/* Whether the checkpoint holds, whole and in range, all that a run resumes from besides its arrays.
 * Not collective. */
int train_check_checkpoint(const struct Checkpoint *checkpoint, struct Error *error);

/* The same, and whether its arrays are those of the model, the average and the optimiser that its
 * run file describes. The data set is not needed. *arrays: how many it has. Not collective. */
int train_verify_checkpoint(const char *path, int *arrays, struct Error *error);

#endif
