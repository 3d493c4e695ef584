/* The failure of the lowest turn of a loop that several threads share. It does not depend on the
 * number of threads or on the order of the failures. For sources/ only. */
#ifndef TRAINER_SOURCES_FIRST_ERROR_H
#define TRAINER_SOURCES_FIRST_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct FirstError {
    bool any;
    int64_t at;          /* the lowest turn that failed */
    struct Error *error; /* its error; owned by the caller */
};

/* Records that turn `at` failed. Any thread may call it. */
void first_error__note(struct FirstError *first, int64_t at, const struct Error *error);
/* Returns OK or the code of the recorded failure. */
int first_error__code(const struct FirstError *first);

#endif
