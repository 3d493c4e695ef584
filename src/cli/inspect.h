/* What trainer inspect reads of a checkpoint, and how it prints that. */
#ifndef TRAINER_CLI_INSPECT_H
#define TRAINER_CLI_INSPECT_H

#include "checkpoint/checkpoint.h"
#include "train/saved_state.h"

/* The values of one array in brief. */
struct Summary {
    double mean, deviation, minimum, maximum;
};

/* A checkpoint, and what was read from it. */
struct Inspected {
    struct Checkpoint *checkpoint;
    struct SavedState saved;
    struct Patience stopping;  /* of early stopping */
    struct Summary *summaries; /* one for each of its arrays */
};

/* Whether the file holds a data set; one that is neither that nor a checkpoint counts as a
 * checkpoint.
 */
int inspect_kind(const char *path, bool *dataset, struct Error *error);

/* Elements of the model: the running statistics, or all others. */
int64_t inspect_count_elements(const struct Checkpoint *checkpoint, bool statistics);

/* Prints on stdout, for people. */
void inspect_print_words(const struct Inspected *inspected);
/* Prints one JSON object on stdout. ERROR_CHECKPOINT for a text or number that JSON cannot hold. */
int inspect_print_json(const struct Inspected *inspected, struct Error *error);

#endif
