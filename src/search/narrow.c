/* The space of a finer stage, around the best trials of the one before. */
#include <inttypes.h>

#include "base/memory.h"
#include "search/search_parts.h"

#define PART 5  /* the best fifth, */
#define LEAST 3 /* but so many at least */

static int64_t best_of(int64_t scored) {
    int64_t best = scored / PART > LEAST ? scored / PART : LEAST;
    return best < scored ? best : scored;
}

static void narrow_axis(const struct Axis *axis, int index, const struct LedgerEntry *entries,
                        const int64_t *order, int64_t best, struct Axis *narrowed,
                        const char ***values) {
    double *positions = memory_array(double, best, "the best trials");
    for (int64_t i = 0; i < best; i++)
        positions[i] = axis_position(axis, search_value(&entries[order[i]].record, index));
    *values = memory_array(const char *, axis->count, "values");
    *narrowed = axis_narrow(axis, positions, (int)best, *values);
    memory_release(positions);
}

static char *narrowed_text(const struct Space *space, int stage, const struct LedgerEntry *entries,
                           const int64_t *order, int64_t best) {
    struct Axis axes[AXIS_MOST];
    const char **values[AXIS_MOST];
    for (int i = 0; i < space->count; i++)
        narrow_axis(&space->axes[i], i, entries, order, best, &axes[i], &values[i]);
    char *comment = memory_print("# Stage %d: the ranges of the best %" PRId64
                                 " trials of stage %d and a tenth more on either side.\n"
                                 "# Only the ranges below `keys` matter here. They may be changed "
                                 "before the stage begins.\n",
                                 stage + 1, best, stage);
    char *text = space_text(space, axes, comment);
    memory_release(comment);
    for (int i = 0; i < space->count; i++)
        memory_release((void *)values[i]);
    return text;
}

int search__write_next_stage(const struct Search *search, int stage,
                             const struct LedgerEntry *entries, const struct TrialState *states,
                             int64_t count, struct Error *error) {
    const char *folder = search->request->folder;
    int64_t *order = memory_array(int64_t, count, "trials");
    int64_t scored = search__order(states, count, order);
    int code = OK;
    if (!search__stage_exists(folder, stage + 1) && scored) {
        char *path = search__stage_path(folder, stage + 1);
        char *text =
            narrowed_text(&search->stages[stage - 1], stage, entries, order, best_of(scored));
        code = search__write_text(path, text, error);
        memory_release(text);
        memory_release(path);
    }
    memory_release(order);
    return code;
}
