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
/* Does the run prepare its images as the donor's were, where the donor knows how? */
bool transfer_keeps_preprocess(const struct StartOptions *options);
/* The run's preprocessing: that of `keeper`, or what the run file says where that is NULL or
 * holds weights alone. */
int transfer_preprocess(struct Preprocess *preprocess, const struct RunFile *file,
                        const struct RunOptions *options, const struct Dataset *dataset,
                        const struct Checkpoint *keeper, struct Error *error);

/* Why a row of the model starts as it does. */
enum Transfer {
    TRANSFER_TAKEN,
    TRANSFER_FRESH,     /* a pattern of `fresh` */
    TRANSFER_NOT_ASKED, /* no pattern of `take` */
    TRANSFER_ABSENT,    /* the donor has no such array */
    TRANSFER_TYPE,      /* the donor's holds no floats */
    TRANSFER_SHAPE      /* the donor's has another shape */
};

/* Copies what is taken from `donor` into `state`; the other rows stay as they were initialised.
 * `table` gets, for people, one line a run of rows with the same fate, then the donor's arrays that
 * the model has no place for; and a warning of rows that start fresh although they are frozen
 * (`frozen`, of each row; NULL: none is). Fails (ERROR_RUN_FILE) where a pattern matches no row of
 * the model, naming the nearest, and (ERROR_CHECKPOINT) where nothing at all is taken. */
int transfer_take(const struct RunFile *file, const struct StartOptions *options,
                  const struct Arena *arena, const bool *frozen, const struct Checkpoint *donor,
                  float *state, struct Text *table, struct Error *error);

#endif
