/* Reading parts of files. */
#ifndef TRAINER_BASE_READ_FILE_H
#define TRAINER_BASE_READ_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads `bytes` bytes at `offset`, also if a signal interrupts that. Returns how many there are,
 * fewer only at the end of the file; −1 and errno. */
int64_t read_file_part(int file, void *buffer, uint64_t bytes, uint64_t offset);
/* Reads the first bytes of a file, and returns how many there are; 0 also if it cannot be read, or
 * is a pipe, whose bytes could not be read again. */
size_t read_file_head(const char *path, void *buffer, size_t bytes);

#endif
