/* The checkpoints for which an operand stands. Not collective: rank 0 looks at the files. */
#ifndef TRAINER_CLI_OPERANDS_EXPAND_H
#define TRAINER_CLI_OPERANDS_EXPAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct Paths { /* initialise with {0} */
    int count;
    char **items;
};
void paths_release(struct Paths *paths);

/* Adds the checkpoint itself, the one of a run's folder, or the members of an ensemble's file. With
 * `several` also accepts a folder of folds or of a search, whose trials without a checkpoint are
 * left out with a note on stderr. ERROR_CHECKPOINT if there is no checkpoint. */
int paths_add_operand(struct Paths *paths, const char *path, bool several, struct Error *error);
/* Keeps the `top` paths whose runs had the best validation, in their order. ERROR_USAGE if the runs
 * differ in the figure that decides which checkpoint is the best. */
int paths_keep_best(struct Paths *paths, int64_t top, struct Error *error);

#endif
