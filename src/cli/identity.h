/* How a process was started, for the comparison of all ranks. */
#ifndef TRAINER_CLI_IDENTITY_H
#define TRAINER_CLI_IDENTITY_H

#include "base/text.h"

/* Adds facts (comm/facts.h): the command line of `count` words, the program, and the libraries that
 * results depend on. */
void identity_describe(struct Text *facts, int count, char *const *words);

#endif
