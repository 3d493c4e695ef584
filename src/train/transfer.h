/* Transfer learning: a run that starts from another's parameters. Which rows are taken is said by
 * patterns of their names (base/pattern.h). Not collective. */
#ifndef TRAINER_TRAIN_TRANSFER_H
#define TRAINER_TRAIN_TRANSFER_H

#include "base/arena.h"
#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "run/options.h"

/* The donor of start_from, read and checked; *donor is NULL where there is none. */
int transfer_read_donor(const struct RunFile *file, const struct StartOptions *options,
                        struct Checkpoint **donor, struct Error *error);
/* What start_from.preprocess: auto means with this donor. */
void transfer_settle(struct StartOptions *options, const struct Checkpoint *donor);
/* How the run prepares its images, if `keeper` decides that: the donor, or the run's own
 * checkpoint, which has it from the donor. It is read into *preprocess, and *prepared points there;
 * *prepared is NULL if the run file decides. */
int transfer_prepared(const struct StartOptions *options, const struct Checkpoint *keeper,
                      struct Preprocess *preprocess, struct Preprocess **prepared,
                      struct Error *error);

/* Why a row of the model starts as it does. */
enum Transfer {
    TRANSFER_TAKEN,
    TRANSFER_FRESH,     /* a pattern of `fresh` */
    TRANSFER_NOT_ASKED, /* no pattern of `take` */
    TRANSFER_ABSENT,    /* the donor has no such array */
    TRANSFER_TYPE,      /* the donor's holds no floats */
    TRANSFER_SHAPE      /* the donor's has another shape */
};

/* Copies what is taken from `donor` into `state` (NULL: nowhere); the other rows stay as they were
 * initialised. `table` gets, for people, one line a run of rows with the same fate, then the
 * donor's arrays that the model has no place for; and a warning of rows that start fresh although
 * they are frozen
 * (`frozen`, of each row; NULL: none is). Fails (ERROR_RUN_FILE) where a pattern matches no row of
 * the model, naming the nearest, and (ERROR_CHECKPOINT) where nothing at all is taken. */
int transfer_take(const struct RunFile *file, const struct StartOptions *options,
                  const struct Arena *arena, const bool *frozen, const struct Checkpoint *donor,
                  float *state, struct Text *table, struct Error *error);

#endif
