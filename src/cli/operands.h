/* The operands of eval, predict and ensemble: checkpoints, and what to predict. */
#ifndef TRAINER_CLI_OPERANDS_H
#define TRAINER_CLI_OPERANDS_H

#include "cli/command.h"

struct Operands {
    int checkpoint_count, source_count;
    char **checkpoints; /* a run's folder is replaced by its checkpoint */
    char **sources;
    /* If the first operand is the file of an ensemble, the checkpoints are its members, and these
     * are their weights (checkpoint_count), its temperature, and whether its mean is geometric.
     * Otherwise `weights` is NULL. */
    double *weights;
    double temperature;
    bool geometric;
};

/* Reads the operands. The first one is a checkpoint, a run's folder, or the file of an ensemble,
 * after which no other checkpoint may follow. With `sources`, the first later operand that is none
 * of these begins the sources. Rank 0 looks at the files. ERROR_CHECKPOINT if a folder has no
 * checkpoint. Collective. Release with operands_release, also after a failure. */
int operands_read(struct Operands *operands, const struct Arguments *arguments, bool sources,
                  struct Ranks *ranks, struct Error *error);
/* For trainer ensemble. Here each operand may stand for several checkpoints: those of the file of
 * an ensemble, of the runs of a cross-validation (fold-1 and so on) or of a search (trials/). If
 * `top` is above 0, only that many are kept, those of the runs with the best validation. */
int operands_read_all(struct Operands *operands, const struct Arguments *arguments, int64_t top,
                      struct Ranks *ranks, struct Error *error);
void operands_release(struct Operands *operands);

#endif
