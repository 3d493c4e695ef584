/* Reading parts of files. */
#ifndef TRAINER_BASE_READ_FILE_H
#define TRAINER_BASE_READ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"

/* Reads `bytes` bytes at `offset`, and continues if a signal interrupts it. Returns the number of
 * bytes read, which is less than `bytes` only at the end of the file, or −1 with errno set. */
int64_t read_file_part(int file, void *buffer, uint64_t bytes, uint64_t offset);
/* Opens a regular file for reading, without waiting for anything else, as opening a pipe does.
 * Returns the descriptor, which the caller closes, or −1: then about->st_mode says what it is
 * instead, or is 0, and errno says why it could not be opened. */
int read_file_open(const char *path, struct stat *about);
/* Reads up to `bytes` bytes from the beginning of a regular file, and returns their number; 0 if it
 * cannot be read or is not a regular file (the bytes of a pipe cannot be read again). */
size_t read_file_head(const char *path, void *buffer, size_t bytes);
/* Opens a file for one pass from its beginning as *stream, which the caller closes. The file may be
 * a pipe, such as <(COMMAND) in a shell, unless no process has opened it for writing. ERROR_SYSTEM,
 * also for such a pipe and for a missing file. */
int read_file_stream(const char *path, FILE **stream, struct Error *error);
/* Opens a regular file in the same way, without waiting for anything else; *stream is NULL if there
 * is no such file. ERROR_SYSTEM. */
int read_file_regular(const char *path, FILE **stream, struct Error *error);

#define LINE_MOST_BYTES (16 << 20)
struct FileLine {
    char *text; /* ends with '\0'; the caller releases it with memory_release */
    size_t room;
};
/* Reads the next line with its end, which the last one may lack. Returns its length: 0 at the end
 * of the file or if it cannot be read (ferror), -1 if the line has more than LINE_MOST_BYTES. */
int64_t read_file_line(FILE *stream, struct FileLine *line);

#endif
