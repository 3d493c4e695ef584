/* The output of --help and --version, made from the tables of commands and flags. Needs no MPI. */
#ifndef TRAINER_CLI_HELP_H
#define TRAINER_CLI_HELP_H

#include "cli/command.h"

void help_program(FILE *out);
/* Prints all commands whose name begins with the word `group` ("dataset"). */
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct Command *command);
void help_version(FILE *out);

#endif
