/* A file that appears under its name only when it is complete: it is written under a temporary name
 * (base/temporary.h), synchronised to disk and renamed. Until then an older file of that name stays
 * as it was. (For HDF5 files store/h5.h does the same.) Not collective. */
#ifndef TRAINER_BASE_WHOLE_FILE_H
#define TRAINER_BASE_WHOLE_FILE_H

#include <stdio.h>

#include "base/error.h"

struct WholeFile {
    FILE *stream; /* to write to; whole_file_publish reports failures of writing */
    char *path;
    char *temporary; /* NULL once it is published */
};

/* These three fail with ERROR_SYSTEM, "PATH: cannot be written: …". */
int whole_file_open(struct WholeFile *file, const char *path, struct Error *error);
/* Synchronises what was written and renames the file to its path. The stream stays open for
 * appending. */
int whole_file_publish(struct WholeFile *file, struct Error *error);
/* Synchronises what was written, without renaming. */
int whole_file_flush(struct WholeFile *file, struct Error *error);
/* Closes the file, and removes it if it was not published. A file of zeros, or one that failed to
 * open, is allowed. */
void whole_file_close(struct WholeFile *file);

/* Writes a folder's entries to disk: a rename in it is safe against a power loss only after this.
 * File systems that have nothing to synchronise count as done. ERROR_SYSTEM. */
int sync_folder(const char *folder, struct Error *error);

#endif
