/* What a run does about numbers that are not finite (train.on_nan): it stops, skips the step, or
 * goes back to a checkpoint. The bits that follow are the same on any number of ranks, and if the
 * run is stopped and resumed in between. Inside train/ only. */
#ifndef TRAINER_TRAIN_RECOVERY_H
#define TRAINER_TRAIN_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/saved.h"

struct Trainer;
struct StepReport;

/* What is saved of it. */
struct Recovery {
    int64_t skipped;          /* steps so far */
    int64_t skipped_in_a_row; /* up to the present one */
    int64_t rolled_back;      /* times */
    double rate_factor;       /* of the learning rate */
    int64_t checkpoint;       /* the step of the newest one that was planned */
};
extern const struct SavedTable recovery_saved;

/* Where numbers are not finite: in the loss of a step; in its gradient, before anything was
 * updated; in what an update has made; or in arrays, between two steps. */
enum Nonfinite { NONFINITE_LOSS, NONFINITE_GRADIENT, NONFINITE_UPDATE, NONFINITE_ARRAY };

/* Whether a step has to look at its gradient before the update. */
bool trainer__looks_ahead(const struct Trainer *trainer);
/* Whether the step that has just been counted was skipped. */
bool trainer__skipped(const struct Trainer *trainer);

/* The replicas are compared first, because a rank that computes wrongly may be the cause. Then the
 * run ends (ERROR_NUMERIC, which names rank and layer), or `report` says how it goes on, and the
 * callbacks know it. Collective. */
int trainer__recover(struct Trainer *trainer, enum Nonfinite where, struct StepReport *report,
                     struct Error *error);
/* The same if an array is not finite that the next checkpoint would hold; otherwise `report` stays
 * as it is. Collective. */
int trainer__recover_arrays(struct Trainer *trainer, struct StepReport *report,
                            struct Error *error);

#endif
