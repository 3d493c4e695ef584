#include "sources/first_error.h"

void first_error__note(struct FirstError *first, int64_t at, const struct Error *error) {
#pragma omp critical(source_error)
    if (!first->any || at < first->at) {
        first->any = true;
        first->at = at;
        *first->error = *error;
    }
}

int first_error__code(const struct FirstError *first) {
    return first->any ? first->error->code : OK;
}
