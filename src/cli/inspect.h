/* What kind of file trainer inspect has before it, and how it prints what it read. */
#ifndef TRAINER_CLI_INSPECT_H
#define TRAINER_CLI_INSPECT_H

#include "cli/inspected.h"

/* What a file holds; one with nothing of an ensemble or a checkpoint counts as a data set. */
enum InspectKind { INSPECT_CHECKPOINT, INSPECT_DATASET, INSPECT_ENSEMBLE };
int inspect_kind(const char *path, enum InspectKind *kind, struct Error *error);

/* Says on stdout what the file of an ensemble holds, for people or as one JSON object. */
int inspect_ensemble(const char *path, bool json, struct Error *error);

/* Prints on stdout, for people. */
void inspect_print_words(const struct Inspected *inspected);
/* Prints one JSON object on stdout. ERROR_CHECKPOINT for a text or number that JSON cannot hold. */
int inspect_print_json(const struct Inspected *inspected, struct Error *error);

#endif
