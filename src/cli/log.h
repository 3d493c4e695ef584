/* The log on stderr: its level and the form of its lines. */
#ifndef TRAINER_CLI_LOG_H
#define TRAINER_CLI_LOG_H

#include "cli/command.h"

/* Sets the log handler of the process by --log. ERROR_USAGE if its word is no level. */
int log_open(const struct Command *command, const struct Arguments *arguments, struct Error *error);

#endif
