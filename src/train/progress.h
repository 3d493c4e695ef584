/* Where a run stands, and its best validation so far. */
#ifndef TRAINER_TRAIN_PROGRESS_H
#define TRAINER_TRAIN_PROGRESS_H

#include <stdint.h>

#include "base/saved.h"
#include "nn/plan.h"
#include "report/figures.h"

struct Progress {
    int64_t step;          /* steps done */
    int64_t epoch;         /* the epoch being trained, from 0 */
    int64_t step_in_epoch; /* steps done in it */
    /* The epoch, or the run, ends at this step, but its validation was left to the process that
     * continues the run. */
    bool end_is_due;
    /* A validation follows this step. Saved if it was left to the process that continues the run.
     */
    bool validation_is_due;
    /* Sums over the epoch's samples so far, as the tallies of its steps (nn/plan.h), except that
     * the loss is the sum of the samples' weighted losses. */
    double epoch_sums[TALLY_COUNT];
    double seconds;           /* training time so far */
    double validated_seconds; /* the training time at the newest validation */
};
extern const struct SavedTable progress_saved;

/* What such sums say; nothing without samples. `error_unit` turns the mean squared error into one
 * of the targets' unit; negative: not known, and there is no RMSE. */
struct Figures figures_of_sums(const double sums[TALLY_COUNT], const struct Targets *targets,
                               double error_unit);

/* The best validation so far, by the figure that best.h5 goes by: checkpoint.best. */
struct Best {
    double metric;
    double loss;    /* of the same validation; −1: not known */
    int64_t figure; /* enum Figure; −1: what checkpoint.best: auto means */
    int64_t step;   /* 0: there was no validation yet */
};
extern const struct SavedTable best_saved;
/* The figure that checkpoint.best means (run/options.h); auto: the accuracy, or the loss of
 * values. */
enum Figure best_metric_figure(int metric, enum TargetKind targets);
/* That of a best validation. */
enum Figure best_figure(const struct Best *best, enum TargetKind targets);
/* Takes in the validation after `step` steps: keeps it if its figure is better than the best, or
 * equal and its loss is lower. Any number is better than a NaN. */
void best_observe(struct Best *best, enum Figure figure, const struct Figures *validation,
                  int64_t step);

#endif
