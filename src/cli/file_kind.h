/* Tells run files and the space files of searches apart. */
#ifndef TRAINER_CLI_FILE_KIND_H
#define TRAINER_CLI_FILE_KIND_H

#include "base/error.h"

/* Turns the advice ADVICE_UNKNOWN_KEY into that for a file of the other kind, if that kind has the
 * key. */
void file_kind_advise(struct Error *error);

#endif
