/* Transfer learning: a run that starts from the parameters of another, the donor. Patterns of names
 * (base/pattern.h) say which rows of the model are taken. Not collective. */
#ifndef TRAINER_RUN_TRANSFER_H
#define TRAINER_RUN_TRANSFER_H

#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "run/options.h"

/* Opens the donor of start_from and checks it against the run file; *donor is NULL if there is
 * none. Closed with checkpoint_close. */
int transfer_open_donor(const struct RunFile *file, const struct StartOptions *options,
                        struct Checkpoint **donor, struct Error *error);
/* Replaces start_from.preprocess: auto by what it means with this donor. */
void transfer_settle(struct StartOptions *options, const struct Checkpoint *donor);

/* Fails with ERROR_RUN_FILE if a pattern matches no row of the model, naming the nearest, and with
 * ERROR_CHECKPOINT if nothing at all is taken. */
int transfer_check(const struct RunFile *file, const struct StartOptions *options,
                   const struct Arena *arena, const struct Checkpoint *donor, struct Error *error);
/* Copies what is taken from the donor into `state`; the other rows stay as
 * they were initialised. */
int transfer_take(const struct StartOptions *options, const struct Arena *arena,
                  const struct Checkpoint *donor, float *state, struct Error *error);
/* For people: a line for each run of rows with the same fate, then the donor's arrays that the
 * model has no place for. */
void transfer_describe(const struct StartOptions *options, const struct Arena *arena,
                       const struct Checkpoint *donor, struct Text *table);
/* Logs warnings of rows that are not taken because the donor's have another shape, and of rows that
 * start fresh although they are frozen (`frozen`, of each row; NULL: none is). */
void transfer_warn(const struct StartOptions *options, const struct Arena *arena,
                   const bool *frozen, const struct Checkpoint *donor);

#endif
