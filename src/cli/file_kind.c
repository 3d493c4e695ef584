#include "cli/file_kind.h"

#include "run/options.h"
#include "search/space.h"

void file_kind_advise(struct Error *error) {
    struct Advice *advice = &error->advice;
    if (advice->kind == ADVICE_UNKNOWN_KEY && schema_find(run_keys, advice->file))
        advice->kind = ADVICE_RUN_FILE;
    else if (advice->kind == ADVICE_UNKNOWN_KEY && schema_find(search_keys, advice->file))
        advice->kind = ADVICE_SPACE_FILE;
}
