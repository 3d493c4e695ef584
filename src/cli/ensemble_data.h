/* The splits of trainer ensemble: the one on which it chooses members, weights and temperature, and
 * the one on which it reports. */
#ifndef TRAINER_CLI_ENSEMBLE_DATA_H
#define TRAINER_CLI_ENSEMBLE_DATA_H

#include "cli/command.h"
#include "ensemble/candidates.h"

struct EnsembleData {           /* initialise with {0} */
    struct DataOptions options; /* of the first member's run, perhaps without its folds */
    struct Dataset *dataset;
    const struct Split *chosen_on, *reported; /* may be equal; chosen_on is NULL if there is none */
    struct StreamCut chosen_cut, reported_cut;
    struct NodeMemory *held[2]; /* their images, if they are read into memory */
    const char *why_not;        /* why chosen_on is NULL; otherwise NULL */
};

/* Opens the splits. chosen_on is --select-split, or else the split by which all members were
 * validated. `reported` is --split, or else the test split, or else the same as chosen_on. Rank 0
 * prints notes on stderr. Collective. */
int ensemble_data_open(struct EnsembleData *data, const struct Arguments *arguments,
                       const struct Candidates *candidates, struct Error *error);
void ensemble_data_release(struct EnsembleData *data);

#endif
