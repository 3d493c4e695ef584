/* The operands of eval, predict and ensemble: checkpoints, and what to predict. */
#ifndef TRAINER_CLI_OPERANDS_H
#define TRAINER_CLI_OPERANDS_H

#include "cli/command.h"

struct Operands {
    int checkpoint_count, source_count;
    char **checkpoints; /* a run's folder was replaced by its checkpoint */
    char **sources;
    /* The first operand is the file of an ensemble, whose members are the checkpoints; else NULL.
     * Their weights (checkpoint_count), temperature, and whether its mean is geometric. */
    double *weights;
    double temperature;
    bool geometric;
};

/* The first operand is a checkpoint, a run's folder, or the file of an ensemble, which no other
 * checkpoint may follow. With `sources`, the first one after it that is neither begins the sources.
 * Rank 0 looks at the files. ERROR_CHECKPOINT if a folder has no checkpoint. Collective. Release
 * with operands_release, also after a failure. */
int operands_read(struct Operands *operands, const struct Arguments *arguments, bool sources,
                  struct Ranks *ranks, struct Error *error);
/* For trainer ensemble: each operand may stand for several checkpoints: those of a file of an
 * ensemble, of the runs of a cross-validation (fold-1 and so on) or of a search (trials/). `top`
 * above 0: only so many, those whose runs had the best validation. */
int operands_read_all(struct Operands *operands, const struct Arguments *arguments, int64_t top,
                      struct Ranks *ranks, struct Error *error);
void operands_release(struct Operands *operands);

#endif
