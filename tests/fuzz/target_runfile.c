/* Run files, with the table of all keys. What is accepted is emitted as text that gives the same
 * text again. */
#include <stdlib.h>

#include "base/memory.h"
#include "fuzz/target.h"
#include "run/options.h"

static int read_again(const char *text, struct Error *error) {
    struct RunFile *file;
    struct RunOptions options = {0};
    int code = run_parse(&file, "emitted.yaml", text, NULL, 0, &options, error);
    CHECK(!code); /* what was emitted is accepted */
    char *again = runfile_emit(run_keys, &options);
    CHECK(!strcmp(text, again)); /* and gives the same text */
    memory_release(again);
    runfile_release(file);
    return OK;
}

static int read_runfile(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct RunFile *file;
    struct RunOptions options = {0};
    size_t bytes = 0;
    unsigned char *data = fuzz_load(path, &bytes);
    char *text = memory_copy_span((const char *)data, data ? bytes : 0);
    free(data);
    int code = run_parse(&file, "run.yaml", text, NULL, 0, &options, error);
    if (!code) {
        char *emitted = runfile_emit(run_keys, &options);
        answer_text(answer, emitted);
        code = read_again(emitted, error);
        memory_release(emitted);
    }
    runfile_release(file);
    memory_release(text);
    return code;
}

const struct FuzzTarget fuzz_target = {.read = read_runfile};
