/* What is fuzzed: a reader of files of strangers. Each target is one file, target_NAME.c, which is
 * linked with driver.c to the program fuzz_NAME (any compiler), and with libfuzzer.c to
 * libfuzzer_NAME (clang, -DTRAINER_FUZZ=ON). */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xxhash.h>

#include "base/error.h"

struct FuzzTarget {
    bool hdf5; /* the program lets a child read such files first, so the driver does, too */
    /* Reads the file as the program does, and adds all that it read to `answer`, so that two files
     * with the same answer are the same to the program. Returns the code of a refusal. */
    int (*read)(const char *path, XXH3_state_t *answer, struct Error *error);
};
extern const struct FuzzTarget fuzz_target; /* of the program */

static inline void answer_bytes(XXH3_state_t *answer, const void *bytes, size_t count) {
    if (count)
        XXH3_128bits_update(answer, bytes, count);
}

static inline void answer_text(XXH3_state_t *answer, const char *text) {
    answer_bytes(answer, text ? text : "", text ? strlen(text) + 1 : 1);
}

static inline void answer_number(XXH3_state_t *answer, int64_t number) {
    answer_bytes(answer, &number, sizeof number);
}

/* files.c. A file without a name that holds these bytes: its path, and its descriptor, which the
 * caller closes. */
struct FuzzFile {
    int fd;
    char path[40];
};
struct FuzzFile fuzz_file(const void *bytes, size_t count);
/* All of a file; the caller releases it with free. NULL if it cannot be read. */
unsigned char *fuzz_load(const char *path, size_t *bytes);

/* law.c. What a child process of the program does with the file before the program itself. False:
 * HDF5 could not close the file. */
bool fuzz_examine(const char *path);
/* Calls fuzz_target.read. NULL, or how the refusal breaks the rule of one line that says
 * something. *code is what was returned. */
const char *fuzz_read(const char *path, int *code, XXH128_hash_t *answer, struct Error *error);

#endif
