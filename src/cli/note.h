/* Notes: what a command says on stderr about how it understood its task. */
#ifndef TRAINER_CLI_NOTE_H
#define TRAINER_CLI_NOTE_H

#include "cli/command.h"

/* Reads --quiet, with which there are no notes, before the first one. */
void note_open(const struct Arguments *arguments);

/* Prints a line, wrapped on a terminal; a line that was printed before is not printed again. Only
 * the main thread calls it. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
