/* A file that appears under its name only when it is complete. It is written under a temporary name
 * (base/temporary.h), synchronised to disk and renamed; until then an older file of that name is
 * untouched. store/h5.h does the same for HDF5 files. Not collective. */
#ifndef TRAINER_BASE_WHOLE_FILE_H
#define TRAINER_BASE_WHOLE_FILE_H

#include <stdio.h>

#include "base/error.h"

struct WholeFile {
    FILE *stream; /* callers write to it; whole_file_publish reports failed writes */
    char *path;
    char *temporary; /* NULL after the file is published */
};

/* These three fail with ERROR_SYSTEM, "PATH: cannot be written: …". */
int whole_file_open(struct WholeFile *file, const char *path, struct Error *error);
/* Synchronises what was written and renames the file to its path. The stream stays open, so that
 * the caller can append to the file. */
int whole_file_publish(struct WholeFile *file, struct Error *error);
/* Synchronises what was written, without renaming. */
int whole_file_flush(struct WholeFile *file, struct Error *error);
/* Closes the file, and removes it if it was not published. May be called for a file that failed to
 * open or is initialised with {0}. */
void whole_file_close(struct WholeFile *file);

/* Writes a folder's entries to disk; only then is a rename in it safe against a power loss.
 * Succeeds if the file system has nothing to synchronise. ERROR_SYSTEM. */
int sync_folder(const char *folder, struct Error *error);

#endif
