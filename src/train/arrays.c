/* The arrays that a checkpoint holds: for each row of the arena one of each kind, which is the
 * model's (0), the average's (1), or one of the optimiser's slots (2 and more). */
#include <math.h>

#include "train/trainer.h"

int trainer__array_kinds(const struct Trainer *trainer) {
    return 2 + updater_slot_count(trainer->parts.updater);
}

const float *trainer__array(const struct Trainer *trainer, int kind, int row) {
    const struct ArenaRow *place = &model_arena(trainer->parts.model)->rows[row];
    struct Updater *updater = trainer->parts.updater;
    const float *values = kind == 0                       ? trainer->state
                          : kind == 1                     ? callbacks__weights(trainer)
                          : place->role == ROLE_STATISTIC ? NULL
                                                          : updater_slot(updater, kind - 2);
    return values ? values + place->offset : NULL;
}

void trainer__name_array(const struct Trainer *trainer, int kind, int row, struct Text *names) {
    const char *comma = names->length ? ", " : "";
    const char *name = model_arena(trainer->parts.model)->rows[row].name;
    if (kind < 2)
        text_add(names, "%s%s%s", comma, kind == 1 ? "the average's " : "", name);
    else
        text_add(names, "%sthe optimizer's %s of %s", comma,
                 updater_slot_name(trainer->parts.updater, kind - 2), name);
}

static bool is_finite(const float *values, int64_t count) {
    float nonfinite = 0; /* x - x is 0 if x is finite, else NaN */
    for (int64_t i = 0; i < count; i++)
        nonfinite += values[i] - values[i];
    return nonfinite == 0;
}

bool trainer__find_nonfinite(const struct Trainer *trainer, int *kind, int *row) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    for (*kind = 0; *kind < trainer__array_kinds(trainer); ++*kind)
        for (*row = 0; *row < arena->row_count; ++*row) {
            const float *values = trainer__array(trainer, *kind, *row);
            if (values && !is_finite(values, arena->rows[*row].count))
                return true;
        }
    return false;
}
