#include "base/pattern.h"

#include <fnmatch.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

bool pattern_match(const char *pattern, const char *name) {
    return fnmatch(pattern, name, 0) == 0;
}

#define LONGEST 96 /* letters compared */

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Edit distance between the pattern and the name. A `*` swallows letters for nothing. */
static int distance(const char *pattern, const char *name) {
    int rows[2][LONGEST + 1], *last = rows[0], *now = rows[1];
    int length = (int)strnlen(name, LONGEST), pattern_length = (int)strnlen(pattern, LONGEST);
    for (int j = 0; j <= length; j++)
        last[j] = j;
    for (int i = 0; i < pattern_length; i++) {
        bool star = pattern[i] == '*', any = pattern[i] == '?';
        now[0] = last[0] + !star;
        for (int j = 1; j <= length; j++) {
            int replaced = last[j - 1] + (!any && pattern[i] != name[j - 1]);
            int inserted = now[j - 1] + !star, removed = last[j] + !star;
            now[j] = least(replaced, least(inserted, removed));
        }
        int *recycled = last;
        last = now;
        now = recycled;
    }
    return last[length];
}

const char *pattern_nearest(const char *pattern, const char *const *names, int count) {
    const char *nearest = NULL;
    for (int i = 0, best = INT_MAX; i < count; i++) {
        int here = distance(pattern, names[i]);
        if (here < best) {
            best = here;
            nearest = names[i];
        }
    }
    return nearest;
}
