/* metrics.jsonl: one JSON object a line, for scripts. Rank 0 alone writes it. The lines, by kind:
 *
 * A step:
 *   {"kind":"step","step":12,"epoch":1,"loss":2.3025,"accuracy":0.1,"rate":0.05,"images_per_second":812.4}
 *   "gradient_norm" follows "rate" if the run file's `clip` asks for it. If the run has an L1 or L2
 *   penalty, every tenth line from the first on also has "penalty", that of the weights that the
 *   step began with, and "objective", the sum of loss and penalty.
 * An epoch; a validation within an epoch has the same line of kind "validation", with the training
 * figures of the epoch so far:
 *   {"kind":"epoch","step":195,"epoch":1,"train_loss":…,"train_accuracy":…,"rate":…,
 *    "validation_loss":…,"validation_accuracy":…,"validation_top5":…,"seconds":…,"input_wait":…}
 *   "penalty", that of the weights at the end, and "objective" follow "rate". The validation's
 *   figures are left out if none was due (validation.every). If the run keeps an average of
 *   weights, "average_loss", "average_accuracy" and "average_top5" are those of its validation.
 * Early stopping:
 *   {"kind":"stop","step":…,"epoch":…,"metric":"accuracy","best":…,"waited":…}
 * A step that was not finite, if the run goes on (train.on_nan), in place of that step's line; if
 * the run went back, after the line of the checkpoint's step:
 *   {"kind":"nan","step":…,"epoch":…,"action":"skip","count":1}
 *   {"kind":"nan","step":…,"epoch":…,"action":"roll_back","count":1,"checkpoint":…,"rate_factor":0.5}
 * A warning (train.warnings):
 *   {"kind":"warning","step":…,"epoch":…,"name":"initial_loss","text":"…"}
 *
 * Which figures a line holds depends on the targets (figures.h): if they are values, "train_rmse",
 * "validation_rmse" and "validation_r2" replace the accuracies. "step" counts steps done; "epoch"
 * counts from 1. Losses have all digits that tell floats apart. */
#ifndef TRAINER_REPORT_METRICS_FILE_H
#define TRAINER_REPORT_METRICS_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "report/figures.h"

enum StepFate {
    STEP_DONE,
    STEP_SKIPPED, /* it counts, but changed nothing */
    STEP_UNDONE   /* the run went back to a checkpoint */
};

struct StepReport {
    int64_t step, epoch;
    enum StepFate fate;
    struct Figures figures;
    double rate, images_per_second;
    double gradient_norm; /* NaN: not measured, and not written */
    double penalty;       /* of the weights before the step; NaN: not measured, and not written */
};

struct EpochReport {
    int64_t step, epoch;
    struct Figures train;
    double rate;                        /* of its last step */
    double penalty;                     /* of the weights after it; NaN: there is none */
    struct Figures validation, average; /* average: of weights */
    double seconds;                     /* training time of the run so far, without evaluation */
    double input_wait; /* the part of the time since the last report in which steps waited for
                          samples */
};

/* Early stopping ends the run. */
struct StopReport {
    int64_t step, epoch;
    enum Figure figure; /* of the validation */
    double best;        /* so far */
    int64_t waited;     /* validations that did not improve on it, in a row */
    bool diverged;      /* instead: the loss of training rose; best: the first one */
};

/* Something looks wrong with the training. */
struct WarningReport {
    int64_t step, epoch;
    const char *name; /* for scripts: "initial_loss" */
    const char *text; /* for people: what was seen, the likely cause, what to do */
};

/* A step was not finite, and the run goes on. */
struct NanReport {
    int64_t step, epoch;
    const char *action;
    int64_t count;      /* of such actions in the run, this one included */
    int64_t checkpoint; /* the step that the run went back to; −1: it did not */
    double rate_factor; /* of the learning rate from there on */
};

struct MetricsFile;

/* Opens PATH for appending, after dropping the lines of steps beyond `keep_steps` (a resumed run
 * continues at its checkpoint's step; 0: a new file). */
int metrics_file_open(struct MetricsFile **metrics, const char *path, int64_t keep_steps,
                      struct Error *error);
/* These write one line, which readers of the file see at once and as a whole. If that fails, the
 * line waits in memory for the next one or for a flush. */
void metrics_file_step(struct MetricsFile *metrics, const struct StepReport *report);
void metrics_file_epoch(struct MetricsFile *metrics, const struct EpochReport *report);
void metrics_file_validation(struct MetricsFile *metrics, const struct EpochReport *report);
void metrics_file_stop(struct MetricsFile *metrics, const struct StopReport *report);
void metrics_file_nan(struct MetricsFile *metrics, const struct NanReport *report);
void metrics_file_warning(struct MetricsFile *metrics, const struct WarningReport *report);
/* A line of another kind: begin, its members, end. A number that is not finite becomes null. */
void metrics_file_begin(struct MetricsFile *metrics, const char *kind, int64_t step, int64_t epoch);
void metrics_file_text(struct MetricsFile *metrics, const char *key, const char *text);
void metrics_file_number(struct MetricsFile *metrics, const char *key, double value);
void metrics_file_numbers(struct MetricsFile *metrics, const char *key, int count,
                          const double *values);
void metrics_file_end(struct MetricsFile *metrics);
/* Writes lines that wait; synchronises to disk what was written, also from another thread while
 * lines are written; both. ERROR_SYSTEM. */
int metrics_file_write(struct MetricsFile *metrics, struct Error *error);
int metrics_file_synchronise(const struct MetricsFile *metrics, struct Error *error);
int metrics_file_flush(struct MetricsFile *metrics, struct Error *error);
void metrics_file_close(struct MetricsFile *metrics); /* NULL is allowed */

#endif
