/* The operands of eval and predict: checkpoints, and what to predict. */
#ifndef TRAINER_CLI_OPERANDS_H
#define TRAINER_CLI_OPERANDS_H

#include "cli/command.h"

struct Operands {
    int checkpoint_count, source_count;
    char **checkpoints; /* a run's folder was replaced by its checkpoint */
    char **sources;
};

/* The first operand is a checkpoint or a run's folder. With `sources`, the first one after it that
 * is neither begins the sources. Rank 0 looks at the files. ERROR_CHECKPOINT if a folder has no
 * checkpoint. Collective. Release with operands_release, also after a failure. */
int operands_read(struct Operands *operands, const struct Arguments *arguments, bool sources,
                  struct Ranks *ranks, struct Error *error);
void operands_release(struct Operands *operands);

#endif
