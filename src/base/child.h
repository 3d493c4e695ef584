/* Other programs, run as children. Not collective. */
#ifndef TRAINER_BASE_CHILD_H
#define TRAINER_BASE_CHILD_H

#include "base/error.h"

/* Runs the program words[0], which is searched for in PATH, and waits until it ends. `words` is its
 * argument list, ended by NULL. The program runs in `folder` (NULL: the folder of this process),
 * reads from the file descriptor `input` and writes to `output` (−1: /dev/null); its stderr is
 * discarded. *status gets its exit code. ERROR_SYSTEM if it cannot be started or is ended by a
 * signal. */
int child_run(const char *const *words, const char *folder, int input, int output, int *status,
              struct Error *error);

#endif
