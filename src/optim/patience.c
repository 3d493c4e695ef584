#include "optim/patience.h"

#include <math.h>
#include <stddef.h>

const char *const patience_metric_names[] = {"loss", "accuracy", NULL};

bool patience_observe(struct Patience *patience, struct PatienceRule rule,
                      const struct Validation *validation) {
    bool falls = rule.metric == PATIENCE_LOSS;
    double value = falls ? validation->loss : validation->accuracy;
    double margin = rule.relative ? fabs(patience->best) * rule.threshold : rule.threshold;
    bool better = patience->seen == 0 || (isnan(patience->best) && !isnan(value)) ||
                  (falls ? value < patience->best - margin : value > patience->best + margin);
    patience->seen++;
    patience->waited = better ? 0 : patience->waited + 1;
    if (better)
        patience->best = value;
    return better;
}
