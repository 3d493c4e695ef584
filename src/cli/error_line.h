/* Converts a struct Error to one line for the user, in the words of the command line. */
#ifndef TRAINER_CLI_ERROR_LINE_H
#define TRAINER_CLI_ERROR_LINE_H

#include "base/error.h"
#include "base/text.h"

/* Adds "--OPTION VALUE: text; advice" to `line`, which the caller releases. */
void error_line(const struct Error *error, struct Text *line);

/* Prints the line on stderr. */
void error_print(const struct Error *error);

#endif
