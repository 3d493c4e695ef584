/* Texts of a run file with alternatives to draw from, and which keys such texts name. */
#ifndef TRAINER_TESTS_EXAMPLES_H
#define TRAINER_TESTS_EXAMPLES_H

#include <stdint.h>

#include "runfile/schema.h"

/* `text` with one of a, b and c for each <a|b|c>; released by memory_release. `position` as in
 * pick(). */
char *example_draw(const char *text, uint64_t *position);

/* Ends the test unless `texts` (`count` of them) name every key of the kind and every word of its
 * enums. Keys of initialisers have tests of their own. */
void example_check_keys(const struct Kind *kind, const char *const *texts, int count);

#endif
