/* A file that appears under its name only when it is whole: it is written beside it, as PATH.new,
 * put on disk and renamed. Until then a file that was there before stays as it was. (HDF5 files
 * have the like in store/h5.h.) Not collective. */
#ifndef TRAINER_BASE_WHOLE_FILE_H
#define TRAINER_BASE_WHOLE_FILE_H

#include <stdio.h>

#include "base/error.h"

struct WholeFile {
    FILE *stream; /* to write to; failures may be left to whole_file_publish */
    char *path;
    char *temporary; /* NULL once it is published */
};

/* All fail with ERROR_SYSTEM, "PATH: cannot be written: …". */
int whole_file_open(struct WholeFile *file, const char *path, struct Error *error);
/* Everything so far on disk and in its place. The stream stays open, for appending. */
int whole_file_publish(struct WholeFile *file, struct Error *error);
/* What a stream has been given since, on disk. */
int whole_file_flush(struct WholeFile *file, struct Error *error);
/* Closes it; one that was not published is removed. Zeros, and what failed to open, are allowed. */
void whole_file_close(struct WholeFile *file);

/* Writes a folder's entries to disk: a rename in it is safe against a power loss only after this.
 * File systems that have nothing to synchronise count as done. ERROR_SYSTEM. */
int sync_folder(const char *folder, struct Error *error);

#endif
