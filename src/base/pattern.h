/* Shell patterns for names, as in the rules for parameters: "0.weight", "3.body.*", "*.bias". `*`
 * matches any characters, dots included, `?` any one character, `[abc]` one of these characters,
 * and `\` makes the next character literal. */
#ifndef TRAINER_BASE_PATTERN_H
#define TRAINER_BASE_PATTERN_H

#include <stdbool.h>

/* Whether the pattern matches the whole name. */
bool pattern_match(const char *pattern, const char *name);

/* For the message that a pattern matches no name: the name at the least weighted edit distance, at
 * which `*` and `?` cost nothing. The first of equals; NULL if `count` is 0. */
const char *pattern_nearest(const char *pattern, const char *const *names, int count);

#endif
