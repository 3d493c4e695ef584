/* A folder of a test's own, and what is left in it. */
#ifndef TESTS_STORE_SCRATCH_H
#define TESTS_STORE_SCRATCH_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch[64];

static inline const char *scratch_path(const char *name) { /* four at a time */
    static char paths[4][400];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", scratch, name);
    return paths[next];
}

static inline int scratch_count(void) {
    int count = 0;
    DIR *folder = opendir(scratch);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count;
}

static inline void scratch_empty(void) {
    DIR *folder = opendir(scratch);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(scratch_path(entry->d_name));
    closedir(folder);
}

static inline int scratch_make(void **state) {
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/trainer-test-XXXXXX");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(void **state) {
    (void)state;
    scratch_empty();
    return rmdir(scratch);
}

/* Without the guard of a data file (store/guard.h), so that a test can damage what it covers. */
static inline void *scratch_read(const char *path, size_t *bytes) { /* free() it */
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*bytes + 1);
    if (fread(data, 1, *bytes, file) != *bytes)
        abort();
    fclose(file);
    if (*bytes > 16 && !memcmp((char *)data + *bytes - 8, "trnrdata", 8)) {
        uint64_t guard;
        memcpy(&guard, (char *)data + *bytes - 16, sizeof guard);
        *bytes -= guard;
    }
    return data;
}

static inline void scratch_write(const char *path, const void *data, size_t bytes) {
    FILE *file = fopen(path, "wb");
    if (fwrite(data, 1, bytes, file) != bytes)
        abort();
    fclose(file);
}

#endif
