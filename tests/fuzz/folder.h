/* A folder of a few files, for sources that look for names. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/source.h"

#define FOLDER_FILES 3

/* Reads a folder in which `names` are links to `paths`; the last names may be NULL. */
static inline int read_folder(const char *format, const char *const names[FOLDER_FILES],
                              const char *const paths[FOLDER_FILES], XXH3_state_t *answer,
                              struct Error *error) {
    char folder[] = "/dev/shm/fuzz-XXXXXX", links[FOLDER_FILES][80];
    if (!mkdtemp(folder))
        abort();
    for (int i = 0; i < FOLDER_FILES && names[i]; i++) {
        snprintf(links[i], sizeof links[i], "%s/%s", folder, names[i]);
        if (symlink(paths[i], links[i]))
            abort();
    }
    const char *path = folder;
    const struct SourceOptions options = {.format = format, .paths = &path, .path_count = 1};
    int code = read_source(&options, answer, error);
    for (int i = 0; i < FOLDER_FILES && names[i]; i++)
        unlink(links[i]);
    rmdir(folder);
    return code;
}

#endif
