/* What a rank says of itself when all ranks compare how they were started. */
#ifndef TRAINER_CLI_IDENTITY_H
#define TRAINER_CLI_IDENTITY_H

#include "base/text.h"

/* Adds facts (comm/facts.h): the command line, the program, and the libraries that compute. */
void identity_describe(struct Text *facts, int count, char *const *words);

#endif
