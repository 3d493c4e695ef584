/* The terminal on which people read what a stream is written to. */
#ifndef TRAINER_BASE_TERMINAL_H
#define TRAINER_BASE_TERMINAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/* What the launcher that started this process (mpirun, on the same machine) passes on what it reads
 * from `stream` to: the link in /proc, and where it leads. False if there is none. */
bool terminal_follow_launcher(FILE *stream, char link[64], char path[PATH_MAX]);

/* A descriptor, which the caller closes, of the terminal that shows `stream`: its own, or the
 * launcher's. −1: none does, because it leads to a file or a pipe. */
int terminal_open(FILE *stream);

#endif
