/* train --folds K: cross-validation. The training split is cut into K parts (data.folds); K runs
 * train one after the other, each in a folder of its own, DIR/fold-1 and so on, on all parts but
 * one. Each is measured on the part that it has not seen, and all together on the test split. */
#ifndef TRAINER_CLI_FOLDS_H
#define TRAINER_CLI_FOLDS_H

#include "cli/command.h"
#include "train/train.h"

#define FOLDS_MOST 1000

/* `request`: of one run, whose folder the others stand in. Prints the result on rank 0. A run that
 * was stopped goes on with request->resume: what is finished is not trained again. Collective. */
int folds_train(struct Ranks *ranks, const struct TrainRequest *request, int64_t count, bool json,
                struct Error *error);

#endif
