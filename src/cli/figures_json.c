#include "cli/figures_json.h"

#include <math.h>
#include <stdio.h>

json_t *number_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static void add(json_t *object, const char *prefix, const struct Figures *figures, bool details) {
    for (int f = 0; f < FIGURE_COUNT; f++) {
        char key[32];
        snprintf(key, sizeof key, "%s%s", prefix, figure_kinds[f].name);
        if (figures->measured[f] && (details || !figure_kinds[f].is_detail))
            json_object_set_new(object, key, number_json(figures->value[f]));
    }
}

void figures_add_json(json_t *object, const char *prefix, const struct Figures *figures) {
    add(object, prefix, figures, true);
}

void figures_add_json_main(json_t *object, const char *prefix, const struct Figures *figures) {
    add(object, prefix, figures, false);
}
