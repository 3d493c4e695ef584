/* metrics.jsonl: one JSON object a line, for scripts. Written by rank 0 alone. A step's line:
 *   {"kind":"step","step":12,"epoch":1,"loss":2.3025,"accuracy":0.1,"rate":0.05,"images_per_second":812.4}
 * and "gradient_norm" behind "rate" where the run file's `clip` asks for it;
 * an epoch's line:
 *   {"kind":"epoch","step":195,"epoch":1,"train_loss":…,"train_accuracy":…,"rate":…,
 *    "validation_loss":…,"validation_accuracy":…,"validation_top5":…,"seconds":…}
 * and, where the run keeps an average of weights, "average_loss", "average_accuracy",
 * "average_top5" of the validation with it.
 * Where the targets are values, "rmse" stands in the place of "accuracy", "train_rmse" of
 * "train_accuracy", "validation_rmse" and "validation_r2" of "validation_accuracy" and
 * "validation_top5", and so for the average; in the targets' units. "step" counts steps done;
 * "epoch" counts from 1. Losses have all digits that tell floats apart */
#ifndef TRAINER_REPORT_METRICS_H
#define TRAINER_REPORT_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct StepFigures {
    int64_t step, epoch;
    bool regression;
    double loss, accuracy, rmse, rate, images_per_second;
    double gradient_norm; /* NaN: not measured, and not written */
};

struct ValidationFigures {
    bool measured;
    double loss, accuracy, top5;
    double rmse, r2; /* of values, in place of accuracy and top5 */
};

struct EpochFigures {
    int64_t step, epoch;
    bool regression;
    double train_loss, train_accuracy, train_rmse;
    double rate;                                  /* of its last step */
    struct ValidationFigures validation, average; /* average: of weights */
    double seconds; /* training time of the run so far, evaluation excluded */
};

/* Where early stopping ends a run: {"kind":"stop","step":…,"epoch":…,"metric":"accuracy","best":…,
 * "waited":…}. */
struct StopFigures {
    int64_t step, epoch;
    const char *metric; /* "loss", "accuracy", "r2": of the validation */
    double best;        /* so far */
    int64_t waited;     /* validations that did not improve on it, in a row */
};

struct Metrics;

/* Opens PATH for appending, after dropping the lines of steps beyond `keep_steps` (a resumed run
 * continues where its checkpoint stands; 0: a new file). */
int metrics_open(struct Metrics **metrics, const char *path, int64_t keep_steps,
                 struct Error *error);
void metrics_step(struct Metrics *metrics, const struct StepFigures *figures);
void metrics_epoch(struct Metrics *metrics, const struct EpochFigures *figures);
void metrics_stop(struct Metrics *metrics, const struct StopFigures *figures);
/* Puts everything on disk; ERROR_SYSTEM where a write failed since the last flush. */
int metrics_flush(struct Metrics *metrics, struct Error *error);
void metrics_close(struct Metrics *metrics); /* NULL is allowed */

#endif
