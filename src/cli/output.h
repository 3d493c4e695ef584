/* The file that a command writes, and the files that it reads. */
#ifndef TRAINER_CLI_OUTPUT_H
#define TRAINER_CLI_OUTPUT_H

#include "base/error.h"

/* ERROR_USAGE if `out`, which `flag` gave, is the same file as one of the `count` inputs, also by
 * way of a link: writing it would destroy the input. An input of NULL, or one that does not exist,
 * is passed over. Call it before anything is written. Not collective. */
int output_check(const char *flag, const char *out, const char *const *inputs, int count,
                 struct Error *error);

#endif
