/* A failure as one line for people: what struct Error carries, in the words of the command line. */
#ifndef TRAINER_CLI_ERROR_LINE_H
#define TRAINER_CLI_ERROR_LINE_H

#include "base/error.h"
#include "base/text.h"

/* "--OPTION VALUE: text; advice". The caller releases `line`. */
void error_line(const struct Error *error, struct Text *line);

/* The line on stderr. */
void error_print(const struct Error *error);

#endif
