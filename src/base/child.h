/* Other programs, run as children. Not collective. */
#ifndef TRAINER_BASE_CHILD_H
#define TRAINER_BASE_CHILD_H

#include "base/error.h"

/* Runs words[0], which is looked for in PATH, with the words that follow and end with NULL, reading
 * the file descriptor `input` and writing to `output`, and waits for its end; what it says on
 * stderr goes nowhere. −1 as `input`: it has nothing to read. *status gets its exit code.
 * ERROR_SYSTEM if it cannot be started, or a signal ended it. */
int child_run(const char *const *words, int input, int output, int *status, struct Error *error);

#endif
