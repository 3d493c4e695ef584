/* The splits of trainer ensemble: the one on which it chooses, and the one on which it reports. */
#ifndef TRAINER_CLI_ENSEMBLE_DATA_H
#define TRAINER_CLI_ENSEMBLE_DATA_H

#include "cli/command.h"
#include "ensemble/candidates.h"

struct EnsembleData {           /* start with {0} */
    struct DataOptions options; /* of the first member's run; perhaps without its folds */
    struct Dataset *dataset;
    const struct Split *chosen_on, *reported; /* may be the same; chosen_on NULL: there is none */
    struct StreamCut chosen_cut, reported_cut;
    struct NodeMemory *held[2]; /* their images, if they are read into memory */
    const char *why_not;        /* why there is none; else NULL */
};

/* Chooses on --select-split, or the split with which all members were validated; reports on
 * --split, or the test split, or if there is none on the same. Rank 0 writes notes on stderr.
 * Collective. */
int ensemble_data_open(struct EnsembleData *data, const struct Arguments *arguments,
                       const struct Candidates *candidates, struct Error *error);
void ensemble_data_release(struct EnsembleData *data);

#endif
