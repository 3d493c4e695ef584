/* Shell patterns for names, as in the rules for parameters: "0.weight", "3.body.*", "*.bias". `*`
 * matches any letters, dots included, `?` one letter, `[abc]` one of these; after `\` a letter
 * stands for itself. */
#ifndef TRAINER_BASE_PATTERN_H
#define TRAINER_BASE_PATTERN_H

#include <stdbool.h>

bool pattern_match(const char *pattern, const char *name); /* the whole name */

/* For the message that a pattern matches no name: of `count` names the one with the fewest
 * differing letters; `*` and `?` cost nothing. The first of equals; NULL if `count` is 0. */
const char *pattern_nearest(const char *pattern, const char *const *names, int count);

#endif
