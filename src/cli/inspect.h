/* The kinds of files that trainer inspect reads, and the printing of their contents. */
#ifndef TRAINER_CLI_INSPECT_H
#define TRAINER_CLI_INSPECT_H

#include "cli/inspected.h"

/* Finds the kind of a file; a file that is neither an ensemble nor a checkpoint counts as a data
 * set. */
enum InspectKind { INSPECT_CHECKPOINT, INSPECT_DATASET, INSPECT_ENSEMBLE };
int inspect_kind(const char *path, enum InspectKind *kind, struct Error *error);

/* Prints the contents of the file of an ensemble on stdout, in words or as one JSON object. */
int inspect_ensemble(const char *path, bool json, struct Error *error);

/* Prints the contents of a checkpoint on stdout, in words. */
void inspect_print_words(const struct Inspected *inspected);
/* Prints them as one JSON object on stdout. ERROR_CHECKPOINT for a text or number that JSON cannot
 * express. */
int inspect_print_json(const struct Inspected *inspected, struct Error *error);

#endif
