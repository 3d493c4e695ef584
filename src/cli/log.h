/* The log on stderr: its level, and how its lines look. */
#ifndef TRAINER_CLI_LOG_H
#define TRAINER_CLI_LOG_H

#include "cli/command.h"

/* Sets the process's handler as --log says. ERROR_USAGE for a word that is no level. */
int log_open(const struct Command *command, const struct Arguments *arguments, struct Error *error);

#endif
