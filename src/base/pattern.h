/* Names by shell pattern, as rules for parameters give them: "0.weight", "3.body.*", "*.bias". `*`
 * stands for any letters, dots included, `?` for one, `[abc]` for one of those; `\` takes the next
 * letter as it is. */
#ifndef TRAINER_BASE_PATTERN_H
#define TRAINER_BASE_PATTERN_H

#include <stdbool.h>

bool pattern_match(const char *pattern, const char *name); /* the whole name */

/* Which of `names` the pattern comes nearest to, by letters to change where `*` and `?` are free:
 * for the message that it matches none. The first of several; NULL where there are no names. */
const char *pattern_nearest(const char *pattern, const char *const *names, int count);

#endif
