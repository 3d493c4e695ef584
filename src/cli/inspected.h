/* What trainer inspect reads of a checkpoint. */
#ifndef TRAINER_CLI_INSPECTED_H
#define TRAINER_CLI_INSPECTED_H

#include "checkpoint/checkpoint.h"
#include "train/saved_state.h"

/* The values of one array in brief. */
struct ArraySummary {
    double mean, deviation, minimum, maximum; /* all 0 for an array without values */
};

/* A checkpoint, and what was read from it. */
struct Inspected {
    struct Checkpoint *checkpoint;
    struct SavedState saved;
    struct Patience stopping;       /* of early stopping */
    struct ArraySummary *summaries; /* one for each of its arrays */
};

/* Opens a checkpoint and reads `checkpoint` and `saved`. inspected_release is due after a failure,
 * too. Not collective. */
int inspected_open(struct Inspected *inspected, const char *path, struct Error *error);
/* Reads `stopping` and `summaries`. Not collective. */
int inspected_examine(struct Inspected *inspected, struct Error *error);
void inspected_release(struct Inspected *inspected);

/* Elements of the model: the running statistics, or all others. */
int64_t inspected_elements(const struct Checkpoint *checkpoint, bool statistics);

#endif
