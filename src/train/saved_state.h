/* Everything that a run saves besides its arrays of parameters and the values of its callbacks
 * (train/callback.h): the one list of it. A new piece of state is described by its owner
 * (base/saved.h, store/saved.h) and gets a member here and a row in saved_state.c; saving, reading,
 * resuming and checking follow. */
#ifndef TRAINER_TRAIN_SAVED_STATE_H
#define TRAINER_TRAIN_SAVED_STATE_H

#include "checkpoint/checkpoint.h"
#include "data/class_weights.h"
#include "data/dataset/saved_encoding.h"
#include "data/dataset/saved_targets.h"
#include "data/preprocessing/preprocess.h"
#include "data/preprocessing/target_scale.h"
#include "data/statistics/measured.h"
#include "optim/schedule.h"
#include "train/progress.h"
#include "train/provenance.h"
#include "train/recovery.h"
#include "train/saved_figures.h"

struct SavedState {
    /* How the run was set up. A run that resumes sets itself up again and compares. */
    struct Provenance provenance;
    struct Preprocess preprocess;
    struct Targets targets;
    struct TargetScale scale;
    struct MeasuredStatistics statistics;
    struct ClassWeights class_weights;
    struct TableEncoding encoding; /* of a table; or zeros */
    /* How far it has come. A run that resumes takes these over. */
    struct Progress progress;
    struct Best best;
    struct Figures validation, average; /* of the newest validation; average: of weights */
    struct ScheduleState schedule;
    struct Recovery recovery;
};

/* How far a run has come when it begins. */
void saved_state_start(struct SavedState *state);
/* Frees what the members own and leaves zeros. */
void saved_state_release(struct SavedState *state);

void saved_state_write(const struct SavedState *state, struct CheckpointWriter *writer);
/* Reads and checks all of it; `state` is all zeros. On failure it is released. */
int saved_state_read(struct SavedState *state, const struct Checkpoint *checkpoint,
                     struct Error *error);
/* Reads only how far the run has come. */
int saved_state_resume(struct SavedState *state, const struct Checkpoint *checkpoint,
                       struct Error *error);
/* Whether saved_state_read would succeed. */
int saved_state_check(const struct Checkpoint *checkpoint, struct Error *error);

#endif
