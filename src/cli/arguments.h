/* Parsing of the words after a command's name by the command's table of flags. */
#ifndef TRAINER_CLI_ARGUMENTS_H
#define TRAINER_CLI_ARGUMENTS_H

#include "cli/command.h"

extern const struct Flag common_flags[]; /* of every command; ends with a name of NULL */

/* Sorts `words` (`count` of them, after the command's name) into flags and operands. If --help or
 * -h is among them, sets *help and checks nothing else. ERROR_USAGE, with the name of the nearest
 * flag and the usage. Release with arguments_release, also after a failure. */
int arguments_parse(struct Arguments *arguments, const struct Command *command, int count,
                    char *const *words, bool *help, struct Error *error);
void arguments_release(struct Arguments *arguments);

#endif
