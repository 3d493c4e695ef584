#include "fuzz/target.h"
#include "store/h5.h"

/* HDF5 asks malloc for as much as a damaged size says, and copes with NULL. Filling such memory
 * would take most of the time. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1:max_allocation_size_mb=256:hard_rss_limit_mb=3000";
}

bool fuzz_examine(const char *path) {
    struct H5File *file;
    struct Error error = {0};
    bool survived = true;
    if (h5_open(&file, path, ERROR_DATA, &error) == OK) {
        survived = h5_walk(file);
        h5_close(file);
    }
    return survived;
}

const char *fuzz_read(const char *path, int *code, XXH128_hash_t *answer, struct Error *error) {
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    *error = (struct Error){0};
    *code = fuzz_target.read(path, state, error);
    *answer = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    if (*code && !error->text[0])
        return "refused without words";
    if (*code && strchr(error->text, '\n'))
        return "refused with more than one line";
    if (*code && *code != error->code)
        return "the code that is returned is not that of the message";
    return NULL;
}
