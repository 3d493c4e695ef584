/* Tables, with the target "y". */
#include "fuzz/source.h"

static int read_table(const char *path, XXH3_state_t *answer, struct Error *error) {
    static char train[] = "train";
    static const char *const targets[] = {"y"};
    const struct SourceNamedPath split = {train, path};
    const struct SourceOptions options = {.format = "table",
                                          .splits = &split,
                                          .split_count = 1,
                                          .targets = targets,
                                          .target_count = 1};
    return read_source(&options, answer, error);
}

const struct FuzzTarget fuzz_target = {.read = read_table};
