#include "cli/file_kind.h"

#include <string.h>

#include "run/options.h"
#include "search/space.h"

static bool has(const struct Key *keys, const char *name) {
    for (; keys->name; keys++)
        if (!strcmp(keys->name, name))
            return true;
    return false;
}

void file_kind_advise(struct Error *error) {
    struct Advice *advice = &error->advice;
    if (advice->kind == ADVICE_UNKNOWN_KEY && has(run_keys, advice->file))
        advice->kind = ADVICE_RUN_FILE;
    else if (advice->kind == ADVICE_UNKNOWN_KEY && has(search_keys, advice->file))
        advice->kind = ADVICE_SPACE_FILE;
}
