/* The contents of a checkpoint, as trainer inspect reads them. */
#ifndef TRAINER_CLI_INSPECTED_H
#define TRAINER_CLI_INSPECTED_H

#include "checkpoint/checkpoint.h"
#include "train/saved_state.h"

/* A summary of the values of one array. */
struct ArraySummary {
    double mean, deviation, minimum, maximum; /* all 0 for an array without values */
};

/* A checkpoint and its contents. */
struct Inspected {
    struct Checkpoint *checkpoint;
    struct SavedState saved;
    struct Patience stopping;       /* of early stopping */
    struct ArraySummary *summaries; /* one for each of its arrays */
};

/* Opens a checkpoint, and fills `checkpoint` and `saved`. Release with inspected_release, also
 * after a failure. Not collective. */
int inspected_open(struct Inspected *inspected, const char *path, struct Error *error);
/* Fills `stopping` and `summaries`. Not collective. */
int inspected_examine(struct Inspected *inspected, struct Error *error);
void inspected_release(struct Inspected *inspected);

/* The number of elements of the model's running statistics, or of all its other arrays. */
int64_t inspected_elements(const struct Checkpoint *checkpoint, bool statistics);

#endif
