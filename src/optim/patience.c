#include "optim/patience.h"

#include <math.h>
#include <stddef.h>

const char *const patience_metric_names[] = {
    [FIGURE_LOSS] = "loss", [FIGURE_ACCURACY] = "accuracy", NULL};

enum Figure patience_figure(int metric, const struct Figures *validation) {
    enum Figure figure = (enum Figure)metric;
    if (figure == FIGURE_ACCURACY && validation->measured[FIGURE_R2])
        return FIGURE_R2;
    return figure;
}

bool patience_observe(struct Patience *patience, struct PatienceRule rule,
                      const struct Figures *validation) {
    bool rises = figure_kinds[rule.figure].higher_is_better;
    double value = validation->value[rule.figure];
    double margin = rule.relative ? fabs(patience->best) * rule.threshold : rule.threshold;
    double to_beat = rises ? patience->best + margin : patience->best - margin;
    bool better = patience->seen == 0 || (isnan(patience->best) && !isnan(value)) ||
                  figure_is_better(rule.figure, value, to_beat);
    patience->seen++;
    patience->waited = better ? 0 : patience->waited + 1;
    if (better)
        patience->best = value;
    return better;
}
