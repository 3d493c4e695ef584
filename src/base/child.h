/* Other programs, run as children. Not collective. */
#ifndef TRAINER_BASE_CHILD_H
#define TRAINER_BASE_CHILD_H

#include "base/error.h"

/* Runs words[0], which is looked for in PATH, with the words that follow and end with NULL, in
 * `folder` (NULL: that of this process), reading the file descriptor `input` and writing to
 * `output` (−1: it has nothing to read, and what it writes goes nowhere), and waits for its end;
 * what it says on stderr goes nowhere. *status gets its exit code. ERROR_SYSTEM if it cannot be
 * started, or a signal ended it. */
int child_run(const char *const *words, const char *folder, int input, int output, int *status,
              struct Error *error);

#endif
