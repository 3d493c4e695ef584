/* Reading parts of files. */
#ifndef TRAINER_BASE_READ_FILE_H
#define TRAINER_BASE_READ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Reads `bytes` bytes at `offset`, also if a signal interrupts that. Returns how many there are,
 * fewer only at the end of the file; −1 and errno. */
int64_t read_file_part(int file, void *buffer, uint64_t bytes, uint64_t offset);
/* Reads the first bytes of a file, and returns how many there are; 0 also if it cannot be read, or
 * is a pipe, whose bytes could not be read again. */
size_t read_file_head(const char *path, void *buffer, size_t bytes);
/* Opens a file to be read once from its beginning, *stream, which the caller closes. A pipe that
 * somebody writes to is taken, such as the shell makes of <(COMMAND); one that nobody has opened
 * for writing is refused at once. ERROR_SYSTEM, also if there is no such file. */
int read_file_stream(const char *path, FILE **stream, struct Error *error);

#endif
