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

/* What a file holds; one with nothing of an ensemble or a checkpoint counts as a data set. */
enum InspectKind { INSPECT_CHECKPOINT, INSPECT_DATASET, INSPECT_ENSEMBLE };
int inspect_kind(const char *path, enum InspectKind *kind, struct Error *error);

/* Says on stdout what the file of an ensemble holds, for people or as one JSON object. */
int inspect_ensemble(const char *path, bool json, struct Error *error);

/* Elements of the model: the running statistics, or all others. */
int64_t inspect_count_elements(const struct Checkpoint *checkpoint, bool statistics);

/* Prints on stdout, for people. */
void inspect_print_words(const struct Inspected *inspected);
/* Prints one JSON object on stdout. ERROR_CHECKPOINT for a text or number that JSON cannot hold. */
int inspect_print_json(const struct Inspected *inspected, struct Error *error);

#endif
