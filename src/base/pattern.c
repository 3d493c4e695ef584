#include "base/pattern.h"

#include <fnmatch.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

bool pattern_match(const char *pattern, const char *name) {
    return fnmatch(pattern, name, 0) == 0;
}

#define LONGEST 96 /* characters that are compared */
/* The costs of a replaced character and of an added or missing one. With these, 23.weight is nearer
 * to 22.weight than to 2.weight. */
enum { REPLACED = 2, MOVED = 3 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* Replacing a dot costs as much as a removal and an insertion, so that names are compared part by
 * part. */
static int replacing(char wanted, char found) {
    if (wanted == '?' || wanted == found)
        return 0;
    return wanted == '.' || found == '.' ? 2 * MOVED : REPLACED;
}

/* The weighted edit distance between the pattern and the name. */
static int distance(const char *pattern, const char *name) {
    int rows[2][LONGEST + 1], *last = rows[0], *now = rows[1];
    int length = (int)strnlen(name, LONGEST), pattern_length = (int)strnlen(pattern, LONGEST);
    for (int j = 0; j <= length; j++)
        last[j] = j * MOVED;
    for (int i = 0; i < pattern_length; i++) {
        int moved = pattern[i] == '*' ? 0 : MOVED;
        now[0] = last[0] + moved;
        for (int j = 1; j <= length; j++) {
            int replaced = last[j - 1] + replacing(pattern[i], name[j - 1]);
            int inserted = now[j - 1] + moved, removed = last[j] + moved;
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
