/* The parts of item 0. They run on rank 0 alone. Inside check/ only. */
#ifndef TRAINER_CHECK_LOOKS_AT_SETTINGS_H
#define TRAINER_CHECK_LOOKS_AT_SETTINGS_H

#include "check/inside.h"
#include "optim/rules.h"

/* A new finding of this item. */
struct Finding *check__add_setting(struct Preflight *preflight, const char *name);
/* The number that a key of a chosen kind has; NaN: it has no such key. */
double check__number_of(const struct Choice *choice, const char *name);
/* The word that such a key has; "": it has no such key. */
const char *check__word_of(const struct Choice *choice, const char *name);

/* settings_of_steps.c: what determines how many steps the run makes, how long they are, and what
 * becomes of them. `settings`: those of each row of the arena. */
void check__look_at_steps(struct Preflight *preflight, const struct RowSettings *settings);

#endif
