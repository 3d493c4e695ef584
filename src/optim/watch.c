#include "optim/watch.h"

#include <math.h>
#include <stddef.h>

const char *const watch_metric_names[] = {"loss", "accuracy", NULL};

bool watch_observe(struct Watch *watch, struct WatchRule rule,
                   const struct Validation *validation) {
    bool falls = rule.metric == WATCH_LOSS;
    double value = falls ? validation->loss : validation->accuracy;
    double margin = rule.relative ? fabs(watch->best) * rule.threshold : rule.threshold;
    bool better = watch->seen == 0 || (isnan(watch->best) && !isnan(value)) ||
                  (falls ? value < watch->best - margin : value > watch->best + margin);
    watch->seen++;
    watch->waited = better ? 0 : watch->waited + 1;
    if (better)
        watch->best = value;
    return better;
}
