/* The first of the failures of a loop that several threads share, whatever their number and the
 * order in which they come. Inside sources/ only. */
#ifndef TRAINER_SOURCES_FIRST_ERROR_H
#define TRAINER_SOURCES_FIRST_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct FirstError {
    bool any;
    int64_t at;          /* the turn of the loop that failed */
    struct Error *error; /* of that turn; the caller's */
};

/* Turn `at` has failed. May be called by any thread. */
void first_error__note(struct FirstError *first, int64_t at, const struct Error *error);
/* OK, or the code of the first failure. */
int first_error__code(const struct FirstError *first);

#endif
