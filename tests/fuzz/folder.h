/* A folder of two files, for sources that look for names. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/source.h"

/* Reads a folder in which `names` are links to `paths`; the second may be NULL. */
static inline int read_folder(const char *format, const char *const names[2],
                              const char *const paths[2], XXH3_state_t *answer,
                              struct Error *error) {
    char folder[] = "/dev/shm/fuzz-XXXXXX", links[2][80];
    if (!mkdtemp(folder))
        abort();
    for (int i = 0; i < 2 && names[i]; i++) {
        snprintf(links[i], sizeof links[i], "%s/%s", folder, names[i]);
        if (symlink(paths[i], links[i]))
            abort();
    }
    const char *path = folder;
    const struct SourceOptions options = {.format = format, .paths = &path, .path_count = 1};
    int code = read_source(&options, answer, error);
    for (int i = 0; i < 2 && names[i]; i++)
        unlink(links[i]);
    rmdir(folder);
    return code;
}

#endif
