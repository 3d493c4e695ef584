/* train --folds K: cross-validation. The training split is cut into K parts (data.folds). K runs,
 * each in its own folder DIR/fold-1 and so on, train one after the other on all parts but one. Each
 * is evaluated on the part that it has not seen, and all together on the test split. */
#ifndef TRAINER_CLI_FOLDS_H
#define TRAINER_CLI_FOLDS_H

#include "cli/command.h"
#include "train/train.h"

#define FOLDS_MOST 1000

/* `request` is that of a single run; the folders of the folds lie in its folder. Prints the result
 * on rank 0. With request->resume, finished folds are not trained again, and the fold that was
 * stopped continues. Collective. */
int folds_train(struct Ranks *ranks, const struct TrainRequest *request, int64_t count, bool json,
                struct Error *error);

#endif
